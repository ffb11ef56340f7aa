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
import type { AudioKernels } from "../../audio/kernels.ts";
import type { Context } from "../context.ts";
import { isBackchannel } from "../state/phrases.ts";
import { CallerLevel } from "./caller-level.ts";
import { EchoGuard } from "./echo-guard.ts";
import { Surroundings, type FloorParts } from "./surroundings.ts";
import { GivingWay } from "./giving-way.ts";
import type { FloorSnapshot } from "./floor-snapshot.ts";
import { Hold } from "./hold.ts";
import { LateAnswer } from "./late-answer.ts";
import { JudgedSound } from "./judged-sound.ts";
import { heardHop, type Overlap } from "./overlap.ts";
import { Patience } from "./patience.ts";
import { Pieces } from "./pieces.ts";
import { Verdict } from "./verdict.ts";
import type { Playout } from "./ports.ts";

type SpeechThresholds = Pick<EndpointerOptions, "start" | "stop">;

export class Floor {
  readonly guard: EchoGuard;
  /** How agents give way while they are held. */
  readonly way: GivingWay;
  /** Words that were dismissed and may yet be a turn. */
  readonly late: LateAnswer;
  readonly #context: Context;
  readonly #around: Surroundings;
  readonly #hold: Hold;
  readonly #sound: JudgedSound;
  readonly #caller = new CallerLevel();
  readonly #patience: Patience;
  readonly #pieces: Pieces;
  readonly #verdict: Verdict;

  constructor(parts: FloorParts & { readonly playout: Playout; readonly kernels: AudioKernels }) {
    const { context, port, playout, kernels } = parts;
    const around = new Surroundings(parts);
    this.guard = new EchoGuard(kernels.bands);
    this.#context = context;
    this.#around = around;
    this.#patience = new Patience(this.guard, this.#caller);
    this.#verdict = new Verdict(this.guard, this.#caller, this.#patience);
    this.#pieces = new Pieces(around, this.guard, this.#caller);
    this.late = new LateAnswer(context, around);
    this.way = new GivingWay(context, port, playout, this.guard, around);
    this.#hold = new Hold(this.guard, this.way);
    const judges = { patience: this.#patience, pieces: this.#pieces, verdict: this.#verdict };
    this.#sound = new JudgedSound({
      ...judges,
      context,
      around,
      hold: this.#hold,
      way: this.way,
      late: this.late,
    });
  }

  get held(): boolean {
    return this.#hold.held;
  }

  /** A sound over an agent is being judged. */
  get judging(): boolean {
    return this.#sound.overlap !== null;
  }

  /** An agent is audible and may be interrupted: what begins now is first judged. */
  get contested(): boolean {
    return this.#around.contested;
  }

  /** Samples are on their way to the listener, and will sound then. */
  played(stream: number, samples: Int16Array, rateHz: number, atMs: number): void {
    if (this.#around.mayEcho(stream)) this.guard.played(stream, samples, rateHz, atMs, this.#context.now);
  }

  /** Just now nothing is heard but an echo. Call for a hop before it is weighed. */
  get hearsEcho(): boolean {
    this.guard.advance(this.#around.heardMs);
    return this.guard.covers && this.guard.due;
  }

  /** The detector heard a sound begin while an agent is audible. */
  onset(prefixTicks: number): void {
    this.guard.advance(this.#around.heardMs);
    // Whatever a former sound came to, this one is judged by itself.
    this.#hold.end();
    const overlap = this.#patience.onset(prefixTicks);
    this.#sound.begin(overlap);
    if (overlap.passed === "echo") this.way.tell("echo");
    else if (overlap.passed === null) this.#hold.begin();
  }

  /** One detector hop. Call for every hop, judged or not. */
  hop(probability: number, hopMs: number, speech: SpeechThresholds): void {
    this.guard.advance(this.#around.heardMs);
    const { overlap } = this.#sound;
    const voiced = probability >= speech.stop;
    const mayBe = this.#around.contested ? this.#patience.mayBeCaller(overlap) : null;
    this.way.hop(probability / speech.start, hopMs, mayBe);
    this.#pieces.hop(voiced, hopMs);
    if (!overlap) {
      if (!voiced) this.late.silent();
      this.#listen(probability, speech);
      return;
    }
    this.#sound.expectMore();
    heardHop(overlap, voiced, hopMs, this.guard.levelDb);
    const prefixTicks = this.#pieces.turnFrom(overlap, voiced);
    if (prefixTicks !== null) {
      if (!this.held) this.#hold.begin();
      this.#sound.confirm({ ...overlap, prefixTicks });
    } else if (overlap.passed === null) this.#judge(overlap);
    else if (overlap.passed === "patience" && !this.guard.covers) this.#listenLonger(overlap, voiced, hopMs);
    else this.#reconsider(overlap, voiced);
  }

  /** Nothing is judged: learns how loud the caller is. */
  #listen(probability: number, speech: SpeechThresholds): void {
    if (this.#around.audible || probability < speech.start) return;
    this.guard.callerDb = this.#caller.learn(this.guard.levelDb);
  }

  #judge(overlap: Overlap): void {
    const { confirmMs, dismissMs } = this.#around.settings;
    // With nothing left to hold this is a turn like any other.
    if (!this.#around.audible && overlap.silentMs === 0) this.#sound.confirm(overlap);
    else if (overlap.silentMs >= dismissMs) this.#ended(overlap, false);
    else if (this.guard.explains) {
      this.guard.louder();
      this.#sound.ignore(overlap, "echo");
    } else if (this.#verdict.lasted(overlap, confirmMs)) {
      if (this.#patience.background(overlap)) this.#sound.ignore(overlap, "background");
      else this.#sound.confirm(overlap);
    }
  }

  /**
   * It ended before it was long enough to be an interruption whatever it is. What may be a request is waited for, twice as
   * long.
   * @param over the detector says that speech is over.
   */
  #ended(overlap: Overlap, over: boolean): void {
    // An agent that goes on quieter can wait; one that stands still is missed.
    const patient = !over && !this.way.stands && overlap.silentMs < this.#around.settings.dismissMs * 2;
    const verdict = this.#verdict.ended(overlap, this.#context.now, patient);
    if (verdict === "request") this.#sound.confirm(overlap);
    else if (verdict !== null) this.#sound.dismiss(overlap, verdict);
  }

  #listenLonger(overlap: Overlap, voiced: boolean, hopMs: number): void {
    if (overlap.silentMs >= this.#around.settings.dismissMs) {
      this.late.keep(overlap);
      this.#sound.drop();
      return;
    }
    if (!this.#patience.lasted(overlap, voiced, hopMs)) return;
    overlap.passed = null;
    this.#hold.begin();
  }

  #reconsider(overlap: Overlap, voiced: boolean): void {
    if (overlap.passed === "patience") {
      overlap.passed = "echo";
      this.way.tell("echo");
    }
    if (!this.#patience.returned(overlap, voiced)) return;
    overlap.passed = null;
    this.#hold.begin();
  }

  /** What a transcriber makes of the sound, so far: words that are more than "mhm" are an interruption. */
  words(text: string): void {
    const { overlap } = this.#sound;
    const backchannel = isBackchannel(text);
    if (!overlap || overlap.passed !== null || backchannel === null || this.guard.explains) return;
    overlap.listening = backchannel;
    if (!backchannel) this.#sound.confirm(overlap);
  }

  /** The detector heard the sound end. */
  ended(): void {
    const { overlap } = this.#sound;
    if (overlap && overlap.passed === null) this.#ended(overlap, true);
    else {
      if (overlap?.passed === "patience") this.late.keep(overlap);
      this.#sound.drop();
    }
  }

  /** The client stopped sending while a sound was being judged, or the detector begins anew. */
  abandon(): void {
    const { overlap } = this.#sound;
    if (overlap && overlap.passed === null) this.#sound.dismiss(overlap, "noise");
    else if (overlap || this.held) this.#sound.drop();
    this.#pieces.forget();
    this.way.nothingMore();
  }

  /** Agents may not be interrupted any more: what is being judged is a turn and interrupts nobody. */
  concede(): void {
    this.way.nothingMore();
    const { overlap } = this.#sound;
    if (overlap) this.#sound.concede(overlap);
  }

  /** A deadline `floor:<what>` came. */
  due(what: string): void {
    if (what === "kept") this.late.due(this.judging);
    else if (what === "early") this.way.nothingMore();
    else this.#unheard();
  }

  /** Nothing more came of the sound that is judged. What goes on there, when the client is heard again, is its rest. */
  #unheard(): void {
    const { overlap } = this.#sound;
    this.abandon();
    if (overlap && overlap.passed !== "echo") this.late.cutOff(overlap);
  }

  /** To a client that may have been told otherwise by a former life of the session. */
  tellAgain(): void {
    if (this.way.gives) this.way.tellAgain();
  }

  snapshot(): FloorSnapshot {
    return {
      phase: this.#hold.snapshot(),
      overlap: this.#sound.snapshot(),
      ...this.#caller.snapshot(),
      dismissals: this.#patience.dismissals,
      chopped: this.#pieces.snapshot(),
      kept: this.late.snapshot(),
      ...this.#verdict.snapshot(),
      guard: this.guard.snapshot(),
      ...this.way.snapshot(),
    };
  }

  restore(snapshot: FloorSnapshot): void {
    this.#hold.restore(snapshot.phase);
    // A release that did not look at shapes did not say when a sound can have begun.
    const unknown = { mayEcho: true, fromFrame: this.guard.frame };
    this.#sound.restore(snapshot.overlap ? { ...unknown, ...snapshot.overlap } : null);
    this.#caller.restore(snapshot);
    this.#patience.dismissals = snapshot.dismissals;
    this.#pieces.restore(snapshot.chopped);
    this.late.restore(snapshot.kept);
    this.#verdict.restore(snapshot.requests);
    this.guard.restore(snapshot.guard);
    this.way.restore(snapshot, this.held);
  }
}
