/** The person: speaks turns, waits for the answer or talks into it, and gets silent when all is said. */
import { fields } from "./fields.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export interface Utterance {
  /** Place on the tape. */
  readonly from: number;
  to: number;
  readonly at: number;
  endedAt: number | null;
  /** Began while an agent was audible. */
  readonly over: boolean;
}

export const FRAME_MS = 20;
const LONG_BREATH_MS = 180;
/** What is said before and after a hesitation is long enough to be words. */
const LEAST_REST_MS = 30;

export class Caller {
  readonly utterances: Utterance[] = [];
  /** Short sounds that are no words. */
  readonly coughs: { readonly from: number; readonly to: number }[] = [];
  readonly #world: World;
  readonly #random: Random;
  #speaking: Utterance | null = null;
  #leftMs = 0;
  /** While so much of an utterance is left, the caller draws breath. */
  #breath = { fromMs: 0, toMs: 0 };
  #coughMs = 0;
  #coughFrom = 0;
  #quietSince = 0;
  #nextPauseMs: number;
  #waitsOnceMs = 0;
  #patienceMs = Infinity;
  #agentSince: number | null = null;
  #mutedUntil = 0;
  #zerosUntil = 0;
  #done = false;
  /** Runs when an utterance has ended. */
  onUtteranceEnd: (() => void) | null = null;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#nextPauseMs = random.between(400, 900);
    this.#drawPatience();
  }

  #drawPatience(): void {
    this.#patienceMs = this.#random.chance(0.35) ? this.#random.between(150, 1200) : Infinity;
  }

  /** When somebody was last heard to speak. */
  get quietSince(): number {
    return this.#quietSince;
  }

  get speaking(): boolean {
    return this.#speaking !== null;
  }

  /** The turn that is being spoken is the last one. */
  sayNoMore(): void {
    this.#done = true;
  }

  get #saidAll(): boolean {
    return this.#done || this.utterances.length >= this.#world.scenario.utterances;
  }

  /** Everything was said, and for so long nobody says anything any more. */
  quietFor(ms: number): boolean {
    const { now } = this.#world.time;
    return this.#saidAll && this.#speaking === null && now - this.#quietSince >= ms;
  }

  /** Waits so much longer after the turn that ends next, once. */
  waitOnce(ms: number): void {
    this.#waitsOnceMs = ms;
  }

  /** Says the next thing at once. */
  goOn(): void {
    this.#nextPauseMs = 0;
  }

  /** Talks into the agent after so long, once. */
  interruptAfter(ms: number): void {
    this.#patienceMs = ms;
  }

  cough(ms: number): void {
    if (this.#speaking !== null || this.#coughMs > 0) return;
    this.#coughMs = ms;
    this.#coughFrom = this.#world.tape.end;
  }

  /** The microphone gives nothing at all. */
  mute(ms: number): void {
    this.#mutedUntil = this.#world.time.now + ms;
  }

  /** The microphone gives digital silence. */
  zeros(ms: number): void {
    this.#zerosUntil = this.#world.time.now + ms;
  }

  /** The next frame of the microphone; null: nothing. */
  frame(agentAudible: boolean): Int16Array | null {
    const { time, tape } = this.#world;
    const count = (tape.rateHz * FRAME_MS) / 1000;
    if (time.now < this.#mutedUntil) {
      this.#stop();
      this.#quietSince = time.now;
      return null;
    }
    this.#decide(agentAudible);
    if (this.#speaking !== null) {
      this.#leftMs -= FRAME_MS;
      const breathes = this.#leftMs >= this.#breath.toMs && this.#leftMs < this.#breath.fromMs;
      const frame = tape.record(count, breathes ? 0 : 1);
      this.#speaking.to = tape.end;
      if (this.#leftMs <= 0) this.#stop();
      return frame;
    }
    if (this.#coughMs > 0) return this.#coughFrame(count);
    return time.now < this.#zerosUntil ? tape.mute(count) : tape.record(count, 0);
  }

  #coughFrame(count: number): Int16Array {
    const { tape } = this.#world;
    this.#coughMs -= FRAME_MS;
    const frame = tape.record(count, 1);
    if (this.#coughMs <= 0) this.coughs.push({ from: this.#coughFrom, to: tape.end });
    return frame;
  }

  #decide(agentAudible: boolean): void {
    const { now } = this.#world.time;
    if (agentAudible) {
      this.#agentSince ??= now;
      this.#quietSince = now;
    } else this.#agentSince = null;
    if (this.#speaking !== null || this.#coughMs > 0) return;
    if (this.#saidAll) return;
    const interrupts = this.#agentSince !== null && now - this.#agentSince >= this.#patienceMs;
    if (!interrupts && (agentAudible || now - this.#quietSince < this.#nextPauseMs)) return;
    this.#begin(agentAudible);
  }

  #begin(over: boolean): void {
    const { time, tape } = this.#world;
    const spoken: Utterance = { from: tape.end, to: tape.end, at: time.now, endedAt: null, over };
    this.#leftMs = this.#random.between(over ? 1000 : 440, 1500);
    this.#drawBreath();
    this.utterances.push(spoken);
    this.#speaking = spoken;
    this.#world.checks.note(() => `caller speaks${over ? " over the agent" : ""}`);
  }

  /** In the middle; where turns are committed in advance, for as long as that takes, and not so long that a turn ends. */
  #drawBreath(): void {
    const breathes = this.#random.chance(this.#world.scenario.eager ? 0.8 : 0.4);
    const longestMs = this.#hesitationMs;
    if (breathes && longestMs > LONG_BREATH_MS) {
      const restMs = Math.max(this.#leftMs / 2, LEAST_REST_MS);
      const fromMs = restMs + this.#random.between(60, longestMs);
      this.#leftMs = fromMs + Math.max(this.#leftMs / 2, LEAST_REST_MS);
      this.#breath = { fromMs, toMs: restMs };
      return;
    }
    const fromMs = breathes ? this.#leftMs / 2 : 0;
    this.#breath = { fromMs, toMs: fromMs - this.#random.between(60, LONG_BREATH_MS) };
  }

  get #hesitationMs(): number {
    const { eager, session, manual } = this.#world.scenario;
    const detection = fields(fields(fields(session["audio"])["input"])["turn_detection"]);
    const endsMs = Number(detection["silence_duration_ms"] ?? 0);
    return eager && !manual ? Math.min(endsMs - 90, 420) : 0;
  }

  #stop(): void {
    if (this.#speaking === null) return;
    this.#speaking.endedAt = this.#world.time.now;
    this.#speaking = null;
    this.#quietSince = this.#world.time.now;
    // Long enough for an answer to come first.
    this.#nextPauseMs = this.#random.between(1800, 3000) + this.#waitsOnceMs;
    this.#waitsOnceMs = 0;
    this.#drawPatience();
    this.#world.checks.note(() => "caller is silent");
    this.onUtteranceEnd?.();
  }
}
