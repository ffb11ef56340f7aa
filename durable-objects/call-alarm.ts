/** The one alarm of a call's object: its deadlines while it sleeps, and what is left of one that died. */
import { DEFAULT_LIMITS } from "../src/session/limits.ts";
import type { CallStorage } from "./call-storage.ts";

/**
 * An object that died with its client has neither timer nor socket, and nobody may ever ask for it again: its alarm
 * comes this long after the last snapshot, and at the latest after twice as long. The object may have lived on until then:
 * the client is waited for from the alarm.
 */
export const ABANDONED_MS = Math.max(60_000, DEFAULT_LIMITS.clientGoneMs);

export class CallAlarm {
  readonly #storage: Pick<CallStorage, "setAlarm">;
  /** When it is set for, as far as this object knows. */
  #at = Number.NEGATIVE_INFINITY;

  constructor(storage: Pick<CallStorage, "setAlarm">) {
    this.#storage = storage;
  }

  /** Wakes the object for a deadline. Storage has one alarm; setting it replaces the former. */
  async set(at: number): Promise<void> {
    this.#at = at;
    await this.#storage.setAlarm(at, { allowUnconfirmed: true });
  }

  /** It rang: a session that is awake gets the next one. */
  async rang(now: number, awake: boolean): Promise<void> {
    this.forget();
    if (awake) await this.guard(now);
  }

  /** Nothing is stored any more, nor an alarm. */
  forget(): void {
    this.#at = Number.NEGATIVE_INFINITY;
  }

  /** Moves the alarm seldom: every move is a write. */
  async guard(now: number): Promise<void> {
    const leastAt = now + ABANDONED_MS;
    const mostAt = leastAt + ABANDONED_MS;
    if (this.#at < leastAt || this.#at > mostAt) await this.set(mostAt);
  }
}
