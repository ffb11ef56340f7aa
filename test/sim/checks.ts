/** What a call has been caught at, what really happened in it, and what happened last. */
export type Invariant =
  // Seen from outside (tools/threads.ts).
  | "never-ends"
  | "spoken-lost"
  | "spoken-twice"
  | "spoken-unknown"
  | "turn-unanswered"
  | "heard-twice"
  | "heard-gap"
  | "heard-unknown"
  | "heard-refused"
  | "asked-unjudged"
  | "never-asked"
  | "heard-level"
  | "history"
  | "deadline"
  | "stuck"
  | "limit"
  | "upstream-left-open"
  | "response-ends"
  | "closed-peer"
  | "event-order"
  | "told-for-nothing"
  | "two-voices"
  | "numbering"
  | "acknowledged-lost"
  | "verdict"
  | "provider-protocol"
  | "money"
  | "after-end"
  | "budget"
  | "unbounded"
  | "hasty"
  | "restless"
  | "provider-history"
  | "provider-config"
  | "asked-twice"
  | "thrown-away"
  | "not-continued"
  | "given-up"
  | "kept-dead"
  | "turn-end"
  | "not-waited-for"
  | "tool-taken-back"
  | "tool-twice"
  | "tool-unrecorded"
  | "tool-unanswered"
  | "mind-over-caller"
  | "mind-over-answer"
  | "mind-called-off"
  | "mind-blamed"
  | "mind-twice"
  | "voice-blamed"
  | "mind-no-end"
  | "tool-unconfirmed"
  | "aside-told"
  | "aside-over-caller"
  | "filler-delays"
  | "announced-twice"
  | "unannounced"
  | "plan-left"
  | "threw";

export interface Violation {
  readonly invariant: Invariant;
  readonly detail: string;
  /** Virtual milliseconds. */
  readonly at: number;
}

const TRACE_LINES = 40_000;

export class Checks {
  violation: Violation | null = null;
  /** By fault: how often it really struck. */
  readonly struck = new Map<string, number>();
  /** Figures of the call, summed over all calls in the report. */
  readonly figures = new Map<string, number>();
  readonly #tracing: boolean;
  readonly #now: () => number;
  readonly trace: string[] = [];
  /** Since when no sound over an agent is judged; null: one is. */
  undisputedSince: number | null = 0;
  /** When sounds over an agent were taken for its echo. */
  readonly echoes: number[] = [];
  /** Turns whose end the relay told in one breath with their beginning, by their item. */
  readonly toldWhole = new Set<string>();

  constructor(now: () => number, tracing: boolean) {
    this.#now = now;
    this.#tracing = tracing;
  }

  /** An invariant is broken. The first one counts: what follows may be its consequence. */
  fail(invariant: Invariant, detail: string): void {
    this.violation ??= { invariant, detail, at: this.#now() };
    this.note(() => `!! ${invariant}: ${detail}`);
  }

  strike(fault: string): void {
    this.struck.set(fault, (this.struck.get(fault) ?? 0) + 1);
    this.note(() => `** ${fault}`);
  }

  count(figure: string, by = 1): void {
    this.figures.set(figure, (this.figures.get(figure) ?? 0) + by);
  }

  /** The relay counts what it decides of a sound over an agent. */
  overlap(decision: string): void {
    if (decision === "echo") this.echoes.push(this.#now());
    this.undisputedSince = decision === "duck" || decision === "hold" ? null : this.#now();
  }

  /** The largest of a figure, over all calls in the report. */
  most(figure: string, value: number): void {
    const name = `most ${figure}`;
    this.figures.set(name, Math.max(this.figures.get(name) ?? 0, value));
  }

  note(line: () => string): void {
    if (!this.#tracing) return;
    this.trace.push(`${this.#now().toFixed(1).padStart(9)}  ${line()}`);
    if (this.trace.length > TRACE_LINES) this.trace.shift();
  }
}

/** A message as a line of the trace: audio by its length only. */
export function brief(data: string | Uint8Array): string {
  if (typeof data !== "string") return `binary ${data.length}`;
  return data
    .replace(/"(delta|audio)":"[^"]{40,}"/g, (all: string, key: string) => `"${key}":"…${all.length}"`)
    .slice(0, 260);
}
