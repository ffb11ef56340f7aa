/** What an upstream tells the session. */
import type { JsonObject } from "../../protocol/json.ts";
import type { Command } from "./commands.ts";
import type { WireMessage } from "./dialling.ts";
import type { UpstreamFault } from "./faults.ts";

/**
 * `response` and `item` in events are the adapter's keys: any strings that are stable and unique within the link.
 * The session maps them to its own identifiers at `response.started` and `item.started`.
 */
export type UpstreamEvent =
  /** Configured, and everything may be sent. Until this the session keeps its commands in a bounded backlog. */
  | { readonly type: "ready" }
  /** Send this now (pong, acknowledgement): protocol housekeeping that the session need not understand. */
  | { readonly type: "reply"; readonly data: WireMessage }
  /**
   * `answers`: the session's response id of the `respond` it answers, or null when the model began by itself.
   * `goesOn`: it speaks on while a function that it called runs, and is heard though nobody asked it to.
   */
  | {
      readonly type: "response.started";
      readonly response: string;
      readonly answers: string | null;
      readonly goesOn?: true;
    }
  /** A message item or a function call begins in a response. Must precede its audio, text and arguments. */
  | {
      readonly type: "item.started";
      readonly response: string;
      readonly item: string;
      readonly kind: "message";
    }
  | {
      readonly type: "item.started";
      readonly response: string;
      readonly item: string;
      readonly kind: "function_call";
      readonly name: string;
      readonly callId: string;
    }
  /** An item of a kind that the relay does not know (`mcp_call`, what comes next): the provider's object, verbatim. */
  | {
      readonly type: "item.started";
      readonly response: string;
      readonly item: string;
      readonly kind: "other";
      readonly whole: JsonObject;
    }
  /** Something about such an item, in the provider's words (`response.mcp_call_arguments.delta`). */
  | {
      readonly type: "item.event";
      readonly response: string;
      readonly item: string;
      readonly event: JsonObject;
    }
  /** A content part of a message begins; one that begins without a word is begun by its first delta. */
  | {
      readonly type: "part.started";
      readonly response: string;
      readonly item: string;
      readonly part: number;
      readonly kind: "audio" | "text";
    }
  /** Nothing more of a part comes. One that is not told ends with its item. */
  | {
      readonly type: "part.done";
      readonly response: string;
      readonly item: string;
      readonly part: number;
    }
  /** Audio in `capabilities.output` format. `bytes` is a view valid only until the adapter's next call. */
  | {
      readonly type: "audio";
      readonly response: string;
      readonly item: string;
      /** `content_index` of a message with several parts; absent: 0. So for words too. */
      readonly part?: number;
      readonly bytes: Uint8Array;
    }
  /** What the model is saying, in step with its audio as far as the provider keeps step. */
  | {
      readonly type: "transcript";
      readonly response: string;
      readonly item: string;
      readonly part?: number;
      readonly delta: string;
    }
  /** Text output (`output_modalities: ["text"]`). */
  | {
      readonly type: "text";
      readonly response: string;
      readonly item: string;
      readonly part?: number;
      readonly delta: string;
    }
  | { readonly type: "arguments"; readonly response: string; readonly item: string; readonly delta: string }
  | {
      readonly type: "item.done";
      readonly response: string;
      readonly item: string;
      /** As the provider ended it: a call that was cut off is `incomplete`, and no tool may run for it. */
      readonly status: "completed" | "incomplete";
      /** The whole of a function call's, where the provider repeats or only then gives it. */
      readonly arguments?: string;
      /** Of an item of kind `other`: the provider's object at its end, verbatim. */
      readonly whole?: JsonObject;
    }
  | {
      readonly type: "response.done";
      readonly response: string;
      readonly status: "completed" | "cancelled" | "incomplete" | "failed";
      /** OpenAI `status_details.reason` or the provider's word; null when completed. */
      readonly reason: string | null;
      readonly error: UpstreamFault | null;
      /** OpenAI's usage shape, or null where the provider gives none. */
      readonly usage: JsonObject | null;
      /** Extra metadata the model attached, verbatim, or null. */
      readonly metadata: JsonObject | null;
    }
  /** Transcript of the user item `itemId` (the session's id). `extra`: what else was said of it (`logprobs` …). */
  | {
      readonly type: "input.transcript.delta";
      readonly itemId: string;
      readonly delta: string;
      readonly part?: number;
      readonly extra?: JsonObject;
    }
  | {
      readonly type: "input.transcript.completed";
      readonly itemId: string;
      readonly transcript: string;
      readonly usage: JsonObject | null;
      readonly part?: number;
      readonly extra?: JsonObject;
    }
  /** One segment of a diarized transcript: the provider's members, verbatim. */
  | { readonly type: "input.transcript.segment"; readonly itemId: string; readonly segment: JsonObject }
  | { readonly type: "input.transcript.failed"; readonly itemId: string; readonly error: UpstreamFault }
  /**
   * The provider put an item into the conversation that belongs to no response (`mcp_list_tools`): its object, verbatim,
   * under its key, when it begins (`done` false) and when it is whole.
   */
  | {
      readonly type: "item.placed";
      readonly item: string;
      readonly whole: JsonObject;
      readonly done: boolean;
    }
  /**
   * An event that the relay has no part in, for the client; `item`, `inResponse`: the keys of what it is about, the latter
   * of a response that goes on.
   */
  | {
      readonly type: "passed";
      readonly item: string | null;
      readonly inResponse?: string;
      readonly event: JsonObject;
    }
  /**
   * `turns: "server"` only: the provider's own detection. `committed`: it came while a commit of ours was on its way, and may
   * be of what that takes.
   */
  | { readonly type: "speech"; readonly state: "started" | "stopped"; readonly committed?: true }
  /** `turns: "server"` only: the provider closed a user turn; `item` is its key for the new user item. */
  | { readonly type: "committed"; readonly item: string }
  /** The model stopped itself because the user spoke (`interrupted`, `UserStartedSpeaking`, …). */
  | { readonly type: "interrupted" }
  /** It is there, and says nothing of what it hears or was asked: that is waited for as before. */
  | { readonly type: "alive" }
  /** It will close this connection at that time, milliseconds of the provider's clock since 1970; before `ready`. */
  | { readonly type: "expires"; readonly at: number }
  /** It ends the call: what it has said is its last, and that it closes its connection then is no loss. */
  | { readonly type: "leaves" }
  /** The provider will close this connection in so many milliseconds (goAway, session cap). */
  | { readonly type: "expiring"; readonly inMs: number }
  | { readonly type: "rate_limits"; readonly rateLimits: readonly JsonObject[] }
  /** What was used and belongs to no answer, since it was told last: OpenAI's usage shape, or `audio_seconds`. */
  | { readonly type: "spent"; readonly usage: JsonObject }
  /** The configuration that was given last is judged: in force but for what `unconfigured` named before. */
  | { readonly type: "configured" }
  /**
   * The provider refused these members of `UpstreamConfig` (`extra.prompt` for one of `extra`): the former are in force. A
   * refused value is not sent again until it changes, or a `configure` with a `cause` asks for it once more.
   */
  | { readonly type: "unconfigured"; readonly fields: readonly string[] }
  /**
   * The provider refused a command: for the client whose event caused it, an error under that event's id. `id`: the item
   * or response that it was about. A refused `respond` ends by `response.done` as well.
   */
  | {
      readonly type: "refused";
      readonly what: Exclude<Command["type"], "audio" | "named" | "keepalive">;
      readonly id: string | null;
      readonly cause: string | null;
      readonly error: UpstreamFault;
    }
  /** `fatal`: this connection is of no more use. Otherwise the session tells the client and goes on. */
  | { readonly type: "error"; readonly error: UpstreamFault; readonly fatal: boolean };
