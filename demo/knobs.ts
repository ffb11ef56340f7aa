/**
 * Per-connection knobs, by query (`?pace=8`) or header (`x-demo-pace: 8`; `_` may be written `-`). The query wins.
 * The table for people is in README.md.
 */
import type { IncomingHttpHeaders } from "node:http";

export interface Knobs {
  /** Least time from `response.created` to the first audio or text, in milliseconds. */
  readonly first_audio_ms: number;
  /** Of that so much more at most, another part of it for each answer. */
  readonly first_audio_spread_ms: number;
  /** Streaming speed as a multiple of real time; 0: as fast as possible. */
  readonly pace: number;
  /** Audio per delta, in milliseconds. */
  readonly piece_ms: number;
  /** Seeds identifiers and the order of faults; null: random identifiers. */
  readonly seed: number | null;
  /** Default of `session.audio.output.voice`. */
  readonly voice: string;
  /** Said in every answer, in place of the dialogue's words. */
  readonly reply: string | null;
  /** `accept`: unknown session keys are kept and echoed, in place of OpenAI's `unknown_parameter`. */
  readonly unknown_keys: "refuse" | "accept";
  readonly stall_after_ms: number | null;
  readonly silence: boolean;
  readonly close_after_ms: number | null;
  readonly close_after_audio_ms: number | null;
  readonly close_code: number;
  readonly slow: boolean;
  readonly garbage: boolean;
  readonly refuse: number | null;
  readonly max_session_ms: number;
  readonly ignore_cancel: boolean;
  readonly odd_chunks: boolean;
}

/** A knob that cannot be read; answered with HTTP 400 naming it. */
export class KnobError extends Error {
  override readonly name = "KnobError";
}

type Read = (name: string) => string | null;

/** @throws KnobError naming the knob and what it takes. */
export function readKnobs(query: URLSearchParams, headers: IncomingHttpHeaders): Knobs {
  const read: Read = (name) => query.get(name) ?? header(headers, name);
  const slow = flag(read, "slow");
  return {
    first_audio_ms: numberIn(read, "first_audio_ms", 0, 600_000) ?? (slow ? 2_000 : 0),
    first_audio_spread_ms: numberIn(read, "first_audio_spread_ms", 0, 600_000) ?? 0,
    pace: numberIn(read, "pace", 0, 1_000) ?? (slow ? 0.5 : 4),
    piece_ms: numberIn(read, "piece_ms", 5, 1_000) ?? 40,
    seed: numberIn(read, "seed", 0, 0xffff_ffff),
    voice: text(read, "voice", 64) ?? "marin",
    reply: text(read, "reply", 4_000),
    unknown_keys: unknownKeys(read("unknown_keys")),
    stall_after_ms: numberIn(read, "stall_after_ms", 0, 3_600_000),
    silence: flag(read, "silence"),
    close_after_ms: numberIn(read, "close_after_ms", 0, 3_600_000),
    close_after_audio_ms: numberIn(read, "close_after_audio_ms", 0, 3_600_000),
    close_code: closeCode(read),
    slow,
    garbage: flag(read, "garbage"),
    refuse: numberIn(read, "refuse", 400, 599),
    // OpenAI ends a session after 60 minutes.
    max_session_ms: numberIn(read, "max_session_ms", 1, 86_400_000) ?? 3_600_000,
    ignore_cancel: flag(read, "ignore_cancel"),
    odd_chunks: flag(read, "odd_chunks"),
  };
}

function header(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[`x-demo-${name.replaceAll("_", "-")}`] ?? headers[`x-demo-${name}`];
  return typeof value === "string" ? value : null;
}

function numberIn(read: Read, name: string, least: number, most: number): number | null {
  const given = read(name);
  if (given === null) return null;
  const value = Number(given);
  if (given.trim() === "" || !(value >= least && value <= most)) {
    throw new KnobError(`knob ${name} must be a number from ${least} to ${most}`);
  }
  return value;
}

function text(read: Read, name: string, longest: number): string | null {
  const given = read(name);
  if (given !== null && given.length > longest) {
    throw new KnobError(`knob ${name} must be at most ${longest} characters`);
  }
  return given;
}

function flag(read: Read, name: string): boolean {
  const given = read(name);
  if (given === null || given === "0" || given === "false") return false;
  if (given === "" || given === "1" || given === "true") return true;
  throw new KnobError(`knob ${name} must be 1 or 0`);
}

function unknownKeys(given: string | null): "refuse" | "accept" {
  if (given === null || given === "refuse") return "refuse";
  if (given === "accept") return "accept";
  throw new KnobError("knob unknown_keys must be refuse or accept");
}

/** Codes an endpoint may send (RFC 6455 §7.4), and 1006 for a connection that just breaks. */
function closeCode(read: Read): number {
  const code = numberIn(read, "close_code", 1_000, 4_999) ?? 1_011;
  const sendable = (code <= 1_014 && ![1_004, 1_005].includes(code)) || code >= 3_000;
  if (!sendable || !Number.isInteger(code)) {
    throw new KnobError("knob close_code must be a code that may be sent, or 1006 to break the connection");
  }
  return code;
}
