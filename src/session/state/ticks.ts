/** Positions in the caller's audio are ticks of 1/48 000 s: every rate that a client may have divides that. */
export const TICKS_PER_MS = 48;
