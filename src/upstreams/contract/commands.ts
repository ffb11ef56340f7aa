/** What the session asks of an upstream. */
import type { Json, JsonObject } from "../../protocol/json.ts";

/** One frame of caller audio in the upstream's input format. Base64 is made at most once per format. */
export interface AudioChunk {
  /** A view that is valid only during the call. Even length for PCM. */
  readonly bytes: Uint8Array;
  /** It is never written to: what has to wait need not be copied. */
  readonly lasting?: true;
  base64(): string;
}

/** The part of the session's configuration that a model may be told. Unknown keys of the client are kept. */
export interface UpstreamConfig {
  readonly kind: "conversation" | "transcription";
  readonly instructions: string;
  readonly modality: "audio" | "text";
  /** OpenAI function tools, verbatim. */
  readonly tools: readonly JsonObject[];
  readonly toolChoice: Json;
  readonly maxOutputTokens: number | "inf";
  /** Null: leave it to the provider's default. */
  readonly voice: Json;
  readonly speed: number;
  /** OpenAI `audio.input.transcription`, verbatim, or null. */
  readonly transcription: JsonObject | null;
  /** OpenAI `audio.input.turn_detection`, verbatim: for adapters with `turns: "server"`. */
  readonly turnDetection: JsonObject | null;
  /** Further session keys the client set (reasoning, prompt, tracing, truncation, include …), verbatim. */
  readonly extra: JsonObject;
}

/** An item in OpenAI's shape (`message`, `function_call`, `function_call_output`, …); `id` is the session's. */
export type Item = JsonObject & { readonly id: string; readonly type: string };

export interface RespondOptions {
  /** The client's `response.create` parameters, verbatim, without `metadata`; `{}` for an automatic answer. */
  readonly params: JsonObject;
  readonly outOfBand: boolean;
}

/** A client's event that a command was made for: its `event_id`, so that a refusal can name it. */
export type Caused = { readonly cause?: string };

export type Command = Caused & PlainCommand;

type PlainCommand =
  | { readonly type: "configure"; readonly config: UpstreamConfig }
  | { readonly type: "audio"; readonly chunk: AudioChunk }
  /** The turn is over: everything sent by `audio` since the last commit or clear is the user item `itemId`. */
  | { readonly type: "commit"; readonly itemId: string }
  | { readonly type: "clear" }
  | { readonly type: "respond"; readonly responseId: string; readonly options: RespondOptions }
  /** `overdue`: it was given up because it did not begin or go on in its time. */
  | { readonly type: "cancel"; readonly responseId: string; readonly overdue?: true }
  /** The listener heard `audioEndMs` of this item's audio and no more. */
  | {
      readonly type: "truncate";
      readonly itemId: string;
      readonly contentIndex: number;
      readonly audioEndMs: number;
    }
  /** Add an item after `previousItemId` (null: at the end, `"root"`: at the front). */
  | { readonly type: "item"; readonly item: Item; readonly previousItemId: string | null }
  | { readonly type: "delete"; readonly itemId: string }
  /**
   * What an event called `key` (an item of the model, a response that nobody asked for, a turn of the provider's)
   * is `id` in further commands. Until then the key itself may be used. Sends nothing.
   */
  | { readonly type: "named"; readonly what: "item" | "response"; readonly key: string; readonly id: string }
  /** `keepaliveMs` passed without anything sent. */
  | { readonly type: "keepalive" };
