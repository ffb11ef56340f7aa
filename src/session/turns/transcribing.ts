/** What a transcriber uses of the session, and what it is made of. */
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { PlannedUpstream } from "../state/plan.ts";
import type { AudioInput } from "./audio-input.ts";
import type { ClientPort, Configuration, Ear, Floor, Reactions, Refusals, UpstreamEvents } from "./ports.ts";
import type { Transcriber } from "./transcriber.ts";
import type { TurnTaking } from "./turn-taking.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface TranscriberParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly config: Configuration;
  readonly input: AudioInput;
  readonly turns: TurnTaking;
  readonly floor: Floor;
  readonly reactions: Reactions;
  /** What happens to its connection and to the caller's items, and what it costs, is told as of any upstream. */
  readonly upstreamEvents: UpstreamEvents;
  readonly refusals: Refusals;
}

/** What is planned, and how its upstream is made of that, with whom it tells what happens to it. */
export interface MadeOf<Linked extends Ear> {
  readonly planned: PlannedUpstream;
  link(told: Transcriber<Linked>): Linked;
}
