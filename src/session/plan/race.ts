/** All are asked, and the first that can be heard gives the answer. */
import type { Strategy } from "../state/strategy.ts";

export const RACE: Strategy = { name: "race", oneVoice: (able) => ({ first: able, later: [] }) };
