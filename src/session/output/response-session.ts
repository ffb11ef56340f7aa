/** What responses use of the rest of the session. */
import type { AudioKernels } from "../../audio/kernels.ts";
import type { Context } from "../context.ts";
import type { TokenSums } from "../state/usage.ts";
import type { GateHost } from "./output-gate.ts";
import type { Asides, Configuration, Guard, Link, Reactions, UpstreamEvents, Voices } from "./ports.ts";
import type { ResponseWriter } from "./response-writer.ts";
import type { Rounds } from "./rounds.ts";

/** The listener's side of an answer. */
export interface ListenerSide extends GateHost {
  /** What is said now reaches the client now. */
  readonly live: boolean;
  /** How long an answer of this stream may stand still. */
  patienceMs(stream: number): number;
}

/** Read when it is asked for: some of these parts are made later. */
export interface ResponseSession {
  readonly context: Context;
  readonly config: Configuration;
  readonly conversationId: string;
  readonly kernels: AudioKernels;
  readonly writer: ResponseWriter;
  readonly listener: ListenerSide;
  readonly links: readonly Link[];
  /** Whose voice each is. */
  readonly voices: Voices;
  /** Several were asked, of which one gives the answer. */
  readonly rounds: Rounds;
  readonly bargeIn: {
    /** The relay truncates this item where it was heard, in the same call of `handle`. */
    truncates(itemId: string): boolean;
  };
  /** Judges words before they pass; null: nobody does. */
  readonly guard: Guard | null;
  readonly asides: Pick<Asides, "answered">;
  readonly upstreamEvents: UpstreamEvents;
  readonly reactions: Reactions;
  /** What all answers cost. */
  readonly usage: TokenSums;
}
