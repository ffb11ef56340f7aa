/**
 * What an upstream has said and the listener may not hear yet, in order: held by the floor, or ahead of the listener
 * by more than the lead. Upstream events wait here undone, so that what is cut was never in the conversation and the
 * order of events stays OpenAI's whatever waits how long.
 */
import { seal } from "../../audio/sealed.ts";
import { bytesPerSample, durationMs, sampleRateHz } from "../../audio/format.ts";
import type { LaneEvent } from "../state/upstream-said.ts";

/** What of an item was said by the upstream and never sent. */
export interface Unsent {
  /** The upstream's key of the item. */
  readonly key: string;
  readonly ms: number;
  /** Of its transcript. */
  readonly words: string;
}

/** What it costs to keep one event, whatever is in it. */
const EVENT_SIZE = 512;
/** Audio waits in pieces of up to this, 100 ms of 24 kHz PCM, and words in such of so many characters. */
const PIECE_BYTES = 4800;
const PIECE_CHARS = 1024;

export class Lane {
  #queue: LaneEvent[] = [];
  #bytes = 0;
  #size = 0;
  /** Messages that begin here. */
  #messages = 0;
  /** Items whose audio was refused because too much of it waited. */
  readonly #refused = new Set<string>();

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  /** Of audio. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Characters of everything else, and 512 more for each event, one of audio too. */
  get size(): number {
    return this.#size;
  }

  get messages(): number {
    return this.#messages;
  }

  /** Audio was refused. */
  get refused(): boolean {
    return this.#refused.size > 0;
  }

  /** Audio of the item is not kept: in its place waits how much that was. `ahead`: see `push`. */
  refuse({ item, part = 0, format, bytes }: Extract<LaneEvent, { type: "audio" }>, ahead: boolean): void {
    const ms = durationMs(format, bytes.byteLength);
    this.#refused.add(item);
    const at = this.#queue.findLastIndex((event) => event.type === "audio.refused" && event.item === item);
    const before = this.#queue[at];
    if (before?.type === "audio.refused") this.#queue[at] = { ...before, ms: before.ms + ms };
    else this.push({ type: "audio.refused", item, part, ms }, ahead);
  }

  /** The event, which says so if something of what it ends was refused: that did not complete. */
  honest(event: LaneEvent): LaneEvent {
    if (!this.refused || !("status" in event) || event.status !== "completed") return event;
    if (event.type === "response.done") return { ...event, status: "incomplete", reason: "listener_away" };
    return this.#refused.has(event.item) ? { ...event, status: "incomplete" } : event;
  }

  /**
   * Keeps the event; audio, which is only lent, is copied. `ahead`: before the message that follows its item, where that
   * one waits here. A small piece joins the one before it.
   */
  push(event: LaneEvent, ahead: boolean): void {
    if (beginsMessage(event)) this.#messages += 1;
    const at = ahead && this.#messages > 0 ? this.#placeAhead(event) : this.#queue.length;
    const before = this.#queue[at - 1];
    const joined = before && join(before, event);
    if (joined) {
      this.#queue[at - 1] = joined;
      this.#count(before, -1);
      this.#count(joined, 1);
      return;
    }
    const kept = event.type === "audio" ? { ...event, bytes: keep(event.bytes.slice()) } : event;
    this.#count(kept, 1);
    if (at === this.#queue.length) this.#queue.push(kept);
    else this.#queue.splice(at, 0, kept);
  }

  #count(event: LaneEvent, sign: 1 | -1): void {
    if (event.type === "audio") this.#bytes += sign * event.bytes.byteLength;
    this.#size += sign * sizeOf(event);
  }

  #placeAhead(event: LaneEvent): number {
    if (event.type === "response.done" || event.type === "item.started") return this.#queue.length;
    const own = this.#queue.findIndex((other) => other.type === "item.started" && other.item === event.item);
    const at = this.#queue.findIndex((other, place) => place > own && beginsMessage(other));
    return at < 0 ? this.#queue.length : at;
  }

  /** Keys of the items that begin here. */
  get items(): readonly string[] {
    return this.#queue.flatMap((event) => (event.type === "item.started" ? [event.item] : []));
  }

  get head(): LaneEvent | undefined {
    return this.#queue[0];
  }

  /** Takes the head, or of audio at most `ms` from its front (at least one sample, in whole samples). */
  shift(ms: number): LaneEvent | undefined {
    const head = this.#queue[0];
    if (head?.type !== "audio") return this.shiftWhole();
    const size = bytesPerSample(head.format);
    const most = Math.max(1, Math.floor((ms * sampleRateHz(head.format)) / 1000)) * size;
    if (head.bytes.byteLength <= most) return this.shiftWhole();
    this.#queue[0] = { ...head, bytes: head.bytes.subarray(most) };
    this.#bytes -= most;
    return { ...head, bytes: head.bytes.subarray(0, most) };
  }

  /** Takes so many characters from the front of the head, which are words. */
  shiftWords(chars: number): LaneEvent | undefined {
    const head = this.#queue[0];
    if (!head || !("delta" in head) || head.delta.length <= chars) return this.shiftWhole();
    this.#queue[0] = { ...head, delta: head.delta.slice(chars) };
    this.#size -= chars;
    return { ...head, delta: head.delta.slice(0, chars) };
  }

  /** Takes the head, however long it is. */
  shiftWhole(): LaneEvent | undefined {
    const head = this.#queue.shift();
    if (!head) return undefined;
    this.#count(head, -1);
    if (beginsMessage(head)) this.#messages -= 1;
    return head;
  }

  /** Takes the first that is such, wherever it waits: it begins no message. */
  take(such: (event: LaneEvent) => boolean): LaneEvent | undefined {
    const at = this.#queue.findIndex((event) => such(event));
    const [event] = at < 0 ? [] : this.#queue.splice(at, 1);
    if (event) this.#count(event, -1);
    return event;
  }

  /** Something of its item waits here. */
  hasOf(event: LaneEvent): boolean {
    return "item" in event && this.#queue.some((one) => "item" in one && one.item === event.item);
  }

  /** The upstream has said that the response is over; only the rest of this queue is left of it. Null: not yet. */
  get end(): Extract<LaneEvent, { type: "response.done" }> | null {
    const last = this.#queue.at(-1);
    return last?.type === "response.done" ? last : null;
  }

  /** What waits here, by item. */
  get unsent(): readonly Unsent[] {
    const items = new Map<string, { key: string; ms: number; words: string }>();
    for (const event of this.#queue) {
      if (event.type !== "audio" && event.type !== "transcript" && event.type !== "audio.refused") continue;
      const item = items.get(event.item) ?? { key: event.item, ms: 0, words: "" };
      items.set(event.item, item);
      if (event.type === "audio") item.ms += durationMs(event.format, event.bytes.byteLength);
      else if (event.type === "audio.refused") item.ms += event.ms;
      else item.words += event.delta;
    }
    return [...items.values()];
  }

  /** What waits, and items whose audio was refused. */
  snapshot(): LaneSnapshot {
    return [[...this.#queue], [...this.#refused]];
  }

  static restore([queue, refused]: LaneSnapshot): Lane {
    const lane = new Lane();
    lane.#queue = [...queue];
    for (const item of refused) lane.#refused.add(item);
    for (const event of queue) {
      lane.#count(event, 1);
      if (beginsMessage(event)) lane.#messages += 1;
    }
    return lane;
  }
}

function keep(bytes: Uint8Array): Uint8Array {
  return seal(bytes, bytes.length);
}

/** Two small pieces of one part as one; null: they are not such. */
function join(before: LaneEvent, event: LaneEvent): LaneEvent | null {
  if (before.type === "audio" && event.type === "audio") {
    const length = before.bytes.length + event.bytes.length;
    if (length > PIECE_BYTES || before.format !== event.format || !ofOnePart(before, event)) return null;
    const bytes = new Uint8Array(length);
    bytes.set(before.bytes);
    bytes.set(event.bytes, before.bytes.length);
    return { ...before, bytes: keep(bytes) };
  }
  if (!("delta" in before) || !("delta" in event) || before.type !== event.type) return null;
  if (before.delta.length + event.delta.length > PIECE_CHARS || !ofOnePart(before, event)) return null;
  return { ...before, delta: before.delta + event.delta };
}

function ofOnePart(one: Piece, other: Piece): boolean {
  return one.item === other.item && (one.part ?? 0) === (other.part ?? 0);
}

interface Piece {
  readonly item: string;
  readonly part?: number;
}

/** Characters of what waits, without audio, and what it costs to keep it. */
export function sizeOf(event: LaneEvent): number {
  if ("delta" in event) return EVENT_SIZE + event.delta.length;
  let size = EVENT_SIZE;
  if ("arguments" in event) size += event.arguments?.length ?? 0;
  if ("whole" in event) size += JSON.stringify(event.whole ?? null).length;
  if (event.type === "item.event") size += JSON.stringify(event.event).length;
  return size;
}

function beginsMessage(event: LaneEvent): boolean {
  return event.type === "item.started" && event.kind === "message";
}

export type LaneSnapshot = readonly [queue: readonly LaneEvent[], refused: readonly string[]];
