/**
 * Ends a session whose API key is gone. While the session is awake it is asked twice a minute, off the path of its frames;
 * one that sleeps costs nothing and is asked for when it wakes.
 */
import type { CallSetup } from "./call-setup.ts";
import type { RelayEnv } from "./env.ts";
import { apiKeyById } from "./key-store.ts";
import { type Clock, WALL_CLOCK } from "./timer.ts";

/** With what the key store takes for true meanwhile, a session ends within about a minute. */
const EVERY_MS = 30_000;

export interface KeyWatchHost {
  readonly clock: Clock;
  /** Whether the key still is. One that cannot be asked for is. */
  valid(): Promise<boolean>;
  gone(): void;
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
    if (await this.#host.valid()) return;
    this.stop();
    this.#host.gone();
  }
}

/** Of the key that this session began with: removed, or replaced under its id, it is gone. */
export function watchKey(env: RelayEnv, { keyId, keyFingerprint }: CallSetup, gone: () => void): KeyWatch {
  const valid = async (): Promise<boolean> => {
    if (keyFingerprint === null) return true;
    // Whether it was on loopback the door knew.
    const key = await apiKeyById(env, true, keyId).catch(() => undefined);
    return key === undefined || key?.fingerprint === keyFingerprint;
  };
  return new KeyWatch({ clock: WALL_CLOCK, valid, gone });
}
