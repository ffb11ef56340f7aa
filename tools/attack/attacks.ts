/** All attacks, in the order in which they are run. Each stands for a finding of a security review or a row of docs/security.md. */
import type { Attack } from "./attack.ts";
import { DOORS } from "./doors.ts";
import { FLOODS } from "./floods.ts";
import { GATES } from "./gates.ts";
import { HOSTILE } from "./hostile.ts";
import { SIZES } from "./sizes.ts";
import { UNREAD } from "./unread.ts";

export const ATTACKS: readonly Attack[] = [...FLOODS, ...SIZES, ...UNREAD, ...GATES, ...DOORS, ...HOSTILE];
