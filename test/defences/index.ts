import { CLIENTS } from "./clients.ts";
import { DATA } from "./data.ts";
import { DOORS } from "./doors.ts";
import { KEY_LIMITS } from "./key-limits.ts";
import { KEYS } from "./keys.ts";
import { PROVIDERS } from "./providers.ts";
import type { Removal } from "./removal.ts";
import { REST } from "./rest.ts";
import { SIZES } from "./sizes.ts";
import { TOOLS } from "./tools.ts";

/** In the order of the tables of docs/security.md. */
export const REMOVALS: readonly Removal[] = [
  ...KEYS,
  ...KEY_LIMITS,
  ...DOORS,
  ...CLIENTS,
  ...SIZES,
  ...PROVIDERS,
  ...TOOLS,
  ...DATA,
  ...REST,
];
