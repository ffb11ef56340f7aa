/** Levels in decibels as bytes. */

/** Quieter frames and bands count as this, so that digital zero has a finite level. */
export const SILENT_DB = -75;
export const SILENT_BAND_DB = -90;
/** Levels are kept in steps of this above the lowest; 0 is nothing at all. Half a step is a fifth of a decibel. */
const STEP_DB = 0.375;
const LOWEST_DB = -94.5;
/** The highest step; so much of a frame is known where all of it is. */
export const WHOLE = 255;

export function stepOf(db: number): number {
  return db <= LOWEST_DB ? 0 : Math.max(0, Math.min(WHOLE, Math.round((db - LOWEST_DB) / STEP_DB)));
}

export function levelOf(step: number): number {
  return step === 0 ? -Infinity : LOWEST_DB + step * STEP_DB;
}

/** By step: the level of a band. */
export const BAND_LEVELS = Float64Array.from({ length: WHOLE + 1 }, (_, step) =>
  Math.max(SILENT_BAND_DB, levelOf(step)),
);
