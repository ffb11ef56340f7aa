/**
 * The API keys there are. Only their SHA-256 is known here: in Workers KV (binding RELAY_KEYS, written by `npm run keys`),
 * where a new customer costs no deploy, and in the secret RELAY_API_KEYS, which comes first.
 *
 * KV holds two entries per key: `hash:<sha256>` → its id, and `id:<id>` → what is known of it. The second decides: a hash
 * that its key does not have any more is worth nothing, so one write rotates a key and one delete removes it.
 */
import * as v from "valibot";
import { NO_LIMITS, type ApiKey } from "./api-key.ts";
import type { RelayEnv } from "./env.ts";

/** Null: no limit, whatever relay.config.ts says. */
const count = v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1)));
/** Of a key's id. */
const ID = /^[\w.-]{1,64}$/;
const known = {
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/i)),
  operator: v.optional(v.boolean(), false),
  // Strict: a limit that nobody enforces must not look as if it were one.
  limits: v.optional(
    v.strictObject({
      sessions_per_minute: v.optional(count),
      concurrent: v.optional(count),
      answers_per_minute: v.optional(count),
      minutes_per_day: v.optional(count),
      session_answers_per_minute: v.optional(count),
      session_minutes: v.optional(count),
      sessions_per_secret: v.optional(count),
    }),
  ),
};
/** Further members are of a later release. */
const record = v.object(known);
const list = v.pipe(
  v.array(v.object({ id: v.pipe(v.string(), v.regex(ID)), ...known })),
  v.checkItems(
    ({ id }, index, all) => all.findIndex((other) => other.id === id) === index,
    "an id is there twice",
  ),
);

/** The keys cannot be read. The message names the binding, and no value. */
export class KeyStoreError extends Error {
  override readonly name = "KeyStoreError";
}

const DEVELOPMENT_KEY = "relay-dev";
/** Id of the key that `npm start` draws. */
const DRAWN_KEY = "relay-dev-drawn";
/** Characters; longer ones are refused unhashed. */
const KEY_LIMIT = 512;
const FINGERPRINT = 16;
/** What KV said is taken for true so long, here and once more in KV's own cache of the location: together a minute. */
const CACHE_S = 30;
/** Entries; when there are more, all are forgotten. */
const CACHE_LIMIT = 1000;

/**
 * The key that `presented` is, or null.
 * @param loopback the request came in development, from this machine: `relay-dev` is good.
 * @param asks called before the store is asked for a key that this isolate does not know; what it throws is the answer.
 * @throws KeyStoreError
 */
export async function findApiKey(
  env: RelayEnv,
  loopback: boolean,
  presented: string,
  asks: () => void = () => undefined,
): Promise<ApiKey | null> {
  const keys = configured(env);
  if (presented.length > KEY_LIMIT) return null;
  const hash = await sha256(presented);
  let found: ApiKey | null = null;
  // All hashes are compared, each in constant time.
  for (const { bytes, key } of keys) if (crypto.subtle.timingSafeEqual(hash, bytes)) found ??= key;
  found ??= await developmentKey(env, loopback, hash);
  return found ?? stored(env, hash.toHex(), asks);
}

/**
 * The key of this id, if it is still one: what a removed key has signed is worth nothing.
 * @throws KeyStoreError
 */
export async function apiKeyById(env: RelayEnv, loopback: boolean, id: string): Promise<ApiKey | null> {
  const found = configured(env).find(({ key }) => key.id === id);
  if (found !== undefined) return found.key;
  if (id === DEVELOPMENT_KEY)
    return env.RELAY_DEV === "1" && loopback ? developed(id, DEVELOPMENT_KEY) : null;
  if (id === DRAWN_KEY) {
    const drawn = drawnKey(env);
    return drawn === null ? null : developed(id, drawn);
  }
  const text = await read(env, `id:${id}`);
  return text === null ? null : toKey(id, text);
}

interface Configured {
  readonly key: ApiKey;
  readonly bytes: Uint8Array;
}

/** The last binding's value and what it says: read once per isolate. */
let parsed: { readonly text: string; readonly keys: readonly Configured[] } | null = null;

function configured(env: RelayEnv): readonly Configured[] {
  const text = env.RELAY_API_KEYS ?? "[]";
  if (parsed?.text === text) return parsed.keys;
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), list), text);
  if (!result.success) {
    const [issue] = result.issues;
    const path = v.getDotPath(issue);
    const why = issue.type === "check_items" ? `: ${issue.message}` : "";
    throw new KeyStoreError(
      `The binding RELAY_API_KEYS is not what it should be${path === null ? "" : ` at ${path}`}${why}.`,
    );
  }
  const keys = result.output.map(({ id, ...rest }) => ({
    key: apiKey(id, rest),
    bytes: Uint8Array.fromHex(rest.sha256),
  }));
  parsed = { text, keys };
  return keys;
}

function apiKey(id: string, { sha256: hash, operator, limits }: v.InferOutput<typeof record>): ApiKey {
  return {
    id,
    fingerprint: hash.toLowerCase().slice(0, FINGERPRINT),
    limits: {
      sessionsPerMinute: limitOf(limits?.sessions_per_minute),
      concurrent: limitOf(limits?.concurrent),
      answersPerMinute: limitOf(limits?.answers_per_minute),
      minutesPerDay: limitOf(limits?.minutes_per_day),
      sessionAnswersPerMinute: limitOf(limits?.session_answers_per_minute),
      sessionMinutes: limitOf(limits?.session_minutes),
      sessionsPerSecret: limitOf(limits?.sessions_per_secret),
    },
    operator,
    spendsNothing: false,
  };
}

function limitOf(said: number | null | undefined): number | null {
  return said === undefined ? null : (said ?? Number.POSITIVE_INFINITY);
}

async function stored(env: RelayEnv, hash: string, asks: () => void): Promise<ApiKey | null> {
  const id = await read(env, `hash:${hash}`, asks);
  if (id === null || !ID.test(id)) return null;
  const text = await read(env, `id:${id}`);
  const key = text === null ? null : toKey(id, text);
  return key?.fingerprint === hash.slice(0, FINGERPRINT) ? key : null;
}

/** @throws KeyStoreError */
function toKey(id: string, text: string): ApiKey {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), record), text);
  if (!result.success)
    throw new KeyStoreError("An entry of the binding RELAY_KEYS is not what it should be.");
  return apiKey(id, result.output);
}

/** Another entry of the store, which holds as long as a key's. Null: there is none. @throws when KV cannot be read. */
export function entryOf(env: RelayEnv, name: string): Promise<string | null> {
  return read(env, name);
}

/** Of the namespace whose entries they are. */
let cache: {
  readonly of: KVNamespace;
  readonly entries: Map<string, { text: string | null; at: number }>;
} | null = null;

/** Null: there is no such entry. @throws when KV cannot be read and nothing is known. */
async function read(
  { RELAY_KEYS: namespace }: RelayEnv,
  name: string,
  asks: () => void = () => undefined,
): Promise<string | null> {
  if (namespace === undefined) return null;
  if (cache?.of !== namespace) cache = { of: namespace, entries: new Map() };
  const { entries } = cache;
  const now = Date.now();
  const kept = entries.get(name);
  if (kept !== undefined && Math.abs(now - kept.at) < CACHE_S * 1000) return kept.text;
  if (kept?.text == null) asks();
  try {
    const text = await namespace.get(name, { cacheTtl: CACHE_S });
    if (entries.size >= CACHE_LIMIT) entries.clear();
    entries.set(name, { text, at: now });
    return text;
  } catch (error) {
    // While KV cannot be read nobody who was known is turned away.
    if (kept === undefined || kept.text === null) throw error;
    return kept.text;
  }
}

async function developmentKey(env: RelayEnv, loopback: boolean, hash: Uint8Array): Promise<ApiKey | null> {
  if (env.RELAY_DEV !== "1") return null;
  const drawn = drawnKey(env);
  if (drawn !== null && crypto.subtle.timingSafeEqual(hash, await sha256(drawn)))
    return developed(DRAWN_KEY, drawn);
  const known = crypto.subtle.timingSafeEqual(hash, await sha256(DEVELOPMENT_KEY));
  return loopback && known ? developed(DEVELOPMENT_KEY, DEVELOPMENT_KEY) : null;
}

/** A random one is good from wherever it comes: through a tunnel too. */
function drawnKey(env: RelayEnv): string | null {
  const drawn = env.RELAY_DEV_KEY;
  return env.RELAY_DEV === "1" && drawn !== undefined && drawn.length >= DRAWN_LEAST ? drawn : null;
}

/** Characters. */
const DRAWN_LEAST = 32;

/** Benches and load tests are its use: it has no limits. */
async function developed(id: string, key: string): Promise<ApiKey> {
  return {
    id,
    fingerprint: (await sha256(key)).toHex().slice(0, FINGERPRINT),
    limits: NO_LIMITS,
    operator: true,
    spendsNothing: id === DEVELOPMENT_KEY,
  };
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
