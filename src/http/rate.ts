/**
 * Sessions per minute and API key. A token bucket in this isolate always counts; isolates do not know of each other,
 * so with N of them a key may get N times its limit. The binding RATE_LIMIT (Workers rate limiting, one counter per
 * location) comes on top where it is configured.
 */
import type { ApiKey } from "./api-keys.ts";
import type { DoorContext } from "./door.ts";
import { Problem } from "./problem.ts";

const MINUTE_MS = 60_000;
/** Buckets kept: keys are configured, so there are as many as keys. */
const BUCKET_LIMIT = 10_000;

export class TokenBuckets {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** Takes one token. 0: taken; else the milliseconds until there is one. A new bucket is full. */
  take(id: string, perMinute: number, now: number): number {
    const bucket = this.#buckets.get(id) ?? { tokens: perMinute, at: now };
    const elapsedMs = Math.max(0, now - bucket.at);
    const tokens = Math.min(perMinute, bucket.tokens + (elapsedMs / MINUTE_MS) * perMinute);
    const waitMs = tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * MINUTE_MS) / perMinute);
    if (this.#buckets.size >= BUCKET_LIMIT) this.#buckets.clear();
    this.#buckets.set(id, { tokens: waitMs === 0 ? tokens - 1 : tokens, at: now });
    return waitMs;
  }
}

const buckets = new TokenBuckets();

/** @throws Problem 429 when this key has started its share of sessions. */
export async function countSession(c: DoorContext, key: ApiKey): Promise<void> {
  const perMinute = key.sessionsPerMinute ?? c.var.config.limits?.sessionsPerMinute ?? null;
  const waitMs = perMinute === null ? 0 : buckets.take(key.id, perMinute, Date.now());
  if (waitMs > 0) throw refusal(Math.ceil(waitMs / 1000), `${perMinute} sessions per minute`);
  if (c.env.RATE_LIMIT === undefined) return;
  const { success } = await c.env.RATE_LIMIT.limit({ key: key.id });
  if (!success) throw refusal(MINUTE_MS / 1000, "its rate");
}

function refusal(waitS: number, limit: string): Problem {
  return new Problem("rate_limited", `This API key may start ${limit}: try again in ${waitS} s.`, {
    headers: { "Retry-After": String(waitS) },
  });
}
