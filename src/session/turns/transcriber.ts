/**
 * A side stream that hears the caller always and answers never: what it transcribes are the words of the caller's turns,
 * and what they say is evidence (for the floor, that a sound is an interruption; for the end of a turn, that a sentence
 * is over or goes on). Its provider cuts speech into segments as it likes; each belongs to the turn in which it began.
 */
import type {
  JsonObject,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFactory,
  UpstreamFault,
} from "../../upstreams/upstream.ts";
import type { ClientPort } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import { cutWords, gapBetween, joinWords } from "../memory/words.ts";
import { Link, type LinkHost } from "../links/link.ts";
import type { Verdict } from "../links/refusals.ts";
import type { PlannedUpstream } from "../plan.ts";

export interface TranscriberHost {
  /** What a transcript cost. */
  onUsage(usage: JsonObject): void;
  upstreamConfig(): UpstreamConfig;
  /** The item that the caller's present turn will become; null: nobody speaks, or it is not known yet. */
  openItem(): string | null;
  /** The item that the last turn became. */
  lastItem(): string | null;
  /** The floor judges a sound: what is said may become a turn. */
  judging(): boolean;
  onPhase(link: Link, fault: UpstreamFault | null): void;
  /** What it says of what it was told. */
  onVerdict(link: Link, verdict: Verdict): void;
  /** What is being said just now, so far. */
  onWords(text: string): void;
}

interface Segment {
  /** Null: what it was said in is not decided yet. */
  itemId: string | null;
  readonly beganAt: number;
  text: string;
  /** Of the text, what the client has as deltas. */
  told: string;
  done: boolean;
}

/** A provider's own detection, as OpenAI has it, quick: segments are no turns. */
const DETECTION = { type: "server_vad", threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 300 };
/** Words that are late by more than this after a turn are not waited for. */
const LATE_MS = 3000;
/** A sound that becomes a turn began at most so long ago. */
const OVERLAP_MS = 3000;
const SEGMENTS_KEPT = 32;
const TEXT_MOST = 16_384;

export class Transcriber implements LinkHost {
  readonly link: Link;
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #planned: PlannedUpstream;
  readonly #host: TranscriberHost;
  readonly #segments = new Map<string, Segment>();

  constructor(
    context: Context,
    port: ClientPort,
    conversation: Conversation,
    made: { readonly index: number; readonly planned: PlannedUpstream; readonly create: UpstreamFactory },
    host: TranscriberHost,
  ) {
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#planned = made.planned;
    this.#host = host;
    this.link = new Link(made.index, made.planned, made.create, context, this);
  }

  upstreamConfig(): UpstreamConfig {
    const config = this.#host.upstreamConfig();
    const model = this.#planned.options.model;
    const transcription = { ...config.transcription, ...(model === undefined ? {} : { model }) };
    return { ...config, kind: "transcription", turnDetection: DETECTION, transcription };
  }

  /** The session's configuration changed. @returns whether it was sent something now. */
  reconfigure(): boolean {
    return this.link.command({ type: "configure", config: this.upstreamConfig() });
  }

  onUpstream(link: Link, event: UpstreamEvent): void {
    // It is not asked for anything else, and whatever else it says concerns nobody.
    if (event.type === "committed") this.#segment(event.item);
    else if (event.type === "input.transcript.delta") this.#delta(event.itemId, event.delta);
    else if (event.type === "input.transcript.completed") {
      if (event.usage) this.#host.onUsage(event.usage);
      const segment = this.#segment(event.itemId);
      segment.text = cutWords(event.transcript, TEXT_MOST);
      this.#ended(segment);
    } else if (event.type === "input.transcript.failed") {
      this.#context.metric("transcripts_failed", 1, this.link.name);
      this.#ended(this.#segment(event.itemId));
    } else if (event.type === "configured" || event.type === "unconfigured" || event.type === "refused") {
      this.#host.onVerdict(link, event);
    } else if (event.type === "error") {
      this.#context.metric("upstream_errors", 1, this.link.name);
      this.#port.failed(event.error.code, `${this.link.name}: ${event.error.message}`);
    }
  }

  #delta(key: string, delta: string): void {
    const segment = this.#segment(key);
    if (segment.text.length < TEXT_MOST) segment.text += delta;
    this.#heard(segment);
  }

  #segment(key: string): Segment {
    const known = this.#segments.get(key);
    if (known) return known;
    const itemId = this.#host.openItem() ?? (this.#host.judging() ? null : this.#host.lastItem());
    const segment = { itemId, beganAt: this.#context.now, text: "", told: "", done: false };
    this.#segments.set(key, segment);
    if (this.#segments.size > SEGMENTS_KEPT) {
      const [oldest] = this.#segments.keys();
      if (oldest !== undefined) this.#segments.delete(oldest);
    }
    return segment;
  }

  #heard(segment: Segment): void {
    if (segment.itemId === null || segment.itemId === this.#host.openItem()) this.#host.onWords(segment.text);
    this.#tell(segment);
  }

  #ended(segment: Segment): void {
    segment.done = true;
    this.#heard(segment);
    if (segment.itemId !== null) this.#complete(segment.itemId, false);
  }

  /** What was said over the agent is a turn, under this name. */
  began(itemId: string): void {
    for (const segment of this.#segments.values()) {
      if (segment.itemId === null && this.#context.now - segment.beganAt < OVERLAP_MS)
        segment.itemId = itemId;
    }
  }

  /** The turn is in the conversation: its words may be told. */
  announced(itemId: string): void {
    const segments = this.#of(itemId);
    for (const segment of segments) this.#tell(segment);
    if (segments.every((segment) => segment.done)) this.#complete(itemId, false);
    else this.#context.deadlines.set("transcript", this.#context.now + LATE_MS);
  }

  /** The deadline `transcript` came: what is still missing is not waited for. */
  late(): void {
    const items = new Set(Array.from(this.#segments.values(), (segment) => segment.itemId));
    for (const itemId of items) if (itemId !== null) this.#complete(itemId, true);
  }

  #of(itemId: string): readonly Segment[] {
    return [...this.#segments.values()].filter((segment) => segment.itemId === itemId);
  }

  /** As a delta, once the item is there; a provider that takes words back is believed at the end. */
  #tell(segment: Segment): void {
    const { itemId, text, told } = segment;
    const entry = itemId === null ? undefined : this.#conversation.find(itemId);
    if (itemId === null || !entry) return;
    if (text.length <= told.length || !text.startsWith(told)) return;
    // A client puts the deltas one after the other: what parts two segments comes with the later one.
    const before = [this.#conversation.transcriptOf(entry), ...this.#of(itemId).map((each) => each.told)];
    const gap = told === "" ? gapBetween(joinWords(before), text) : "";
    segment.told = text;
    this.#port.emit({
      type: "conversation.item.input_audio_transcription.delta",
      item_id: itemId,
      content_index: 0,
      delta: gap + text.slice(told.length),
    });
  }

  /** All of the turn's words, when none is awaited; more may come, and are told with those before. */
  #complete(itemId: string, late: boolean): void {
    const entry = this.#conversation.find(itemId);
    const segments = this.#of(itemId);
    if (!entry || segments.length === 0 || (!late && segments.some((segment) => !segment.done))) return;
    for (const [key, segment] of this.#segments) if (segment.itemId === itemId) this.#segments.delete(key);
    const words = segments.map((segment) => segment.text.trim());
    const transcript = joinWords([this.#conversation.transcriptOf(entry), ...words]);
    this.#conversation.transcribed(entry, transcript);
    this.#port.emit({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: itemId,
      content_index: 0,
      transcript,
      usage: { type: "duration", seconds: Math.round(entry.audioMs / 100) / 10 },
    });
  }

  onPhase(link: Link, fault: UpstreamFault | null): void {
    this.#host.onPhase(link, fault);
  }

  /** It is told nothing of the conversation, nothing is under way at it, and it hears on from where it was. */
  fill(): null {
    return null;
  }

  onRedial(): void {}

  atGap(): boolean {
    return this.#host.openItem() === null;
  }

  onUntold(): void {}

  onMissed(): void {}

  onLost(link: Link, fault: UpstreamFault, final: boolean): void {
    this.#port.failed(
      fault.code,
      `${link.name}: ${fault.message}${final ? " No further attempt is made by itself." : ""}`,
    );
  }

  snapshot(): TranscriberSnapshot {
    return Array.from(this.#segments, ([key, segment]) => [key, { ...segment }]);
  }

  restore(snapshot: TranscriberSnapshot): void {
    this.#segments.clear();
    for (const [key, segment] of snapshot) this.#segments.set(key, { ...segment });
  }
}

export type TranscriberSnapshot = readonly (readonly [string, Readonly<Segment>])[];
