/**
 * Ends a session whose API key is gone, and drops observers whose key is. While the session is awake it is asked twice a
 * minute, off the path of its frames; one that sleeps costs nothing and is asked for when it wakes.
 */
import type { CallSetup } from "./call-setup.ts";
import type { RelayEnv } from "./env.ts";
import { apiKeyById } from "./key-store.ts";
import type { KeyName } from "./observers.ts";
import { type Clock, WALL_CLOCK } from "./timer.ts";

/** With what the key store takes for true meanwhile, a session ends within about a minute. */
const EVERY_MS = 30_000;

export interface KeyWatchHost {
  readonly clock: Clock;
  /** Whether the session's key still is. One that cannot be asked for is. */
  valid(): Promise<boolean>;
  gone(): void;
  /** Keys by which observers came. */
  others(): readonly KeyName[];
  /** Whether one of these may still observe. */
  mayObserve(key: KeyName): Promise<boolean>;
  otherGone(key: KeyName): void;
}

export class KeyWatch {
  readonly #host: KeyWatchHost;
  #cancel: (() => void) | null = null;

  constructor(host: KeyWatchHost) {
    this.#host = host;
  }

  /** @param now ask at once: nobody did for long. */
  start(now: boolean): void {
    if (this.#cancel !== null) return;
    this.#schedule();
    if (now) void this.#ask();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #schedule(): void {
    this.#cancel = this.#host.clock.schedule(() => {
      this.#schedule();
      void this.#ask();
    }, EVERY_MS);
  }

  async #ask(): Promise<void> {
    const others = this.#host.others();
    if (await this.#host.valid()) return this.#askOthers(others);
    this.stop();
    this.#host.gone();
  }

  async #askOthers(keys: readonly KeyName[]): Promise<void> {
    const may = await Promise.all(keys.map((key) => this.#host.mayObserve(key)));
    for (const [index, key] of keys.entries()) if (may[index] === false) this.#host.otherGone(key);
  }
}

/** Of the key that this session began with, and of its observers': removed, or replaced under its id, one is gone. */
export function watchKey(
  env: RelayEnv,
  { keyId, keyFingerprint }: CallSetup,
  host: Pick<KeyWatchHost, "gone" | "others" | "otherGone">,
): KeyWatch {
  // Whether it was on loopback the door knew. Undefined: it cannot be asked for.
  const known = (id: string) => apiKeyById(env, true, id).catch(() => undefined);
  const valid = async (): Promise<boolean> => {
    if (keyFingerprint === null) return true;
    const key = await known(keyId);
    return key === undefined || key?.fingerprint === keyFingerprint;
  };
  const mayObserve = async ({ id, fingerprint }: KeyName): Promise<boolean> => {
    const key = await known(id);
    return key === undefined || (key?.fingerprint === fingerprint && (id === keyId || key.operator));
  };
  const { gone, others, otherGone } = host;
  return new KeyWatch({ clock: WALL_CLOCK, valid, gone, others, mayObserve, otherGone });
}
