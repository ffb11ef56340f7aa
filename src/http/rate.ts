/**
 * Sessions per minute and API key. A token bucket in this isolate always counts; isolates do not know of each other,
 * so with N of them a key may get N times its limit. The binding RATE_LIMIT (Workers rate limiting, one counter per
 * location) comes on top, for keys that bring no limit of their own: its own is written in wrangler.toml.
 */
import { effectiveLimit } from "../../durable-objects/api-key.ts";
import type { ApiKey } from "./api-keys.ts";
import { addressOf, type DoorContext } from "./door.ts";
import { countRefusal } from "./limits.ts";
import { Problem, type ReachedLimit } from "./problem.ts";
import type { Token } from "./tokens.ts";

const MINUTE_MS = 60_000;
/** Buckets kept: keys are configured, so there are as many as keys. */
const BUCKET_LIMIT = 10_000;

export class TokenBuckets {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /**
   * Takes one token, or looks for one (`count` 0). 0: taken; else the milliseconds until there is one. A new bucket is full.
   * @param burst that a bucket holds, where that is not a minute's.
   */
  take(id: string, perMinute: number, now: number, count: 0 | 1 = 1, burst = perMinute): number {
    const bucket = this.#buckets.get(id) ?? { tokens: burst, at: now };
    const elapsedMs = Math.max(0, now - bucket.at);
    const tokens = Math.min(burst, bucket.tokens + (elapsedMs / MINUTE_MS) * perMinute);
    const waitMs = tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * MINUTE_MS) / perMinute);
    if (this.#buckets.size >= BUCKET_LIMIT) this.#buckets.clear();
    this.#buckets.set(id, { tokens: waitMs === 0 ? tokens - count : tokens, at: now });
    return waitMs;
  }
}

const buckets = new TokenBuckets();
/** Of its key's sessions a minute one client secret begins this part: whoever stole it leaves the others some. */
const SECRET_PART = 1 / 3;
/** … and this part of those at once: one page begins few. */
const AT_ONCE_PART = 1 / 4;
const secrets = new TokenBuckets();

/**
 * @param secret the client secret that begins it.
 * @throws Problem 429 when this key, or the secret, has started its share of sessions.
 */
export async function countSession(
  c: DoorContext,
  key: ApiKey,
  secret: Pick<Token, "jti"> | null = null,
): Promise<void> {
  const perMinute = effectiveLimit(key, c.var.config.limits, "sessionsPerMinute");
  if (secret !== null && perMinute !== null)
    countOfSecret(c, key, secret, Math.ceil(perMinute * SECRET_PART));
  const waitMs = perMinute === null ? 0 : buckets.take(key.id, perMinute, Date.now());
  if (waitMs > 0 && perMinute !== null) {
    countRefusal(c, key, "sessions_per_minute");
    const limit = { name: "sessions_per_minute", value: perMinute, moreAt: Date.now() + waitMs };
    throw limited(`This API key may start ${perMinute} sessions per minute`, waitMs / 1000, limit);
  }
  if (c.env.RATE_LIMIT === undefined || key.limits.sessionsPerMinute !== null) return;
  const { success } = await c.env.RATE_LIMIT.limit({ key: key.id });
  if (success) return;
  countRefusal(c, key, "RATE_LIMIT");
  throw limited("This API key may start no more sessions from here now", MINUTE_MS / 1000);
}

function countOfSecret(c: DoorContext, key: ApiKey, { jti }: Pick<Token, "jti">, value: number): void {
  const atOnce = Math.ceil(value * AT_ONCE_PART);
  const waitMs = secrets.take(jti, value, Date.now(), 1, atOnce);
  if (waitMs === 0) return;
  countRefusal(c, key, "sessions_per_minute");
  const limit = { name: "sessions_per_minute", value, moreAt: Date.now() + waitMs };
  const what = `One client secret may start ${value} sessions per minute, ${atOnce} at once`;
  throw limited(what, waitMs / 1000, limit);
}

/** Tries of one network to come back to one session: a client makes one a second at the most, over minutes, and a few at once. */
const RETURNS_PER_MINUTE = 60;
const RETURNS_AT_ONCE = 5;
const returns = new TokenBuckets();

/**
 * Each that succeeds may wake an object and is sent what its client missed. Who only knows the session's name uses up the
 * tries of their own network.
 * @param id a name that is one of ours: there are no others to count.
 * @throws Problem 429
 */
export function countReturn(c: DoorContext, id: string): void {
  const who = `${id} ${networkOf(addressOf(c))}`;
  const waitMs = returns.take(who, RETURNS_PER_MINUTE, Date.now(), 1, RETURNS_AT_ONCE);
  if (waitMs === 0) return;
  const what = `A client may come back ${RETURNS_PER_MINUTE} times a minute, ${RETURNS_AT_ONCE} at once`;
  throw limited(what, waitMs / 1000);
}

/** Keys that are none: an address that tries so many is guessing, or its owner will see it. */
const WRONG_PER_MINUTE = 60;
const wrong = new TokenBuckets();

/**
 * Each key that nobody here knows costs a look into the store, which is billed. Keys that are known go on, from any address.
 * @param address as Cloudflare says it; empty: there is none.
 * @throws Problem 429
 */
export function requireTries(address: string): void {
  const waitMs = wrong.take(networkOf(address), WRONG_PER_MINUTE, Date.now(), 0);
  if (address !== "" && waitMs > 0)
    throw limited("Too many keys that are none came from there", waitMs / 1000);
}

export function countWrongKey(address: string): void {
  if (address !== "") wrong.take(networkOf(address), WRONG_PER_MINUTE, Date.now());
}

/** Who has one address of IPv6 has 2⁶⁴ of them. */
export function networkOf(address: string): string {
  return address.includes(":") ? address.split(":", 4).join(":") : address;
}

export function limited(what: string, waitS: number, limit?: ReachedLimit): Problem {
  const whole = Math.ceil(waitS);
  return new Problem("rate_limited", `${what}: try again in ${whole} s.`, {
    headers: { "Retry-After": String(whole) },
    ...(limit !== undefined && { limit }),
  });
}
