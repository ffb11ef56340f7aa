/**
 * A plain `realtime` client that dropped cannot resume, but it may come back: what was being said to it stops where it
 * was heard, and whoever connects next is told the conversation as it stands and goes on with it.
 */
import { isJsonObject, type Json } from "../../protocol/json.ts";
import type { ClientPort } from "./client-port.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import { cancelled } from "../state/response.ts";
import type { Asking, BargeIn, Guard, Responses, Rounds, TurnTaking } from "./ports.ts";

interface AbsenceParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly responses: Responses;
  readonly rounds: Rounds;
  readonly turns: TurnTaking;
  readonly bargeIn: BargeIn;
  readonly guard: Guard | null;
  readonly asking: Asking;
}

export class Absence {
  readonly #parts: AbsenceParts;
  /** An answer was stopped of which nothing had been said. */
  #owed = false;

  constructor(parts: AbsenceParts) {
    this.#parts = parts;
  }

  /**
   * Nobody hears: every answer is cancelled, history keeps what was heard. To be called while no client is connected,
   * when one has gone and again before one comes: providers speak without being asked.
   */
  stop(): void {
    const { context, responses, turns, bargeIn } = this.#parts;
    context.deadlines.clear("idle");
    turns.takeBack();
    this.#parts.rounds.concede();
    this.#unasked();
    for (const response of responses.active) {
      if (response.asked && !response.outOfBand && response.items.length === 0) this.#owed = true;
      responses.cancel(response, cancelled("client_gone"));
    }
    bargeIn.clear();
  }

  /** What waits to be judged before it is asked for has said nothing either. */
  #unasked(): void {
    const input = this.#parts.guard?.input;
    if (input?.answers === true) this.#owed = true;
    input?.drop();
  }

  /** To a client that was not there: what was said so far, the turn that is open, and the answer that is owed. */
  tell(): void {
    const { port, conversation, responses, turns, asking } = this.#parts;
    const retell = (): void => {
      let previous_item_id: string | null = null;
      for (const entry of conversation.entries) {
        const item = conversation.withoutSound(entry);
        port.emit({ type: "conversation.item.added", previous_item_id, item });
        port.emit({ type: "conversation.item.done", previous_item_id, item });
        previous_item_id = item.id;
      }
    };
    port.audience.privately(() => {
      port.retelling(retell);
      turns.tellOpen();
    });
    const owed = this.#owed && asking.may && this.#spokenTurnLast;
    this.#owed = false;
    if (!owed || responses.underway) return;
    this.#parts.context.metric("responses_asked_again", 1);
    asking.answer();
  }

  /** What was typed, its application asked for and asks for again. */
  get #spokenTurnLast(): boolean {
    const last = this.#parts.conversation.entries.at(-1)?.item;
    const content = last?.["role"] === "user" ? last["content"] : null;
    return (
      Array.isArray(content) &&
      content.some((part: Json) => isJsonObject(part) && part["type"] === "input_audio")
    );
  }

  snapshot(): boolean {
    return this.#owed;
  }

  restore(owed: boolean): void {
    this.#owed = owed;
  }
}
