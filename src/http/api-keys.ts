/** The key store, asked by a door. */
import type { ApiKey } from "../../durable-objects/api-key.ts";
import * as store from "../../durable-objects/key-store.ts";
import { addressOf, type DoorContext, isDevelopment } from "./door.ts";
import { Problem } from "./problem.ts";
import { countWrongKey, requireTries } from "./rate.ts";

export type { ApiKey };

/**
 * The key that `presented` is, or null.
 * @throws Problem 500 when RELAY_API_KEYS cannot be read, 429 when its address has tried too many that are none.
 */
export async function findApiKey(c: DoorContext, presented: string): Promise<ApiKey | null> {
  const address = addressOf(c);
  const asks = (): void => requireTries(address);
  const key = await asked(store.findApiKey(c.env, isDevelopment(c.env, c.req.url), presented, asks));
  if (key === null) countWrongKey(address);
  return key;
}

/** The key of this id, if it is still one. @throws Problem as `findApiKey`. */
export function apiKeyById(c: DoorContext, id: string): Promise<ApiKey | null> {
  return asked(store.apiKeyById(c.env, isDevelopment(c.env, c.req.url), id));
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof store.KeyStoreError) throw new Problem("misconfigured", error.message);
    throw error;
  }
}
