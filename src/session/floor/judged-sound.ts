/** The sound over an agent that is judged, and what comes of it: the caller's turn, nothing, or an agent that goes on over it. */
import type { Context } from "../context.ts";
import type { Hold } from "./hold.ts";
import type { GivingWay } from "./giving-way.ts";
import type { LateAnswer } from "./late-answer.ts";
import { levelAnew, type Overlap, type OverlapDecision } from "./overlap.ts";
import type { Patience } from "./patience.ts";
import type { Pieces } from "./pieces.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Verdict } from "./verdict.ts";

/** Nothing was heard from the client for so long, beyond what its messages are long: the sound is over. */
const UNHEARD_MS = 1500;

interface JudgedParts {
  readonly context: Context;
  readonly around: Surroundings;
  readonly hold: Hold;
  readonly way: GivingWay;
  readonly late: LateAnswer;
  readonly patience: Patience;
  readonly pieces: Pieces;
  readonly verdict: Verdict;
}

export class JudgedSound {
  readonly #parts: JudgedParts;
  /** What is known of it; null: nothing is judged. */
  overlap: Overlap | null = null;

  constructor(parts: JudgedParts) {
    this.#parts = parts;
  }

  begin(overlap: Overlap): void {
    this.overlap = overlap;
    this.expectMore();
  }

  /** It is over when nothing more comes. */
  expectMore(): void {
    const { context, around } = this.#parts;
    context.deadlines.set("floor:unheard", context.now + UNHEARD_MS + around.messageMs);
  }

  /** Nothing is judged any more. */
  #settle(): void {
    this.overlap = null;
    this.#parts.context.deadlines.clear("floor:unheard");
  }

  /** It goes on, but it is not the caller: the agent goes on as well. */
  ignore(overlap: Overlap, decision: "echo" | "background"): void {
    const { patience, way } = this.#parts;
    overlap.passed = decision;
    if (decision === "background") patience.wasBackground(overlap);
    overlap.voicedMs = 0;
    levelAnew(overlap);
    way.tell(decision);
    this.#goOn();
  }

  /** It is an interruption. */
  confirm(overlap: Overlap): void {
    const { around, hold, late, patience, pieces, verdict, way } = this.#parts;
    this.#settle();
    patience.dismissals = 0;
    verdict.forget();
    const prefixTicks = late.earliest(overlap.prefixTicks);
    pieces.forget();
    // The agent is cut while it is still held: not one sample more passes.
    around.begin(prefixTicks, () => hold.held && way.tell("interrupt"));
    this.#goOn();
  }

  /** It was nothing, or may be a word to be thought of later. */
  dismiss(overlap: Overlap, decision: OverlapDecision): void {
    const { around, late, patience, way } = this.#parts;
    this.#settle();
    patience.dismissals += 1;
    late.keep(overlap);
    around.forget();
    way.tell(decision, overlap.silentMs);
    this.#goOn();
  }

  /** It held nobody, and is over. */
  drop(): void {
    if (this.overlap) {
      this.#settle();
      this.#parts.around.forget();
    }
    this.#goOn();
  }

  /** Agents may not be interrupted any more: it is a turn and interrupts nobody. */
  concede(overlap: Overlap): void {
    const { around, hold, way } = this.#parts;
    this.#settle();
    // A client that was told to hold plays on.
    if (hold.held) way.tell("backchannel");
    hold.end();
    around.start(overlap.prefixTicks);
    around.release();
  }

  #goOn(): void {
    this.#parts.hold.end();
    this.#parts.around.release();
  }

  snapshot(): Overlap | null {
    return this.overlap ? { ...this.overlap } : null;
  }

  restore(overlap: Overlap | null): void {
    this.overlap = overlap;
  }
}
