/**
 * The gate between what upstreams say and what the listener hears. Open and unpaced it is no more than a test per
 * event. Held, everything waits in the response's lane; paced, audio waits that is further ahead of the listener
 * than the lead. What waits is released in order, at the very sample where it stopped.
 */
import { durationMs } from "../../audio/format.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { Lane, type LaneSnapshot, type Unsent } from "./lane.ts";
import type { LaneEvent } from "../state/upstream-said.ts";
import { speaks, type ResponseRecord } from "../state/response.ts";
import type { Judgement, OutputGuard } from "./ports.ts";

export interface GateHost {
  /** Nothing of this response may pass now. */
  holds(response: ResponseRecord): boolean;
  /** Most audio of this stream ahead of the listener; null: unpaced. */
  leadMs(stream: number): number | null;
  /** Milliseconds of this stream that were sent and have not sounded yet. */
  aheadMs(stream: number): number;
  /** Audio goes out without its item's name: it belongs to the item announced last. */
  readonly nameless: boolean;
}

export interface GateOutlets {
  /** Its turn has come. */
  pass(response: ResponseRecord, event: LaneEvent): void;
  /** More waits than may, and nothing of it may pass. */
  tooMuch(response: ResponseRecord): void;
  /** Its words are refused, and nothing more of it passes: it is to be ended, where it has been announced. */
  refused(response: ResponseRecord, judgement: Judgement): void;
}

/** What was dropped: it was never said. */
export interface Dropped {
  /** Keys of the upstream's items of which nothing has passed. */
  readonly items: readonly string[];
  readonly unsent: readonly Unsent[];
  /** How it ended at the upstream; null: it had not. */
  readonly end: Lane["end"];
}

/** Why an answer fails of which more waits than may. */
export const WAITS_TOO_MUCH: UpstreamFault = {
  code: "upstream_output_too_long",
  message: "More of the response waits for its listener than can be kept.",
};

const NOTHING: Dropped = { items: [], unsent: [], end: null };

/** Audio is released in pieces of about this, so that a long lane costs few wake-ups and few messages. */
const RELEASE_MS = 60;

export class OutputGate {
  readonly #context: Context;
  readonly #host: GateHost;
  readonly #outlets: GateOutlets;
  /** Null: words are not judged. */
  readonly #guard: OutputGuard | null;
  readonly #lanes = new Map<string, Lane>();
  #draining = false;
  /** To be drained after the one that is. */
  readonly #next = new Set<ResponseRecord>();

  constructor(context: Context, host: GateHost, outlets: GateOutlets, guard: OutputGuard | null) {
    this.#context = context;
    this.#host = host;
    this.#outlets = outlets;
    this.#guard = guard;
  }

  /** Passes the event on, now or when its turn comes. */
  offer(response: ResponseRecord, event: LaneEvent): void {
    // Words that are missing for its sound will not come: it is not refused for that.
    const fails = event.type === "response.done" && event.status === "failed";
    if (!fails || this.#guard?.lacksWords(response) !== true) this.#guard?.noted(response, event);
    this.#take(response, event);
    // What its words were judged by this event may let pass what was there before, or end it.
    if (this.#guard) this.drain(response);
  }

  #take(response: ResponseRecord, event: LaneEvent): void {
    const lane = this.#lanes.get(response.id);
    if (lane && !lane.empty) {
      if (this.#overtakes(response, event) && !lane.hasOf(event)) this.#pass(response, event);
      else this.#keep(response, lane, event);
      // What belongs to the item before may have gone ahead of one that waits for it.
      if (lane.messages > 0) this.drain(response);
      return;
    }
    if (this.#mayPass(response, event)) {
      this.#pass(response, lane ? lane.honest(event) : event);
      return;
    }
    this.#keep(response, lane ?? new Lane(), event);
    this.drain(response);
  }

  #pass(response: ResponseRecord, event: LaneEvent): void {
    this.#guard?.passed(response, event);
    this.#outlets.pass(response, event);
  }

  #mayPass(response: ResponseRecord, event: LaneEvent): boolean {
    if (this.#host.holds(response)) return false;
    if (this.#guard && this.#guard.room(response, event) !== Infinity) return false;
    return event.type === "audio" ? this.#fits(response, event) : !this.#early(response, event);
  }

  /** Where audio goes out without a name, an item waits for the end of the one that is being spoken. */
  #early(response: ResponseRecord, event: LaneEvent): boolean {
    if (event.type !== "item.started" || event.kind !== "message" || !this.#host.nameless) return false;
    return response.items.some(
      (item) => item.kind === "message" && !item.done && (response.modality === "audio" || speaks(item)),
    );
  }

  /** A tool call need not wait until the sentence before it was heard. */
  #overtakes(response: ResponseRecord, event: LaneEvent): boolean {
    if (event.type === "response.done" || this.#host.holds(response)) return false;
    if (this.#guard?.withholds(response)) return false;
    if (event.type === "item.started") return event.kind !== "message";
    return response.items.some((item) => item.key === event.item && item.kind !== "message");
  }

  #keep(response: ResponseRecord, lane: Lane, event: LaneEvent): void {
    this.#lanes.set(response.id, lane);
    if (this.#refuses(response, lane, event)) return;
    lane.push(lane.honest(event), this.#host.nameless);
    // Rather too far ahead of the listener than without bound in memory.
    const { laneBytes, laneSize } = this.#context.limits;
    while ((lane.bytes > laneBytes || lane.size > laneSize) && !this.#host.holds(response)) {
      if (this.#cleared(response, lane) < 1) break;
      this.#context.metric("lane_overflow", 1, response.upstream);
      this.#release(response, lane, RELEASE_MS);
    }
    // After its end nothing comes. What the guard withholds is not let pass for that.
    const withheld = this.#guard !== null && !this.#host.holds(response) && lane.bytes > laneBytes;
    if ((lane.size > laneSize || withheld) && lane.end === null) this.#outlets.tooMuch(response);
  }

  /** Nobody listens, and the bound is reached: the rest of the answer is not kept, and its end will say so. */
  #refuses(response: ResponseRecord, lane: Lane, event: LaneEvent): boolean {
    if (event.type !== "audio" || !this.#host.holds(response)) return false;
    const { laneBytes, laneSize } = this.#context.limits;
    // What is not audio cannot be left out: half of the room for it is its own.
    const fits = lane.bytes + event.bytes.byteLength <= laneBytes && lane.size <= laneSize / 2;
    if (!lane.refused && fits) return false;
    lane.refuse(event, this.#host.nameless);
    this.#context.metric("lane_refused", 1, response.upstream);
    return true;
  }

  #fits(response: ResponseRecord, audio: Extract<LaneEvent, { type: "audio" }>): boolean {
    const leadMs = this.#host.leadMs(response.stream);
    if (leadMs === null) return true;
    const ms = durationMs(audio.format, audio.bytes.byteLength);
    return this.#host.aheadMs(response.stream) + ms <= leadMs;
  }

  /** How much of what waits first its words let pass. */
  #cleared(response: ResponseRecord, { head }: Lane): number {
    return this.#guard && head ? this.#guard.room(response, head) : Infinity;
  }

  /** Lets pass what may, and names the moment at which more may. */
  drain(response: ResponseRecord): void {
    if (!this.#lanes.has(response.id) && !this.#guard?.vetoOf(response)) return;
    this.#next.add(response);
    // What passes may end the response or begin another: the lanes are drained one after the other.
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (const waiting of this.#next) {
        this.#next.delete(waiting);
        this.#drainLane(waiting);
      }
    } finally {
      this.#draining = false;
      this.#next.clear();
    }
  }

  #drainLane(response: ResponseRecord): void {
    const veto = this.#guard?.vetoOf(response);
    if (veto) return this.#outlets.refused(response, veto);
    const lane = this.#lanes.get(response.id);
    if (!lane) return;
    // What waits for words that will not come is never heard.
    if (lane.end?.status === "failed" && !this.#host.holds(response) && this.#guard?.lacksWords(response))
      return this.#pass(response, lane.end);
    while (!lane.empty && this.#lanes.has(response.id) && !this.#host.holds(response)) {
      if (this.#cleared(response, lane) < 1) break;
      const leadMs = this.#host.leadMs(response.stream);
      const room = leadMs === null ? Infinity : leadMs - this.#host.aheadMs(response.stream);
      if (lane.head?.type === "audio" && room < 1) {
        this.#wakeIn(response, RELEASE_MS - room);
        break;
      }
      if (lane.head && lane.end === null && this.#early(response, lane.head)) break;
      this.#release(response, lane, room === Infinity ? room : Math.max(room, 1));
    }
    this.#letAhead(response, lane);
    if (lane.empty && !lane.refused) this.#lanes.delete(response.id);
  }

  /** Of a tool call nothing waits behind a sentence any more, though it came when nothing might pass. */
  #letAhead(response: ResponseRecord, lane: Lane): void {
    while (this.#lanes.has(response.id)) {
      const event = lane.take((one) => this.#overtakes(response, one));
      if (!event) return;
      this.#pass(response, event);
    }
  }

  #release(response: ResponseRecord, lane: Lane, ms: number): void {
    const cleared = this.#cleared(response, lane);
    const most = lane.head?.type === "audio" ? Math.min(ms, cleared) : cleared;
    const words = most !== Infinity && lane.head?.type !== "audio";
    const event = words ? lane.shiftWords(most) : most === Infinity ? lane.shiftWhole() : lane.shift(most);
    if (event) this.#pass(response, event);
  }

  #wakeIn(response: ResponseRecord, ms: number): void {
    this.#context.deadlines.set(`lane:${response.id}`, this.#context.now + Math.max(1, ms));
  }

  /** The upstream is done with it; only what waits here is left. */
  finished(response: ResponseRecord): boolean {
    return (this.#lanes.get(response.id)?.end ?? null) !== null;
  }

  /** Something of it waits here. */
  waiting(response: ResponseRecord): boolean {
    return this.#lanes.get(response.id)?.empty === false;
  }

  /** Drops what waits. */
  drop(response: ResponseRecord): Dropped {
    this.#guard?.forget(response);
    const lane = this.#lanes.get(response.id);
    if (!lane) return NOTHING;
    this.#lanes.delete(response.id);
    this.#context.deadlines.clear(`lane:${response.id}`);
    return { items: lane.items, unsent: lane.unsent, end: lane.end };
  }

  snapshot(): GateSnapshot {
    return [...this.#lanes].map(([id, lane]) => [id, ...lane.snapshot()]);
  }

  restore(snapshot: GateSnapshot): void {
    this.#lanes.clear();
    for (const [id, ...kept] of snapshot) this.#lanes.set(id, Lane.restore(kept));
  }
}

export type GateSnapshot = readonly (readonly [string, ...LaneSnapshot])[];
