/**
 * Sessions that an API key may hold at once (`limits.concurrent`), and what else of its limits a session takes when it
 * begins. A key without limits costs nothing; one with them costs a round trip to its ledger where a session begins.
 */
import type { Drawn } from "../../durable-objects/key-account.ts";
import type { Place } from "../../durable-objects/key-ledger-rpc.ts";
import { effectiveLimit } from "../../durable-objects/api-key.ts";
import { DEFAULT_LIMITS } from "../session/limits.ts";
import type { Plan } from "../session/state/plan.ts";
import type { ApiKey } from "./api-keys.ts";
import type { DoorContext } from "./door.ts";
import { countOpened, countRefusal, drawShare, ledger, returnShare, uncountOpened } from "./limits.ts";
import { sessionObject, type Stub } from "./object.ts";
import { Problem } from "./problem.ts";
import { limited } from "./rate.ts";
import type { Token } from "./tokens.ts";

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
  /** It is gone on with, if it is there: nobody makes room for one that is not. */
  readonly former?: true;
  /** It is created, and begins with its client. */
  readonly later?: boolean;
  /** The client secret that opens it. */
  readonly secret?: Token | null;
}

/** What was taken of the key for a session. */
interface Taken {
  readonly place: Place | null;
  /** Null: the key has no budgets. Undefined: nothing was drawn. */
  readonly drawn: Drawn | null | undefined;
  /** It is one of those that its client secret opens. */
  readonly counted: boolean;
}

export function limitOf(c: DoorContext, key: ApiKey): number | null {
  return effectiveLimit(key, c.var.config.limits, "concurrent");
}

/** For how long a session of this plan may need its place. */
export function sessionLeaseMs({ limits }: Plan): number {
  return (limits?.sessionMs ?? DEFAULT_LIMITS.sessionMs) + MARGIN_MS;
}

/**
 * Begins a session, or goes on with one, in a place of its key. A place that it got for this is free again when that
 * fails, unless there is such a session all the same: then another connection was faster, and the place is that one's.
 * @param begin is told whether the session has a place to give back, and its first share of the key's budgets.
 * @throws Problem 429 when a limit is reached, or as `begin`.
 */
export async function inPlace<T>(
  c: DoorContext,
  key: ApiKey,
  candidate: Candidate,
  begin: (leased: boolean, drawn: Drawn | null | undefined) => Promise<T>,
): Promise<T> {
  const { former, stub } = candidate;
  const limit = limitOf(c, key);
  if (former && (limit === null || !(await stub.alive(key.id)))) return begin(false, undefined);
  const taken = await take(c, key, candidate, limit);
  try {
    return await begin(taken.place !== null, taken.drawn);
  } catch (error) {
    // One that cannot be asked, because of an overload, did not begin.
    const taker = taken.place === "taken" || (taken.place === null && Boolean(taken.drawn || taken.counted));
    const alive = taker && (await stub.alive(key.id).catch(() => false));
    if (taker && !alive) await putBack(c, key, candidate, taken);
    throw error;
  }
}

/** All at once: each is a round trip to the same object. @throws Problem 429, and nothing is taken. */
async function take(c: DoorContext, key: ApiKey, candidate: Candidate, limit: number | null): Promise<Taken> {
  const { id, former, later, secret } = candidate;
  const drawing = former ? undefined : drawShare(c, key, id, later ? "nothing" : "share");
  const counting = secret && !former ? countOpened(c, key, id, secret) : false;
  const others = Promise.all([drawing, counting]);
  const [place, drawn, counted] = await Promise.allSettled([
    limit === null ? null : takePlace(c, key, candidate, { limit, others }),
    drawing,
    counting,
    others,
  ]);
  const failed = [place, drawn, counted].find(({ status }) => status === "rejected");
  const taken = {
    place: place.status === "fulfilled" ? place.value : null,
    drawn: drawn.status === "fulfilled" ? drawn.value : undefined,
    counted: counted.status === "fulfilled" && counted.value,
  };
  if (failed?.status !== "rejected") return taken;
  if (place.status === "rejected" || taken.place !== "kept") await putBack(c, key, candidate, taken);
  throw failed.reason;
}

async function putBack(c: DoorContext, key: ApiKey, { id, secret }: Candidate, taken: Taken): Promise<void> {
  await Promise.all([
    taken.place === "taken" && ledger(c, key, "concurrent").release(id),
    taken.drawn && returnShare(c, key, id, taken.drawn),
    taken.counted && secret && uncountOpened(c, key, id, secret),
  ]);
}

/** Of a session that was created and is not to begin any more. */
export async function giveBack(c: DoorContext, key: ApiKey, id: string): Promise<void> {
  if (limitOf(c, key) !== null) await ledger(c, key, "concurrent").release(id);
}

async function takePlace(
  c: DoorContext,
  key: ApiKey,
  { id, leaseMs, secret }: Candidate,
  { limit, others }: { readonly limit: number; readonly others: Promise<unknown> },
): Promise<Place> {
  const book = ledger(c, key, "concurrent");
  const take = () => book.take(id, Date.now() + leaseMs, limit, secret?.jti ?? null);
  const place = await take();
  if (place === "barred")
    throw limited("A session of this client secret was closed because of its floods", BARRED_S);
  if (place !== "none") return place;
  // Nobody makes room for one that is refused all the same.
  await others;
  for (const vacant of await vacantSessions(c, key)) {
    // Its client may be back by now.
    if (!(await vacant.stub.yieldPlace(key.id))) continue;
    await book.release(vacant.id);
    const freed = await take();
    if (freed !== "none") return freed;
  }
  countRefusal(c, key, "concurrent");
  throw new Problem(
    "too_many_sessions",
    `This API key may hold ${limit} session${limit === 1 ? "" : "s"} at once, and does: end one first.`,
    { limit: { name: "concurrent", value: limit, moreAt: null } },
  );
}

/** Sessions of the key whose client is gone and may still come back, those that have waited longest first. */
async function vacantSessions(c: DoorContext, key: ApiKey) {
  const ids = await ledger(c, key, "concurrent").holders(ASKED);
  const asked = await Promise.all(
    ids.map(async (id) => {
      const stub = sessionObject(c.env, id, null);
      return { id, stub, since: await stub.vacantSince(key.id) };
    }),
  );
  return asked.filter(({ since }) => since !== null).toSorted((a, b) => (a.since ?? 0) - (b.since ?? 0));
}
