/** One upstream, with its fallbacks and its standby. */
import type { Strategy } from "../state/strategy.ts";

export const SINGLE: Strategy = { name: "single", oneVoice: null };

/** One of several that are one voice: the others take no part for now. */
export const ALONE: Strategy = {
  name: "single",
  oneVoice: (able) => ({ first: able.slice(0, 1), later: [] }),
};
