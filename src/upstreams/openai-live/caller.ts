/**
 * What the model heard the caller say. Words come one by one with their place in the session's time, and no turn of the caller's
 * has an end there: it is over after a pause.
 */
import { Heard, type HeardState } from "../common/heard.ts";
import type { UpstreamEvent } from "../upstream.ts";

/** Without words for so long, the caller has finished; while the model speaks, sooner. */
const PAUSE_MS = 2500;
const ANSWERED_MS = 600;
/** What is kept of the last words, for who is asked to act on them. */
const MAX_SAID_CHARS = 4096;

export type CallerState = {
  readonly turns: number;
  readonly lastMs: number;
  readonly said: string;
  readonly heard: HeardState;
};

export class Caller {
  readonly #heard = new Heard();
  #turns = 0;
  /** Where the last word ended. */
  #lastMs = 0;
  #said = "";

  /** The words of the present turn, or of the last one. */
  get said(): string {
    return this.#said.trim();
  }

  get held(): number {
    return this.#heard.open ? this.#heard.length : 0;
  }

  words(delta: string, startMs: number, endMs: number, out: UpstreamEvent[]): void {
    if (this.#heard.open && startMs - this.#lastMs >= PAUSE_MS) this.end(out);
    if (!this.#heard.open) {
      if (delta.trim() === "") return;
      const item = `heard_${(this.#turns += 1)}`;
      this.#said = "";
      out.push({ type: "committed", item }, ...this.#heard.committed(item));
    }
    this.#lastMs = endMs;
    this.#said = `${this.#said}${delta}`.slice(-MAX_SAID_CHARS);
    out.push(...this.#heard.words(delta));
  }

  /** The session is at this position. */
  passed(positionMs: number, answered: boolean, out: UpstreamEvent[]): void {
    if (positionMs - this.#lastMs >= (answered ? ANSWERED_MS : PAUSE_MS)) this.end(out);
  }

  end(out: UpstreamEvent[]): void {
    out.push(...this.#heard.end());
  }

  snapshot(): CallerState {
    return { turns: this.#turns, lastMs: this.#lastMs, said: this.#said, heard: this.#heard.snapshot() };
  }

  restore(state: CallerState): void {
    this.#turns = state.turns;
    this.#lastMs = state.lastMs;
    this.#said = state.said;
    this.#heard.restore(state.heard);
  }
}
