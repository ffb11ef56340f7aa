/**
 * A provider that takes the turns may die without a word, and nothing was asked of it that it could owe. What the relay
 * itself hears of the caller, and what the provider made of it, says what is to be expected.
 */
import type { Endpointer } from "../../audio/endpointer.ts";
import type { Context } from "../context.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import type { Asking, Configuration, Link, Responses } from "./ports.ts";

/** A provider that takes the turns made something of what it heard. */
interface Sign {
  readonly at: number;
  /** When it had said that this turn begins; Infinity: it said nothing of that. */
  readonly fromAt: number;
  /** The speech in a pause of which it came: when that began; null: nobody paused. */
  readonly of: number | null;
}

interface WitnessParts {
  readonly context: Context;
  readonly speakers: readonly Link[];
  readonly input: { readonly endpointer: Endpointer };
  readonly config: Configuration;
  readonly asking: Asking;
  readonly responses: Responses;
}

/** A provider that heard so much voice has something to say of it. */
const SURE_MS = 1200;
/** It may take less for a noise, and say nothing: only a long silence after it tells. */
const LEAST_MS = 300;
/** A provider may hear speech so much sooner than the relay does. */
const SOONER_MS = 500;
/** One that decides by meaning may wait so long before it ends a turn (OpenAI's bounds). */
const LONGEST_MS = { low: 8000, medium: 4000, auto: 4000, high: 2000 } as const;
/** After less silence the caller has not paused. */
const PAUSE_MS = 100;
/** Of all pauses together in which it let a turn go on, in times the longest one: else each next word would put it off. */
const PAUSES_FOR_ONE_TURN = 3;

export class Witness {
  readonly #context: Context;
  readonly #links: readonly Link[];
  readonly #endpointer: Endpointer;
  readonly #config: Configuration;
  readonly #asking: Asking;
  readonly #responses: Responses;
  /** When the speech that is being heard began, by the clock. */
  #beganAt = Number.NEGATIVE_INFINITY;
  /** When the last one ended. */
  #endedAt = Number.NEGATIVE_INFINITY;
  /** By upstream, when it last showed that it made something of what it heard, and of which speech. */
  readonly #signs = new Map<number, Sign>();
  /** Upstreams that ever said that somebody begins to speak, and when they last did. */
  readonly #startedAt = new Map<number, number>();
  /** Upstreams that say that somebody speaks, and for how long the caller has paused since (ms). */
  readonly #hearing = new Map<number, number>();
  /** Upstreams whose connection broke off when they had made a turn and not answered it, and when they had made it. */
  readonly #owed = new Map<number, number>();

  constructor({ context, speakers, input, config, asking, responses }: WitnessParts) {
    this.#context = context;
    this.#links = speakers;
    this.#endpointer = input.endpointer;
    this.#config = config;
    this.#asking = asking;
    this.#responses = responses;
  }

  /** A turn has an answer without the client's asking, and nothing is being answered. */
  get #mayAsk(): boolean {
    return this.#asking.may && !this.#responses.underway;
  }

  /**
   * Speech begins (null), or has ended after so long, pre-roll and hangover included: who has not shown that it heard it,
   * has to.
   * @param sinceMs what begins began so long ago, pre-roll included: over an agent it is judged first
   */
  heard(speechMs: number | null, sinceMs = 0): void {
    if (speechMs === null) {
      this.#begins(this.#context.now - Math.max(0, sinceMs - this.#endpointer.options.prefixPaddingMs));
      return;
    }
    this.#endedAt = this.#context.now;
    const { prefixPaddingMs, hangoverMs } = this.#endpointer.options;
    const voicedMs = speechMs - prefixPaddingMs - hangoverMs;
    if (voicedMs < LEAST_MS || !this.#expects) return;
    const sure = voicedMs >= SURE_MS;
    for (const link of this.#links) {
      if (link.capabilities.turns !== "server") continue;
      // Whatever it has made of the beginning of this speech: it says that it hears the rest.
      if (this.#hearing.has(link.index)) link.watch(this.#context.limits.stallMs + this.#longestMs);
      else if (!this.#showed(link)) link.watch(sure ? 0 : this.#context.limits.firstOutputMs);
    }
  }

  /**
   * Who decides by meaning, and hears on when the relay takes a turn for over, may be right: it goes on. What the caller
   * says then does not make its patience any longer: pauses add up.
   */
  #begins(at: number): void {
    this.#beganAt = at;
    // The silence began before the relay took it for the end.
    const pauseMs = at - this.#endedAt + this.#endpointer.options.hangoverMs;
    const longestMs = this.#longestMs;
    for (const link of this.#links) {
      const pausedMs = this.#hearing.get(link.index);
      // What it did not end in a pause in which it had to, no shorter one after that excuses.
      const overdue = pauseMs > longestMs;
      if (pausedMs === undefined || (overdue && !link.watched)) continue;
      const mostMs = PAUSES_FOR_ONE_TURN * longestMs;
      this.#hearing.set(link.index, pausedMs + pauseMs + (overdue ? mostMs : 0));
      if (pausedMs + pauseMs <= mostMs && !overdue) link.unwatch();
    }
  }

  /** How long a provider that hears a turn may wait before it ends it, beyond what the relay waits. */
  get #longestMs(): number {
    const turn = this.#config.turnDetection;
    return turn?.type === "semantic_vad" ? LONGEST_MS[turn.eagerness] : 0;
  }

  /** Who takes the turns has something to say of speech: its detection is on, and leads to something. */
  get #expects(): boolean {
    const turn = this.#config.turnDetection;
    if (turn === null || turn.type === "duplex") return false;
    return turn.create_response || this.#config.transcriptionOnly;
  }

  /**
   * It has made something of this very speech, and may have ended it sooner than the relay did. What it says of a turn that began
   * before is on its way for a while: where the caller went on without a pause it says nothing of this.
   */
  #showed(link: Link): boolean {
    const sign = this.#signs.get(link.index);
    if (sign === undefined) return false;
    const { at, fromAt, of } = sign;
    return of === this.#beganAt || (at >= this.#beganAt && fromAt >= this.#beganAt - SOONER_MS);
  }

  /** A provider said something. */
  said(link: Link, event: UpstreamEvent): void {
    const { now } = this.#context;
    // That one begins that was asked for beside the conversation says nothing of what the caller said.
    if (event.type === "response.started" && event.answers !== null && this.#aside(event.answers)) return;
    if (event.type === "response.started" || event.type === "speech") this.answered(link);
    if (event.type === "speech") {
      if (event.state === "started") this.#begun(link);
      else this.#made(link, now + SOONER_MS);
    } else if (event.type === "committed" || event.type === "response.started") this.#made(link, now);
  }

  #aside(responseId: string): boolean {
    return this.#responses.get(responseId)?.outOfBand === true;
  }

  #begun({ index }: Link): void {
    this.#hearing.set(index, 0);
    this.#startedAt.set(index, this.#context.now);
  }

  #made({ index }: Link, at: number): void {
    this.#hearing.delete(index);
    const pauses = this.#endpointer.silenceMs >= PAUSE_MS;
    const fromAt = this.#startedAt.get(index) ?? Infinity;
    this.#signs.set(index, { at, fromAt, of: pauses ? this.#beganAt : null });
  }

  /** The client is gone: who waits for the silence after its words hears no more of it, and need say nothing. */
  away(): void {
    for (const link of this.#links) if (link.capabilities.turns === "server") link.unwatch();
  }

  /** A provider hears somebody speak, or has to show that it did, and may still make a turn of it. */
  get hears(): boolean {
    const lastAt = Math.max(this.#beganAt, this.#endedAt);
    if (this.#context.now > lastAt + this.#context.limits.firstOutputMs + this.#longestMs) return false;
    return this.#links.some(
      ({ index, phase, watched }) => phase === "ready" && (watched || this.#hearing.has(index)),
    );
  }

  /** Its connection is gone, and with it what it heard. */
  lost(link: Link): void {
    const dueAt = this.#context.deadlines.get(name(link));
    if (dueAt !== null) this.#owed.set(link.index, dueAt - this.#context.limits.firstOutputMs);
    this.answered(link);
    this.#signs.delete(link.index);
    this.#startedAt.delete(link.index);
    this.#hearing.delete(link.index);
  }

  /** Another connection was told what was said: of a turn that the one before took it has to be asked, unless the caller goes on. */
  redialled(link: Link): void {
    const at = this.#owed.get(link.index);
    this.#owed.delete(link.index);
    if (at !== undefined && this.#beganAt <= at) this.#ask(link);
  }

  /** It made a turn of what it heard: an answer is to follow. */
  committed(link: Link): void {
    if (!this.#mayAsk) return;
    this.#context.deadlines.set(name(link), this.#context.now + this.#context.limits.firstOutputMs);
  }

  /** It has made a turn, and its answer has not begun. */
  owes(link: Link): boolean {
    return this.#context.deadlines.get(name(link)) !== null;
  }

  /** Some provider has made a turn and does not answer it yet. */
  get owesAny(): boolean {
    return this.#links.some((link) => this.owes(link));
  }

  /** It answers, or hears the caller go on. */
  answered(link: Link): void {
    this.#context.deadlines.clear(name(link));
  }

  /** The deadline of `committed` came: it is asked, as if it did not take the turns. */
  due(index: number): void {
    const link = this.#links[index];
    if (link?.phase === "ready") this.#ask(link);
  }

  #ask(link: Link): void {
    if (!this.#mayAsk) return;
    this.#context.metric("turns_unanswered", 1, link.name);
    this.#asking.anew(link.index);
  }

  snapshot(): WitnessSnapshot {
    return {
      beganAt: this.#beganAt,
      endedAt: this.#endedAt,
      signs: Array.from(this.#signs, ([index, { at }]) => [index, at] as const),
      ...(this.#signs.size > 0 && { signed: [...this.#signs] }),
      ...(this.#startedAt.size > 0 && { started: [...this.#startedAt] }),
      hearing: [...this.#hearing.keys()],
      paused: [...this.#hearing],
      ...(this.#owed.size > 0 && { owed: [...this.#owed] }),
    };
  }

  restore(snapshot: WitnessSnapshot): void {
    this.#beganAt = snapshot.beganAt;
    this.#endedAt = snapshot.endedAt;
    const old = snapshot.signs.map(([index, at]) => [index, { at, fromAt: Infinity, of: null }] as const);
    for (const [index, sign] of snapshot.signed ?? old) this.#signs.set(index, sign);
    for (const [index, at] of snapshot.started ?? []) this.#startedAt.set(index, at);
    for (const [index, at] of snapshot.owed ?? []) this.#owed.set(index, at);
    const paused = new Map(snapshot.paused);
    for (const index of snapshot.hearing) this.#hearing.set(index, paused.get(index) ?? 0);
  }
}

export interface WitnessSnapshot {
  readonly beganAt: number;
  readonly endedAt: number;
  readonly signs: readonly (readonly [number, number])[];
  /** What builds of before did not store: of which speech each sign is, and when each provider last heard one begin. */
  readonly signed?: readonly (readonly [number, Sign])[];
  readonly started?: readonly (readonly [number, number])[];
  readonly hearing: readonly number[];
  /** What a build of before did not store. */
  readonly paused?: readonly (readonly [number, number])[];
  /** Absent: nobody owes an answer to a turn that their lost connection took. */
  readonly owed?: readonly (readonly [number, number])[];
}

function name(link: Link): string {
  return `unanswered:${link.index}`;
}
