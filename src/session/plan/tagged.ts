/** Every upstream answers, and the client hears all of them, each on a stream of its own. */
import type { Strategy } from "../state/strategy.ts";

export const TAGGED: Strategy = { name: "tagged", oneVoice: null };
