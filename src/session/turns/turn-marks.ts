import type { TurnPhase } from "../transitions.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { Pending } from "./rehearing.ts";

/** Positions in the caller's audio, in ticks of 1/48 000 s, by which turns are made. */
export interface Marks {
  /** Where the present turn begins: at its prefix, and where there is none where the buffer does. */
  readonly startTicks: number;
  /** Where the present buffer begins: after the last commit or clear. */
  readonly bufferTicks: number;
  /** Where the last answer ended: a silence that is waited out does not begin before. */
  readonly quietTicks: number;
  /** Where speech began that is only witnessed; null: nobody speaks. */
  readonly witnessTicks: number | null;
  /** Where the first speech began that nobody has made a turn of; null: there was none. */
  readonly unmadeTicks: number | null;
  /** Where the last speech began, and the first of those of which the last turn was made. */
  readonly saidTicks?: number;
  readonly madeTicks?: number;
  /** Where the clock ended a turn in mid-speech: what goes on there is its rest. */
  readonly cutTicks?: number;
  /** Where speech began that was given to a provider which came later and has not told of it; null: there is none. */
  readonly givenTicks?: number | null;
  /** How far the caller was heard when a provider last said that somebody begins to speak; absent: it never did. */
  readonly toldTicks?: number;
  /** Where the caller last went on after a pause; absent: nowhere. */
  readonly resumedTicks?: number;
}

/** So much later than it was cut off a sound may be heard to go on. */
const GOES_ON_MS = 200;
/** After less silence the caller had not stopped. */
const CUT_MS = 100;
/** After less silence no provider takes a turn for over. */
export const PAUSE_MS = 200;

export class TurnMarks implements Marks {
  startTicks = 0;
  bufferTicks = 0;
  quietTicks = 0;
  witnessTicks: number | null = null;
  unmadeTicks: number | null = null;
  saidTicks = -1;
  madeTicks = -1;
  cutTicks = -1;
  /** Where the last speech began that was given to a provider which came later; null: it heard all as it came. */
  #givenTicks: number | null = null;
  #toldTicks = Infinity;
  #resumedTicks = -1;

  /** A turn begins, in a buffer that may have begun before. */
  begin(startTicks: number, bufferTicks: number): void {
    this.startTicks = startTicks;
    this.bufferTicks = bufferTicks;
  }

  /** What is said now of which nobody has made a turn: it is heard, or was sent up to here. */
  unmade(sentTicks: number): "heard" | "sent" | null {
    if (this.witnessTicks !== null) return "heard";
    return sentTicks > this.startTicks ? "sent" : null;
  }

  /** The caller goes on after a pause that a provider may take for an end. */
  resumed(ticks: number): void {
    this.#resumedTicks = ticks;
  }

  /**
   * Where a turn ends that its provider tells of now: here, but for other speech that has begun since, or gone on after a pause. The
   * news is on its way for a while, and of somebody who does not pause they are those of what was said before.
   * @param silenceMs for so long the caller pauses; a speech begins with so much of what was before its voice.
   */
  endOfTold(nowTicks: number, silenceMs: number, prefixPaddingMs: number): number {
    const { unmadeTicks, witnessTicks } = this;
    if (unmadeTicks === null || witnessTicks === null) return nowTicks;
    const onset = Math.max(witnessTicks, this.#resumedTicks);
    const untold = this.#toldTicks < onset + prefixPaddingMs * TICKS_PER_MS;
    return unmadeTicks < onset && untold && silenceMs < PAUSE_MS ? onset : nowTicks;
  }

  /** A turn was made of all up to a position. */
  made(ticks: number): void {
    this.madeTicks = this.unmadeTicks ?? this.saidTicks;
    const { witnessTicks } = this;
    const onset = Math.max(witnessTicks ?? -1, this.#resumedTicks);
    this.unmadeTicks = witnessTicks !== null && ticks <= onset ? onset : null;
    this.begin(ticks, ticks);
  }

  /** Speech begins at a position, or goes on there from another, and nobody has made a turn of it yet. @returns the position. */
  said(ticks: number, fromTicks: number): number {
    this.unmadeTicks ??= fromTicks;
    this.saidTicks = ticks;
    return ticks;
  }

  /** The oldest position from which a turn may still be made, or somebody is to hear what nobody made a turn of. */
  get oldestTicks(): number {
    const { startTicks, bufferTicks, witnessTicks, saidTicks, madeTicks } = this;
    const unmadeTicks = this.unmadeTicks ?? (saidTicks > madeTicks ? saidTicks : startTicks);
    return Math.min(startTicks, bufferTicks, witnessTicks ?? startTicks, unmadeTicks);
  }

  /** Speech ended at a position, and nobody was there who would make a turn of what of it went on after the last one. */
  unheard(endTicks: number): void {
    if (endTicks > this.startTicks) this.unmadeTicks ??= this.startTicks;
  }

  /** The clock ends what is heard, after so much silence in a turn; null: there is none. */
  cut(ticks: number, silenceMs: number | null): void {
    this.cutTicks = silenceMs !== null && silenceMs < CUT_MS ? ticks : -1;
  }

  /** Where the speech began that goes on now; the present: nobody speaks. */
  onset(speaking: boolean, nowTicks: number): number {
    return (speaking ? this.startTicks : this.witnessTicks) ?? nowTicks;
  }

  /** What no turn was made of yet. `beginTicks`: where one would begin now; null: nobody detects speech, and all of it may be. */
  pending(phase: TurnPhase, nowTicks: number, beginTicks: number | null): Pending {
    const { startTicks, witnessTicks } = this;
    // Of speech that goes on, and of which a turn was made already, the rest.
    const unmadeTicks = this.unmadeTicks ?? (witnessTicks === null ? null : startTicks);
    return {
      listening: phase === "listening",
      startTicks,
      onsetTicks: this.onset(phase === "speaking", nowTicks),
      saidTicks: unmadeTicks ?? (beginTicks === null ? startTicks : nowTicks),
      earTicks: unmadeTicks ?? beginTicks ?? startTicks,
    };
  }

  /** Speech that begins with this prefix is the rest of what the clock cut off. */
  goesOn(prefixTicks: number, { prefixPaddingMs }: { readonly prefixPaddingMs: number }): boolean {
    const apart = prefixTicks + (prefixPaddingMs - GOES_ON_MS) * TICKS_PER_MS - this.cutTicks;
    return this.cutTicks >= 0 && apart <= 0;
  }

  /** A provider that is there from now on hears what was said before. */
  given(): void {
    this.#givenTicks = this.unmadeTicks === null ? null : this.saidTicks;
  }

  /**
   * A provider hears speech begin or end: where another one began before its last turn was told, it is that one, and
   * where the same one goes on here, it is the rest of it.
   * @returns where: the present, or the beginning of what was said before the provider was there.
   */
  heard(state: "started" | "stopped", nowTicks: number): number {
    if (state === "stopped") return nowTicks;
    this.#toldTicks = nowTicks;
    if (this.saidTicks > this.madeTicks) this.unmadeTicks ??= this.saidTicks;
    else if (this.witnessTicks !== null) this.unmadeTicks ??= this.startTicks;
    const late = this.#givenTicks === this.saidTicks;
    this.#givenTicks = null;
    return late ? (this.unmadeTicks ?? nowTicks) : nowTicks;
  }

  snapshot(): Marks {
    const { startTicks, bufferTicks, quietTicks, witnessTicks, unmadeTicks } = this;
    const { saidTicks, madeTicks, cutTicks } = this;
    const positions = { startTicks, bufferTicks, quietTicks, witnessTicks, unmadeTicks };
    const told = this.#toldTicks === Infinity ? {} : { toldTicks: this.#toldTicks };
    const resumed = this.#resumedTicks < 0 ? {} : { resumedTicks: this.#resumedTicks };
    return {
      ...positions,
      saidTicks,
      madeTicks,
      cutTicks,
      givenTicks: this.#givenTicks,
      ...told,
      ...resumed,
    };
  }

  restore(kept: Marks): void {
    const { startTicks, bufferTicks, quietTicks, witnessTicks, unmadeTicks } = kept;
    Object.assign(this, { startTicks, bufferTicks, quietTicks, witnessTicks, unmadeTicks });
    this.saidTicks = kept.saidTicks ?? -1;
    this.madeTicks = kept.madeTicks ?? -1;
    this.cutTicks = kept.cutTicks ?? -1;
    this.#givenTicks = kept.givenTicks ?? null;
    this.#toldTicks = kept.toldTicks ?? Infinity;
    this.#resumedTicks = kept.resumedTicks ?? -1;
  }
}
