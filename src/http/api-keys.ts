/** API keys: only their SHA-256 is known to the Worker, in the binding RELAY_API_KEYS. */
import * as v from "valibot";
import type { RelayEnv } from "../../durable-objects/env.ts";
import { isDevelopment } from "./door.ts";
import { Problem } from "./problem.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

const schema = v.array(
  v.object({
    /** Named in tokens and metrics. */
    id: v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/)),
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/i)),
    // Strict: a limit that nobody enforces must not look as if it were one.
    limits: v.optional(
      v.strictObject({ sessions_per_minute: v.optional(count), concurrent: v.optional(count) }),
    ),
  }),
);

export interface ApiKey {
  readonly id: string;
  /** Null: the limit of relay.config.ts. */
  readonly sessionsPerMinute: number | null;
  /** Likewise. */
  readonly sessionsAtOnce: number | null;
}

interface KnownKey extends ApiKey {
  readonly hash: Uint8Array;
}

const DEVELOPMENT_KEY = "relay-dev";
const DEVELOPMENT: ApiKey = { id: DEVELOPMENT_KEY, sessionsPerMinute: null, sessionsAtOnce: null };
/** Longer ones are refused unhashed. */
const KEY_LIMIT = 512;

/** The last binding's value and what it says: read once per isolate. */
let parsed: { readonly text: string; readonly keys: readonly KnownKey[] } | null = null;

/** @throws Problem 500 when RELAY_API_KEYS cannot be read. */
function knownKeys(env: RelayEnv): readonly KnownKey[] {
  const text = env.RELAY_API_KEYS ?? "[]";
  if (parsed?.text === text) return parsed.keys;
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text);
  if (!result.success) {
    const path = v.getDotPath(result.issues[0]);
    throw new Problem(
      "misconfigured",
      `The binding RELAY_API_KEYS is not what it should be${path === null ? "" : ` at ${path}`}.`,
    );
  }
  const keys = result.output.map(({ id, sha256, limits }) => ({
    id,
    hash: Uint8Array.fromHex(sha256),
    sessionsPerMinute: limits?.sessions_per_minute ?? null,
    sessionsAtOnce: limits?.concurrent ?? null,
  }));
  parsed = { text, keys };
  return keys;
}

/** The key that `presented` is, or null. All hashes are compared, each in constant time. */
export async function findApiKey(
  env: RelayEnv,
  requestUrl: string,
  presented: string,
): Promise<ApiKey | null> {
  const keys = knownKeys(env);
  if (presented.length > KEY_LIMIT) return null;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(presented)));
  let found: ApiKey | null = null;
  for (const key of keys) if (crypto.subtle.timingSafeEqual(hash, key.hash)) found ??= key;
  if (found === null && presented === DEVELOPMENT_KEY && isDevelopment(env, requestUrl)) return DEVELOPMENT;
  return found;
}

/** The key of this id, if it is still one: what a removed key has signed is worth nothing. */
export function apiKeyById(env: RelayEnv, requestUrl: string, id: string): ApiKey | null {
  const known = knownKeys(env).find((key) => key.id === id);
  if (known !== undefined) return known;
  return id === DEVELOPMENT_KEY && isDevelopment(env, requestUrl) ? DEVELOPMENT : null;
}
