/**
 * Telephone carriers whose media streams are one wire under different names. How sure each name is, with its source:
 * docs/telephone.md.
 *
 * Twilio: https://www.twilio.com/docs/voice/media-streams/websocket-messages
 * Telnyx: https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
 * Plivo: https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference
 */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";

export interface Carrier {
  /** Members of every message: which stream it is of, and its number, which grows by one. */
  readonly stream: string;
  readonly sequence: string;
  /** In `start`: the call, and the format of its audio. */
  readonly call: string;
  readonly format: string;
  readonly rate: string;
  /** What G.711 µ-law is called there. */
  readonly muLaw: string;
  /**
   * What A-law is called, of a carrier that gives its caller's audio in the codec of the network: that of most of the world but
   * North America and Japan. What it is sent stays µ-law, as it was told. Null: it gives what it was told.
   */
  readonly aLaw: string | null;
  /** Milliseconds that a message of audio has at the least. */
  readonly leastMs: number;
  /** The event that says that a mark was reached. Its name stands in `mark.name`, or beside the event. */
  readonly marked: string;
  /** Events that say nothing to a session. */
  readonly quiet: readonly string[];
  /** Messages to the carrier, but for the stream they are of. */
  media(payload: string): JsonObject;
  mark(name: string): JsonObject;
  clear(): JsonObject;
}

export const CARRIERS = {
  twilio: {
    stream: "streamSid",
    sequence: "sequenceNumber",
    call: "callSid",
    format: "mediaFormat",
    rate: "sampleRate",
    muLaw: "audio/x-mulaw",
    aLaw: null,
    leastMs: 0,
    marked: "mark",
    quiet: ["connected"],
    media: (payload) => ({ event: "media", media: { payload } }),
    mark: (name) => ({ event: "mark", mark: { name } }),
    clear: () => ({ event: "clear" }),
  },
  telnyx: {
    stream: "stream_id",
    sequence: "sequence_number",
    call: "call_control_id",
    format: "media_format",
    rate: "sample_rate",
    muLaw: "PCMU",
    aLaw: "PCMA",
    leastMs: 20,
    marked: "mark",
    quiet: ["connected", "error"],
    media: (payload) => ({ event: "media", media: { payload } }),
    mark: (name) => ({ event: "mark", mark: { name } }),
    clear: () => ({ event: "clear" }),
  },
  plivo: {
    stream: "streamId",
    sequence: "sequenceNumber",
    call: "callId",
    format: "mediaFormat",
    rate: "sampleRate",
    muLaw: "audio/x-mulaw",
    aLaw: null,
    leastMs: 0,
    marked: "playedStream",
    quiet: ["clearedAudio"],
    media: (payload) => ({
      event: "playAudio",
      media: { contentType: "audio/x-mulaw", sampleRate: 8000, payload },
    }),
    mark: (name) => ({ event: "checkpoint", name }),
    clear: () => ({ event: "clearAudio" }),
  },
} as const satisfies Record<string, Carrier>;

export type CarrierName = keyof typeof CARRIERS;

/** Null: it has none. */
export function member(value: Json | undefined, name: string): Json {
  return isJsonObject(value) ? (value[name] ?? null) : null;
}

/** Carriers write numbers as such or as text; NaN: it is neither. */
export function numberOf(value: Json | undefined): number {
  return typeof value === "number" || typeof value === "string" ? Number(value) : NaN;
}
