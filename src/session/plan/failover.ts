/** The first is asked, and the next one only when it cannot answer; each is connected, and knows what was said. */
import type { Strategy } from "../state/strategy.ts";

export const FAILOVER: Strategy = {
  name: "failover",
  oneVoice: (able) => ({
    first: able.slice(0, 1),
    later: able.slice(1).map((who) => ({ who, afterMs: null })),
  }),
};
