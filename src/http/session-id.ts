/**
 * Names of sessions: `sess_` + the id of their object + whose it is + a signature, so that a name nobody gave is refused at
 * the door. An object exists from the first request to it: guesses would make empty ones without end. Whose it is, is a hash
 * of its API key's id under the signing key: a session that nobody has opened yet is known to its owner alone.
 *
 * The id is a unique one: the object of a name would be looked for all over the world before it begins (Durable Objects,
 * namespace API, `idFromName`).
 */
import type { RelayEnv } from "../../durable-objects/env.ts";
import { JURISDICTIONS, type Jurisdiction } from "../config/jurisdictions.ts";
import { Problem } from "./problem.ts";
import { hasSigningKey, signature } from "./signing.ts";

type Namespace = RelayEnv["VOICE_SESSION"];

/** Bytes of HMAC-SHA256 in a name: to try them all takes 2^63 requests, and what is won is an empty object. */
const SIGNATURE_BYTES = 8;
const OWNER_BYTES = 4;
const WHERE = `(?:(${JURISDICTIONS.join("|")})_)?`;
const UNIQUE_ID = new RegExp(`^sess_${WHERE}([0-9a-f]{64})(?:([0-9a-f]{8})?[0-9a-f]{16})?$`);
/** What sessions were named until 0.1, with the object found by the name. One release more, for clients that hold one. */
const FORMER_ID = new RegExp(`^sess_${WHERE}[0-9A-Za-z]{16,40}$`);
const SIGNATURE = /^(.+)([0-9a-f]{16})$/;

/**
 * Reaches no object. Without a signing key names are not signed: then sessions are opened by API key alone.
 * @throws Problem 422 where this runtime has no jurisdictions.
 */
export async function newSessionId(
  env: RelayEnv,
  requestUrl: string,
  jurisdiction: Jurisdiction | null,
  keyId: string,
): Promise<string> {
  const unique = sessionNamespace(env, jurisdiction).newUniqueId().toString();
  const name = `sess_${jurisdiction === null ? "" : `${jurisdiction}_`}${unique}`;
  if (!hasSigningKey(env, requestUrl)) return name;
  return signed(env, requestUrl, name + (await ownerTag(env, requestUrl, unique, keyId)));
}

/** Whether this name, which is one of ours, was given for a session of this key. Names of before 0.3 do not say: false. */
export async function isOwnersSession(
  env: RelayEnv,
  requestUrl: string,
  id: string,
  keyId: string,
): Promise<boolean> {
  const [, , unique, owner] = UNIQUE_ID.exec(id) ?? [];
  if (unique === undefined || owner === undefined) return false;
  return equal(owner, await ownerTag(env, requestUrl, unique, keyId));
}

/** Of the first session of a client secret that does not say: those were named after it, until 0.1. */
export function formerSessionId(env: RelayEnv, requestUrl: string, jti: string): Promise<string> {
  return signed(env, requestUrl, `sess_${jti}`);
}

async function signed(env: RelayEnv, requestUrl: string, name: string): Promise<string> {
  return hasSigningKey(env, requestUrl) ? name + (await tag(env, requestUrl, name)) : name;
}

/** @throws Problem 404 for a name that this relay did not give. */
export async function checkSessionId(env: RelayEnv, requestUrl: string, id: string): Promise<void> {
  if (!hasSigningKey(env, requestUrl)) return;
  jurisdictionOf(id);
  const [, name, given] = SIGNATURE.exec(id) ?? [];
  if (name === undefined || given === undefined) throw unknownSession();
  if (!equal(given, await tag(env, requestUrl, name))) throw unknownSession();
}

/** @throws Problem 404 for what is no session's name. */
export function jurisdictionOf(id: string): Jurisdiction | null {
  const match = UNIQUE_ID.exec(id) ?? FORMER_ID.exec(id);
  if (match === null) throw unknownSession();
  return JURISDICTIONS.find((each) => each === match[1]) ?? null;
}

/** @throws Problem 404 for what is no session's name, 422 where this runtime has no jurisdictions. */
export function objectIdOf(env: RelayEnv, id: string): readonly [Namespace, DurableObjectId] {
  const namespace = sessionNamespace(env, jurisdictionOf(id));
  const unique = UNIQUE_ID.exec(id)?.[2];
  if (unique === undefined) return [namespace, namespace.idFromName(id)];
  try {
    return [namespace, namespace.idFromString(unique)];
  } catch {
    // Of no object of this class: the runtime knows its own ids.
    throw unknownSession();
  }
}

function sessionNamespace(env: RelayEnv, jurisdiction: Jurisdiction | null): Namespace {
  if (jurisdiction === null) return env.VOICE_SESSION;
  try {
    return env.VOICE_SESSION.jurisdiction(jurisdiction);
  } catch {
    // Local workerd implements none.
    throw new Problem("unprocessable", `The jurisdiction '${jurisdiction}' is not available here.`, {
      param: "jurisdiction",
    });
  }
}

async function tag(env: RelayEnv, requestUrl: string, name: string): Promise<string> {
  const bytes = await signature(env, requestUrl, `session id ${name}`);
  return bytes.subarray(0, SIGNATURE_BYTES).toHex();
}

async function ownerTag(env: RelayEnv, requestUrl: string, unique: string, keyId: string): Promise<string> {
  const bytes = await signature(env, requestUrl, `session owner ${unique} ${keyId}`);
  return bytes.subarray(0, OWNER_BYTES).toHex();
}

/** Hexadecimal of equal length, in constant time. */
function equal(a: string, b: string): boolean {
  return a.length === b.length && crypto.subtle.timingSafeEqual(Uint8Array.fromHex(a), Uint8Array.fromHex(b));
}

function unknownSession(): Problem {
  return new Problem("session_not_found", "This is not the name of a session.");
}
