/** The first is asked, and the next one when nobody has been heard for `hedgeMs`. */
import type { Strategy } from "../state/strategy.ts";

export function hedge(hedgeMs: number): Strategy {
  return {
    name: "hedge",
    oneVoice: (able) => ({
      first: able.slice(0, 1),
      later: able.slice(1).map((who, at) => ({ who, afterMs: (at + 1) * hedgeMs })),
    }),
  };
}
