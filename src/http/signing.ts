/** The relay's signing key, with which tokens, client secrets and names of sessions are signed. */
import type { RelayEnv } from "../../durable-objects/env.ts";
import { drawId } from "../../durable-objects/identifiers.ts";
import { isDevelopment } from "./door.ts";
import { Problem } from "./problem.ts";

const SIGNING_KEY_LEAST = 32;
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** Of development without a signing key: as good as random, and gone with the isolate. */
let developmentKey: string | null = null;
/** The last key in the form that is signed with. */
let imported: { readonly text: string; readonly key: CryptoKey } | null = null;

function keyOrNull(env: RelayEnv, requestUrl: string): string | null {
  const key = env.RELAY_SIGNING_KEY;
  if (key !== undefined && key.length >= SIGNING_KEY_LEAST) return key;
  if (key !== undefined || !isDevelopment(env, requestUrl)) return null;
  developmentKey ??= drawId() + drawId();
  return developmentKey;
}

export function hasSigningKey(env: RelayEnv, requestUrl: string): boolean {
  return keyOrNull(env, requestUrl) !== null;
}

/** @throws Problem 500 without one. */
export function signingKey(env: RelayEnv, requestUrl: string): string {
  const key = keyOrNull(env, requestUrl);
  if (key !== null) return key;
  throw new Problem(
    "misconfigured",
    `The binding RELAY_SIGNING_KEY is missing or shorter than ${SIGNING_KEY_LEAST} characters.`,
  );
}

/** HMAC-SHA256. @throws Problem 500 without a key. */
export async function signature(env: RelayEnv, requestUrl: string, message: string): Promise<Uint8Array> {
  const text = signingKey(env, requestUrl);
  const encoder = new TextEncoder();
  if (imported?.text !== text) {
    const key = await crypto.subtle.importKey("raw", encoder.encode(text), HMAC, false, ["sign"]);
    imported = { text, key };
  }
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported.key, encoder.encode(message)));
}
