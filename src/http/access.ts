/** Who may: an API key, a client secret of one, or a session's token. */
import type { DoorContext } from "./door.ts";
import { apiKeyById, type ApiKey, findApiKey } from "./api-keys.ts";
import { readCredentials } from "./credentials.ts";
import { Problem } from "./problem.ts";
import { knownAs } from "./refusals.ts";
import { isClientSecret, readToken, type Token } from "./tokens.ts";

const CHALLENGE = { headers: { "WWW-Authenticate": "Bearer" } };

/** @throws Problem 401 without an API key of ours. */
export async function requireApiKey(c: DoorContext): Promise<ApiKey> {
  const { key } = readCredentials(c.req.raw);
  if (key === null)
    throw new Problem("invalid_credentials", "An API key is needed (Authorization: Bearer …).", CHALLENGE);
  return checkApiKey(c, key);
}

/** @throws Problem 401, or 403 for a key that is no operator's. */
export async function requireOperator(c: DoorContext, what: string): Promise<ApiKey> {
  const key = await requireApiKey(c);
  if (key.operator) return key;
  throw new Problem("operator_needed", `${what} for a key with "operator": true.`);
}

/** For the OpenAI door: an API key or a client secret, with what the secret grants. */
export async function requireKeyOrSecret(
  c: DoorContext,
): Promise<{ readonly key: ApiKey; readonly secret: Token | null }> {
  const { key } = readCredentials(c.req.raw);
  if (key === null || !isClientSecret(key)) return { key: await requireApiKey(c), secret: null };
  const secret = await readToken(c, key, "client_secret");
  return { key: await keyBehind(c, secret), secret };
}

/** For a session's own address: its token, or the API key that may attach to a session that is there already. */
export async function requireTokenOrKey(
  c: DoorContext,
  sessionId: string,
): Promise<{ readonly key: ApiKey; readonly token: Token | null }> {
  const { token: value } = readCredentials(c.req.raw);
  if (value === null) return { key: await requireApiKey(c), token: null };
  const token = await readToken(c, value, "session");
  if (token.sessionId !== sessionId) {
    throw new Problem("invalid_credentials", "The token is for another session.", CHALLENGE);
  }
  return { key: await keyBehind(c, token), token };
}

async function checkApiKey(c: DoorContext, presented: string): Promise<ApiKey> {
  const key = await findApiKey(c, presented);
  if (key === null) throw new Problem("invalid_credentials", "The API key is not known here.", CHALLENGE);
  knownAs(c, `key ${key.id}`, key);
  return key;
}

/** @throws Problem 401 when it was removed, or replaced under its id. */
async function keyBehind(c: DoorContext, token: Token): Promise<ApiKey> {
  const { id, fingerprint } = token.key;
  const key = await apiKeyById(c, id);
  if (key === null || (fingerprint !== null && fingerprint !== key.fingerprint))
    throw new Problem("invalid_credentials", "The key that issued this is not known any more.", CHALLENGE);
  knownAs(c, `token ${token.jti}`, key);
  return key;
}
