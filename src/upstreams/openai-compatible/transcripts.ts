/**
 * Transcripts of what the user said: one end for each item and part. Where a `…completed` may be followed by a longer one
 * (`cumulativeTranscripts`), growth is told as what is new in it, and the end at the latest moment that is safe: with a
 * final status, with the answer, with the next item.
 */
import { indexAt, objectAt, remember, textAt } from "../json.ts";
import type { Sink } from "./context.ts";
import type { Quirks } from "./profiles.ts";
import { partField } from "./output-item.ts";
import { readFault } from "./words.ts";
import type { Redactor } from "../redact.ts";
import type { Json, JsonObject } from "../upstream.ts";

const LIMITS = {
  /** Items whose transcript is growing. */
  growing: 16,
  /** Longer transcripts are not kept: they end at once. */
  chars: 32 * 1024,
  /** What else is said of a growing one, as JSON. */
  extraChars: 4096,
  /** Ended ones that are recognised when they come again. */
  ended: 64,
} as const;

/** What a message says of how far a transcript is: `whole`: nothing more is announced; `final`: nothing more comes. */
interface Said {
  readonly whole: boolean;
  readonly final: boolean;
}
const GROWING: Said = { whole: false, final: false };

type Growing = {
  readonly id: string;
  readonly part: number;
  /** The sum of all deltas. */
  told: string;
  /** The whole of it so far. */
  latest: string;
  usage: JsonObject | null;
  extra: JsonObject | null;
  /** Nothing says that more will come. */
  whole: boolean;
};

/** Growing transcripts, and a hash of each ended one. */
export type TranscriptsState = {
  readonly growing: readonly Growing[];
  readonly ended: readonly (readonly [key: string, hash: number])[];
  readonly over: boolean;
};

/** Members that say nothing beyond this connection, or something else. */
const NAMES = [
  "type",
  "event_id",
  "item_id",
  "previous_item_id",
  "response_id",
  "output_index",
  "server_event_seq",
] as const;

/** Those, and members that have a place of their own. */
const OWN_MEMBERS: ReadonlySet<string> = new Set([
  ...NAMES,
  "content_index",
  "delta",
  "transcript",
  "usage",
  "obfuscation",
]);

export class Transcripts {
  readonly #sink: Sink;
  readonly #quirks: Quirks;
  readonly #redactor: Redactor;
  readonly #session: (id: string) => string;
  readonly #growing = new Map<string, Growing>();
  readonly #ended = new Map<string, number>();
  /** The turn that was committed last is answered. */
  #over = false;
  #growths = 0;

  /** @param session the session's name of an item, by the provider's: items are known here by the latter. */
  constructor(sink: Sink, quirks: Quirks, redactor: Redactor, session: (id: string) => string) {
    this.#session = session;
    this.#sink = sink;
    this.#quirks = quirks;
    this.#redactor = redactor;
  }

  snapshot(): TranscriptsState {
    const growing = [...this.#growing.values()].map((one) => ({ ...one }));
    return { growing, ended: [...this.#ended], over: this.#over };
  }

  restore(state: TranscriptsState): void {
    for (const one of state.growing) this.#growing.set(keyOf(one.id, one.part), { ...one });
    for (const [key, hash] of state.ended) this.#ended.set(key, hash);
    this.#over = state.over;
  }

  /** Another number whenever a transcript grows that may not be over, 0: none does. */
  get held(): number {
    return this.#growing.size === 0 ? 0 : this.#growths;
  }

  delta(id: string, event: JsonObject): void {
    const delta = textAt(event, "delta");
    if (delta === null || delta === "") return;
    const of = { itemId: this.#session(id), ...partField(partIndex(event)), ...this.#extraField(event) };
    this.#sink.emit({ type: "input.transcript.delta", ...of, delta });
  }

  segment(id: string, event: JsonObject): void {
    const segment: Record<string, Json> = { ...event };
    for (const name of NAMES) delete segment[name];
    this.#sink.emit({ type: "input.transcript.segment", itemId: this.#session(id), segment });
  }

  failed(id: string, event: JsonObject): void {
    this.#growing.delete(keyOf(id, partIndex(event)));
    const error = readFault(objectAt(event, "error"), this.#redactor, "upstream_transcription_failed");
    this.#sink.emit({ type: "input.transcript.failed", itemId: this.#session(id), error });
  }

  completed(id: string, event: JsonObject): void {
    const transcript = textAt(event, "transcript");
    if (transcript === null) return this.#sink.malformed("has no transcript");
    const part = partIndex(event);
    const status = textAt(event, "status");
    const more = status === "in_progress";
    const final = !this.#quirks.cumulativeTranscripts || (!more && (status !== null || this.#over));
    const growing = this.#grown(id, part, transcript, { whole: !more, final });
    if (growing === null) return;
    const last = final || transcript.length > LIMITS.chars;
    growing.usage = last ? objectAt(event, "usage") : small(objectAt(event, "usage"));
    growing.extra = last ? this.#extra(event) : small(this.#extra(event));
    if (last) this.#end(growing);
  }

  /** xAI says a growing transcript as `…updated` as well. */
  updated(id: string, event: JsonObject): void {
    const transcript = textAt(event, "transcript");
    if (transcript !== null) this.#grown(id, partIndex(event), transcript, GROWING);
  }

  /** An answer begins: what it answers was heard to its end, unless the provider said that more would come. */
  answered(): void {
    for (const growing of this.#growing.values()) if (growing.whole) this.#end(growing);
  }

  /** What was said before is over: another turn begins (`id`), or its answer ended (null). */
  followed(id: string | null): void {
    this.#over = id === null;
    for (const growing of this.#growing.values()) if (growing.id !== id) this.#end(growing);
  }

  /** The transcript with what is new in it told; null: it has ended. */
  #grown(id: string, part: number, transcript: string, { whole, final }: Said): Growing | null {
    const key = keyOf(id, part);
    if (this.#ended.has(key)) {
      // A server that says its end twice says nothing new; another end cannot be told any more.
      const other = whole && this.#ended.get(key) !== hashOf(transcript);
      if (other) this.#sink.malformed("ends a transcript a second time, with other words");
      return null;
    }
    const before = this.#growing.get(key);
    const growing = before ?? { id, part, told: "", latest: "", usage: null, extra: null, whole };
    const repeated = whole && growing.whole && growing.latest === transcript && before !== undefined;
    growing.latest = transcript;
    growing.whole = whole;
    if (this.#quirks.cumulativeTranscripts && transcript.length <= LIMITS.chars) {
      this.#keep(key, growing);
      if (repeated) this.#end(growing);
      else if (!final) this.#tellGrowth(growing);
    }
    return repeated ? null : growing;
  }

  #tellGrowth(growing: Growing): void {
    const { id, part, told, latest } = growing;
    // Where earlier words were changed there is no delta that leads to the new ones: they come with the end.
    if (!latest.startsWith(told) || latest.length === told.length) return;
    growing.told = latest;
    const delta = latest.slice(told.length);
    const of = { itemId: this.#session(id), ...partField(part) };
    this.#sink.emit({ type: "input.transcript.delta", ...of, delta });
  }

  #keep(key: string, growing: Growing): void {
    this.#growths += 1;
    if (!this.#growing.has(key) && this.#growing.size >= LIMITS.growing) {
      const [oldest] = this.#growing.values();
      if (oldest !== undefined) this.#end(oldest);
    }
    this.#growing.set(key, growing);
  }

  #end(growing: Growing): void {
    // Deltas, where there were any, add up to the whole.
    if (growing.told !== "") this.#tellGrowth(growing);
    const { id, part, latest, usage, extra } = growing;
    const key = keyOf(id, part);
    this.#growing.delete(key);
    remember(this.#ended, key, hashOf(latest), LIMITS.ended);
    const of = { itemId: this.#session(id), ...partField(part), ...(extra === null ? {} : { extra }) };
    this.#sink.emit({ type: "input.transcript.completed", ...of, transcript: latest, usage });
  }

  #extraField(event: JsonObject): { readonly extra?: JsonObject } {
    const extra = this.#extra(event);
    return extra === null ? {} : { extra };
  }

  /** What else the event says (`logprobs`, `language` …); null: nothing. */
  #extra(event: JsonObject): JsonObject | null {
    const extra: Record<string, Json> = {};
    for (const [key, value] of Object.entries(event)) {
      const status = key === "status" && this.#quirks.cumulativeTranscripts;
      if (!OWN_MEMBERS.has(key) && key !== "__proto__" && !status) extra[key] = value;
    }
    return Object.keys(extra).length === 0 ? null : extra;
  }
}

/** Null where it is too large to be kept. */
function small(object: JsonObject | null): JsonObject | null {
  return object !== null && JSON.stringify(object).length <= LIMITS.extraChars ? object : null;
}

function partIndex(event: JsonObject): number {
  return indexAt(event, "content_index") ?? 0;
}

function keyOf(id: string, part: number): string {
  return `${part}:${id}`;
}

/** 32 bits by which a text is recognised (FNV-1a). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
