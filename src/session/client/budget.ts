/**
 * What a client can make the relay do, in one place, asked before any work. Each resource is a bucket that is earned back by
 * the clock; what does not fit is refused aloud, changes nothing, is stored nowhere and reaches no provider. A core that is
 * synchronous cannot make a client wait: over a bound there is the error, not a delay. Whoever goes on all the same is hung
 * up on (`exhausted`).
 *
 * It belongs to the session, not to a connection: dialling again earns nothing.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { Context } from "../context.ts";
import type { Allowance } from "../io.ts";
import type { Limits } from "../limits.ts";
import { Rate } from "../state/rate.ts";

/** What a message is refused for. */
export type Resource = "events" | "bytes" | "audio";

/** Refusals of one kind are told so often, with how many there were. */
const TELL_EVERY_MS = 1000;
/** A refused message was read from the network: so many bytes of it cost as much as another message. */
const BYTES_PER_REFUSAL = 65_536;
/** And of one whose JSON is too deep or too wide: no client says that twice, and each is looked over besides. */
const BYTES_PER_EXCESS = 16_384;
/** A message of less audio than this is no sound: the shortest that any microphone gives has 1.3 ms (128 samples at 96 kHz). */
const CRUMB_MS = 1;

interface Refused {
  toldAt: number;
  /** Not told yet. */
  messages: number;
  ms: number;
}

/** In the order of snapshots: what is new comes last. */
const RATES = ["events", "bytes", "audio", "errors", "refusals", "answers", "eager", "told", "work"] as const;
/** What is owed by whoever begins another session: what these cost is the same in whichever. */
const OWED = ["audio", "refusals", "work"] as const;

/** When each of these will have been earned back; 0: it is. */
export type Debts = Readonly<Record<(typeof OWED)[number], number>>;

export class Budget {
  readonly #context: Context;
  readonly #limits: Limits;
  /** Messages that are no audio. */
  readonly events: Rate;
  /** Bytes or characters, after inflation, both ways: what an event makes the relay answer counts as well. */
  readonly bytes: Rate;
  /** Milliseconds of audio. */
  readonly audio: Rate;
  /** Errors told one by one. */
  readonly errors: Rate;
  /** Answers that are asked for. */
  readonly answers: Rate;
  /** Answers that are asked for in advance. */
  readonly eager: Rate;
  /** What the session's API key has left for it; null: nobody counts. */
  #allowance: Allowance | null = null;
  /** Answers asked for, in this object. */
  #asked = 0;
  readonly refusals: Rate;
  /** Characters of what was shown again because an event asked for it: the configuration with each update, items. */
  readonly told: Rate;
  /** Work that the thread does for it, in milliseconds of audio: what is more waits. */
  readonly work: Rate;
  readonly #refused = new Map<Resource, Refused>();
  #exhausted = false;
  /** Silences that became turns since the last word of the caller. */
  #silences = 0;

  constructor(context: Context) {
    const { limits } = context;
    this.#context = context;
    this.#limits = limits;
    this.events = new Rate(limits.clientEventsBurst, limits.clientEventsPerSecond);
    this.bytes = new Rate(limits.clientBytesBurst, limits.clientBytesPerSecond);
    this.audio = new Rate(limits.clientAudioBurstMs, limits.clientAudioSpeed * 1000);
    this.errors = new Rate(limits.clientErrorsBurst, limits.clientErrorsPerSecond);
    this.refusals = new Rate(limits.clientRefusalsBurst, limits.clientRefusalsPerSecond);
    this.answers = new Rate(limits.answersPerMinute, limits.answersPerMinute / 60);
    this.eager = new Rate(limits.eagerPerMinute, limits.eagerPerMinute / 60);
    this.told = new Rate(limits.clientToldBurst, limits.clientToldPerSecond);
    this.work = new Rate(limits.clientWorkBurstMs, limits.clientWorkSpeed * 1000);
  }

  /** What its client would owe in another session as well. */
  debts(now: number): Debts {
    return {
      audio: this.audio.paidAt(now),
      refusals: this.refusals.paidAt(now),
      work: this.work.paidAt(now),
    };
  }

  /** Its client owes so much from sessions before. */
  owe(debts: Debts): void {
    for (const name of OWED) this[name].restore(debts[name]);
  }

  /** An event asks to be shown what may be long. @throws ClientError when too much was shown already. */
  requireTelling(now: number): void {
    if (this.told.has(0, now)) return;
    const { clientToldBurst, clientToldPerSecond } = this.#limits;
    throw new ClientError(
      "rate_limit_exceeded",
      `At most ${clientToldPerSecond} characters a second beyond ${clientToldBurst} at once are shown again.`,
    );
  }

  /** The client goes on though it is refused: it is not worth its connection. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** It was hung up on, and has nothing left. */
  settled(now: number): void {
    this.#exhausted = false;
    this.events.empty(now);
    this.audio.empty(now);
  }

  /** A message holds so many milliseconds of audio. @returns false: there is not enough left, and it is not taken. */
  takesAudio(ms: number, now: number): boolean {
    const { clientAudioLeastMs, clientAudioCrumbMs } = this.#limits;
    return this.audio.take(ms < CRUMB_MS ? clientAudioCrumbMs : Math.max(ms, clientAudioLeastMs), now);
  }

  /** Audio in an item or an answer's input, the event's field `param`: not taken yet. @throws ClientError when it is too much. */
  requireAudio(ms: number, param: string, now: number): void {
    if (ms === 0 || this.audio.has(ms, now)) return;
    throw new ClientError(
      "rate_limit_exceeded",
      `${this.#bound("audio")}: ${Math.round(ms)} ms in '${param}' were not taken.`,
      param,
    );
  }

  /** One more answer is to be asked for. @returns why it is not: a minute has had its answers. */
  refusedAnswer(): ClientError | null {
    const { now } = this.#context;
    if (this.#left < 1) return this.#refuseAnswer(...this.#keysRefusal());
    if (this.answers.take(1, now)) {
      this.#ask();
      return null;
    }
    const most = this.#limits.answersPerMinute;
    return this.#refuseAnswer(`At most ${most} answers a minute are asked for`, this.answers.waitMs(1, now));
  }

  #keysRefusal(): [what: string, waitMs: number] {
    const { perMinute = 0, moreAt = 0 } = this.#allowance ?? {};
    const what = `The API key may ask for ${perMinute} answers a minute, in all its sessions`;
    return [what, moreAt - this.#context.now];
  }

  #refuseAnswer(what: string, waitMs: number): ClientError {
    this.#context.metric("answers_refused", 1);
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    return new ClientError(
      "rate_limit_exceeded",
      `${what}; this one was not. Another may be in ${seconds} s.`,
    );
  }

  /** An answer may be asked for in advance: most are thrown away, so that none takes the last one there is. */
  get mayHurry(): boolean {
    return this.#left >= 2 && this.eager.has(1, this.#context.now);
  }

  /** It was. */
  hurried(): void {
    this.eager.take(1, this.#context.now);
    this.#ask();
  }

  #ask(): void {
    this.#asked += 1;
    this.#context.metric("answers_asked", 1);
  }

  get #left(): number {
    return this.#allowance === null ? Infinity : this.#allowance.upTo - this.#asked;
  }

  allow(allowance: Allowance | null): void {
    this.#allowance = allowance;
  }

  /** A silence is to become a turn. @returns whether it may: the caller said something not long ago. */
  get answersSilence(): boolean {
    return this.#silences < this.#limits.idleAnswers;
  }

  /** It became one. */
  silence(): void {
    this.#silences += 1;
  }

  /** The caller said something, aloud or typed: somebody is there. */
  heard(): void {
    this.#silences = 0;
  }

  /**
   * A message was refused.
   * @returns the error to tell now; null: one was told within the second, and this one is told with the next.
   */
  refuse(resource: Resource, size: number, ms: number, now: number): ClientError | null {
    this.weigh(size, now);
    let refused = this.#refused.get(resource);
    if (refused === undefined) {
      refused = { toldAt: Number.NEGATIVE_INFINITY, messages: 0, ms: 0 };
      this.#refused.set(resource, refused);
    }
    refused.messages += 1;
    refused.ms += ms;
    return now - refused.toldAt < TELL_EVERY_MS ? null : this.#tell(resource, refused, now);
  }

  /** An event had a fault, which is as well found out by reading it. */
  fault(size: number, now: number): void {
    if (!this.refusals.take(1 + Math.floor(size / BYTES_PER_REFUSAL), now)) this.#exhausted = true;
  }

  /** Something of this size was read for nothing. */
  weigh(size: number, now: number): void {
    if (!this.refusals.take(1 + size / BYTES_PER_REFUSAL, now)) this.#exhausted = true;
  }

  /** An event of this size has more levels, members, escapes or white space than any has. */
  weighExcess(size: number, now: number): void {
    this.weigh((size * BYTES_PER_REFUSAL) / BYTES_PER_EXCESS, now);
  }

  /** What was refused and not told. */
  untold(now: number): readonly ClientError[] {
    return Array.from(this.#refused)
      .filter(([, { messages }]) => messages > 0)
      .map(([resource, refused]) => this.#tell(resource, refused, now));
  }

  #tell(resource: Resource, refused: Refused, now: number): ClientError {
    const { messages, ms } = refused;
    refused.toldAt = now;
    refused.messages = 0;
    refused.ms = 0;
    const count = messages === 1 ? "1 message was" : `${messages} messages were`;
    const message = `${this.#bound(resource)}: ${count} not taken${ms > 0 ? `, ${Math.round(ms)} ms of audio` : ""}.`;
    const param = resource === "audio" ? "audio" : null;
    return new ClientError("rate_limit_exceeded", message, param);
  }

  #bound(resource: Resource): string {
    const limits = this.#limits;
    switch (resource) {
      case "events":
        return `At most ${limits.clientEventsPerSecond} events a second beyond ${limits.clientEventsBurst} at once`;
      case "bytes":
        return `At most ${limits.clientBytesPerSecond} bytes a second beyond ${limits.clientBytesBurst} at once`;
      case "audio":
        return `At most ${limits.clientAudioSpeed} s of audio a second beyond ${limits.clientAudioBurstMs / 1000} s at once`;
    }
  }

  snapshot(now: number): BudgetSnapshot {
    return {
      paidAt: RATES.map((name) => this[name].paidAt(now)),
      refused: Array.from(this.#refused, ([resource, each]) => [resource, { ...each }]),
      silences: this.#silences,
    };
  }

  restore({ paidAt, refused, silences }: BudgetSnapshot): void {
    this.#silences = silences;
    for (const [index, name] of RATES.entries()) this[name].restore(paidAt[index] ?? 0);
    for (const [resource, each] of refused)
      // Messages of audio were a resource of their own.
      this.#refused.set(resource === "messages" ? "audio" : resource, { ...each });
  }
}

export interface BudgetSnapshot {
  /** In the order of `RATES`. */
  readonly paidAt: readonly number[];
  readonly refused: readonly (readonly [Resource | "messages", Readonly<Refused>])[];
  readonly silences: number;
}
