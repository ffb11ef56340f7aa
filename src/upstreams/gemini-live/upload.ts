/**
 * What the caller's side still has to be sent. Contents interrupt the model, so they wait until it is asked or rests; a
 * tool's response makes it answer, so it waits until an answer is asked for.
 */
import { remember, textAt } from "../json.ts";
import type { Item, JsonObject } from "../upstream.ts";
import { contentOf, outputOf } from "./contents.ts";

const MAX_CALLS = 256;
const MAX_CONTENTS = 256;
const MAX_CHARS = 1024 * 1024;
const NO_RESULT: JsonObject = { error: "The application gave no result." };

export type UploadState = {
  readonly activity: boolean;
  readonly contents: readonly JsonObject[];
  readonly calls: readonly (readonly [string, Call])[];
  readonly names?: readonly (readonly [string, string | null])[];
};

/** A call that the provider waits for: its function, and what it returned. */
type Call = { readonly name: string; readonly response: JsonObject | null };

export class Upload {
  /** `activityStart` was sent and its end was not. */
  activity = false;
  #contents: JsonObject[] = [];
  #chars = 0;
  readonly #calls = new Map<string, Call>();
  /** What was called by calls of which it was told or which it made; null: it wants no result of that. */
  readonly #names = new Map<string, string | null>();

  called(callId: string, name: string): void {
    remember(this.#calls, callId, { name, response: null }, MAX_CALLS);
    remember(this.#names, callId, name, MAX_CALLS);
  }

  /** The provider wants no result of these any more. */
  uncalled(callIds: readonly string[]): void {
    for (const id of callIds) {
      this.#calls.delete(id);
      remember(this.#names, id, null, MAX_CALLS);
    }
  }

  /** @returns whether there was room for it. */
  add(item: Item): boolean {
    const callId = textAt(item, "call_id");
    const call =
      item.type === "function_call_output" && callId !== null ? this.#calls.get(callId) : undefined;
    if (callId !== null && call !== undefined) {
      this.#calls.set(callId, { ...call, response: outputOf(item) });
      return true;
    }
    const known = callId === null ? undefined : this.#names.get(callId);
    if (known === null && item.type === "function_call_output") return true;
    const name = textAt(item, "name");
    if (callId !== null && name !== null) remember(this.#names, callId, name, MAX_CALLS);
    const content = contentOf(typeof known === "string" ? { name: known, ...item } : item);
    if (content === null) return true;
    const chars = JSON.stringify(content).length;
    if (this.#contents.length >= MAX_CONTENTS || this.#chars + chars > MAX_CHARS) return false;
    this.#chars += chars;
    this.#contents.push(content);
    return true;
  }

  /** What can be told without asking, or null. */
  take(): JsonObject | null {
    const turns = this.#take();
    return turns.length > 0 ? { clientContent: { turns, turnComplete: false } } : null;
  }

  /** Everything that waits, in an order that ends with what makes the model answer. */
  ask(): readonly JsonObject[] {
    const results = [...this.#calls].map(([id, { name, response }]) => ({
      id,
      name,
      response: response ?? NO_RESULT,
    }));
    const given = [...this.#calls.values()].some(({ response }) => response !== null);
    this.#calls.clear();
    const out: JsonObject[] = [];
    const asks = this.activity || given;
    if (asks) {
      const told = this.take();
      if (told !== null) out.push(told);
    }
    if (given) out.push({ toolResponse: { functionResponses: results } });
    if (this.activity) out.push({ realtimeInput: { activityEnd: {} } });
    if (!asks) {
      const turns = this.#take();
      out.push({ clientContent: { ...(turns.length > 0 ? { turns } : {}), turnComplete: true } });
    }
    this.activity = false;
    return out;
  }

  snapshot(): UploadState {
    return {
      activity: this.activity,
      contents: [...this.#contents],
      calls: [...this.#calls],
      names: [...this.#names],
    };
  }

  restore(state: UploadState): void {
    this.activity = state.activity;
    this.#contents = [...state.contents];
    this.#chars = this.#contents.reduce((sum, content) => sum + JSON.stringify(content).length, 0);
    this.#calls.clear();
    for (const [id, call] of state.calls) this.#calls.set(id, call);
    this.#names.clear();
    for (const [id, name] of state.names ?? []) this.#names.set(id, name);
  }

  #take(): readonly JsonObject[] {
    const turns = this.#contents;
    this.#contents = [];
    this.#chars = 0;
    return turns;
  }
}
