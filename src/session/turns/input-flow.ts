/**
 * Who gets the caller's audio: turn-based upstreams get turns, duplex ones and those with their own detection
 * everything, and the archive what becomes an item. An upstream that does not read, is lost or is parked gets it later,
 * out of the history.
 */
import { BLOCK_BYTES } from "../../audio/blocks.ts";
import type { AudioFormat } from "../../audio/format.ts";
import { isInaudible } from "../../audio/level.ts";
import type { AudioInput } from "./audio-input.ts";
import type { AudioTap } from "../state/audio-tap.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Limits } from "../limits.ts";
import { MicroTurns, type MicroTurnsSnapshot } from "./micro-turns.ts";
import { marginMs, SlowReaders } from "./slow-readers.ts";
import { Recorder, type RecorderSnapshot } from "./recorder.ts";
import type { Link } from "./ports.ts";
import { Rehearing, type Pending } from "./rehearing.ts";

/** What is kept of items' audio, however much of the caller's waits in the history. */
const ARCHIVE_LEAST_BYTES = 4 * BLOCK_BYTES;

/** So much before all that anyone may ask for is kept, besides the prefix of a turn. */
const MARGIN_MS = 2500;

/** Silence that ends what a transcriber hears (see `transcriber.ts`), and a little more. */
const EAR_ENDS_MS = 800;

/** A client that takes its turns itself speaks to an upstream that died with the object: it is dialled within this. */
const HURRY_MS = 300;

export class InputFlow {
  readonly recorder: Recorder;
  readonly #input: AudioInput;
  readonly #links: readonly Link[];
  readonly #limits: Limits;
  readonly #conversation: Conversation;
  /** A transcriber, which hears everything and concerns no turn. */
  readonly #ear: Link | null;
  readonly #frames: MicroTurns;
  readonly #slow: SlowReaders;
  readonly #rehearing: Rehearing;

  constructor(
    input: AudioInput,
    links: readonly Link[],
    ear: Link | null,
    conversation: Conversation,
    limits: Limits,
  ) {
    this.#input = input;
    this.#frames = new MicroTurns(input);
    this.#ear = ear;
    this.#links = links;
    this.#limits = limits;
    this.#slow = new SlowReaders(input, limits);
    this.#rehearing = new Rehearing(input);
    this.#conversation = conversation;
    this.recorder = new Recorder(conversation, input.format);
  }

  /** Everyone hears from the present on; what anyone may need is kept. */
  attach(): void {
    for (const link of this.#listeners) for (const format of link.formats) this.#input.keep(format);
    for (const tap of [...this.#listeners, this.recorder]) this.#input.attach(tap);
  }

  /** The client's format is another one from now on. `taking`: in the middle of a turn. */
  setFormat(format: AudioFormat, taking: boolean): void {
    if (taking) this.recorded();
    this.#input.keep(format);
    this.recorder.change(format);
    this.#retain();
  }

  /** What is recorded from now on is another item. */
  record(itemId: string): void {
    if (this.recorder.begin(itemId)) this.#retain();
  }

  #retain(): void {
    this.#input.retain([
      this.#input.format,
      this.recorder.format,
      ...this.#listeners.flatMap((link) => [link.format, ...link.formats]),
    ]);
  }

  /**
   * The turn up to a position is put on record. Until then it waits in the history: one copy of it is enough while it goes on.
   */
  recorded(toTicks?: number): void {
    // What waits there is about to be forgotten: then there is room for it.
    this.#conversation.audio.limit(this.#limits.archiveBytes);
    this.#input.forward(this.recorder, toTicks);
  }

  /**
   * Forgets what nobody may ask for any more: what was before a position, and is not to be heard by anybody yet. `client`: what
   * came just now, of a client that takes the turns itself.
   */
  settle(fromTicks: number, client: Uint8Array | null = null): void {
    if (client) this.#hurry(client);
    let from = fromTicks;
    for (const link of this.#listeners) if (!link.parked) from = Math.min(from, link.neededFrom);
    const marginMs = MARGIN_MS + this.#input.endpointer.options.prefixPaddingMs;
    this.#input.forget(from - marginMs * TICKS_PER_MS);
    const { archiveBytes } = this.#limits;
    const room = archiveBytes - this.#input.historyBytes;
    this.#conversation.audio.limit(Math.max(Math.min(archiveBytes, ARCHIVE_LEAST_BYTES), room));
  }

  get #listeners(): readonly Link[] {
    return this.#ear ? [...this.#links, this.#ear] : this.#links;
  }

  /** Upstreams that hear turns, and the recorder. */
  get #turnTaps(): readonly AudioTap[] {
    return [...this.turnLinks, this.recorder];
  }

  get turnLinks(): readonly Link[] {
    return this.#links.filter((link) => link.capabilities.turns === "client");
  }

  /** Upstreams that a client's own commit or clear concerns: a provider that detects by itself takes them too. */
  get buffering(): readonly Link[] {
    return this.#links.filter((link) => link.capabilities.turns !== "none");
  }

  /** The present buffer begins at a position. */
  begin(ticks: number): void {
    for (const tap of this.#turnTaps) this.#input.seek(tap, ticks);
  }

  /** The oldest position that everyone whom the buffer concerns can still be given. */
  get oldestTicks(): number {
    return Math.max(...this.#turnTaps.map((tap) => this.#input.oldestTicks(tap)));
  }

  /** Turn-based upstreams hear the buffer from a position again. */
  again(ticks: number): void {
    for (const link of this.turnLinks) this.#input.seek(link, ticks);
  }

  /** See `Rehearing`. */
  replay(link: Link, at: Pending): void {
    this.#rehearing.replay(link, at, this.isEar(link));
  }

  /** The turn ends at a position. @returns up to where it is heard and recorded: of one committed in advance, up to there. */
  endTurn(ticks: number, eager: boolean): number {
    if (eager) return Math.min(ticks, this.recorder.cursor);
    this.forward(ticks);
    return ticks;
  }

  /** The buffer up to a position, to everyone whom it concerns. */
  forward(toTicks?: number): void {
    for (const link of this.turnLinks) this.#input.forward(link, toTicks);
    this.recorded(toTicks);
  }

  /** Silence of so long ends the buffer, which ends at a position, of everyone whom it concerns. */
  padTurn(endTicks: number, ms: number): void {
    this.recorded(endTicks);
    for (const tap of this.#turnTaps) this.#input.pad(tap, ms);
  }

  /** Audio flows in micro-turns of so long from now on; 0: as it comes. */
  cut(frameTicks: number): void {
    this.#frames.cut(frameTicks);
  }

  /** Those who hear everything and decide by themselves hear that the caller has stopped. */
  padListeners(ms: number): void {
    if (this.#frames.on) {
      this.#frames.pad(this.#links.filter(hears), ms);
      return;
    }
    for (const link of this.#listeners) {
      const decides = link === this.#ear || link.capabilities.turns !== "client";
      if (!link.remote || !hears(link) || !decides) continue;
      this.#input.forward(link);
      this.#input.pad(link, ms);
    }
  }

  /** The client says that a turn is over: a transcriber, which hears by itself what is one, hears that too. */
  endForEar(): void {
    const ear = this.#ear;
    if (this.#frames.on || !ear?.remote || !hears(ear)) return;
    this.#input.forward(ear);
    this.#input.pad(ear, EAR_ENDS_MS);
  }

  /** It is the transcriber, whose detection is its own. */
  isEar(link: Link): boolean {
    return link === this.#ear;
  }

  /** One that comes while no audio does, and decides by itself, hears what waits for it, and that the caller has stopped. */
  catchUp(link: Link, ms: number): void {
    if (this.#frames.on || !link.remote || !hears(link) || this.#input.lagMs(link) <= 0) return;
    if (link !== this.#ear && link.capabilities.turns === "client") return;
    this.#input.forward(link);
    this.#input.pad(link, ms);
  }

  /** The same as audio comes: an upstream that does not keep up gets it with the turn's end at the latest. */
  flow(toTicks?: number): void {
    for (const link of this.turnLinks) if (!link.congested) this.#input.forward(link, toTicks);
    this.#recordRest();
  }

  /** The client decides what is a turn, and the buffer begins at a position. Where nobody listens for speech, any audio wakes all. */
  buffer(ticks: number, detects: boolean): void {
    for (const link of this.turnLinks) if (link.parked) link.ensure();
    if (!detects) this.wake(ticks);
    this.flow();
  }

  /** Nobody listens for speech where the client takes the turns: what can be heard may be some, and is not kept waiting. */
  #hurry(bytes: Uint8Array): void {
    for (const link of this.turnLinks)
      if (link.struck && !isInaudible(this.#input.format, bytes)) link.hurry(HURRY_MS);
  }

  /** Speech began at a position: a transcriber that was parked is to hear it. */
  wake(ticks: number): void {
    if (!this.#ear?.parked) return;
    // First, for it may have to hear more, which is known when it is dialled.
    this.#input.seek(this.#ear, ticks);
    this.#ear.ensure();
  }

  /** To the transcriber, whatever becomes of it. */
  transcribe(speech: boolean): void {
    const ear = this.#ear;
    if (ear?.congested) this.#slow.waits(ear, speech, true);
    else if (ear && hears(ear)) this.#input.forward(ear);
  }

  /** To those who hear everything. `speech`: somebody speaks, or nobody knows. */
  everything(speech: boolean, taking: boolean): void {
    for (const link of this.#links) {
      if (link.congested) this.#slow.waits(link, speech, taking);
      else if (link.capabilities.turns !== "client" && hears(link)) this.#input.forward(link);
    }
  }

  /**
   * Whole micro-turns to everyone; what is left of the last one waits for the rest.
   * @returns whether audio flows so.
   */
  frames(speech: boolean): boolean {
    // As they are now: whoever is given up or lost by this may be followed by one that takes no micro-turns.
    const { ticks, from } = this.#frames;
    if (ticks === 0) return false;
    const last = from + Math.floor((this.#input.ticks - from) / ticks) * ticks;
    for (const link of this.#links) if (link.congested) this.#slow.waits(link, speech, true);
    for (const tap of this.#links.filter((link) => hears(link) && !link.congested)) {
      let next = this.#input.frameEnd(tap, ticks, from);
      for (; next <= last; next += ticks) this.#input.forward(tap, next);
    }
    this.#recordRest();
    return true;
  }

  /** What of the turn would leave the history within a while. */
  #recordRest(): void {
    const overMs = this.#input.lagMs(this.recorder) - marginMs(this.#limits);
    if (overMs > 0) this.recorded(this.recorder.cursor + overMs * TICKS_PER_MS);
  }

  snapshot(): InputFlowSnapshot {
    return { recorder: this.recorder.snapshot(), ...this.#frames.snapshot() };
  }

  restore(snapshot: InputFlowSnapshot): void {
    this.recorder.restore(snapshot.recorder);
    this.#frames.restore(snapshot);
  }
}

export interface InputFlowSnapshot extends MicroTurnsSnapshot {
  readonly recorder: RecorderSnapshot;
}

/** What a lost or parked upstream does not hear now waits in the history. */
function hears(link: Link): boolean {
  return link.phase !== "closed" && link.phase !== "idle";
}
