/** Ends all sessions of an API key: its ledger knows them. */
import { AS_CONFIGURED, effectiveLimit } from "../../durable-objects/api-key.ts";
import { apiKeyById } from "./api-keys.ts";
import type { DoorContext } from "./door.ts";
import { ledger } from "./limits.ts";
import { sessionObject } from "./object.ts";
import { Problem } from "./problem.ts";
import { LONGEST_TOKEN_MS } from "./tokens.ts";

/** Sessions that are asked to end at once; a request may have a thousand questions in all. */
const AT_ONCE = 50;
const ROUNDS = 8;

/**
 * Those that were created and nobody has opened, too.
 * @returns how many ended.
 * @throws Problem 409 where nobody lists them, 503 where there are more than one request can end.
 */
export async function endAll(c: DoorContext, keyId: string): Promise<number> {
  // Of a key that is gone the ledger may know some.
  const key = (await apiKeyById(c, keyId)) ?? { limits: AS_CONFIGURED };
  if (effectiveLimit(key, c.var.config.limits, "concurrent") === null) {
    throw new Problem(
      "sessions_not_listed",
      `The key '${keyId}' has no limit of sessions at once, so nobody lists its sessions. npm run keys -- add ${keyId} --replace ` +
        "ends them all within a minute; limit --concurrent N has those listed that begin from then on.",
    );
  }
  const book = ledger(c, { id: keyId }, "concurrent");
  let ended = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const names = await book.holders(AT_ONCE);
    if (names.length === 0) return ended;
    const ends = await Promise.all(names.map((name) => end(c, keyId, name)));
    ended += ends.filter(Boolean).length;
    for (const name of names) await book.release(name);
  }
  throw new Problem("overloaded", `${ended} sessions ended, and there are more: ask again.`);
}

async function end(c: DoorContext, keyId: string, name: string): Promise<boolean> {
  const stub = sessionObject(c.env, name, null);
  return (await stub.terminate(keyId)) || stub.withdraw(Date.now() + LONGEST_TOKEN_MS);
}
