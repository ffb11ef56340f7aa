/**
 * What an upstream has said and the listener may not hear yet, in order: held by the floor, or ahead of the listener
 * by more than the lead. Upstream events wait here undone, so that what is cut was never in the conversation and the
 * order of events stays OpenAI's whatever waits how long.
 */
import { seal } from "../../audio/sealed.ts";
import { bytesPerSample, durationMs, sampleRateHz, type ProviderFormat } from "../../audio/format.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";

type Said = Extract<UpstreamEvent, { readonly response: string }>;

/** Audio says what format it came in: its connection may be another by the time it is heard. */
export type LaneEvent =
  | Exclude<Said, { type: "response.started" | "audio" }>
  | (Extract<Said, { type: "audio" }> & { readonly format: ProviderFormat });

/** Of one of the upstream's items: what was said and not heard. */
export interface Unsaid {
  readonly ms: number;
  readonly words: string;
}

export class Lane {
  #queue: LaneEvent[] = [];
  #bytes = 0;
  /** Audio that was refused because too much of it waited. */
  refused = false;

  get empty(): boolean {
    return this.#queue.length === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps the event; audio, which is only lent, is copied. */
  push(event: LaneEvent): void {
    if (event.type === "audio") {
      const bytes = event.bytes.slice();
      this.#queue.push({ ...event, bytes: seal(bytes, bytes.length) });
      this.#bytes += event.bytes.byteLength;
    } else this.#queue.push(event);
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
    if (head?.type !== "audio") return this.#queue.shift();
    const size = bytesPerSample(head.format);
    const most = Math.max(1, Math.floor((ms * sampleRateHz(head.format)) / 1000)) * size;
    if (head.bytes.byteLength <= most) {
      this.#queue.shift();
      this.#bytes -= head.bytes.byteLength;
      return head;
    }
    this.#queue[0] = { ...head, bytes: head.bytes.subarray(most) };
    this.#bytes -= most;
    return { ...head, bytes: head.bytes.subarray(0, most) };
  }

  /** Takes the head, however long it is. */
  shiftWhole(): LaneEvent | undefined {
    const head = this.#queue.shift();
    if (head?.type === "audio") this.#bytes -= head.bytes.byteLength;
    return head;
  }

  /** The upstream has said that the response is over; only the rest of this queue is left of it. */
  get finished(): boolean {
    return this.#queue.at(-1)?.type === "response.done";
  }

  /** What waits of each item, by the upstream's key. */
  get unsaid(): ReadonlyMap<string, Unsaid> {
    const unsaid = new Map<string, Unsaid>();
    for (const event of this.#queue) {
      if (event.type !== "audio" && event.type !== "transcript") continue;
      const { ms, words } = unsaid.get(event.item) ?? { ms: 0, words: "" };
      if (event.type === "transcript") unsaid.set(event.item, { ms, words: words + event.delta });
      else unsaid.set(event.item, { ms: ms + durationMs(event.format, event.bytes.byteLength), words });
    }
    return unsaid;
  }

  clear(): void {
    this.#queue = [];
    this.#bytes = 0;
  }

  snapshot(): LaneSnapshot {
    return [...this.#queue];
  }

  restore(snapshot: LaneSnapshot): void {
    this.#queue = [...snapshot];
    this.#bytes = snapshot.reduce(
      (sum, event) => sum + (event.type === "audio" ? event.bytes.byteLength : 0),
      0,
    );
  }
}

export type LaneSnapshot = readonly LaneEvent[];
