/** A word that was dismissed may prove to be an answer to what the agent was saying, when the agent has said it. */
import type { Context } from "../context.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { Surroundings } from "./surroundings.ts";
import { KeptWord, type Word } from "./kept-word.ts";
import type { Overlap } from "./overlap.ts";

/** The deadline at which it is looked whether the agent has ended. */
const DUE = "floor:kept";
/** How often that is. */
const LOOK_MS = 50;

export class LateAnswer {
  readonly #context: Context;
  readonly #around: Surroundings;
  readonly #kept = new KeptWord();

  constructor(context: Context, around: Surroundings) {
    this.#context = context;
    this.#around = around;
  }

  #wordOf({ prefixTicks, voicedMs, listening }: Overlap): Word {
    const toTicks = Math.round(this.#around.heardMs * TICKS_PER_MS);
    return { fromTicks: prefixTicks, toTicks, voicedMs, listening, at: this.#around.saidAt };
  }

  /** A sound was dismissed. */
  keep(overlap: Overlap): void {
    this.#kept.keep(this.#wordOf(overlap));
    if (this.#kept.pending(this.#context.now)) this.#lookLater();
  }

  /** The client's audio stopped in it. */
  cutOff(overlap: Overlap): void {
    this.#kept.cutOff(this.#wordOf(overlap));
  }

  /** Nobody speaks: what was cut off before this does not go on. */
  silent(): void {
    this.#kept.silentAt(this.#around.heardMs * TICKS_PER_MS);
  }

  #lookLater(): void {
    const { now } = this.#context;
    this.#context.deadlines.set(DUE, Math.max(now, this.#around.playingUntil) + LOOK_MS);
  }

  /** The deadline came: the agent may have ended since. @param judging a sound is being judged. */
  due(judging: boolean): void {
    const { now } = this.#context;
    if (!this.#kept.pending(now)) this.#kept.forget();
    else if (this.#around.audible || judging || !this.#around.connected) this.#lookLater();
    else {
      const word = this.#kept.due(Math.min(now, this.#around.playingUntil));
      if (!word) return;
      this.#context.metric("overlap_answer", 1);
      this.#around.adopt(word.fromTicks, word.toTicks);
    }
  }

  /** Where a turn would begin that is heard to begin at a position: at a word just before it that was dismissed. */
  wouldBegin(prefixTicks: number): number {
    return Math.min(prefixTicks, this.#kept.before(this.#around.saidAt) ?? prefixTicks);
  }

  /** It begins, there. */
  earliest(prefixTicks: number): number {
    const from = this.wouldBegin(prefixTicks);
    this.#kept.forget();
    this.#context.deadlines.clear(DUE);
    return from;
  }

  snapshot(): Word | null {
    return this.#kept.snapshot();
  }

  restore(word: Word | null): void {
    this.#kept.restore(word);
  }
}
