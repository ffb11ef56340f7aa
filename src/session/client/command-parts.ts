/** What commands act on, whoever gives them: a session's client, or an observer of the application's. */
import type { SessionObject } from "./session-object.ts";
import type { PlainEvent } from "../../protocol/client-events.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import type { Context } from "../context.ts";
import type { ClientPort } from "./client-port.ts";
import type { Budget } from "./budget.ts";
import type { Configuration } from "./configuration.ts";
import type { Kept } from "./budget-kept.ts";
import type { Backpressure } from "./backpressure.ts";
import type { Conversation } from "../memory/conversation.ts";
import type {
  Playout,
  Responses,
  TurnTaking,
  Idle,
  BargeIn,
  Asking,
  Rounds,
  Listener,
  Delivery,
  Link,
  Tools,
  Guard,
  Voices,
  Cast,
} from "./ports.ts";
import type { BackgroundPort } from "./cancel-task.ts";

type SayEvent = Extract<PlainEvent, { readonly type: "relay.say" }>;

/** What whoever gives commands has of its own. */
export interface CommandMeans {
  /** What they may cost. */
  readonly budget: Budget;
  /** How the session is changed, and what may be asked of it. */
  readonly session: Pick<SessionObject, "update" | "checkParams" | "checkItem" | "checkPlan">;
}

/** Read when it is asked for: some of these parts are made later. */
export interface CommandParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly kernels: AudioKernels;
  readonly kept: Kept;
  readonly backpressure: Backpressure;
  readonly conversation: Conversation;
  readonly playout: Playout;
  readonly responses: Responses;
  readonly turns: TurnTaking;
  readonly idle: Idle;
  readonly bargeIn: BargeIn;
  readonly asking: Asking;
  readonly rounds: Rounds;
  readonly listener: Listener;
  readonly delivery: Delivery;
  readonly links: readonly Link[];
  readonly tools: Tools | null;
  readonly background: BackgroundPort | null;
  readonly guard: Guard | null;
  /** All upstreams are told what a tool gave. */
  readonly voices: Voices;
  readonly cast: Pick<Cast, "update">;
  /** What the relay plays by itself. */
  readonly asides: {
    request(said: SayEvent, by: { readonly client: true; readonly budget: Budget }): void;
  };
}
