/** `instructions` that answers were asked with, for a provider that has such a thing for no answer: they are said to it. */
import { remember, textAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

/** More than may wait. */
const MAX_ANSWERS = 32;

export type AskedWithState = readonly (readonly [string, string])[];

export class AskedWith {
  readonly #instructions = new Map<string, string>();

  asked(responseId: string, params: JsonObject): void {
    const instructions = textAt(params, "instructions") ?? "";
    if (instructions !== "") remember(this.#instructions, responseId, instructions, MAX_ANSWERS);
  }

  /** @returns "" for none */
  take(responseId: string): string {
    const instructions = this.#instructions.get(responseId) ?? "";
    this.#instructions.delete(responseId);
    return instructions;
  }

  snapshot(): AskedWithState {
    return [...this.#instructions];
  }

  restore(state: AskedWithState): void {
    this.#instructions.clear();
    for (const [id, instructions] of state) this.#instructions.set(id, instructions);
  }
}
