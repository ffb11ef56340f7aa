/**
 * A side stream that hears the caller always and answers never: what it transcribes are the words of the caller's turns,
 * and what they say is evidence (for the floor, that a sound is an interruption; for the end of a turn, that a sentence
 * is over or goes on). Its provider cuts speech into segments as it likes; each belongs to the turn in which it began.
 */
import type { UpstreamConfig, UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import { cutWords, gapBetween, joinWords } from "../memory/words.ts";
import type { PlannedUpstream } from "../state/plan.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import { partOf, wordsCame, wordsComplete, wordsFailed, wordsUnheard } from "./transcript-events.ts";
import { grown, kept } from "./transcript-extra.ts";
import { AwaitedWords, LATE_MS } from "./awaited-words.ts";
import { Segments, type Segment, type SegmentsSnapshot } from "./segments.ts";
import type { MadeOf, TranscriberParts } from "./transcribing.ts";
import type { ClientPort, Ear, Link } from "./ports.ts";
import { wordlessMs } from "./wordless-turns.ts";

/** A provider's own detection, as OpenAI has it, quick: segments are no turns. */
const DETECTION = { type: "server_vad", threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 300 };
/** While words of the last turn are awaited, nothing is heard yet of a buffer with less than this. */
const HEARD_AFTER_MS = 1000;
/** Of so much in the last few turns it has something to say. */
const SURE_MS = 2000;
/** Diarized parts that wait for the turn. */
const PARTS_KEPT = 64;
/** One that failed all its dials is tried again after so long, and with the next speech. */
const RETRY_MS = 60_000;
const TEXT_MOST = 16_384;

export class Transcriber<Linked extends Ear = Ear> {
  readonly link: Linked;
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #planned: PlannedUpstream;
  readonly #parts: TranscriberParts;
  readonly #segments = new Segments();
  readonly #awaited: AwaitedWords;
  /** The connection that serves has heard what was said. */
  #hears = false;

  constructor(parts: TranscriberParts, made: MadeOf<Linked>) {
    this.#context = parts.context;
    this.#port = parts.port;
    this.#conversation = parts.conversation;
    this.#planned = made.planned;
    this.#parts = parts;
    this.#awaited = new AwaitedWords(parts.context);
    this.link = made.link(this);
  }

  upstreamConfig(): UpstreamConfig {
    const config = this.#parts.config.upstream();
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
    else if (event.type === "input.transcript.delta") this.#delta(event);
    else if (event.type === "input.transcript.completed") {
      if (event.usage) this.#parts.upstreamEvents.spent(event.usage, this.link);
      const segment = this.#segment(event.itemId);
      segment.text = cutWords(event.transcript, TEXT_MOST);
      segment.usage = event.usage && kept(event.usage);
      segment.extra = kept(event.extra);
      this.#ended(segment);
    } else if (event.type === "input.transcript.segment") {
      const segment = this.#segment(event.itemId);
      const part = kept(event.segment);
      segment.parts = [...(segment.parts ?? []), ...(part ? [part] : [])].slice(0, PARTS_KEPT);
      this.#tell(segment);
    } else if (event.type === "input.transcript.failed") {
      this.#context.metric("transcripts_failed", 1, this.link.name);
      const segment = this.#segment(event.itemId);
      segment.fault = event.error;
      this.#ended(segment);
    } else if (event.type === "configured" || event.type === "unconfigured" || event.type === "refused") {
      this.#parts.refusals.verdict(link, event, "transcriber");
    } else if (event.type === "error") {
      this.#context.metric("upstream_errors", 1, this.link.name);
      this.#parts.upstreamEvents.tellBeside(link, event.error);
    }
  }

  #delta({ itemId: key, delta, extra }: Extract<UpstreamEvent, { type: "input.transcript.delta" }>): void {
    const segment = this.#segment(key);
    const first = segment.text === "";
    if (segment.text.length < TEXT_MOST) segment.text += delta;
    segment.untold = grown(segment.untold ?? null, kept(extra));
    this.#heard(segment);
    // The turn may be over: words that began after it and do not end are not waited for either.
    if (segment.itemId !== null && this.#conversation.find(segment.itemId))
      this.#awaited.add(segment.itemId, first);
  }

  #segment(key: string): Segment {
    const known = this.#segments.get(key);
    if (known) return known;
    const openItem = this.#parts.turns.openItem ?? this.#buffered();
    const itemId = openItem ?? (this.#undecided ? null : this.#parts.turns.lastItem);
    return this.#segments.begin(key, itemId, this.#context.now, this.#heardMs);
  }

  /** The client takes the turns itself: the item that its buffer becomes; null: nothing that is heard yet is in it. */
  #buffered(): string | null {
    const { config, turns, input } = this.#parts;
    const ms = (input.ticks - turns.startTicks) / TICKS_PER_MS;
    if (config.turnDetection !== null || ms <= 0) return null;
    const waits = this.#awaited.has(turns.lastItem);
    return waits && ms < HEARD_AFTER_MS ? null : turns.nextItem;
  }

  /** A sound over an agent may become a turn: the floor judges it, or keeps one that it dismissed until the agent has ended. */
  get #undecided(): boolean {
    return this.#parts.floor.judging || this.#context.deadlines.get("floor:kept") !== null;
  }

  /** How much of the caller's audio has come, in milliseconds. */
  get #heardMs(): number {
    return this.#parts.input.ticks / TICKS_PER_MS;
  }

  #heard(segment: Segment): void {
    if (segment.itemId === null || segment.itemId === this.#parts.turns.openItem)
      this.#parts.reactions.words(segment.text);
    this.#tell(segment);
  }

  #ended(segment: Segment): void {
    segment.done = true;
    this.#heard(segment);
    if (segment.itemId !== null) this.#complete(segment.itemId, false);
  }

  /** The caller speaks, since so long, and it is a turn under this name: also what was said of it over the agent. */
  began(itemId: string, startedMs: number): void {
    this.link.ensure();
    this.#segments.belong(itemId, startedMs, this.#context.now, this.#heardMs);
  }

  /** The turn that goes on is called otherwise. */
  renamed(from: string, to: string): void {
    this.#segments.renamed(from, to);
  }

  /** The turn is in the conversation: its words may be told. */
  announced(itemId: string): void {
    const segments = this.#segments.of(itemId);
    // It may have vanished without a word, and nothing is asked of it that it could owe.
    if (
      segments.length === 0 &&
      this.#parts.config.turnDetection !== null &&
      wordlessMs(this.#conversation) >= SURE_MS
    )
      this.link.watch(LATE_MS);
    for (const segment of segments) this.#tell(segment);
    if (segments.length > 0 && segments.every((segment) => segment.done)) this.#complete(itemId, false);
    else this.#awaited.add(itemId, false);
  }

  /** It has heard a turn that is over, and its words may come yet. */
  get owes(): boolean {
    return this.#awaited.some && this.link.phase === "ready";
  }

  /** The deadline `transcript` came: what is still missing is not waited for. */
  late(): void {
    for (const itemId of this.#awaited.overdue) this.#complete(itemId, true);
    this.#awaited.arm();
  }

  /** As a delta, once the item is there; a provider that takes words back is believed at the end. */
  #tell(segment: Segment): void {
    const { itemId, text, told } = segment;
    const entry = itemId === null ? undefined : this.#conversation.spoken(itemId);
    if (itemId === null || !entry) return;
    for (const part of segment.parts ?? []) this.#port.emit(partOf(itemId, part));
    segment.parts = [];
    if (text.length <= told.length || !text.startsWith(told)) return;
    // A client puts the deltas one after the other: what parts two segments comes with the later one.
    const known = this.#segments.before.get(itemId) ?? this.#conversation.transcriptOf(entry);
    const before = [known, ...this.#segments.of(itemId).map((each) => each.told)];
    const gap = told === "" ? gapBetween(joinWords(before), text) : "";
    const beside = segment.untold ?? {};
    segment.told = text;
    segment.untold = null;
    this.#port.emit(wordsCame(itemId, gap + text.slice(told.length), beside));
  }

  /** All of the turn's words, when none is awaited; more may come, and are told with those before. */
  #complete(itemId: string, late: boolean): void {
    const entry = this.#conversation.spoken(itemId);
    const segments = this.#segments.of(itemId);
    const done = segments.every((segment) => segment.done);
    if (!entry || done || late) this.#awaited.delete(itemId);
    if (!entry || (!late && !done)) return;
    if (segments.length === 0) return this.#unheard(itemId);
    const words = segments.map((segment) => segment.text.trim());
    const before = this.#segments.before.get(itemId) ?? this.#conversation.transcriptOf(entry);
    const transcript = joinWords([before, ...words]);
    // What goes on is told with all that is kept of it.
    if (done) this.#segments.forget(itemId);
    else this.#segments.before.set(itemId, before);
    const fault = segments.find((segment) => segment.fault)?.fault;
    if (transcript === "" && fault) return this.#port.emit(wordsFailed(itemId, fault));
    this.#conversation.transcribed(entry, transcript);
    this.#parts.upstreamEvents.changed(itemId);
    this.#port.emit(wordsComplete(entry, transcript, segments, before === ""));
    for (const segment of segments) segment.usage = null;
  }

  /** Not a word has come of it. */
  #unheard(itemId: string): void {
    if (this.link.phase !== "ready") this.#port.emit(wordsUnheard(itemId));
  }

  onPhase(link: Link, fault: UpstreamFault | null): void {
    this.#parts.upstreamEvents.onPhase(link, fault, null);
  }

  /** What it had not finished died with its connection: the next one hears what no turn was made of from its beginning. */
  onRedial(): void {
    const open = this.#parts.turns.openItem;
    const begun = [...this.#segments].filter(([, { itemId }]) => itemId === null || itemId === open);
    if (begun.some(([, { done }]) => done)) return;
    for (const [key] of begun) this.#segments.delete(key);
    this.#parts.turns.replay(this.link);
  }

  onSent(): void {
    this.#hears = true;
  }

  atGap(): boolean {
    return this.#parts.turns.openItem === null;
  }

  onUntold(): void {}

  onMissed(link: Link, ms: number): void {
    this.#parts.upstreamEvents.onMissed(link, ms);
  }

  onSpared(link: Link, ms: number): void {
    this.#parts.upstreamEvents.onSpared(link, ms);
  }

  /** Nobody asks it for anything that would have it dialled again: it is tried again after a while. */
  onLost(link: Ear, fault: UpstreamFault, final: boolean): void {
    this.#parts.upstreamEvents.tellLost(link, fault, final);
    if (final) link.retryIn(RETRY_MS);
    // What waited for a connection that never took it the next one hears.
    if (this.#hears) for (const itemId of this.#awaited.items) this.#lost(itemId, fault);
    this.#hears = false;
    this.#awaited.arm();
  }

  /** The turn is over, and the next connection hears nothing of it: its words are those that came. */
  #lost(itemId: string, fault: UpstreamFault): void {
    const segments = this.#segments.of(itemId);
    for (const segment of segments) {
      if (!segment.done) segment.fault ??= fault;
      segment.done = true;
    }
    if (segments.length > 0) this.#complete(itemId, false);
    else if (this.#awaited.delete(itemId) && this.#conversation.find(itemId))
      this.#port.emit(wordsFailed(itemId, fault));
  }

  snapshot(): TranscriberSnapshot {
    return { ...this.#segments.snapshot(), due: this.#awaited.snapshot(), hears: this.#hears };
  }

  restore(snapshot: TranscriberSnapshot): void {
    this.#segments.restore(snapshot);
    this.#awaited.restore(snapshot.due);
    this.#hears = snapshot.hears ?? false;
  }
}

export interface TranscriberSnapshot extends SegmentsSnapshot {
  readonly due: readonly (readonly [string, number])[];
  readonly hears?: boolean;
}
