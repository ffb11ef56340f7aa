/**
 * Transcripts that come before the turn that they are of is committed: models that transcribe while they listen name the
 * turn by then. What is said of it waits for its commit.
 */
import { nameAt } from "../json.ts";
import type { Handler } from "./context.ts";
import type { JsonObject } from "../upstream.ts";

const EARLY_LIMITS = {
  /** Events that wait; the oldest goes first. */
  events: 512,
  /** Of all of them, as JSON. */
  chars: 128 * 1024,
} as const;

interface Early {
  readonly event: JsonObject;
  readonly handler: Handler;
  readonly chars: number;
}

export class EarlyEvents {
  #waiting: Early[] = [];
  #chars = 0;

  keep(event: JsonObject, handler: Handler): void {
    if (nameAt(event, "item_id") === null) return;
    const chars = JSON.stringify(event).length;
    this.#waiting.push({ event, handler, chars });
    this.#chars += chars;
    while (this.#waiting.length > EARLY_LIMITS.events || this.#chars > EARLY_LIMITS.chars) {
      this.#chars -= this.#waiting.shift()?.chars ?? 0;
    }
  }

  /** The turn is known: what was said of it is handled now. */
  release(itemId: string): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter(({ event }) => event["item_id"] === itemId);
    this.#waiting = this.#waiting.filter(({ event }) => event["item_id"] !== itemId);
    for (const { event, handler, chars } of ready) {
      this.#chars -= chars;
      handler(event);
    }
  }

  snapshot(): readonly JsonObject[] {
    return this.#waiting.map(({ event }) => event);
  }

  restore(events: readonly JsonObject[], handlerOf: (event: JsonObject) => Handler | undefined): void {
    for (const event of events) {
      const handler = handlerOf(event);
      if (handler !== undefined) this.keep(event, handler);
    }
  }
}
