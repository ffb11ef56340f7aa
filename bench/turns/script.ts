/** A call as it is meant to go: what the caller does and when, the room, the model, and what would be right. */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Samples } from "./sounds.ts";

/** What a sound is, and with it what the relay ought to do about it. */
export type CueKind =
  /** The caller's turn: answer it, not before it ended. */
  | "turn"
  /** The caller speaks over the agent and means it: yield. */
  | "interruption"
  /** The caller begins while the agent says its last words: a turn, nothing of it may be missing. */
  | "overlap"
  /** Go on speaking through all of these. */
  | "backchannel"
  | "cough"
  | "noise"
  | "background"
  /** Nobody makes a sound; the loudspeaker is in the microphone. */
  | "echo";

export const NUISANCES: ReadonlySet<CueKind> = new Set([
  "backchannel",
  "cough",
  "noise",
  "background",
  "echo",
]);

export interface Cue {
  readonly kind: CueKind;
  readonly label: string;
  readonly sound: Samples;
  /** Silences within a turn, in samples of `sound`. */
  readonly pauses: readonly { readonly from: number; readonly to: number }[];
  /**
   * Begins so long after: the call is `ready`; the present answer became `audible` (in milliseconds of it heard);
   * the agent has said everything (`quiet`).
   */
  readonly after: "ready" | "audible" | "quiet";
  readonly afterMs: number;
}

export interface AnswerScript {
  /** From `response.create` to the first audio. */
  readonly firstAudioMs: number;
  readonly lengthMs: number;
  /** Times real time. */
  readonly pace: number;
}

export interface CallScript {
  readonly id: string;
  readonly seed: number;
  readonly group: Group;
  /** `session.update` before the call. */
  readonly session: JsonObject;
  readonly cues: readonly Cue[];
  /** By the order in which the model is asked; the last one repeats. */
  readonly answers: readonly AnswerScript[];
  /** What the call waits for after its last cue: the end of the answer, or the first audio of the next one. */
  readonly endsWith: "answer_heard" | "answer_begun";
  /** `playback.ack` every 200 ms. */
  readonly acks: boolean;
  /** Audio the player gathers before it starts. */
  readonly prebufferMs: number;
  readonly room: Room;
  /** Whose voice the model has; absent: flite's. */
  readonly teller?: Samples;
  /** Audio in one message of the microphone; absent: 20 ms. */
  readonly messageMs?: number;
}

export interface Room {
  /** Loudspeaker at the microphone relative to what is played; null: headphones. */
  readonly echoDb: number | null;
  readonly echoLateMs: number;
  /** What is always in the microphone, repeated. */
  readonly bed: Samples;
  /** What else real rooms and devices do; null: nothing. */
  readonly rough: Roughness | null;
}

export interface Roughness {
  /** Late reflections: milliseconds and gains. */
  readonly tail: readonly (readonly [number, number])[];
  /** The loudspeaker distorts softly around this part of full scale; null: it is linear. */
  readonly bendsAt: number | null;
  /** The listener turns the volume: by so much, so long after the call began. */
  readonly turnedDb: number;
  readonly turnedAtMs: number;
  /** Messages leave the device early or late by up to this. */
  readonly jitterMs: number;
}

export type Group = "floor" | "rooms" | "turns" | "eager_on" | "eager_off";
