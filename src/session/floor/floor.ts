/**
 * The floor: who is heard. When the caller makes a sound while an agent is audible, the agent is held in the same
 * call of `handle`; it is cut when the sound proves to be an interruption and goes on at the very sample where it
 * stopped when it was a cough, an echo, a backchannel or someone in the background.
 *
 * Evidence per detector hop, in the order it is weighed: the microphone follows the loudspeaker (echo); it is much
 * quieter than this caller speaks (background); speech lasted `confirmMs` (interruption); silence lasted `dismissMs`
 * (noise when hardly voiced, else a backchannel).
 */
import type { ClientPort } from "../client-port.ts";
import type { Context } from "../context.ts";
import type { Playout } from "../playout.ts";
import { FLOOR, next, type FloorPhase } from "../transitions.ts";
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
  /** The sound is the caller's turn: it began at this position. */
  begin(prefixTicks: number): void;
  /** The sound was nothing: the endpointer may listen for the next one. */
  forget(): void;
  /** Lets pass what waited. */
  release(): void;
}

export type OverlapDecision = "hold" | "interrupt" | "backchannel" | "noise" | "echo" | "background";

interface Overlap {
  readonly prefixTicks: number;
  voicedMs: number;
  silentMs: number;
  /** Judged an echo or background; it may still turn out to be the caller. */
  dismissed: boolean;
  /** Sum of power over the voiced hops, and their number: a mean of decibels is dragged down by the quiet ones. */
  power: number;
  hops: number;
}

/** Less voice than this is a noise and no word. */
const WORD_MS = 160;
/** Voice that stops being an echo for so long is looked at again. */
const RECONSIDER_MS = 96;
/**
 * After so many sounds in a row that were nothing, the next is listened to for longer before it holds the agent: an
 * agent that stops at each of them would never be understood, nor its echo be found.
 */
const PATIENT_AFTER = 2;
const PATIENCE_MS = 96;
const MOST_PATIENCE_MS = 288;
/** A caller this much quieter than usual is someone else. */
const BACKGROUND_DB = 10;
/** Held without hearing anything from the client for so long: the sound is over. */
const UNHEARD_MS = 1500;
const HOPS_PER_LOOK = 4;
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
  #hops = 0;
  /** Sounds dismissed in a row: the room is noisy, or an echo is not known yet. */
  #dismissals = 0;

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
    const echo = this.guard.echo;
    const dismissed = echo || this.#dismissals >= PATIENT_AFTER;
    this.#overlap = { prefixTicks, voicedMs: 0, silentMs: 0, dismissed, power: 0, hops: 0 };
    if (echo) this.#tell("echo");
    else if (!dismissed) this.#hold();
  }

  #hold(): void {
    if (!this.#step("onset")) return;
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
  hop(probability: number, hopMs: number, speech: { readonly start: number; readonly stop: number }): void {
    const overlap = this.#overlap;
    if (!overlap) {
      const audible = this.#host.audible();
      if (audible) this.#listenForEcho();
      else if (probability >= speech.start) this.#learnLevel();
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
    if (overlap.dismissed) this.#reconsider(overlap, voiced);
    else this.#judge(overlap);
  }

  /** The echo path of the call is learned while the agent speaks, before anything depends on it. */
  #listenForEcho(): void {
    this.#hops = (this.#hops + 1) % HOPS_PER_LOOK;
    if (this.#hops === 0) this.guard.look();
  }

  #learnLevel(): void {
    const power = 10 ** (this.guard.levelDb / 10);
    // A plain mean at first, then a slowly forgetting one.
    this.#callerHops += 1;
    const rate = Math.max(LEVEL_RATE, 1 / this.#callerHops);
    const former = this.#callerPower ?? power;
    this.#callerPower = former + (power - former) * rate;
  }

  #judge(overlap: Overlap): void {
    const { confirmMs, dismissMs } = this.#host.settings();
    // With nothing left to hold this is a turn like any other.
    if (!this.#host.audible() && overlap.silentMs === 0) this.#confirm(overlap);
    else if (overlap.silentMs >= dismissMs) {
      this.#dismiss(overlap.voicedMs < WORD_MS ? "noise" : "backchannel");
    } else if (this.guard.echo) this.#ignore(overlap, "echo");
    else if (overlap.voicedMs >= confirmMs) {
      if (this.#background(overlap)) this.#ignore(overlap, "background");
      else this.#confirm(overlap);
    }
  }

  #background(overlap: Overlap): boolean {
    if (this.#callerPower === null || overlap.hops === 0) return false;
    // Mean against mean: the caller's usual power is learned per voiced hop as well.
    return overlap.power / overlap.hops < this.#callerPower / 10 ** (BACKGROUND_DB / 10);
  }

  /** The sound goes on, but it is not the caller: the agent goes on as well. */
  #ignore(overlap: Overlap, decision: OverlapDecision): void {
    overlap.dismissed = true;
    overlap.voicedMs = 0;
    overlap.power = 0;
    overlap.hops = 0;
    this.#tell(decision);
    this.#open();
    this.#host.release();
  }

  #reconsider(overlap: Overlap, voiced: boolean): void {
    if (!voiced || this.guard.echo || this.#background(overlap)) {
      overlap.voicedMs = 0;
      if (!voiced) {
        overlap.power = 0;
        overlap.hops = 0;
      }
      return;
    }
    const extra = Math.max(0, this.#dismissals - PATIENT_AFTER + 1) * PATIENCE_MS;
    if (overlap.voicedMs < RECONSIDER_MS + Math.min(extra, MOST_PATIENCE_MS)) return;
    overlap.dismissed = false;
    this.#hold();
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

  /** The detector heard the sound end. */
  ended(): void {
    const overlap = this.#overlap;
    if (overlap?.dismissed) {
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
      hops: this.#hops,
      callerHops: this.#callerHops,
      dismissals: this.#dismissals,
      guard: this.guard.snapshot(),
    };
  }

  restore(snapshot: FloorSnapshot): void {
    this.#phase = snapshot.phase;
    this.#overlap = snapshot.overlap ? { ...snapshot.overlap } : null;
    this.#callerPower = snapshot.callerPower;
    this.#hops = snapshot.hops;
    this.#callerHops = snapshot.callerHops;
    this.#dismissals = snapshot.dismissals;
    this.guard.restore(snapshot.guard);
  }
}

export interface FloorSnapshot {
  readonly phase: FloorPhase;
  readonly overlap: Overlap | null;
  readonly callerPower: number | null;
  readonly hops: number;
  readonly callerHops: number;
  readonly dismissals: number;
  readonly guard: EchoGuardSnapshot;
}
