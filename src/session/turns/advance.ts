/** The caller pauses inside a turn: the answer is asked for in advance, and taken back when they go on. */
import { CANDIDATE_MS } from "../state/waits.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { InputFlow } from "./input-flow.ts";
import type { TurnParts } from "./turn-parts.ts";
import { PAUSE_MS, type TurnMarks } from "./turn-marks.ts";
import type { UserItem } from "./user-item.ts";

/** What of the present turn it acts on. */
interface OfTurn {
  readonly parts: TurnParts;
  readonly flow: InputFlow;
  readonly at: TurnMarks;
  readonly item: UserItem;
}

export class Advance {
  readonly #turn: OfTurn;
  readonly #parts: TurnParts;
  /** For so long the caller pauses by now. */
  silenceMs = 0;

  constructor(turn: OfTurn) {
    this.#turn = turn;
    this.#parts = turn.parts;
  }

  /** One more hop of the detector. `speaking`: inside a turn. */
  hop(speaking: boolean): void {
    const beforeMs = this.silenceMs;
    this.silenceMs = this.#parts.input.endpointer.silenceMs;
    if (this.silenceMs === 0 && beforeMs >= PAUSE_MS) this.#goesOn(beforeMs);
    if (speaking) this.#silence(this.silenceMs, beforeMs);
  }

  #goesOn(pausedMs: number): void {
    const { settledTicks, endpointer } = this.#parts.input;
    const paddingMs = Math.min(pausedMs, endpointer.options.prefixPaddingMs);
    this.#turn.at.resumed(settledTicks - paddingMs * TICKS_PER_MS);
  }

  #silence(silenceMs: number, beforeMs: number): void {
    const { context, eager, endpointing, input } = this.#parts;
    const { flow, at, item } = this.#turn;
    if (silenceMs === 0 && beforeMs > 0) {
      endpointing.paused(beforeMs);
      this.takeBack();
    }
    if (silenceMs >= CANDIDATE_MS && beforeMs < CANDIDATE_MS) endpointing.candidate();
    const eagerMs = eager.waitMs;
    if (eagerMs === null || silenceMs < eagerMs || eager.active) return;
    if (input.settledTicks - at.startTicks < context.limits.commitLeastMs * TICKS_PER_MS) return;
    flow.forward(input.settledTicks);
    eager.begin(item.id);
  }

  /** What was committed in advance is not the turn: the upstreams hear it from its beginning again. */
  takeBack(): void {
    const { eager } = this.#parts;
    if (!eager.active) return;
    eager.discard();
    this.#turn.flow.again(this.#turn.at.startTicks);
  }
}
