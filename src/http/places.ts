/**
 * Sessions that an API key may hold at once (`limits.concurrent`). A key without that limit costs nothing; one with it
 * costs a round trip to its ledger where a session begins.
 */
import type { Place } from "../../durable-objects/key-ledger-rpc.ts";
import { DEFAULT_LIMITS } from "../session/limits.ts";
import type { Plan } from "../session/plan.ts";
import type { ApiKey } from "./api-keys.ts";
import type { DoorContext } from "./door.ts";
import { Problem } from "./problem.ts";

/** A lease outlives its session by this: what ends gives its place back, running out is for what cannot. */
const MARGIN_MS = 5 * 60_000;

export function limitOf(c: DoorContext, key: ApiKey): number | null {
  return key.sessionsAtOnce ?? c.var.config.limits?.concurrent ?? null;
}

/** @throws Problem 429 when all places are taken. */
export async function takePlace(
  c: DoorContext,
  key: ApiKey,
  session: string,
  leaseMs: number,
): Promise<Place | null> {
  const limit = limitOf(c, key);
  if (limit === null) return null;
  const place = await ledger(c, key).take(session, Date.now() + leaseMs, limit);
  if (place !== "none") return place;
  throw new Problem(
    "too_many_sessions",
    `This API key may hold ${limit} session${limit === 1 ? "" : "s"} at once, and does: end one first.`,
  );
}

/** Begins a session of `plan` in a place of its key, free again when that fails. @throws Problem 429, or as `begin`. */
export async function inPlace<T>(
  c: DoorContext,
  key: ApiKey,
  plan: Plan,
  session: string,
  begin: () => Promise<T>,
): Promise<T> {
  const longestMs = plan.limits?.sessionMs ?? DEFAULT_LIMITS.sessionMs;
  const place = await takePlace(c, key, session, longestMs + MARGIN_MS);
  try {
    return await begin();
  } catch (error) {
    // A place that it had before belongs to a session that is there.
    if (place === "taken") await ledger(c, key).release(session);
    throw error;
  }
}

function ledger(c: DoorContext, key: ApiKey) {
  const namespace = c.env.KEY_LEDGER;
  if (namespace === undefined) {
    throw new Problem("misconfigured", "The limit 'concurrent' needs the binding KEY_LEDGER.");
  }
  return namespace.get(namespace.idFromName(key.id));
}
