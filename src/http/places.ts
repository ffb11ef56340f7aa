/**
 * Sessions that an API key may hold at once (`limits.concurrent`). A key without that limit costs nothing; one with it
 * costs a round trip to its ledger where a session begins.
 */
import type { Place } from "../../durable-objects/key-ledger-rpc.ts";
import { DEFAULT_LIMITS } from "../session/limits.ts";
import type { Plan } from "../session/plan.ts";
import type { ApiKey } from "./api-keys.ts";
import type { DoorContext } from "./door.ts";
import { sessionObject, type Stub } from "./object.ts";
import { Problem } from "./problem.ts";
import { limited } from "./rate.ts";

/** A lease outlives its session by this: what ends gives its place back, running out is for what cannot. */
const MARGIN_MS = 5 * 60_000;
/** For a session of which the door does not know the route (`sessionMinutes` is a day at most). */
export const LONGEST_LEASE_MS = 24 * 60 * 60_000 + MARGIN_MS;
/** Who is turned away for their floods may try again after this. */
const BARRED_S = 60;
/** Sessions that are asked whether their client is gone, where a key has no place left. */
const ASKED = 64;

/** A session that is to have a place. */
interface Candidate {
  readonly stub: Stub;
  readonly id: string;
  readonly leaseMs: number;
  /** The client secret (`jti`) that it is to begin with. */
  readonly secret?: string | null;
  /** It is gone on with, if it is there: nobody makes room for one that is not. */
  readonly former?: true;
}

export function limitOf(c: DoorContext, key: ApiKey): number | null {
  const limit = key.sessionsAtOnce ?? c.var.config.limits?.concurrent ?? null;
  return limit === Number.POSITIVE_INFINITY ? null : limit;
}

/** For how long a session of this plan may need its place. */
export function sessionLeaseMs({ limits }: Plan): number {
  return (limits?.sessionMs ?? DEFAULT_LIMITS.sessionMs) + MARGIN_MS;
}

/**
 * Begins a session, or goes on with one, in a place of its key. A place that it got for this is free again when that
 * fails, unless there is such a session all the same: then another connection was faster, and the place is that one's.
 * @param begin is told whether the session has a place to give back.
 * @throws Problem 429 when all places are taken, or as `begin`.
 */
export async function inPlace<T>(
  c: DoorContext,
  key: ApiKey,
  candidate: Candidate,
  begin: (leased: boolean) => Promise<T>,
): Promise<T> {
  const limit = limitOf(c, key);
  if (limit === null) return begin(false);
  if (candidate.former && !(await candidate.stub.alive(key.id))) return begin(false);
  const place = await takePlace(c, key, candidate, limit);
  try {
    return await begin(true);
  } catch (error) {
    // One that cannot be asked, because of an overload, did not begin.
    const alive = place === "taken" && (await candidate.stub.alive(key.id).catch(() => false));
    if (place === "taken" && !alive) await ledger(c, key).release(candidate.id);
    throw error;
  }
}

/** Of a session that was created and is not to begin any more. */
export async function giveBack(c: DoorContext, key: ApiKey, id: string): Promise<void> {
  if (limitOf(c, key) !== null) await ledger(c, key).release(id);
}

async function takePlace(
  c: DoorContext,
  key: ApiKey,
  { id, leaseMs, secret = null }: Candidate,
  limit: number,
): Promise<Place> {
  const book = ledger(c, key);
  const take = () => book.take(id, Date.now() + leaseMs, limit, secret);
  const place = await take();
  if (place === "barred")
    throw limited("A session of this client secret was closed because of its floods", BARRED_S);
  if (place !== "none") return place;
  for (const vacant of await vacantSessions(c, key)) {
    // Its client may be back by now.
    if (!(await vacant.stub.yieldPlace(key.id))) continue;
    await book.release(vacant.id);
    const freed = await take();
    if (freed !== "none") return freed;
  }
  throw new Problem(
    "too_many_sessions",
    `This API key may hold ${limit} session${limit === 1 ? "" : "s"} at once, and does: end one first.`,
  );
}

/** Sessions of the key whose client is gone and may still come back, those that have waited longest first. */
async function vacantSessions(c: DoorContext, key: ApiKey) {
  const ids = await ledger(c, key).holders(ASKED);
  const asked = await Promise.all(
    ids.map(async (id) => {
      const stub = sessionObject(c.env, id, null);
      return { id, stub, since: await stub.vacantSince(key.id) };
    }),
  );
  return asked.filter(({ since }) => since !== null).toSorted((a, b) => (a.since ?? 0) - (b.since ?? 0));
}

function ledger(c: DoorContext, key: ApiKey) {
  const namespace = c.env.KEY_LEDGER;
  if (namespace === undefined) {
    throw new Problem("misconfigured", "The limit 'concurrent' needs the binding KEY_LEDGER.");
  }
  return namespace.get(namespace.idFromName(key.id));
}
