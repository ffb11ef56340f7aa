/** Calls that a provider waits for, and what they returned: told when an answer is asked for, because that makes the model go on. */
import { remember, textAt } from "../json.ts";
import type { Item } from "../upstream.ts";

const MAX_CALLS = 256;
/** Of all results that wait. */
const MAX_CHARS = 1024 * 1024;
/** Of one that has none when an answer is asked for. */
export const NO_RESULT = "There is no result yet. It is told when there is one.";

type OpenCall = {
  readonly name: string;
  readonly output: string | null;
  /** It was answered without a result. */
  readonly late?: true;
};

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
    if (id === null || call === undefined || call.late) return null;
    const output = textAt(item, "output") ?? "";
    const others = [...this.#calls.values()].reduce((sum, one) => sum + (one.output?.length ?? 0), 0);
    if (others + output.length > MAX_CHARS) return "full";
    this.#calls.set(id, { ...call, output });
    return "kept";
  }

  /** A result that comes after its call was answered without one, as something that was written: the provider takes one only. */
  late(item: Item): Item | null {
    const id = item.type === "function_call_output" ? textAt(item, "call_id") : null;
    const call = id === null ? undefined : this.#calls.get(id);
    if (id === null || !call?.late) return null;
    this.#calls.delete(id);
    return lateResult(item.id, call.name, textAt(item, "output") ?? "");
  }

  /** All of them, with an error for those that have no result. */
  take(): readonly Returned[] {
    const open = [...this.#calls].filter(([, { late }]) => late === undefined);
    const all = open.map(([id, { name, output }]) => ({
      id,
      name,
      output: output ?? NO_RESULT,
      missing: output === null,
    }));
    for (const { id, name, missing } of all) {
      this.#calls.delete(id);
      if (missing) remember(this.#calls, id, { name, output: null, late: true }, MAX_CALLS);
    }
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

/** What a call gave, in words. */
export function lateResult(id: string, name: string, output: string): Item {
  const text = `The result of the call of ${name} has come: ${output}`;
  return { id, type: "message", role: "user", content: [{ type: "input_text", text }] };
}
