/** How a provider gives one answer. Faults change it before it begins. */
import type { Random } from "./random.ts";

export type Break = "stall" | "close" | "reset" | "fail" | "garbage" | "hole" | "expire" | "error";

/** When a fault strikes: as the answer begins, breaks, ends or is cancelled. */
export type Moment = "begin" | "break" | "end" | "cancel";

export interface Performance {
  /** Until `response.created`; Infinity: the provider never answers. */
  thinkMs: number;
  /** From there to the first audio. */
  firstMs: number;
  totalMs: number;
  chunkMs: number;
  /** Times real time. */
  pace: number;
  /** What happens to it after so much audio. */
  breakAt: { readonly ms: number; readonly how: Break } | null;
  /** Zeros in place of a voice, or next to nothing. */
  silent: boolean;
  faint: boolean;
  /** It is asked for, and nothing at all comes of it. */
  swallowed: boolean;
  /** It ends without an item. */
  empty: boolean;
  /** What becomes of a cancellation: it is obeyed, not heeded at all, or the end comes so many milliseconds later. */
  onCancel: "ends" | "goes on" | number;
  /** From the last audio to `response.done`. */
  lingerMs: number;
  /** Audio is cut at odd bytes. */
  odd: boolean;
  /** After its end the provider goes on about it. */
  epilogue: "nothing" | "late" | "twice";
  tool: boolean;
  /** From the end of its call to its own; absent: none. */
  toolLingerMs?: number;
  /** Its call's arguments come in so many pieces; absent: in one. */
  pieces?: number;
  pieceMs?: number;
  /** Faults to count when it really began, and when it broke. */
  readonly faults: { readonly name: string; readonly when: Moment }[];
}

export function performance(random: Random, tool: boolean): Performance {
  return {
    thinkMs: random.between(20, 120),
    firstMs: random.between(60, 400),
    totalMs: Math.round(random.between(400, 2400)),
    chunkMs: random.pick([20, 40, 100, 200]),
    pace: random.pick([1.2, 2, 4, 20]),
    breakAt: null,
    silent: false,
    faint: false,
    swallowed: false,
    empty: false,
    onCancel: "ends",
    lingerMs: 0,
    odd: false,
    epilogue: "nothing",
    tool,
    faults: [],
  };
}
