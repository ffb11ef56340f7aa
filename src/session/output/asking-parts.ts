/** What asking for answers uses of the session. */
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Responses } from "./responses.ts";
import type { Rounds } from "./rounds.ts";
import type {
  Budget,
  Cast,
  ClientPort,
  Configuration,
  Guard,
  Link,
  Recovery,
  Shadows,
  Tools,
  TurnTaking,
} from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface AskingParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly conversation: Pick<Conversation, "entries">;
  /** Upstreams that are heard, and of these those that take part now. */
  readonly speakers: readonly Link[];
  readonly cast: Cast;
  readonly shadows: Shadows | null;
  readonly recovery: Recovery;
  readonly responses: Responses;
  readonly rounds: Rounds;
  readonly turns: TurnTaking;
  readonly guard: Pick<Guard, "input"> | null;
  readonly tools: Pick<Tools, "superseded"> | null;
  readonly budget: Budget;
}
