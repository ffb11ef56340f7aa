/**
 * Asks that may not have arrived: a socket that breaks off says nothing of what was on its way. The session that is taken over tells
 * first what it said meanwhile, then it answers what it is sent. So it is sent heartbeats: when they are answered, an ask that is
 * not confirmed never came.
 */
import type { JsonObject } from "../upstream.ts";

const MAX_ASKS = 16;
/** Heartbeats whose answers may still come. */
const MAX_BEATS = 8;

export interface Asked {
  readonly id: string;
  readonly cause: string | null;
}

export type ArrivedState = {
  readonly asks: readonly (readonly [id: string, cause: string | null])[];
  readonly beats: number;
  readonly left: number;
};

export class Arrived {
  /** The provider has not said that it took the caller's words for them, in order. */
  #asks: readonly Asked[] = [];
  /** Sent and not answered; some may never be. */
  #beats = 0;
  /** So many answers are waited for; 0: none is. */
  #left = 0;

  asked(id: string, cause: string | null): void {
    this.#asks = [...this.#asks, { id, cause }].slice(-MAX_ASKS);
  }

  /** The first of those that still wait has come. */
  confirmed(waiting: readonly string[]): void {
    this.#asks = this.#asks.filter(({ id }) => waiting.includes(id)).slice(1);
  }

  beat(): void {
    this.#beats = Math.min(this.#beats + 1, MAX_BEATS);
  }

  /** The session was taken over. @returns how many heartbeats to send: the last one's answer is none of a former one. */
  takenOver(waiting: readonly string[]): number {
    if (!this.#asks.some(({ id }) => waiting.includes(id))) return 0;
    this.#left = this.#beats + 1;
    return this.#left;
  }

  /** A heartbeat is answered. @returns what has to be asked again. */
  beaten(waiting: readonly string[]): readonly Asked[] {
    this.#beats = Math.max(0, this.#beats - 1);
    if (this.#left === 0) return [];
    this.#left -= 1;
    if (this.#left > 0) return [];
    const lost = this.#asks.filter(({ id }) => waiting.includes(id));
    this.#asks = [];
    return lost;
  }

  snapshot(): JsonObject & ArrivedState {
    return { asks: this.#asks.map(({ id, cause }) => [id, cause]), beats: this.#beats, left: this.#left };
  }

  restore({ asks, beats, left }: ArrivedState): void {
    this.#asks = asks.map(([id, cause]) => ({ id, cause }));
    this.#beats = beats;
    this.#left = left;
  }
}
