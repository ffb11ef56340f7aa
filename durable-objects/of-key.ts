/** What a live session has of its API key: whether it still is, and what it has left. */
import type { CallSetup } from "./call-setup.ts";
import type { RelayEnv } from "./env.ts";
import { type KeyAccount, keyAccount, type KeyAccountHost } from "./key-account.ts";
import type { DefaultLimits } from "./api-key.ts";
import { type KeyWatch, type KeyWatchHost, watchKey } from "./key-watch.ts";
import { WALL_CLOCK } from "./timer.ts";

export interface OfKey {
  readonly account: KeyAccount;
  readonly watch: KeyWatch;
}

/** `gone`: the key is removed, or was replaced. */
type OfKeyHost = Pick<KeyAccountHost, "feed" | "metric"> &
  Pick<KeyWatchHost, "gone" | "others" | "otherGone">;

/** @param limits of relay.config.ts */
export function ofKey(env: RelayEnv, call: CallSetup, limits: DefaultLimits, host: OfKeyHost): OfKey {
  const { feed, metric } = host;
  return {
    watch: watchKey(env, call, host),
    account: keyAccount(env, call, limits, { clock: WALL_CLOCK, feed, metric }),
  };
}

/** Nobody has asked for long. */
export function wake({ account, watch }: OfKey): void {
  watch.start(true);
  account.start();
}
