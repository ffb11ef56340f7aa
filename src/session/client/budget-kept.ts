/** What a client has had kept, in all: the conversation, configurations, answers in progress and what waits for upstreams. */
import { ClientError } from "../../protocol/client-error.ts";
import { jsonSize } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { SessionObject } from "./session-object.ts";
import type { Asking, Guard, Link, Responses, Rounds } from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
interface KeptParts {
  readonly context: Context;
  readonly conversation: Conversation;
  readonly sessionObject: SessionObject;
  readonly responses: Responses;
  readonly rounds: Rounds;
  readonly asking: Pick<Asking, "owed">;
  readonly guard: Guard | null;
  readonly links: readonly Link[];
}

export class Kept {
  readonly #parts: KeptParts;

  constructor(parts: KeptParts) {
    this.#parts = parts;
  }

  /** @throws ClientError when no more is kept: `size` characters are to be, of the event's field `param`. */
  require(size: number, param: string): void {
    const { sessionSize } = this.#parts.context.limits;
    const kept = this.#size;
    if (kept + size <= sessionSize) return;
    throw new ClientError(
      "session_too_large",
      `The session keeps ${kept} characters, at most ${sessionSize}: ${size} in '${param}' are not taken.`,
      param,
    );
  }

  get #size(): number {
    const { context, conversation, sessionObject, responses, links } = this.#parts;
    // Of the conversation the oldest is forgotten.
    let size =
      this.#parts.rounds.size +
      this.#parts.asking.owed.size +
      (this.#parts.guard?.input?.size ?? 0) +
      sessionObject.updates.size +
      Math.min(conversation.size, context.limits.conversationSize);
    for (const { params } of responses.active) size += jsonSize(params);
    for (const link of links) size += link.waiting;
    return size;
  }
}
