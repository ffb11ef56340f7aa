/**
 * Turns of the caller: when speech begins and ends, what of the audio belongs to it, and who gets it. Turn-based
 * upstreams hear turns (with their pre-roll), duplex ones and those with their own detection hear everything.
 */
import type { AudioFormat } from "../../audio/format.ts";
import type { TurnDetection } from "../../protocol/session-config.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { TurnPhase } from "../transitions.ts";
import type { InputListener, SpeechDecision } from "./audio-input.ts";
import { ClientBuffer } from "./client-buffer.ts";
import { Handover } from "./handover.ts";
import type { InputWatch } from "./input-watch.ts";
import type { Link } from "./ports.ts";
import { PresentTurn } from "./present-turn.ts";
import type { TurnParts } from "./turn-parts.ts";
import type { TurnSnapshot } from "./turn-snapshot.ts";
import type { Deciding } from "./who-decides.ts";

export class TurnTaking implements InputListener {
  /** What the client commits and clears itself. */
  readonly buffer: ClientBuffer;
  readonly #parts: TurnParts;
  readonly #turn: PresentTurn;
  readonly #handover: Handover;
  /** A turn goes on under a name that the client has not been told yet. */
  #renewed = false;

  constructor(parts: TurnParts) {
    this.#parts = parts;
    this.#turn = new PresentTurn(parts, {
      stopped: () => this.#clientStopped(),
      overdue: () => this.#overdue(),
    });
    this.#handover = new Handover(this.#turn, this);
    this.buffer = new ClientBuffer(this.#turn, parts.port);
  }

  /** The clock under what only audio moves. */
  get watch(): InputWatch {
    return this.#turn.watch;
  }

  get phase(): TurnPhase {
    return this.#turn.phase;
  }

  /** Where the present turn began. */
  get startTicks(): number {
    return this.#turn.at.startTicks;
  }

  /** The item that the turn being spoken will become; null: nobody speaks. */
  get openItem(): string | null {
    return this.#turn.openItem;
  }

  /** The item that the present audio becomes when it is a turn. */
  get nextItem(): string {
    return this.#turn.item.id;
  }

  /** The item that the last turn became. */
  get lastItem(): string | null {
    return this.#turn.item.last;
  }

  /** User turns so far. */
  get count(): number {
    return this.#turn.item.count;
  }

  /** A turn that is heard here goes on: for how long it has, how long the caller pauses by now, and what is left of the wait. */
  get telling(): { readonly forMs: number; readonly silentMs: number; readonly leftMs: number } | null {
    if (this.phase !== "speaking") return null;
    const { input } = this.#turn;
    const { options, silenceMs } = input.endpointer;
    const forMs = (input.hopEndTicks - this.startTicks) / TICKS_PER_MS;
    return { forMs, silentMs: silenceMs, leftMs: options.hangoverMs - silenceMs };
  }

  /** Turns are decided here. */
  get decides(): boolean {
    return this.phase !== "manual";
  }

  /** @param handsOver only who decides is another: what the caller says meanwhile goes on. */
  configure(who: Deciding, format: AudioFormat, detection: TurnDetection | null, handsOver = false): void {
    this.#handover.configure(who, format, detection, handsOver);
  }

  /** A former life of the session may have announced this turn, or its end: it goes on under a name of its own. */
  renew(): void {
    this.#turn.item.renew();
    this.#renewed = this.phase === "speaking";
  }

  /** The turn that goes on after `renew` is announced. */
  tellAgain(): void {
    if (this.#renewed) this.#turn.item.tellStarted(this.startTicks);
    this.#renewed = false;
  }

  /**
   * Audio of the client, in its input format.
   * @param messageMs milliseconds of audio in its message; @param restMs by so much it was heard sooner than now.
   */
  push(bytes: Uint8Array, messageMs: number, restMs: number): void {
    const { input, watch, flow, at } = this.#turn;
    input.push(bytes, this, restMs);
    watch.took(messageMs);
    flow.settle(at.oldestTicks, this.phase === "manual" ? bytes : null);
  }

  onAudio(): void {
    const turn = this.#turn;
    const speech = turn.at.witnessTicks !== null;
    turn.flow.transcribe(speech || turn.phase === "speaking");
    if (turn.flow.frames(speech)) return;
    turn.flow.everything(speech, turn.phase !== "listening");
    if (turn.phase === "manual") turn.flow.buffer(turn.at.startTicks, turn.detects);
    else if (turn.phase === "speaking" && !this.#parts.eager.active) turn.flow.flow(turn.input.settledTicks);
  }

  onSpeech(decision: SpeechDecision): void {
    const turn = this.#turn;
    const { floor } = this.#parts;
    if (decision.type === "started")
      turn.flow.wake(turn.at.said(decision.prefixTicks, turn.wouldBegin(decision.prefixTicks)));
    if (turn.phase === "manual") turn.witnessed(decision);
    else if (decision.type === "started") {
      if (floor.contested && !turn.at.goesOn(decision.prefixTicks, turn.input.endpointer.options))
        floor.onset(decision.prefixTicks);
      else turn.speechBegan(floor.late.earliest(decision.prefixTicks));
    } else {
      // What proves to be an interruption as it ends is a turn that ends here: nothing else would end it.
      if (floor.judging) floor.ended();
      turn.speechStopped(decision.ticks);
    }
  }

  onHeard(samples: Int16Array, rateHz: number, fromTicks: number): void {
    if (this.phase === "manual") return;
    const { context, floor, input } = this.#parts;
    floor.guard.heard(samples, rateHz, fromTicks / TICKS_PER_MS, context.now - input.restMs, context.now);
  }

  /** In the caller's turn what is an echo of the relay's own is not the caller's voice. */
  heardAs(probability: number): number {
    const { asides, floor } = this.#parts;
    return this.phase === "speaking" && asides.echoes && floor.hearsEcho ? 0 : probability;
  }

  onHop(probability: number, hopMs: number): void {
    const turn = this.#turn;
    if (turn.phase === "manual") return turn.advance.hop(false);
    this.#parts.floor.hop(probability, hopMs, turn.input.endpointer.options);
    turn.advance.hop(turn.phase === "speaking");
    const longest = turn.context.limits.turnMs * TICKS_PER_MS;
    if (turn.phase === "speaking" && turn.input.hopEndTicks - turn.at.startTicks >= longest) turn.part();
  }

  /** See `Advance.takeBack`. */
  takeBack(): void {
    this.#turn.advance.takeBack();
  }

  /** What the detector hears now is not a turn: it listens for the next sound. */
  forget(): void {
    this.#turn.input.endpointer.forceStop();
    if (this.phase === "listening") this.#turn.at.unmadeTicks = null;
  }

  /** A client that did not see the open turn begin is told of it. */
  tellOpen(): void {
    const { phase, provider, item, input } = this.#turn;
    if (phase !== "speaking" && !provider.hears) return;
    item.tellStarted(phase === "speaking" ? this.startTicks : input.ticks);
  }

  /** The caller's turn begins, at a position that may be a while ago. */
  begin(prefixTicks: number): void {
    this.#turn.speechBegan(prefixTicks);
  }

  /** A sound that was dismissed is a turn after all: it was heard from one position to another. */
  adopt(fromTicks: number, toTicks: number): void {
    this.#turn.adopt(fromTicks, toTicks);
  }

  /** The client sends nothing more in mid-speech: the clock ends what only audio would have ended. */
  #clientStopped(): void {
    const turn = this.#turn;
    const witnessed = turn.at.witnessTicks;
    turn.input.flush();
    const end = turn.input.ticks;
    turn.at.cut(end, turn.phase === "speaking" ? turn.input.endpointer.silenceMs : null);
    if (turn.phase === "speaking") turn.speechStopped(end, end);
    if (turn.detects) turn.anew(true);
    if (witnessed !== null) this.#parts.reactions.witnessed((end - witnessed) / TICKS_PER_MS);
    turn.provider.pad();
  }

  /** A provider's turn did not end in time: the relay ends it, or forgets it where the provider had heard it end. */
  #overdue(): void {
    const turn = this.#turn;
    if (!turn.provider.hears) return turn.providerLost();
    const end = turn.input.ticks;
    turn.item.tellStopped(end);
    turn.commit(end, turn.flow.buffering);
    this.#parts.reactions.turnTaken(true);
  }

  /** An upstream that detects by itself (`turns: "server"`) heard speech begin or end. */
  upstreamSpeech(state: "started" | "stopped"): void {
    const { provider, at, input } = this.#turn;
    if (provider.speech(state, at.heard(state, input.ticks))) this.#parts.reactions.speechStarted();
  }

  /** Such an upstream closed a turn. @returns the id of the new user item. */
  upstreamCommitted(): string {
    const turn = this.#turn;
    if (!turn.provider.open) turn.item.unique();
    const { silenceMs, options } = turn.input.endpointer;
    const end = turn.at.endOfTold(turn.input.ticks, silenceMs, options.prefixPaddingMs);
    return turn.taken(end, (end - turn.at.startTicks) / TICKS_PER_MS);
  }

  /** The provider that takes the turns is gone: a turn that it announced comes to nothing. */
  providerLost(): void {
    this.#turn.providerLost();
  }

  /** An answer ended: what is heard from now on may be a silence. */
  quiet(): void {
    this.#turn.at.quietTicks = this.#turn.input.ticks;
  }

  /** An upstream came back, perhaps in the middle of a turn: it hears what no turn was made of. */
  replay(link: Link): void {
    const turn = this.#turn;
    const { ticks: at } = turn.input;
    turn.flow.replay(link, turn.at.pending(turn.phase, at, turn.detects ? turn.wouldBegin(at) : null));
    if (turn.still) turn.provider.catchUp(link);
  }

  /** An upstream is there, and was sent all that waited for it. */
  serves(link: Link): void {
    if (link.capabilities.turns === "server") this.#turn.at.given();
  }

  /** Nobody is speaking, and nothing is half said. */
  get still(): boolean {
    return this.#turn.still;
  }

  /** What somebody says where others say what is a turn: heard here, or sent by a client since its last turn; null: nothing. */
  get unmade(): "heard" | "sent" | null {
    const { at, phase, input } = this.#turn;
    return at.unmade(phase === "manual" ? input.ticks : 0);
  }

  /** Another connection to this upstream would miss nothing of the caller's. */
  atGap(link: Link): boolean {
    if (this.#parts.eager.active) return false;
    const { provider, phase, input, context } = this.#turn;
    const { turns } = link.capabilities;
    if (turns !== "client") return turns === "none" || !provider.open;
    if (phase !== "manual") return phase === "listening";
    // What was not committed yet is heard again, as far as the history reaches.
    return input.ticks - this.startTicks < (context.limits.inputHistoryMs / 2) * TICKS_PER_MS;
  }

  snapshot(): TurnSnapshot {
    return { ...this.#turn.snapshot(), renewed: this.#renewed };
  }

  restore(snapshot: TurnSnapshot): void {
    this.#turn.restore(snapshot);
    this.#renewed = snapshot.renewed;
  }
}
