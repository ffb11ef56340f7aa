import { CLIENTS } from "./clients.ts";
import { DOORS } from "./doors.ts";
import { KEYS } from "./keys.ts";
import { PROVIDERS } from "./providers.ts";
import type { Removal } from "./removal.ts";
import { REST } from "./rest.ts";

export const REMOVALS: readonly Removal[] = [...KEYS, ...DOORS, ...CLIENTS, ...PROVIDERS, ...REST];
