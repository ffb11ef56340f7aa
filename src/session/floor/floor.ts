/**
 * The floor: who is heard. When the caller makes a sound while an agent is audible, the agent is held in the same
 * call of `handle`; it is cut when the sound proves to be an interruption and goes on at the very sample where it
 * stopped when it was a cough, an echo, a backchannel or someone in the background.
 *
 * Evidence per detector hop, in the order it is weighed: the microphone follows the loudspeaker (echo); it is much
 * quieter than this caller speaks (background); speech lasted `confirmMs` (interruption); silence lasted `dismissMs`
 * (noise when hardly voiced, else a backchannel).
 */
import type { EndpointerOptions } from "../../audio/endpointer.ts";
import type { Context } from "../context.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import { FLOOR, next, type FloorPhase } from "../transitions.ts";
import { isBackchannel } from "../state/phrases.ts";
import { CallerLevel, type CallerLevelSnapshot } from "./caller-level.ts";
import { Chopped, type ChoppedSnapshot } from "./chopped.ts";
import { EchoGuard, type EchoGuardSnapshot } from "./echo-guard.ts";
import type { FloorHost } from "./floor-host.ts";
import { GivingWay, type GivingWaySnapshot } from "./giving-way.ts";
import { KeptWord, type Word } from "./kept-word.ts";
import { manyColours, NO_ODDS, oddsOf, oneColour, Requests, type RequestsSnapshot } from "./request.ts";
import type { Overlap, OverlapDecision, Passed } from "./overlap.ts";
import type { ClientPort, Playout } from "./ports.ts";

type SpeechThresholds = Pick<EndpointerOptions, "start" | "stop">;

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
 * A sound that may be an echo of which nothing is known yet is listened to for so long: giving way would end the very sound
 * by which the echo is found. Where it was like nothing that was played, since so many frames, less will do; where it is like
 * an echo, it takes more.
 */
const UNKNOWN = { ms: 240, unlikeMs: 96, unlikeFrames: 8, suspectedMs: 640 };
/** With breaths in it a sound that is listened to for longer takes so many times as much voice to hold the agent. */
const BROKEN = 1.5;
/** Someone in the background who gets louder is listened to for so long before it is looked at again. */
const RECONSIDER_MS = 96;
/** A caller this much quieter than usual, over a whole sound, is someone else. */
const BACKGROUND_DB = 8;
/** A sound that was someone else once is the caller only when it is nearly as loud. */
const BACKGROUND_AGAIN_DB = 6;
/** A sound that begins this much quieter than the caller speaks does not hold the agent until it is louder. */
const SOFT_DB = 14;
const LOUDER_DB = 10;
/** Nothing was heard from the client for so long, beyond what its messages are long: the sound is over. */
const UNHEARD_MS = 1500;
/** Of speech in pieces, the turn begins so long before the first. */
const PIECE_PREFIX_MS = 300;
/** A sound may have begun so long before the detector was sure of it (a quarter of a second). */
const LEAD_FRAMES = 16;
/** How often it is looked whether the agent has ended whose end a word waits for. */
const LOOK_MS = 50;

export class Floor {
  readonly guard: EchoGuard;
  /** How agents give way while they are held. */
  readonly way: GivingWay;
  readonly #context: Context;
  readonly #host: FloorHost;
  #phase: FloorPhase = "open";
  #overlap: Overlap | null = null;
  readonly #caller = new CallerLevel();
  /** Sounds dismissed in a row: the room is noisy, or an echo is not known yet. */
  #dismissals = 0;
  readonly #chopped = new Chopped();
  readonly #kept = new KeptWord();
  readonly #requests = new Requests();

  constructor(context: Context, port: ClientPort, playout: Playout, host: FloorHost) {
    this.guard = new EchoGuard(host.bands);
    this.#context = context;
    this.#host = host;
    this.way = new GivingWay(context, port, playout, this.guard, host);
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
    // Whatever a former sound came to, this one is judged by itself.
    this.#open();
    const patienceMs = this.#patienceMs();
    let passed: Passed | null = null;
    if (this.guard.covers) passed = this.guard.due ? "echo" : "soft";
    else if (patienceMs > 0) passed = "patience";
    else if (this.#below(SOFT_DB)) passed = "soft";
    this.#overlap = {
      prefixTicks,
      mayEcho: this.echoPossible,
      fromFrame: this.guard.frame - LEAD_FRAMES,
      patienceMs,
      voicedMs: 0,
      silentMs: 0,
      passed,
      backgroundDb: BACKGROUND_DB,
      power: 0,
      hops: 0,
      listening: false,
    };
    this.#expectMore();
    if (passed === "echo") this.#tell("echo");
    else if (passed === null) this.#hold();
  }

  /** What is heard just now is so much quieter than this caller speaks. */
  #below(db: number): boolean {
    return this.#caller.exceeds(this.guard.levelDb, db);
  }

  /** How much voice it takes to hold the agent. */
  #patienceMs(): number {
    if (this.guard.known) return 0;
    if (this.echoPossible) return UNKNOWN.ms;
    return Math.min(Math.max(0, this.#dismissals - PATIENT_AFTER + 1) * PATIENCE_MS, MOST_PATIENCE_MS);
  }

  #hold(): void {
    if (!this.#step("onset")) return;
    this.guard.mark();
    this.way.begin();
  }

  /** A sound that is judged is over when nothing more comes. */
  #expectMore(): void {
    const inMs = UNHEARD_MS + this.#host.messageMs();
    this.#context.deadlines.set("floor:unheard", this.#context.now + inMs);
  }

  #open(): void {
    if (this.#step("released")) this.way.end();
  }

  /** Nothing is judged any more. */
  #settle(): void {
    this.#overlap = null;
    this.#context.deadlines.clear("floor:unheard");
  }

  /** One detector hop. Call for every hop, judged or not. */
  hop(probability: number, hopMs: number, speech: SpeechThresholds): void {
    this.guard.advance(this.#host.heardMs());
    const overlap = this.#overlap;
    const voiced = probability >= speech.stop;
    this.#piece(voiced, hopMs);
    if (!overlap) {
      if (!voiced) this.#kept.silentAt(this.#host.heardMs() * TICKS_PER_MS);
      this.#listen(probability, speech);
      return;
    }
    this.#expectMore();
    overlap.silentMs = voiced ? 0 : overlap.silentMs + hopMs;
    if (voiced) {
      overlap.voicedMs += hopMs;
      overlap.power += 10 ** (this.guard.levelDb / 10);
      overlap.hops += 1;
    }
    if (this.#chopping(overlap, voiced)) return;
    if (overlap.passed === null) this.#judge(overlap);
    else if (overlap.passed === "patience" && !this.guard.covers) this.#listenLonger(overlap, voiced, hopMs);
    else this.#reconsider(overlap, voiced);
  }

  /** Voice over an agent is remembered in its pieces, where it is known not to be an echo. */
  #piece(voiced: boolean, hopMs: number): void {
    if (!this.#host.audible()) {
      this.#chopped.forget();
      return;
    }
    const known = this.guard.known ? !this.guard.covers : !this.echoPossible;
    const fromTicks = Math.max(0, Math.round((this.#host.heardMs() - hopMs) * TICKS_PER_MS));
    const power = 10 ** (this.guard.levelDb / 10);
    this.#chopped.hop(voiced && known, hopMs, power, fromTicks, this.#host.saidAt());
  }

  /** Pieces of speech, each too short to be one, are an interruption together. @returns whether they are. */
  #chopping(overlap: Overlap, voiced: boolean): boolean {
    if (!voiced || overlap.listening || overlap.passed === "echo") return false;
    const { confirmMs } = this.#host.settings();
    const fromTicks = this.#chopped.speech(confirmMs, this.#caller.power, this.#host.saidAt());
    if (fromTicks === null) return false;
    const sinceMs = this.#host.heardMs() - fromTicks / TICKS_PER_MS;
    if (!this.echoPossible && !manyColours(this.guard, sinceMs)) return false;
    if (!this.held) this.#hold();
    const prefixTicks = Math.max(0, fromTicks - PIECE_PREFIX_MS * TICKS_PER_MS);
    this.#confirm({ ...overlap, prefixTicks: Math.min(overlap.prefixTicks, prefixTicks) });
    return true;
  }

  /** Nothing is judged: learns how loud the caller is. */
  #listen(probability: number, speech: SpeechThresholds): void {
    if (this.#host.audible() || probability < speech.start) return;
    this.guard.callerDb = this.#caller.learn(this.guard.levelDb);
  }

  #judge(overlap: Overlap): void {
    const { confirmMs, dismissMs } = this.#host.settings();
    // With nothing left to hold this is a turn like any other.
    if (!this.#host.audible() && overlap.silentMs === 0) this.#confirm(overlap);
    else if (overlap.silentMs >= dismissMs) this.#over(overlap, false);
    else if (this.guard.explains) {
      this.guard.louder();
      this.#ignore(overlap, "echo");
    } else if (overlap.voicedMs >= confirmMs && this.#lasted(overlap, confirmMs)) {
      if (this.#background(overlap)) this.#ignore(overlap, "background");
      else this.#confirm(overlap);
    }
  }

  #lasted(overlap: Overlap, confirmMs: number): boolean {
    const listens = overlap.listening || oneColour(overlap, this.guard);
    return overlap.voicedMs >= confirmMs * (listens ? LISTENING : 1);
  }

  /**
   * It ended before it was long enough to be an interruption whatever it is: by its shape it may be a request. What may
   * become one is waited for, twice as long.
   * @param ended the detector says that speech is over.
   */
  #over(overlap: Overlap, ended: boolean): void {
    const { now } = this.#context;
    const odds = this.#oddsOf(overlap);
    const since = now - overlap.voicedMs - overlap.silentMs;
    // An agent that goes on quieter can wait; one that stands still is missed.
    const patient = !this.way.stands && overlap.silentMs < this.#host.settings().dismissMs * 2;
    const waits = patient && this.#requests.mayBe(odds);
    if (this.#requests.taken(odds, since)) this.#confirm(overlap);
    else if (ended || !waits) {
      this.#requests.dismissed(odds, since, now);
      this.#dismiss(overlap, overlap.voicedMs < WORD_MS ? "noise" : "backchannel");
    }
  }

  #oddsOf(overlap: Overlap): number {
    if (overlap.voicedMs < WORD_MS || overlap.listening || this.#background(overlap)) return NO_ODDS;
    return oddsOf(overlap, this.guard, this.#caller.aboveUsualDb(overlap));
  }

  /** What is heard may be the agent: an echo is known, or nothing speaks against one yet. */
  get echoPossible(): boolean {
    return this.guard.possible;
  }

  #background(overlap: Overlap): boolean {
    return this.#caller.aboveDb(overlap) < -overlap.backgroundDb;
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

  /**
   * Voice without a break holds the agent sooner than voice with breaths in it, which adds up until silence ends the sound:
   * an echo that is not known yet comes in pieces too.
   */
  #listenLonger(overlap: Overlap, voiced: boolean, hopMs: number): void {
    if (overlap.silentMs >= this.#host.settings().dismissMs) {
      this.#keep(overlap);
      this.#drop();
      return;
    }
    const soft = voiced && this.#below(SOFT_DB);
    if (soft) overlap.voicedMs -= hopMs;
    if (soft || !voiced) {
      overlap.power = 0;
      overlap.hops = 0;
      return;
    }
    const waitMs = this.#patient(overlap);
    if (overlap.hops * hopMs <= waitMs && overlap.voicedMs <= waitMs * BROKEN) return;
    overlap.passed = null;
    this.#hold();
  }

  /** How much voice it takes by now. */
  #patient(overlap: Overlap): number {
    if (!overlap.mayEcho || this.guard.known) return this.#waitMs(overlap);
    if (this.guard.suspected) return UNKNOWN.suspectedMs;
    const unlike = this.guard.unlikeSince(overlap.fromFrame + LEAD_FRAMES + UNKNOWN.unlikeFrames);
    if (!unlike && this.echoPossible) return UNKNOWN.ms;
    overlap.mayEcho = false;
    return unlike ? UNKNOWN.unlikeMs : 0;
  }

  #reconsider(overlap: Overlap, voiced: boolean): void {
    if (overlap.passed === "patience") {
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
    this.#settle();
    this.#dismissals = 0;
    this.#requests.forget();
    const prefixTicks = this.earliest(overlap.prefixTicks);
    this.#chopped.forget();
    // The agent is cut while it is still held: not one sample more passes.
    this.#host.begin(prefixTicks, () => this.held && this.#tell("interrupt"));
    this.#open();
    this.#host.release();
  }

  #dismiss(overlap: Overlap, decision: OverlapDecision): void {
    this.#settle();
    this.#dismissals += 1;
    this.#keep(overlap);
    this.#host.forget();
    this.#tell(decision);
    this.#open();
    this.#host.release();
  }

  #wordOf({ prefixTicks, voicedMs, listening }: Overlap): Word {
    const toTicks = Math.round(this.#host.heardMs() * TICKS_PER_MS);
    return { fromTicks: prefixTicks, toTicks, voicedMs, listening, at: this.#host.saidAt() };
  }

  /** It may prove to be an answer to what the agent is saying, when the agent has said it. */
  #keep(overlap: Overlap): void {
    this.#kept.keep(this.#wordOf(overlap));
    if (this.#kept.pending(this.#context.now)) this.#lookLater();
  }

  #lookLater(): void {
    const { now } = this.#context;
    this.#context.deadlines.set("floor:kept", Math.max(now, this.#host.playingUntil()) + LOOK_MS);
  }

  /** A word was dismissed, and the agent may have ended since. */
  #agentEnded(): void {
    const { now } = this.#context;
    if (!this.#kept.pending(now)) this.#kept.forget();
    else if (this.#host.audible() || this.judging || !this.#host.connected()) this.#lookLater();
    else {
      const word = this.#kept.due(Math.min(now, this.#host.playingUntil()));
      if (!word) return;
      this.#context.metric("overlap_answer", 1);
      this.#host.adopt(word.fromTicks, word.toTicks);
    }
  }

  /** Where a turn would begin that is heard to begin at a position: at a word just before it that was dismissed. */
  wouldBegin(prefixTicks: number): number {
    return Math.min(prefixTicks, this.#kept.before(this.#host.saidAt()) ?? prefixTicks);
  }

  /** It begins, there. */
  earliest(prefixTicks: number): number {
    const from = this.wouldBegin(prefixTicks);
    this.#kept.forget();
    this.#context.deadlines.clear("floor:kept");
    return from;
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
    if (overlap && overlap.passed === null) this.#over(overlap, true);
    else {
      if (overlap?.passed === "patience") this.#keep(overlap);
      this.#drop();
    }
  }

  /** What was judged and held nobody is over. */
  #drop(): void {
    if (this.#overlap) {
      this.#settle();
      this.#host.forget();
    }
    this.#open();
    this.#host.release();
  }

  /** The client stopped sending while a sound was being judged, or the detector begins anew. */
  abandon(): void {
    const overlap = this.#overlap;
    if (overlap && overlap.passed === null) this.#dismiss(overlap, "noise");
    else if (overlap || this.held) this.#drop();
    this.#chopped.forget();
  }

  /** Agents may not be interrupted any more: what is being judged is a turn and interrupts nobody. */
  concede(): void {
    const overlap = this.#overlap;
    if (!overlap) return;
    this.#settle();
    // A client that was told to hold plays on.
    if (this.held) this.#tell("backchannel");
    this.#open();
    this.#host.start(overlap.prefixTicks);
    this.#host.release();
  }

  /** A deadline `floor:<what>` came. */
  due(what: string): void {
    if (what === "kept") this.#agentEnded();
    else this.#unheard();
  }

  /** Nothing more came of the sound that is judged. What goes on there, when the client is heard again, is its rest. */
  #unheard(): void {
    const overlap = this.#overlap;
    this.abandon();
    if (overlap && overlap.passed !== "echo") this.#kept.cutOff(this.#wordOf(overlap));
  }

  /** To a client that may have been told otherwise by a former life of the session. */
  tellAgain(): void {
    if (this.held) this.way.tellAgain();
  }

  #tell(decision: OverlapDecision): void {
    this.way.tell(decision);
  }

  snapshot(): FloorSnapshot {
    return {
      phase: this.#phase,
      overlap: this.#overlap ? { ...this.#overlap } : null,
      ...this.#caller.snapshot(),
      dismissals: this.#dismissals,
      chopped: this.#chopped.snapshot(),
      kept: this.#kept.snapshot(),
      ...this.#requests.snapshot(),
      guard: this.guard.snapshot(),
      ...this.way.snapshot(),
    };
  }

  restore(snapshot: FloorSnapshot): void {
    this.#phase = snapshot.phase;
    // A release that did not look at shapes did not say when a sound can have begun.
    const unknown = { mayEcho: true, fromFrame: this.guard.frame };
    this.#overlap = snapshot.overlap ? { ...unknown, ...snapshot.overlap } : null;
    this.#caller.restore(snapshot);
    this.#dismissals = snapshot.dismissals;
    this.#chopped.restore(snapshot.chopped);
    this.#kept.restore(snapshot.kept);
    this.#requests.restore(snapshot.requests);
    this.guard.restore(snapshot.guard);
    this.way.restore(snapshot.way, this.held);
  }
}

export interface FloorSnapshot extends CallerLevelSnapshot {
  readonly phase: FloorPhase;
  readonly overlap: Overlap | null;
  readonly dismissals: number;
  readonly chopped: ChoppedSnapshot;
  readonly kept: Word | null;
  readonly requests?: RequestsSnapshot;
  readonly guard: EchoGuardSnapshot;
  /** Absent while agents are heard as ever. */
  readonly way?: GivingWaySnapshot;
}
