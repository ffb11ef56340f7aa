/** What the guard asks of other parts of the session. */
import type { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Command } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { ServerEvent } from "../state/server-events.ts";

/** An upstream: it is told what is said instead, and forgets what was refused. */
export interface Link {
  readonly index: number;
  /** Its words come no later than their sound. */
  readonly capabilities: { readonly wordsFirst?: boolean };
  command(command: Command): boolean;
}

/** The client and the application: what is refused they are told. */
interface ClientPort {
  readonly extended: boolean;
  emit(event: ServerEvent): void;
  tell(event: ServerEvent): void;
  rejected(error: ClientError, eventId: string | null): void;
}

/** Answers, of which some wait to be judged. */
interface Responses {
  get(id: string): ResponseRecord | undefined;
  /** What of it waited may pass now. */
  drainOne(id: string): void;
  /** Puts one to its upstream that was withheld from it. */
  put(id: string): void;
}

/** Several that were asked for one answer: of those whose words are refused none gives it. */
interface Rounds {
  others(response: ResponseRecord): boolean;
  drop(response: ResponseRecord): void;
}

/** Asks for answers that waited for the caller's words to be judged. */
interface Asking {
  ask(wanted: readonly Link[], params: ResponseParams): void;
}

/** Ends an answer whose words are refused. */
interface BargeIn {
  refuse(response: ResponseRecord): void;
}

/** The wait for a caller whom nobody answers. */
interface Idle {
  arm(): void;
}

/** The relay's own voice, if it has one. */
interface Asides {
  instead(id: string, text: string): void;
}

/** Read when it is asked for: some of these parts are made later. */
export interface GuardParts {
  readonly asides: Asides;
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly links: readonly Link[];
  readonly responses: Responses;
  readonly rounds: Rounds;
  readonly asking: Asking;
  readonly bargeIn: BargeIn;
  readonly idle: Idle;
}
