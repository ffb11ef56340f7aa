/** Answers of the model, which begin when it likes; one that was asked for is the next that begins. */
import { remember } from "../json.ts";
import type { UpstreamEvent, UpstreamFault } from "../upstream.ts";

const MAX_OPEN = 8;
const MAX_ITEMS = 64;
const MAX_ASKED = 16;
/** Names of answers that are over: the provider never uses one again, and what says otherwise is nonsense. */
const MAX_ENDED = 256;

const BUSY: UpstreamFault = { code: "upstream_busy", message: "Too many answers wait." };

type Done = Extract<UpstreamEvent, { type: "response.done" }>;
export type Ending = Pick<Done, "status" | "reason" | "error">;

interface Part {
  readonly kind: "message" | "function_call";
  open: boolean;
  odd: number;
}

interface Open {
  readonly key: string;
  /** The session's name of it, where it has one. */
  id: string | null;
  cancelled: boolean;
  readonly items: Map<string, Part>;
}

export type AnswersState = {
  readonly asked: readonly string[];
  readonly numbered: number;
  readonly ended: readonly string[];
  readonly open: readonly {
    readonly key: string;
    readonly id: string | null;
    readonly cancelled: boolean;
    readonly items: readonly (readonly [string, { readonly [member in keyof Part]: Part[member] }])[];
  }[];
};

export class Answers {
  /** The session's names of those that were asked for and have not begun. */
  #asked: string[] = [];
  #numbered = 0;
  readonly #open = new Map<string, Open>();
  readonly #ended = new Map<string, true>();

  /** Those that were asked for and have not begun. */
  get waiting(): readonly string[] {
    return this.#asked;
  }

  /** @returns false: it waits already. */
  ask(responseId: string, out: UpstreamEvent[]): boolean {
    if (this.#asked.includes(responseId) || this.#find(responseId) !== null) return false;
    this.#asked.push(responseId);
    const dropped = this.#asked.length > MAX_ASKED ? this.#asked.shift() : undefined;
    if (dropped !== undefined) this.#never(dropped, { status: "failed", reason: null, error: BUSY }, out);
    return true;
  }

  /** The one that has waited longest does not come. @returns whether any did. */
  declined(ending: Ending, out: UpstreamEvent[], responseId = this.#asked[0]): boolean {
    const at = responseId === undefined ? -1 : this.#asked.indexOf(responseId);
    if (responseId === undefined || at < 0) return false;
    this.#asked.splice(at, 1);
    this.#never(responseId, ending, out);
    return true;
  }

  named(key: string, id: string): void {
    const open = this.#open.get(key);
    if (open) open.id = id;
  }

  /** @returns the provider's name of one that is to be stopped; null: there is nothing to stop. */
  cancel(responseId: string, out: UpstreamEvent[]): string | null {
    if (this.declined({ status: "cancelled", reason: null, error: null }, out, responseId)) return null;
    const open = this.#find(responseId);
    if (open === null || open.cancelled) return null;
    open.cancelled = true;
    return open.key;
  }

  begin(key: string, out: UpstreamEvent[]): void {
    if (this.#open.has(key) || this.#ended.has(key)) return;
    const answers = this.#asked.shift() ?? null;
    this.#open.set(key, { key, id: answers, cancelled: false, items: new Map() });
    out.push({ type: "response.started", response: key, answers });
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN && oldest !== undefined)
      this.end(oldest, { status: "incomplete", reason: null, error: null }, out);
  }

  /** A message that goes on, begun where there is none; null: nobody hears of it. */
  message(response: string, item: string, out: UpstreamEvent[]): Part | null {
    const open = this.#speaking(response);
    if (open === null) return null;
    const part = open.items.get(item);
    if (part) return part.open && part.kind === "message" ? part : null;
    if (!this.#take(open, item, "message")) return null;
    out.push({ type: "item.started", response, item, kind: "message" });
    return open.items.get(item) ?? null;
  }

  /** @returns whether it is one, and begins. */
  call(response: string, item: string, name: string, callId: string, out: UpstreamEvent[]): boolean {
    const open = this.#speaking(response);
    if (open === null || open.items.has(item) || !this.#take(open, item, "function_call")) return false;
    out.push({ type: "item.started", response, item, kind: "function_call", name, callId });
    return true;
  }

  itemDone(response: string, item: string, whole: boolean, args: string | null, out: UpstreamEvent[]): void {
    const part = this.#open.get(response)?.items.get(item);
    if (!part?.open) return;
    part.open = false;
    const end = { type: "item.done", response, item } as const;
    const status = whole ? "completed" : "incomplete";
    out.push(part.kind === "message" ? { ...end, status } : { ...end, ...callEnd(whole, args) });
  }

  end(response: string, ending: Ending, out: UpstreamEvent[]): void {
    const open = this.#open.get(response);
    if (!open) return;
    for (const item of open.items.keys())
      this.itemDone(response, item, ending.status === "completed", null, out);
    this.#open.delete(response);
    remember(this.#ended, response, true, MAX_ENDED);
    out.push({ type: "response.done", response, ...ending, usage: null, metadata: null });
  }

  snapshot(): AnswersState {
    const open = Array.from(this.#open.values(), ({ items, ...one }) => ({
      ...one,
      items: Array.from(items, ([key, part]) => [key, { ...part }] as const),
    }));
    return { asked: [...this.#asked], numbered: this.#numbered, ended: [...this.#ended.keys()], open };
  }

  restore(state: AnswersState): void {
    this.#asked = [...state.asked];
    this.#numbered = state.numbered;
    for (const key of state.ended) this.#ended.set(key, true);
    for (const { items, ...one } of state.open)
      this.#open.set(one.key, {
        ...one,
        items: new Map(items.map(([key, part]) => [key, { ...part }] as const)),
      });
  }

  #find(responseId: string): Open | null {
    for (const open of this.#open.values())
      if (open.id === responseId || open.key === responseId) return open;
    return null;
  }

  #speaking(response: string): Open | null {
    const open = this.#open.get(response);
    return open === undefined || open.cancelled ? null : open;
  }

  /** An item has one name, whichever answer it is in. */
  #take(open: Open, item: string, kind: Part["kind"]): boolean {
    const taken = [...this.#open.values()].some(({ items }) => items.has(item)) || this.#ended.has(item);
    if (taken || open.items.size >= MAX_ITEMS) return false;
    open.items.set(item, { kind, open: true, odd: -1 });
    remember(this.#ended, item, true, MAX_ENDED);
    return true;
  }

  #never(answers: string, ending: Ending, out: UpstreamEvent[]): void {
    const response = `unanswered_${(this.#numbered += 1)}`;
    out.push({ type: "response.started", response, answers });
    out.push({ type: "response.done", response, ...ending, usage: null, metadata: null });
  }
}

/** A tool never runs on half of its arguments. */
function callEnd(whole: boolean, args: string | null) {
  return whole && args !== null
    ? ({ status: "completed", arguments: args } as const)
    : ({ status: "incomplete" } as const);
}
