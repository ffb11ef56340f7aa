/**
 * Names of sessions: `sess_` + what was drawn + a signature, so that a name nobody gave is refused at the door. An
 * object exists from the first request to it: guesses would make empty ones without end.
 */
import type { RelayEnv } from "../../durable-objects/env.ts";
import { drawId } from "../../durable-objects/identifiers.ts";
import { Problem } from "./problem.ts";
import { hasSigningKey, signature } from "./signing.ts";

export const JURISDICTIONS = ["eu", "fedramp", "us"] as const;
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** Bytes of HMAC-SHA256 in a name: to try them all takes 2^63 requests, and what is won is an empty object. */
const SIGNATURE_BYTES = 8;
const SIGNED_ID = /^(sess_(?:(?:eu|fedramp|us)_)?[0-9A-Za-z]{16,24})([0-9a-f]{16})$/;
const ID = /^sess_(?:(eu|fedramp|us)_)?[0-9A-Za-z]{16,40}$/;

/**
 * Without a signing key names are not signed: then sessions are opened by API key alone.
 * @param drawn what nobody can guess, of 16 to 24 letters and digits.
 */
export async function newSessionId(
  env: RelayEnv,
  requestUrl: string,
  jurisdiction: Jurisdiction | null,
  drawn: string = drawId(),
): Promise<string> {
  const name = `sess_${jurisdiction === null ? "" : `${jurisdiction}_`}${drawn}`;
  if (!hasSigningKey(env, requestUrl)) return name;
  return name + (await tag(env, requestUrl, name));
}

/** @throws Problem 404 for a name that this relay did not give. */
export async function checkSessionId(env: RelayEnv, requestUrl: string, id: string): Promise<void> {
  if (!hasSigningKey(env, requestUrl)) return;
  const [, name, given] = SIGNED_ID.exec(id) ?? [];
  // In plain time: who measures it learns names of objects that are not there.
  if (name === undefined || given !== (await tag(env, requestUrl, name))) throw unknownSession();
}

/** @throws Problem 404 for what is no session's name. */
export function jurisdictionOf(id: string): Jurisdiction | null {
  const match = ID.exec(id);
  if (match === null) throw unknownSession();
  return JURISDICTIONS.find((each) => each === match[1]) ?? null;
}

async function tag(env: RelayEnv, requestUrl: string, name: string): Promise<string> {
  const bytes = await signature(env, requestUrl, `session id ${name}`);
  return bytes.subarray(0, SIGNATURE_BYTES).toHex();
}

function unknownSession(): Problem {
  return new Problem("session_not_found", "This is not the name of a session.");
}
