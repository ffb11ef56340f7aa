/**
 * Who gets the caller's audio: turn-based upstreams get turns, duplex ones and those with their own detection
 * everything, and the archive what becomes an item. An upstream that does not read, is lost or is parked gets it later,
 * out of the history.
 */
import type { AudioInput, AudioTap } from "./audio-input.ts";
import type { Conversation } from "../memory/conversation.ts";
import { Link } from "../links/link.ts";
import { Recorder } from "./recorder.ts";

/** A duplex upstream that does not read hears of silence so much at most, later. */
const SILENCE_KEPT_MS = 1000;

export class InputFlow {
  readonly recorder: Recorder;
  readonly #input: AudioInput;
  readonly #links: readonly Link[];
  readonly #overrunMs: number;
  /** A transcriber, which hears everything and concerns no turn. */
  readonly #ear: Link | null;

  constructor(
    input: AudioInput,
    links: readonly Link[],
    ear: Link | null,
    conversation: Conversation,
    overrunMs: number,
  ) {
    this.#input = input;
    this.#ear = ear;
    this.#links = links;
    this.#overrunMs = overrunMs;
    this.recorder = new Recorder(conversation, input.format);
  }

  /** Everyone hears from the present on; what anyone may need is kept. */
  attach(): void {
    const links = this.#ear ? [...this.#links, this.#ear] : this.#links;
    for (const link of links) for (const format of link.formats) this.#input.keep(format);
    for (const tap of [...links, this.recorder]) this.#input.attach(tap);
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

  /** Turn-based upstreams hear the buffer from a position again. */
  again(ticks: number): void {
    for (const link of this.turnLinks) this.#input.seek(link, ticks);
  }

  /** The buffer up to a position, to everyone whom it concerns. */
  forward(toTicks?: number): void {
    for (const tap of this.#turnTaps) this.#input.forward(tap, toTicks);
  }

  /** The same as audio comes: an upstream that does not keep up gets it with the turn's end at the latest. */
  flow(toTicks?: number): void {
    for (const tap of this.#turnTaps) {
      if (!(tap instanceof Link && tap.congested)) this.#input.forward(tap, toTicks);
    }
  }

  /** Speech began at a position: a transcriber that was parked is to hear it. */
  wake(ticks: number): void {
    if (!this.#ear?.parked) return;
    this.#ear.ensure();
    this.#input.seek(this.#ear, ticks);
  }

  /** To the transcriber, whatever becomes of it. */
  transcribe(speech: boolean): void {
    const ear = this.#ear;
    if (ear?.congested) this.#waits(ear, speech, true);
    else if (ear && hears(ear)) this.#input.forward(ear);
  }

  record(toTicks: number): void {
    this.#input.forward(this.recorder, toTicks);
  }

  /** To those who hear everything. `speech`: somebody speaks, or nobody knows. */
  everything(speech: boolean, taking: boolean): void {
    for (const link of this.#links) {
      if (link.congested) this.#waits(link, speech, taking);
      else if (link.capabilities.turns !== "client" && hears(link)) this.#input.forward(link);
    }
  }

  /** Whole micro-turns to everyone; what is left of the last one waits for the rest. */
  frames(frameTicks: number, speech: boolean): void {
    const last = Math.floor(this.#input.ticks / frameTicks) * frameTicks;
    for (const link of this.#links) if (link.congested) this.#waits(link, speech, true);
    const taps = [...this.#links.filter((link) => hears(link) && !link.congested), this.recorder];
    for (const tap of taps) {
      let next = this.#input.frameEnd(tap, frameTicks);
      for (; next <= last; next += frameTicks) this.#input.forward(tap, next);
    }
  }

  /**
   * An upstream does not read: its audio waits in the history, and what is no speech need not wait.
   * @param taking turn-based upstreams are being told a turn.
   */
  #waits(link: Link, speech: boolean, taking: boolean): void {
    const lagMs = this.#input.lagMs(link);
    const { turns } = link.capabilities;
    if (turns === "none") {
      if (speech || lagMs < SILENCE_KEPT_MS) return;
      this.#input.attach(link);
      link.missed(lagMs);
    } else if ((taking || turns === "server") && lagMs > this.#overrunMs) link.overrun();
  }
}

/** What a lost or parked upstream does not hear now waits in the history. */
function hears(link: Link): boolean {
  return link.phase !== "closed" && link.phase !== "idle";
}
