/**
 * What reading a client's messages costs: what comes faster than it should be worked through waits. Counted in milliseconds of
 * audio, each some 3.5 µs of CPU.
 */
import type { Context } from "../context.ts";
import { MEMBERS_PER_EVENT } from "../state/event-cost.ts";
import { Rate } from "../state/rate.ts";
import type { Budget } from "./budget.ts";
import type { MessageParts } from "./message-parts.ts";

/** An event is so much, and so many characters are one. */
const EVENT_WORK = 20;
const CHARS_PER_WORK = 1000;
/** A message of audio is so much at least: each is read, judged and passed on. */
const AUDIO_WORK = 8;
/** Audio in which nobody looks for speech costs less by this (`npm run bench -- handle`: 4 µs a frame, and 15). */
const PLAIN_AUDIO = 4;
/** Beyond a step's work at once so much may be done in a second before messages wait for their step: 7 % of the thread. */
const WORK_PER_SECOND = 20_000;

export class MessageWork {
  readonly #context: Context;
  readonly #budget: Budget;
  readonly #input: MessageParts["input"];
  /** What was worked through lately, and since it was counted. */
  readonly #pace: Rate;
  #done = 0;
  /** Of that, what was spared because nobody looks for speech. */
  #spared = 0;

  constructor({ context, budget, input }: MessageParts) {
    this.#context = context;
    this.#budget = budget;
    this.#input = input;
    this.#pace = new Rate(context.limits.inputStepMs, WORK_PER_SECOND);
  }

  /** There is work left: of this moment, and of the half minute and five times real time beyond it. */
  get left(): boolean {
    const { now } = this.#context;
    return this.#pace.has(0, now) && this.#budget.work.has(0, now);
  }

  /** As much was worked through as may be at once. */
  get full(): boolean {
    return this.#done >= this.#context.limits.inputStepMs;
  }

  /** When more may be done. */
  get dueAt(): number {
    const { now } = this.#context;
    return now + Math.ceil(this.#budget.work.waitMs(0, now));
  }

  /** One was refused. */
  refused(): void {
    this.#done += 1;
  }

  /** So many characters are parsed. */
  parsed(chars: number): void {
    this.#done += EVENT_WORK + chars / CHARS_PER_WORK;
  }

  /** They have so many members. */
  weighs(members: number): void {
    this.#done += (EVENT_WORK * members) / MEMBERS_PER_EVENT;
  }

  /** So many milliseconds are to be heard: most of what that costs is the detector's network. */
  audio(ms: number): void {
    const work = Math.max(ms, AUDIO_WORK);
    this.#done += work;
    if (!this.#input.detects) this.#spared += work - Math.max(ms / PLAIN_AUDIO, AUDIO_WORK);
  }

  /** A message has so many milliseconds of audio. @returns whether they are within its budget. */
  affords(ms: number): boolean {
    this.audio(ms);
    return this.#budget.takesAudio(ms, this.#context.now);
  }

  /** What was done is counted. */
  charge(): void {
    this.#pace.charge(this.#done, this.#context.now);
    this.#budget.work.charge(this.#done - this.#spared, this.#context.now);
    this.#done = 0;
    this.#spared = 0;
  }
}
