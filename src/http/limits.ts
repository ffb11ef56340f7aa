/**
 * What of its limits an API key has left for a session that is to begin: minutes of the day, answers, sessions of its client
 * secret. Each is exact, because one object per key counts it (`durable-objects/key-ledger.ts`); a key without them asks
 * nobody.
 */
import { type Drawn, talkSpent } from "../../durable-objects/key-account.ts";
import { budgetsOf, effectiveLimit } from "../../durable-objects/api-key.ts";
import type { Bounds } from "../config/resolve.ts";
import type { ApiKey } from "./api-keys.ts";
import type { DoorContext } from "./door.ts";
import { Problem } from "./problem.ts";
import type { Token } from "./tokens.ts";

/** A session is refused for a limit of its key: seen in METRICS by the key's id, as what its sessions use is. */
export function countRefusal(c: DoorContext, key: ApiKey, limit: string): void {
  const blobs = ["", "sessions_refused", limit];
  c.env.METRICS?.writeDataPoint({ indexes: [key.id], blobs, doubles: [1] });
}

/** Of one session, for the object. */
export function boundsOf(c: DoorContext, key: ApiKey): Required<Bounds> {
  const { limits } = c.var.config;
  return {
    answersPerMinute: effectiveLimit(key, limits, "sessionAnswersPerMinute"),
    sessionMinutes: effectiveLimit(key, limits, "sessionMinutes"),
  };
}

/**
 * The first share of a session; null: its key has no budgets; undefined: the ledger cannot be asked, which ends no call and so
 * hinders none.
 * @param want `nothing`: it is not to begin yet.
 * @throws Problem 429 when the minutes of the day are used up.
 */
export async function drawShare(
  c: DoorContext,
  key: ApiKey,
  sessionId: string,
  want: "share" | "nothing",
): Promise<Drawn | null | undefined> {
  const budgets = budgetsOf(key, c.var.config.limits);
  if (budgets === null) return null;
  const book = ledger(c, key, "budgets");
  const grant = await orElse(book.draw(sessionId, NOTHING, budgets, want), undefined);
  // The session draws for itself.
  if (grant === undefined) return undefined;
  if (grant.talkMs !== 0 || budgets.minutesPerDay === null) return { budgets, grant };
  countRefusal(c, key, "minutes_per_day");
  throw new Problem("rate_limit_exceeded", talkSpent(budgets, grant), {
    limit: { name: "minutes_per_day", value: budgets.minutesPerDay, moreAt: grant.talkAt },
  });
}

/** Of a session that does not begin after all. */
export async function returnShare(
  c: DoorContext,
  key: ApiKey,
  id: string,
  { budgets }: Drawn,
): Promise<void> {
  await ledger(c, key, "budgets").draw(id, NOTHING, budgets, "nothing");
}

/** Sessions that a client secret opens in all: as many as it was minted for, and as its key allows. Null: no bound. */
function secretLimit(c: DoorContext, key: ApiKey, { maxSessions }: Token): number | null {
  const limit = effectiveLimit(key, c.var.config.limits, "sessionsPerSecret");
  return limit === null || maxSessions === null ? (maxSessions ?? limit) : Math.min(limit, maxSessions);
}

/** @returns whether it is counted for this, and was not before. @throws Problem 429 when the client secret has opened its sessions. */
export async function countOpened(c: DoorContext, key: ApiKey, id: string, secret: Token): Promise<boolean> {
  const most = secretLimit(c, key, secret);
  if (most === null) return false;
  const until = secret.exp * 1000 + MARGIN_MS;
  const book = ledger(c, key, "sessions_per_secret");
  const counted = await orElse<boolean | "kept", null>(book.openBy(secret.jti, id, until, most), null);
  if (counted !== false) return counted === true;
  countRefusal(c, key, "sessions_per_secret");
  throw new Problem(
    "rate_limit_exceeded",
    `This client secret opens ${most} session${most === 1 ? "" : "s"}, and has: ask for another secret.`,
    { limit: { name: "sessions_per_secret", value: most, moreAt: null } },
  );
}

/** It does not begin after all. */
export async function uncountOpened(c: DoorContext, key: ApiKey, id: string, secret: Token): Promise<void> {
  await ledger(c, key, "sessions_per_secret").notOpened(secret.jti, id);
}

const NOTHING = { answers: 0, talkMs: 0 };

/** A ledger that is overloaded, or still of the release before. */
async function orElse<T, U>(asked: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await asked;
  } catch (error) {
    console.error("a key's ledger was not asked", error instanceof Error ? error.name : "");
    return otherwise;
  }
}

/** A door's clock may be behind. */
const MARGIN_MS = 60_000;

/** @throws Problem 500 where there is none. */
export function ledger(c: DoorContext, key: Pick<ApiKey, "id">, limit: string) {
  const namespace = c.env.KEY_LEDGER;
  if (namespace === undefined)
    throw new Problem("misconfigured", `The limit '${limit}' needs the binding KEY_LEDGER.`);
  return namespace.get(namespace.idFromName(key.id));
}
