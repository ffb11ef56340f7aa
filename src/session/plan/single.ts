/** One upstream, with its fallbacks and its standby. */
import type { Strategy } from "./strategy.ts";

export const SINGLE: Strategy = { name: "single", oneVoice: null };
