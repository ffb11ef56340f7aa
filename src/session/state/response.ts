/** One response as the session knows it, from request to end. */
import type { AudioFormat } from "../../audio/format.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { ResponsePhase } from "../transitions.ts";

/** A content part of a message. Its place among its item's parts is its `content_index`. */
export interface OutputPart {
  /** The upstream's number for it. */
  readonly key: number;
  readonly kind: "audio" | "text";
  /** Transcript of audio, text of text. */
  text: string;
  /** Milliseconds of audio sent. */
  audioMs: number;
  /** Its end was told. */
  done: boolean;
}

/** A sound of the relay's own, which no upstream gave. */
export type OwnSound = "filler" | "backchannel" | "announcement";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

export interface OutputItem {
  readonly id: string;
  /** The upstream's key for it, within its link. */
  readonly key: string;
  readonly kind: "message" | "function_call" | "other";
  readonly name: string;
  readonly callId: string;
  readonly outputIndex: number;
  readonly parts: OutputPart[];
  arguments: string;
  /** Of kind `other`: the provider's object, verbatim. */
  whole: JsonObject | null;
  done: boolean;
  status: ItemStatus;
  /**
   * Where the client truncated it while it grew, where audio of it was refused, or where its response ended before its
   * audio did, in the upstream's count of parts: nothing more of it is sent.
   */
  cut: { readonly contentIndex: number; readonly audioEndMs: number } | null;
}

export interface ResponseRecord {
  readonly id: string;
  /** Number in the session, from 1, modulo 65,536 on the wire. */
  readonly ordinal: number;
  /** Index of the upstream. */
  readonly stream: number;
  /** The listener's stream, where that is another. */
  readonly channel?: number;
  readonly upstream: string;
  /** It is no answer of an upstream's, whose stream it only sounds on. */
  readonly own?: OwnSound;
  phase: ResponsePhase;
  /** It answers a turn or the client; false: the stream of a duplex upstream. */
  readonly asked: boolean;
  readonly outOfBand: boolean;
  /** The client knows of it. False: asked for in advance (`eager.ts`), or one of several that were asked (`rounds.ts`). */
  announced: boolean;
  /** It ended here, and its `response.done` waits for the upstream's, which says what it cost. */
  untold: boolean;
  /** Of the event that asked for it: whoever refuses it refuses that one, whenever it was asked. */
  readonly cause?: string;
  /** The client's parameters, to ask again with; none once it has ended. */
  params: JsonObject;
  /** Of audio in them: the session's input format when it was asked for. */
  readonly inputFormat: AudioFormat;
  /** How often it was asked for, when last, and of which connection of its link. */
  attempts: number;
  askedAt: number;
  connection: number;
  /** When the upstream last said something of it, and whether a deadline waits for more. */
  progressAt: number;
  waiting: boolean;
  /** Audio up to now that nobody could hear, without a break; and whether any could be heard. */
  silentMs: number;
  audible: boolean;
  readonly metadata: JsonObject | null;
  readonly modality: "audio" | "text";
  readonly maxOutputTokens: Json;
  readonly conversationId: string | null;
  /** `audio.output` when it began, and its format: of all audio of this response to the client. */
  readonly output: JsonObject;
  readonly format: AudioFormat;
  readonly items: OutputItem[];
  upstreamMetadata: JsonObject | null;
  usage: JsonObject | null;
  reason: string | null;
  fault: UpstreamFault | null;
}

/** How an ended response ended. */
export interface Ending {
  readonly phase: "completed" | "cancelled" | "incomplete" | "failed";
  readonly reason: string | null;
  readonly fault: UpstreamFault | null;
}

/** Stands for a response that nobody waits for: what it makes is deleted, and what it costs is counted. */
export const NOBODY = "";

export function cancelled(reason: string): Ending {
  return { phase: "cancelled", reason, fault: null };
}

export function isActive(response: ResponseRecord): boolean {
  return response.phase === "requested" || response.phase === "generating";
}

/** Something of it can be or will be heard. */
export function speaks(item: OutputItem): boolean {
  return item.parts.some((part) => part.kind === "audio");
}
