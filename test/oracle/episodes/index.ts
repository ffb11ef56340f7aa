/** What clients do, one thing at a time. */
import { ANSWERS } from "./answers.ts";
import { ITEMS } from "./items.ts";
import { SPOKEN } from "./spoken.ts";
import { TIMING } from "./timing.ts";
import { UPDATES } from "./updates.ts";
import type { Episode } from "./parts.ts";

export const EPISODES: readonly Episode[] = [...ANSWERS, ...ITEMS, ...TIMING, ...UPDATES, ...SPOKEN];
