/** What results of calls lead to: each is an item of the conversation, and its model goes on when all of an answer are there. */
import { placeItem } from "../memory/place-item.ts";
import type { Call } from "./call.ts";
import type { ToolParts } from "./ports.ts";

export class Results {
  readonly #parts: ToolParts;
  /** Calls under way, by their items. */
  readonly #calls: Map<string, Call>;
  /** Upstreams that are to go on: all their calls have results. */
  #due = new Set<number>();

  constructor(parts: ToolParts, calls: Map<string, Call>) {
    this.#parts = parts;
    this.#calls = calls;
  }

  /** A model is still to be asked to go on. */
  get owed(): boolean {
    return this.#due.size > 0;
  }

  /** @param quietly nobody is dialled for it. */
  place({ id, callId, stream }: Call, output: string, quietly: boolean): void {
    // Providers refuse JSON in which a character is halved.
    const item = { type: "function_call_output", call_id: callId, output: output.toWellFormed() };
    placeItem(this.#parts, stream, item, { answers: id, quietly });
  }

  /** The model is asked to go on when all calls of its answer that are still there have results, if there is any. */
  goOn({ response, stream, others, told = false }: Call, known: boolean): void {
    const open = [...this.#calls.values()].filter((one) => one.response === response);
    const any = told || known;
    if (open.length > 0 && any) for (const one of open) this.#calls.set(one.id, { ...one, told: true });
    else if (open.length === 0 && any && this.#haveResults(others)) this.#due.add(stream);
  }

  /** Calls that are the client's: it asks for the rest itself when it has answered the last of them that is still there. */
  #haveResults(calls: readonly string[]): boolean {
    const { conversation } = this.#parts;
    return calls.every(
      (id) =>
        conversation.find(id) === undefined || conversation.entries.some(({ answers }) => answers === id),
    );
  }

  /** Asks on where all have results. */
  settle(): void {
    if (this.#due.size === 0 || !this.#parts.port.live) return;
    for (const stream of this.#due) if (this.#parts.asking.goOn(stream)) this.#due.delete(stream);
  }

  /** An upstream is asked for an answer of the conversation: it knows the results that there are. */
  superseded(stream: number): void {
    this.#due.delete(stream);
    for (const call of this.#calls.values())
      if (call.told === true && call.stream === stream) this.#calls.set(call.id, { ...call, told: false });
  }

  snapshot(): readonly number[] {
    return [...this.#due];
  }

  restore(due: readonly number[]): void {
    this.#due = new Set(due);
  }
}
