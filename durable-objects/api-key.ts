/** An API key, and what it is held to. */

export interface ApiKey {
  /** Named in tokens, metrics and the names of sessions. */
  readonly id: string;
  /** First characters of its SHA-256: what it has signed is worth nothing when it was replaced under its id. */
  readonly fingerprint: string;
  readonly limits: KeyLimits;
  /** It may see metrics, and see and end the sessions of all keys. */
  readonly operator: boolean;
  /** Development's: it opens no route for which the relay spends a secret. */
  readonly spendsNothing: boolean;
}

/** Null: the limit of relay.config.ts. Infinity: none. */
export interface KeyLimits {
  readonly sessionsPerMinute: number | null;
  /** Sessions at once. */
  readonly concurrent: number | null;
  /** Answers that all its sessions together ask for, and minutes that they are connected to a provider, in a day of UTC. */
  readonly answersPerMinute: number | null;
  readonly minutesPerDay: number | null;
  /** Of one session: answers, and how long it lasts. */
  readonly sessionAnswersPerMinute: number | null;
  readonly sessionMinutes: number | null;
  /** Sessions that one client secret opens, in all. */
  readonly sessionsPerSecret: number | null;
}

/** What is counted in the ledger; null: it is not. */
export interface Budgets {
  readonly answersPerMinute: number | null;
  readonly minutesPerDay: number | null;
}

/** A key's own limit, else that of relay.config.ts. Null: none. */
export function effectiveLimit(
  key: Pick<ApiKey, "limits">,
  defaults: DefaultLimits,
  name: keyof KeyLimits,
): number | null {
  const limit = key.limits[name] ?? defaults?.[name] ?? null;
  return limit === Number.POSITIVE_INFINITY ? null : limit;
}

/** `limits` of relay.config.ts. */
export type DefaultLimits = { readonly [name in keyof KeyLimits]?: number | undefined } | undefined;

/** No limits of its own: those of relay.config.ts hold. */
export const AS_CONFIGURED: KeyLimits = {
  sessionsPerMinute: null,
  concurrent: null,
  answersPerMinute: null,
  minutesPerDay: null,
  sessionAnswersPerMinute: null,
  sessionMinutes: null,
  sessionsPerSecret: null,
};
/** Stands before the name of an account that is no key, so that no key can have its id. */
const OWN = "@";

/** Of a door whose callers have no key: its sessions are counted like a key's, with the limits of relay.config.ts. */
export function doorAccount(door: string, spendsNothing: boolean): ApiKey {
  return { id: OWN + door, fingerprint: "", limits: AS_CONFIGURED, operator: false, spendsNothing };
}

/** What sessions of this account are held to; null: they are of a key. */
export function doorLimits(id: string): Pick<ApiKey, "limits"> | null {
  return id.startsWith(OWN) ? { limits: AS_CONFIGURED } : null;
}

/** Null: nothing of this key is counted in the ledger. */
export function budgetsOf(key: Pick<ApiKey, "limits">, defaults: DefaultLimits): Budgets | null {
  const answersPerMinute = effectiveLimit(key, defaults, "answersPerMinute");
  const minutesPerDay = effectiveLimit(key, defaults, "minutesPerDay");
  return answersPerMinute === null && minutesPerDay === null ? null : { answersPerMinute, minutesPerDay };
}

/** It has none, whatever relay.config.ts says. */
export const NO_LIMITS: KeyLimits = {
  sessionsPerMinute: Infinity,
  concurrent: Infinity,
  answersPerMinute: Infinity,
  minutesPerDay: Infinity,
  sessionAnswersPerMinute: Infinity,
  sessionMinutes: Infinity,
  sessionsPerSecret: Infinity,
};
