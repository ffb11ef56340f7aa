/** Calls that a provider waits for, and what they returned: told when an answer is asked for, because that makes the model go on. */
import { remember, textAt } from "../json.ts";
import type { Item } from "../upstream.ts";

const MAX_CALLS = 256;
/** Of all results that wait. */
const MAX_CHARS = 1024 * 1024;
const NO_RESULT = "The application gave no result.";

type OpenCall = { readonly name: string; readonly output: string | null };

export interface Returned {
  readonly id: string;
  readonly name: string;
  readonly output: string;
  /** The application has none. */
  readonly missing: boolean;
}

export type OpenCallsState = readonly (readonly [string, OpenCall])[];

export class OpenCalls {
  readonly #calls = new Map<string, OpenCall>();

  called(id: string, name: string): void {
    remember(this.#calls, id, { name, output: null }, MAX_CALLS);
  }

  /** The provider wants no result of it any more. */
  uncalled(id: string): void {
    this.#calls.delete(id);
  }

  /** @returns whether the item is the result of one; `full`: it is, and too much waits. */
  returned(item: Item): "kept" | "full" | null {
    const id = textAt(item, "call_id");
    const call = item.type === "function_call_output" && id !== null ? this.#calls.get(id) : undefined;
    if (id === null || call === undefined) return null;
    const output = textAt(item, "output") ?? "";
    const others = [...this.#calls.values()].reduce((sum, one) => sum + (one.output?.length ?? 0), 0);
    if (others + output.length > MAX_CHARS) return "full";
    this.#calls.set(id, { ...call, output });
    return "kept";
  }

  /** All of them, with an error for those that have no result. */
  take(): readonly Returned[] {
    const all = [...this.#calls].map(([id, { name, output }]) => ({
      id,
      name,
      output: output ?? NO_RESULT,
      missing: output === null,
    }));
    this.#calls.clear();
    return all;
  }

  snapshot(): OpenCallsState {
    return [...this.#calls];
  }

  restore(state: OpenCallsState): void {
    this.#calls.clear();
    for (const [id, call] of state) this.#calls.set(id, call);
  }
}
