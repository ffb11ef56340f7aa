/**
 * What the caller's side still has to be sent. Contents interrupt the model, so they wait until it is asked or rests; a
 * tool's response makes it answer, so it waits until an answer is asked for.
 */
import { objectsAt, remember, textAt } from "../json.ts";
import { lateResult, NO_RESULT } from "../common/open-calls.ts";
import type { Item, JsonObject } from "../upstream.ts";
import { history, inputs, split } from "./realtime-text.ts";
import { contentOf, idOf, outputOf, UNNAMED } from "./contents.ts";

const MAX_CALLS = 256;
const MAX_CONTENTS = 256;
const MAX_CHARS = 1024 * 1024;

export type UploadState = {
  readonly activity: boolean;
  readonly contents: readonly JsonObject[];
  readonly calls: readonly (readonly [string, Call])[];
  readonly seeded?: boolean;
  readonly names?: readonly (readonly [string, string | null])[];
  readonly unnamed?: number;
};

/**
 * A call that the provider waits for: its function, and what it returned. `late`: an answer was asked for before it returned
 * anything, which takes the call back where models wait for results; so its result is told in words, which all of them take.
 */
type Call = { readonly name: string; readonly response: JsonObject | null; readonly late?: true };

export class Upload {
  /** `activityStart` was sent and its end was not. */
  activity = false;
  /** Contents are taken as the history before the conversation only. */
  readonly #seeds: boolean;
  /** The conversation has begun. */
  #seeded = false;
  #contents: JsonObject[] = [];
  #chars = 0;
  readonly #calls = new Map<string, Call>();
  /** What was called by calls of which it was told or which it made; null: it wants no result of that. */
  readonly #names = new Map<string, string | null>();
  /** Calls that came without a name. */
  #unnamed = 0;

  constructor(seeds: boolean) {
    this.#seeds = seeds;
  }

  /** The conversation has begun on another connection. */
  resumed(before: UploadState): void {
    this.#seeded = true;
    this.#unnamed = before.unnamed ?? 0;
  }

  /** A name for a call that came without one: none that this connection was told. */
  nameOfCall(): string {
    do this.#unnamed += 1;
    while (this.#names.has(`${UNNAMED}${this.#unnamed}`));
    return `${UNNAMED}${this.#unnamed}`;
  }

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

  /**
   * @param retold of a conversation that another connection knows: its oldest contents make room for the newest
   * @returns whether there was room for it.
   */
  add(item: Item, retold = false): boolean {
    const callId = textAt(item, "call_id");
    const call =
      item.type === "function_call_output" && callId !== null ? this.#calls.get(callId) : undefined;
    if (callId !== null && call?.late) {
      this.#calls.delete(callId);
      return this.add(lateResult(item.id, call.name, textAt(item, "output") ?? ""));
    }
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
    const fits = () => this.#contents.length < MAX_CONTENTS && this.#chars + chars <= MAX_CHARS;
    // What does not fit at all takes the place of nothing.
    if (chars <= MAX_CHARS) while (!fits() && this.#forgetPicture());
    if (retold && chars <= MAX_CHARS) while (this.#contents.length > 0 && !fits()) this.#forgetOldest();
    if (!fits()) return false;
    this.#chars += chars;
    this.#contents.push(content);
    return true;
  }

  /** What is seen by a camera that is on is worth less than what comes. @returns whether there was one */
  #forgetPicture(): boolean {
    const at = this.#contents.findIndex((content) => objectsAt(content, "parts").every(isPicture));
    const [picture] = at < 0 ? [] : this.#contents.splice(at, 1);
    if (picture !== undefined) this.#chars -= JSON.stringify(picture).length;
    return picture !== undefined;
  }

  /** And the result of a call with it. */
  #forgetOldest(): void {
    do this.#chars -= JSON.stringify(this.#contents.shift() ?? "").length;
    while (objectsAt(this.#contents[0] ?? null, "parts").some((part) => "functionResponse" in part));
  }

  /** What can be told without asking, before the caller is heard. */
  take(): readonly JsonObject[] {
    if (this.#seeds) return this.#seed(this.#seeded ? [] : this.#take());
    const turns = this.#take();
    return turns.length > 0 ? [{ clientContent: { turns, turnComplete: false } }] : [];
  }

  /** Something may be told as soon as it comes. */
  get tells(): boolean {
    return !this.#seeds;
  }

  #seed(turns: readonly JsonObject[]): readonly JsonObject[] {
    this.#seeded = true;
    return history(turns);
  }

  /** Everything that waits, in an order that ends with what makes the model answer. */
  ask(detects: boolean): readonly JsonObject[] {
    const open = [...this.#calls].filter(([, { late }]) => late === undefined);
    const results = open.map(([id, { name, response }]) => ({
      ...idOf(id),
      name,
      response: response ?? { error: NO_RESULT },
    }));
    const given = open.some(([, { response }]) => response !== null);
    for (const [id, { name, response }] of open) {
      this.#calls.delete(id);
      if (response === null) remember(this.#calls, id, { name, response, late: true }, MAX_CALLS);
    }
    const out: JsonObject[] = [];
    const asks = this.activity || given;
    if (asks) out.push(...this.take());
    if (this.#seeds && this.activity && this.#contents.length > 0) out.push(...inputs(this.#take()));
    if (given) out.push({ toolResponse: { functionResponses: results } });
    if (this.activity) out.push({ realtimeInput: { activityEnd: {} } });
    if (!asks && this.#seeds) out.push(...this.#askSeeded(detects));
    else if (!asks) {
      const turns = this.#take();
      out.push({ clientContent: { ...(turns.length > 0 ? { turns } : {}), turnComplete: true } });
    }
    this.activity = false;
    return out;
  }

  /** Where turns are the relay's, an input is an activity of its own. */
  #askSeeded(detects: boolean): readonly JsonObject[] {
    const [before, written] = this.#seeded ? [[], this.#take()] : split(this.#take());
    const said = inputs(written);
    if (detects) return [...this.#seed(before), ...said];
    const [start, end] = [{ realtimeInput: { activityStart: {} } }, { realtimeInput: { activityEnd: {} } }];
    return [...this.#seed(before), start, ...said, end];
  }

  snapshot(): UploadState {
    return {
      seeded: this.#seeded,
      activity: this.activity,
      contents: [...this.#contents],
      calls: [...this.#calls],
      names: [...this.#names],
      unnamed: this.#unnamed,
    };
  }

  restore(state: UploadState): void {
    this.activity = state.activity;
    this.#seeded = state.seeded ?? false;
    this.#contents = [...state.contents];
    this.#chars = this.#contents.reduce((sum, content) => sum + JSON.stringify(content).length, 0);
    this.#calls.clear();
    for (const [id, call] of state.calls) this.#calls.set(id, call);
    this.#names.clear();
    for (const [id, name] of state.names ?? []) this.#names.set(id, name);
    this.#unnamed = state.unnamed ?? 0;
  }

  #take(): readonly JsonObject[] {
    const turns = this.#contents;
    this.#contents = [];
    this.#chars = 0;
    return turns;
  }
}

function isPicture(part: JsonObject): boolean {
  return "inlineData" in part;
}
