/**
 * The gate between what upstreams say and what the listener hears. Open and unpaced it is no more than a test per
 * event. Held, everything waits in the response's lane; paced, audio waits that is further ahead of the listener
 * than the lead. What waits is released in order, at the very sample where it stopped.
 */
import { durationMs } from "../../audio/format.ts";
import type { Context } from "../context.ts";
import { Lane, type LaneEvent, type LaneSnapshot, type Unsaid } from "./lane.ts";
import type { ResponseRecord } from "./response.ts";

export interface GateHost {
  /** Nothing of this response may pass now. */
  holds(response: ResponseRecord): boolean;
  /** Most audio of this stream ahead of the listener; null: unpaced. */
  leadMs(stream: number): number | null;
  /** Milliseconds of this stream that were sent and have not sounded yet. */
  aheadMs(stream: number): number;
}

/** Audio is released in pieces of about this, so that a long lane costs few wake-ups and few messages. */
const RELEASE_MS = 60;

export class OutputGate {
  readonly #context: Context;
  readonly #host: GateHost;
  readonly #pass: (response: ResponseRecord, event: LaneEvent) => void;
  readonly #lanes = new Map<string, Lane>();
  #draining = false;

  constructor(context: Context, host: GateHost, pass: (response: ResponseRecord, event: LaneEvent) => void) {
    this.#context = context;
    this.#host = host;
    this.#pass = pass;
  }

  /** Passes the event on, now or when its turn comes. */
  offer(response: ResponseRecord, event: LaneEvent): void {
    const lane = this.#lanes.get(response.id);
    if (lane && !lane.empty) {
      if (this.#overtakes(response, event)) this.#pass(response, event);
      else this.#keep(response, lane, event);
      return;
    }
    if (!this.#host.holds(response) && (event.type !== "audio" || this.#fits(response, event))) {
      this.#pass(response, event);
      return;
    }
    this.#keep(response, lane ?? new Lane(), event);
    this.drain(response);
  }

  /** A tool call need not wait until the sentence before it was heard. */
  #overtakes(response: ResponseRecord, event: LaneEvent): boolean {
    if (event.type === "response.done" || this.#host.holds(response)) return false;
    if (event.type === "item.started") return event.kind === "function_call";
    return response.items.some((item) => item.key === event.item && item.kind === "function_call");
  }

  #keep(response: ResponseRecord, lane: Lane, event: LaneEvent): void {
    this.#lanes.set(response.id, lane);
    if (this.#refuses(response, lane, event)) return;
    lane.push(lane.refused ? cutShort(event) : event);
    // Rather too far ahead of the listener than without bound in memory.
    while (lane.bytes > this.#context.limits.laneBytes && !this.#host.holds(response)) {
      this.#context.metric("lane_overflow", 1, response.upstream);
      this.#release(response, lane, RELEASE_MS);
    }
  }

  /** Nobody listens, and the bound is reached: the rest of the answer is not kept, and its end will say so. */
  #refuses(response: ResponseRecord, lane: Lane, event: LaneEvent): boolean {
    if (event.type !== "audio" || !this.#host.holds(response)) return false;
    if (!lane.refused && lane.bytes + event.bytes.byteLength <= this.#context.limits.laneBytes) return false;
    lane.refused = true;
    this.#context.metric("lane_refused", 1, response.upstream);
    return true;
  }

  #fits(response: ResponseRecord, audio: Extract<LaneEvent, { type: "audio" }>): boolean {
    const leadMs = this.#host.leadMs(response.stream);
    if (leadMs === null) return true;
    const ms = durationMs(audio.format, audio.bytes.byteLength);
    return this.#host.aheadMs(response.stream) + ms <= leadMs;
  }

  /** Lets pass what may, and names the moment at which more may. */
  drain(response: ResponseRecord): void {
    const lane = this.#lanes.get(response.id);
    // What passes may end the response or begin another: the lanes are drained one event at a time.
    if (!lane || this.#draining) return;
    this.#draining = true;
    while (!lane.empty && this.#lanes.has(response.id) && !this.#host.holds(response)) {
      const leadMs = this.#host.leadMs(response.stream);
      const room = leadMs === null ? Infinity : leadMs - this.#host.aheadMs(response.stream);
      if (lane.head?.type === "audio" && room < 1) {
        this.#wakeIn(response, RELEASE_MS - room);
        break;
      }
      this.#release(response, lane, room === Infinity ? room : Math.max(room, 1));
    }
    this.#draining = false;
    if (lane.empty) this.#lanes.delete(response.id);
  }

  #release(response: ResponseRecord, lane: Lane, ms: number): void {
    const event = ms === Infinity ? lane.shiftWhole() : lane.shift(ms);
    if (event) this.#pass(response, event);
  }

  #wakeIn(response: ResponseRecord, ms: number): void {
    this.#context.deadlines.set(`lane:${response.id}`, this.#context.now + Math.max(1, ms));
  }

  /** The upstream is done with it; only what waits here is left. */
  finished(response: ResponseRecord): boolean {
    return this.#lanes.get(response.id)?.finished ?? false;
  }

  /** Something of it waits here. */
  waiting(response: ResponseRecord): boolean {
    return this.#lanes.has(response.id);
  }

  /** Keys of the upstream's items of which nothing has passed. */
  unheard(response: ResponseRecord): readonly string[] {
    return this.#lanes.get(response.id)?.items ?? [];
  }

  /** Drops what waits: it was never said. @returns what that was, by the upstream's items. */
  drop(response: ResponseRecord): ReadonlyMap<string, Unsaid> {
    const lane = this.#lanes.get(response.id);
    this.#lanes.delete(response.id);
    this.#context.deadlines.clear(`lane:${response.id}`);
    return lane?.unsaid ?? NOTHING;
  }

  snapshot(): GateSnapshot {
    return [...this.#lanes].map(([id, lane]) => [id, lane.snapshot(), lane.refused]);
  }

  restore(snapshot: GateSnapshot): void {
    this.#lanes.clear();
    for (const [id, kept, refused] of snapshot) {
      const lane = new Lane();
      lane.refused = refused;
      lane.restore(kept);
      this.#lanes.set(id, lane);
    }
  }
}

const NOTHING: ReadonlyMap<string, Unsaid> = new Map();

/** An answer of which not all could be kept did not complete. */
function cutShort(event: LaneEvent): LaneEvent {
  if (event.type !== "response.done" || event.status !== "completed") return event;
  return { ...event, status: "incomplete", reason: "listener_away" };
}

export type GateSnapshot = readonly (readonly [string, LaneSnapshot, boolean])[];
