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
}

export class TurnMarks implements Marks {
  startTicks = 0;
  bufferTicks = 0;
  quietTicks = 0;
  witnessTicks: number | null = null;
  unmadeTicks: number | null = null;

  /** A turn begins, in a buffer that may have begun before. */
  begin(startTicks: number, bufferTicks: number): void {
    this.startTicks = startTicks;
    this.bufferTicks = bufferTicks;
  }

  /** A turn was made of all up to a position. */
  made(ticks: number): void {
    this.unmadeTicks = null;
    this.begin(ticks, ticks);
  }

  /** Speech begins at a position, and nobody has made a turn of it yet. @returns the position. */
  said(ticks: number): number {
    this.unmadeTicks ??= ticks;
    return ticks;
  }

  /** The oldest position from which a turn may still be made, or somebody is to hear what nobody made a turn of. */
  get oldestTicks(): number {
    const { startTicks, bufferTicks, witnessTicks, unmadeTicks } = this;
    return Math.min(startTicks, bufferTicks, witnessTicks ?? startTicks, unmadeTicks ?? startTicks);
  }

  snapshot(): Marks {
    const { startTicks, bufferTicks, quietTicks, witnessTicks, unmadeTicks } = this;
    return { startTicks, bufferTicks, quietTicks, witnessTicks, unmadeTicks };
  }

  restore({ startTicks, bufferTicks, quietTicks, witnessTicks, unmadeTicks }: Marks): void {
    Object.assign(this, { startTicks, bufferTicks, quietTicks, witnessTicks, unmadeTicks });
  }
}
