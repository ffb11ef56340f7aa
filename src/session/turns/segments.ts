/** What a transcriber's provider has said, in segments of its own, and the items of the conversation that they belong to. */
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import { joinWords } from "../memory/words.ts";

export interface Segment {
  /** Null: what it was said in is not decided yet. */
  itemId: string | null;
  readonly beganAt: number;
  /** Of the caller's audio, in milliseconds, what had come by then; absent in snapshots of before. */
  readonly heardMs?: number;
  text: string;
  /** Of the text, what the client has as deltas. */
  told: string;
  done: boolean;
  /** What was said beside deltas that the client does not have yet, and beside the end. */
  untold?: JsonObject | null;
  extra?: JsonObject | null;
  /** What it cost, until that is told. */
  usage?: JsonObject | null;
  /** Why it has no words. */
  fault?: UpstreamFault;
  /** Diarized parts that the client does not have yet. */
  parts?: readonly JsonObject[];
}

/** A sound that becomes a turn began at most so long ago. */
const OVERLAP_MS = 3000;
const SEGMENTS_KEPT = 32;

export class Segments {
  readonly #all = new Map<string, Segment>();
  /** What of an item's words is not of the segments that are kept: told once, and not added again. */
  readonly before = new Map<string, string>();

  get(key: string): Segment | undefined {
    return this.#all.get(key);
  }

  [Symbol.iterator](): Iterator<readonly [string, Segment]> {
    return this.#all.entries();
  }

  delete(key: string): void {
    this.#all.delete(key);
  }

  /** One begins, in an item or in nobody knows which. */
  begin(key: string, itemId: string | null, beganAt: number, heardMs: number): Segment {
    const segment = { itemId, beganAt, heardMs, text: "", told: "", done: false };
    this.#all.set(key, segment);
    if (this.#all.size > SEGMENTS_KEPT) this.#forgetOldest();
    return segment;
  }

  of(itemId: string): readonly Segment[] {
    return [...this.#all.values()].filter((segment) => segment.itemId === itemId);
  }

  /** The turn that goes on is called otherwise. */
  renamed(from: string, to: string): void {
    for (const segment of this.of(from)) segment.itemId = to;
  }

  /** The caller speaks, since so long, and it is a turn under this name: also what was said of it before it was one. */
  belong(itemId: string, startedMs: number, now: number, heardMs: number): void {
    const fromMs = heardMs - startedMs;
    for (const segment of this.#all.values()) {
      const recent = now - segment.beganAt < Math.max(OVERLAP_MS, startedMs);
      if (segment.itemId === null && recent && !wasOver(segment, fromMs)) segment.itemId = itemId;
    }
  }

  #forgetOldest(): void {
    for (const [key, { itemId, text }] of this.#all) {
      this.#all.delete(key);
      if (itemId === null || !this.before.has(itemId)) return;
      // Its words were told with the item's, and stay.
      if (this.of(itemId).length === 0) this.before.delete(itemId);
      else this.before.set(itemId, joinWords([this.before.get(itemId) ?? "", text.trim()]));
      return;
    }
  }

  forget(itemId: string): void {
    for (const [key, segment] of this.#all) if (segment.itemId === itemId) this.#all.delete(key);
    this.before.delete(itemId);
  }

  snapshot(): SegmentsSnapshot {
    return {
      segments: Array.from(this.#all, ([key, segment]) => [key, { ...segment }]),
      before: [...this.before],
    };
  }

  restore(snapshot: SegmentsSnapshot): void {
    this.#all.clear();
    for (const [key, segment] of snapshot.segments) this.#all.set(key, { ...segment });
    for (const [itemId, words] of snapshot.before) this.before.set(itemId, words);
  }
}

/** All of it was said before the turn begins: a provider says nothing of what it has not heard. */
function wasOver({ done, heardMs }: Segment, fromMs: number): boolean {
  return done && heardMs !== undefined && heardMs <= fromMs;
}

export interface SegmentsSnapshot {
  readonly segments: readonly (readonly [string, Readonly<Segment>])[];
  readonly before: readonly (readonly [string, string])[];
}
