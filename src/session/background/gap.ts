/**
 * When what came of a task may be told. At the next gap: nobody speaks, is heard, or is to answer, and the caller had a moment to
 * begin. What is urgent waits neither for the end of what plays nor for that moment; over the caller nothing is told.
 */
import type { BackgroundParts } from "./ports.ts";

/** The caller has the first word after an answer. */
const PAUSE_MS = 500;
const DEADLINE = "gap";

type GapParts = Pick<BackgroundParts, "context" | "listener" | "port" | "unasked">;

export class Gap {
  readonly #parts: GapParts;
  /** Since when nobody has spoken, as far as somebody waited for that. */
  #since: number | null = null;

  constructor(parts: GapParts) {
    this.#parts = parts;
  }

  /** Something urgent may be told. */
  get urgent(): boolean {
    return this.#parts.port.live && this.#parts.unasked;
  }

  /** There is a gap; where there is none yet, it is looked for again when there may be. Ask only where somebody waits for it. */
  get open(): boolean {
    const { context, listener } = this.#parts;
    const until = listener.playingUntil();
    const quiet = this.urgent && until <= context.now;
    if (!quiet) this.#since = null;
    else this.#since ??= context.now;
    const at = this.#since === null ? until : this.#since + PAUSE_MS;
    if (this.#since !== null && at <= context.now) return true;
    if (at > context.now) context.deadlines.set(DEADLINE, at);
    else context.deadlines.clear(DEADLINE);
    return false;
  }

  /** Nobody waits for it. */
  forget(): void {
    this.#since = null;
    this.#parts.context.deadlines.clear(DEADLINE);
  }

  snapshot(): number | null {
    return this.#since;
  }

  restore(since: number | null): void {
    this.#since = since;
  }
}
