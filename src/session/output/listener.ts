/** The listener's side: whether an agent sounds, what may pass to them now, and whether they are there at all. */
import type { Context } from "../context.ts";
import type { Playout } from "./playout.ts";
import type { ListenerSide } from "./response-session.ts";
import type { Responses } from "./responses.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { Asides, Backpressure, ClientPort, Configuration, Floor, Link, Tools } from "./ports.ts";

/** Read when it is asked for: these parts are made after the listener, and know it. */
interface ListenerParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly playout: Playout;
  readonly config: Configuration;
  readonly links: readonly Link[];
  readonly floor: Floor;
  readonly responses: Responses;
  readonly backpressure: Backpressure;
  readonly asides: Asides;
  readonly tools: Pick<Tools, "back"> | null;
}

export class Listener implements ListenerSide {
  readonly #parts: ListenerParts;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
  }

  holds(response: ResponseRecord): boolean {
    const { port, floor, backpressure } = this.#parts;
    if (!response.announced || !port.live || backpressure.congested) return true;
    if (this.#parts.asides.speaking) return !this.#streams(response.stream);
    return floor.way.stands && !this.#streams(response.stream);
  }

  /** Binary audio names its response alone. */
  get nameless(): boolean {
    return this.#parts.port.extended;
  }

  leadMs(stream: number): number | null {
    const { config, port } = this.#parts;
    // A duplex model keeps time by itself: pacing it would only delay it.
    return this.#streams(stream) ? null : config.relay(port).leadMs;
  }

  aheadMs(stream: number): number {
    return this.#parts.playout.aheadMs(stream, this.#parts.context.now);
  }

  /** It speaks when it likes. */
  #streams(stream: number): boolean {
    return this.#parts.links[stream]?.capabilities.turns === "none";
  }

  /** What is said now reaches them now. */
  get live(): boolean {
    return this.#parts.port.live;
  }

  /** How long an answer may stand still. With somewhere else to turn, one that has run dry is not waited for long. */
  patienceMs(stream: number): number {
    const { stallMs, progressMs } = this.#parts.context.limits;
    if (!this.#parts.links[stream]?.hasFallback) return progressMs;
    return stallMs + this.aheadMs(stream);
  }

  /** When the last agent that takes turns will have been heard. */
  playingUntil(): number {
    const { links, playout } = this.#parts;
    let until = 0;
    for (const link of links) {
      if (!this.#streams(link.index)) until = Math.max(until, playout.audibleUntil(link.index));
    }
    return until;
  }

  /** An agent that takes turns sounds, or has something to say that waits. */
  get audible(): boolean {
    const { context, responses } = this.#parts;
    if (this.playingUntil() > context.now || this.#parts.asides.speaking) return true;
    return responses.active.some(
      (response) => !this.#streams(response.stream) && responses.waiting(response),
    );
  }

  /** Nothing of this upstream's is under way, and nothing of it is audible that may yet be cut. */
  atGap(link: Link): boolean {
    const { context, playout, responses } = this.#parts;
    if (responses.busy(link.index)) return false;
    return this.#streams(link.index) || playout.audibleUntil(link.index) <= context.now;
  }

  /** The client says how much of an item was heard. */
  heard(itemId: string, playedMs: number): void {
    const { playout, floor, context } = this.#parts;
    const delay = playout.acknowledged(itemId, playedMs, context.now);
    if (delay) floor.guard.delayed(delay.fromMs, delay.byMs);
  }

  /** They are not there: their player stands still, and so does what is said to it. */
  away(): void {
    const { port, playout, floor, responses, context } = this.#parts;
    // What has ended for them ended with what is known.
    responses.tellEnded();
    if (!port.extended) return;
    playout.pause(context.now, "connection");
    floor.guard.paused(context.now);
  }

  /** They are there again. */
  back(): void {
    const { playout, floor, responses, context } = this.#parts;
    const paused = playout.resume(context.now, "connection");
    if (paused) floor.guard.delayed(paused.fromMs, paused.byMs);
    floor.way.back();
    this.#parts.tools?.back();
    responses.drain();
  }
}
