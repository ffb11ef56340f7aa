/**
 * The floor: who is heard. When the caller makes a sound while an agent is audible, the agent is held in the same
 * call of `handle`; it is cut when the sound proves to be an interruption and goes on at the very sample where it
 * stopped when it was a cough, an echo, a backchannel or someone in the background.
 *
 * Evidence per detector hop, in the order it is weighed: the microphone follows the loudspeaker (echo); it is much
 * quieter than this caller speaks (background); speech lasted `confirmMs` (interruption); silence lasted `dismissMs`
 * (noise when hardly voiced, else a backchannel).
 */
import type { ClientPort } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Playout } from "../output/playout.ts";
import { FLOOR, next, type FloorPhase } from "../transitions.ts";
import { isBackchannel } from "../turn-end/words.ts";
import { EchoGuard, type EchoGuardSnapshot } from "./echo-guard.ts";

export interface FloorSettings {
  /** Voiced milliseconds that make an interruption. */
  readonly confirmMs: number;
  /** Silent milliseconds after which a sound is dismissed. */
  readonly dismissMs: number;
}

export interface FloorHost {
  settings(): FloorSettings;
  /** An agent that takes turns is audible, or has something to say that waits. */
  audible(): boolean;
  /** End of the detector's last hop in the caller's stream. */
  heardMs(): number;
  /** The sound is the caller's turn: it began at this position. */
  begin(prefixTicks: number): void;
  /** The sound was nothing: the endpointer may listen for the next one. */
  forget(): void;
  /** Lets pass what waited. */
  release(): void;
}

export type OverlapDecision = "hold" | "interrupt" | "backchannel" | "noise" | "echo" | "background";

/** Probabilities that begin speech, and below which it pauses. */
interface SpeechThresholds {
  readonly start: number;
  readonly stop: number;
}

/** Explained by the echo, listened to for longer, too soft for the caller, or judged to be someone else. */
type Passed = "echo" | "patience" | "soft" | "background";

interface Overlap {
  readonly prefixTicks: number;
  /** Voice that it takes to hold the agent. */
  readonly patienceMs: number;
  voicedMs: number;
  silentMs: number;
  /** Why it does not hold the agent; it may still turn out to be the caller. Null: it does. */
  passed: Passed | null;
  /** So much quieter than the caller's usual, and it is someone else. */
  backgroundDb: number;
  /** Sum of power over the voiced hops, and their number: a mean of decibels is dragged down by the quiet ones. */
  power: number;
  hops: number;
  /** The words so far only say that the caller listens. */
  listening: boolean;
}

/** "Yeah, right, I see" may last so many times as long as what is unknown before it is an interruption all the same. */
const LISTENING = 2;
/** Less voice than this is a noise and no word. */
const WORD_MS = 160;
/**
 * After so many sounds in a row that were nothing, the next is listened to for longer before it holds the agent: an
 * agent that stops at each of them would never be understood.
 */
const PATIENT_AFTER = 2;
const PATIENCE_MS = 96;
const MOST_PATIENCE_MS = 288;
/**
 * An echo is heard within this of an agent's first words. Until then a sound may be one that nothing is known of yet, and
 * is listened to for so long: holding the agent would end the very sound by which the echo is found.
 */
const QUIET_MS = 500;
const UNKNOWN_MS = 240;
/** Someone in the background who gets louder is listened to for so long before it is looked at again. */
const RECONSIDER_MS = 96;
/** A caller this much quieter than usual, over a whole sound, is someone else. */
const BACKGROUND_DB = 10;
/** A sound that was someone else once is the caller only when it is nearly as loud. */
const BACKGROUND_AGAIN_DB = 7;
/** A sound that begins this much quieter than the caller speaks does not hold the agent until it is louder. */
const SOFT_DB = 14;
const LOUDER_DB = 10;
/** Held without hearing anything from the client for so long: the sound is over. */
const UNHEARD_MS = 1500;
/** How fast the idea of the caller's usual level follows, per voiced hop. */
const LEVEL_RATE = 0.05;

export class Floor {
  readonly guard = new EchoGuard();
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #playout: Playout;
  readonly #host: FloorHost;
  #phase: FloorPhase = "open";
  #overlap: Overlap | null = null;
  #callerPower: number | null = null;
  #callerHops = 0;
  /** Sounds dismissed in a row: the room is noisy, or an echo is not known yet. */
  #dismissals = 0;
  /** How long the agent was audible in this call while nothing was heard, up to QUIET_MS. */
  #quietMs = 0;

  constructor(context: Context, port: ClientPort, playout: Playout, host: FloorHost) {
    this.#context = context;
    this.#port = port;
    this.#playout = playout;
    this.#host = host;
  }

  get held(): boolean {
    return this.#phase === "held";
  }

  /** A sound over an agent is being judged. */
  get judging(): boolean {
    return this.#overlap !== null;
  }

  #step(event: "onset" | "released"): boolean {
    const phase = next(FLOOR, this.#phase, event);
    if (phase !== null) this.#phase = phase;
    return phase !== null;
  }

  /** The detector heard a sound begin while an agent is audible. */
  onset(prefixTicks: number): void {
    this.guard.advance(this.#host.heardMs());
    const patienceMs = this.#patienceMs();
    let passed: Passed | null = null;
    if (this.guard.covers) passed = this.guard.due ? "echo" : "soft";
    else if (patienceMs > 0) passed = "patience";
    else if (this.#below(SOFT_DB)) passed = "soft";
    this.#overlap = {
      prefixTicks,
      patienceMs,
      voicedMs: 0,
      silentMs: 0,
      passed,
      backgroundDb: BACKGROUND_DB,
      power: 0,
      hops: 0,
      listening: false,
    };
    if (passed === "echo") this.#tell("echo");
    else if (passed === null) this.#hold();
  }

  /** What is heard just now is so much quieter than this caller speaks. */
  #below(db: number): boolean {
    return (
      this.#callerPower !== null && 10 ** (this.guard.levelDb / 10) < this.#callerPower / 10 ** (db / 10)
    );
  }

  /** How much voice it takes to hold the agent. */
  #patienceMs(): number {
    if (this.guard.known) return 0;
    if (this.#quietMs < QUIET_MS) return UNKNOWN_MS;
    return Math.min(Math.max(0, this.#dismissals - PATIENT_AFTER + 1) * PATIENCE_MS, MOST_PATIENCE_MS);
  }

  #hold(): void {
    if (!this.#step("onset")) return;
    this.guard.mark();
    if (this.#port.extended) {
      this.#playout.pause(this.#context.now, "floor");
      this.guard.paused(this.#context.now);
    }
    this.#context.deadlines.set("floor", this.#context.now + UNHEARD_MS);
    this.#tell("hold");
  }

  #open(): void {
    this.#context.deadlines.clear("floor");
    if (!this.#step("released")) return;
    const paused = this.#playout.resume(this.#context.now, "floor");
    if (paused) this.guard.delayed(paused.fromMs, paused.byMs);
  }

  /** One detector hop. Call for every hop, judged or not. */
  hop(probability: number, hopMs: number, speech: SpeechThresholds): void {
    this.guard.advance(this.#host.heardMs());
    const overlap = this.#overlap;
    if (!overlap) {
      this.#listen(probability, hopMs, speech);
      return;
    }
    if (this.held) this.#context.deadlines.set("floor", this.#context.now + UNHEARD_MS);
    const voiced = probability >= speech.stop;
    overlap.silentMs = voiced ? 0 : overlap.silentMs + hopMs;
    if (voiced) {
      overlap.voicedMs += hopMs;
      overlap.power += 10 ** (this.guard.levelDb / 10);
      overlap.hops += 1;
    }
    if (overlap.passed !== null) this.#reconsider(overlap, voiced);
    else this.#judge(overlap);
  }

  /** Nothing is judged: learns how loud the caller is, and whether an agent can be heard at the microphone. */
  #listen(probability: number, hopMs: number, speech: SpeechThresholds): void {
    if (!this.#host.audible()) {
      if (probability >= speech.start) this.#learnLevel();
    } else if (probability < speech.stop) this.#quietMs = Math.min(QUIET_MS, this.#quietMs + hopMs);
  }

  #learnLevel(): void {
    const power = 10 ** (this.guard.levelDb / 10);
    // A plain mean at first, then a slowly forgetting one.
    this.#callerHops += 1;
    const rate = Math.max(LEVEL_RATE, 1 / this.#callerHops);
    const former = this.#callerPower ?? power;
    this.#callerPower = former + (power - former) * rate;
    this.guard.callerDb = 10 * Math.log10(this.#callerPower);
  }

  #judge(overlap: Overlap): void {
    const { confirmMs, dismissMs } = this.#host.settings();
    // With nothing left to hold this is a turn like any other.
    if (!this.#host.audible() && overlap.silentMs === 0) this.#confirm(overlap);
    else if (overlap.silentMs >= dismissMs) {
      this.#dismiss(overlap.voicedMs < WORD_MS ? "noise" : "backchannel");
    } else if (this.guard.explains) {
      this.guard.louder();
      this.#ignore(overlap, "echo");
    } else if (overlap.voicedMs >= confirmMs * (overlap.listening ? LISTENING : 1)) {
      if (this.#background(overlap)) this.#ignore(overlap, "background");
      else this.#confirm(overlap);
    }
  }

  #background(overlap: Overlap): boolean {
    if (this.#callerPower === null || overlap.hops === 0) return false;
    // Mean against mean: the caller's usual power is learned per voiced hop as well.
    return overlap.power / overlap.hops < this.#callerPower / 10 ** (overlap.backgroundDb / 10);
  }

  /** The sound goes on, but it is not the caller: the agent goes on as well. */
  #ignore(overlap: Overlap, decision: "echo" | "background"): void {
    overlap.passed = decision;
    if (decision === "background") overlap.backgroundDb = BACKGROUND_AGAIN_DB;
    overlap.voicedMs = 0;
    overlap.power = 0;
    overlap.hops = 0;
    this.#tell(decision);
    this.#open();
    this.#host.release();
  }

  #reconsider(overlap: Overlap, voiced: boolean): void {
    if (overlap.passed === "patience" && this.guard.covers) {
      overlap.passed = "echo";
      this.#tell("echo");
    }
    if (!voiced || this.guard.covers || this.#stillQuiet(overlap)) {
      overlap.voicedMs = 0;
      if (!voiced) {
        overlap.power = 0;
        overlap.hops = 0;
      }
      return;
    }
    if (overlap.voicedMs <= this.#waitMs(overlap)) return;
    overlap.passed = null;
    this.#hold();
  }

  #waitMs(overlap: Overlap): number {
    if (overlap.passed === "background") return RECONSIDER_MS;
    // Once the echo is known it need not be waited for.
    return this.guard.known ? 0 : overlap.patienceMs;
  }

  #stillQuiet(overlap: Overlap): boolean {
    if (overlap.passed === "background") return this.#background(overlap);
    return this.#below(overlap.passed === "soft" ? LOUDER_DB : SOFT_DB);
  }

  #confirm(overlap: Overlap): void {
    this.#overlap = null;
    this.#dismissals = 0;
    if (this.held) this.#tell("interrupt");
    // The agent is cut while it is still held: not one sample more passes.
    this.#host.begin(overlap.prefixTicks);
    this.#open();
    this.#host.release();
  }

  #dismiss(decision: OverlapDecision): void {
    this.#overlap = null;
    this.#dismissals += 1;
    this.#host.forget();
    this.#tell(decision);
    this.#open();
    this.#host.release();
  }

  /** What a transcriber makes of the sound, so far: words that are more than "mhm" are an interruption. */
  words(text: string): void {
    const overlap = this.#overlap;
    const backchannel = isBackchannel(text);
    if (!overlap || overlap.passed !== null || backchannel === null || this.guard.explains) return;
    overlap.listening = backchannel;
    if (!backchannel) this.#confirm(overlap);
  }

  /** The detector heard the sound end. */
  ended(): void {
    const overlap = this.#overlap;
    if (overlap && overlap.passed !== null) {
      this.#overlap = null;
      this.#host.forget();
    } else if (overlap) this.#dismiss(overlap.voicedMs < WORD_MS ? "noise" : "backchannel");
  }

  /** The client stopped sending while a sound was being judged, or cleared its buffer. */
  abandon(): void {
    if (this.#overlap) this.#dismiss("noise");
  }

  /** To a client that may have been told otherwise by a former life of the session. */
  tellAgain(): void {
    if (this.held) this.#tell("hold");
  }

  #tell(decision: OverlapDecision): void {
    this.#context.metric(`overlap_${decision}`, 1);
    if (this.#port.extended) this.#port.emit({ type: "overlap.decision", decision });
  }

  snapshot(): FloorSnapshot {
    return {
      phase: this.#phase,
      overlap: this.#overlap ? { ...this.#overlap } : null,
      callerPower: this.#callerPower,
      callerHops: this.#callerHops,
      dismissals: this.#dismissals,
      quietMs: this.#quietMs,
      guard: this.guard.snapshot(),
    };
  }

  restore(snapshot: FloorSnapshot): void {
    this.#phase = snapshot.phase;
    this.#overlap = snapshot.overlap ? { ...snapshot.overlap } : null;
    this.#callerPower = snapshot.callerPower;
    this.#callerHops = snapshot.callerHops;
    this.#dismissals = snapshot.dismissals;
    this.#quietMs = snapshot.quietMs;
    this.guard.restore(snapshot.guard);
  }
}

export interface FloorSnapshot {
  readonly phase: FloorPhase;
  readonly overlap: Overlap | null;
  readonly callerPower: number | null;
  readonly callerHops: number;
  readonly dismissals: number;
  readonly quietMs: number;
  readonly guard: EchoGuardSnapshot;
}
