/**
 * Turns of the caller: when speech begins and ends, what of the audio belongs to it, and who gets it. Turn-based
 * upstreams hear turns (with their pre-roll), duplex ones and those with their own detection hear everything.
 */
import { formatKey, type AudioFormat } from "../../audio/format.ts";
import type { TurnDetection } from "../../protocol/session-config.ts";
import { Advance } from "./advance.ts";
import type { AudioInput, InputListener, SpeechDecision } from "./audio-input.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import { InputFlow } from "./input-flow.ts";
import { InputWatch } from "./input-watch.ts";
import { ProviderTurn } from "./provider-turn.ts";
import { next, TURN, type TurnEvent, type TurnPhase } from "../transitions.ts";
import { TurnMarks } from "./turn-marks.ts";
import type { TurnHost } from "./turn-host.ts";
import type { TurnSnapshot } from "./turn-snapshot.ts";
import type { Deciding } from "./who-decides.ts";
import { tooShort, UserItem } from "./user-item.ts";
import type { ClientPort, Link } from "./ports.ts";

export class TurnTaking implements InputListener {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #host: TurnHost;
  readonly #input: AudioInput;
  readonly #flow: InputFlow;
  /** The clock under what only audio moves. */
  readonly watch: InputWatch;
  readonly #item: UserItem;
  /** What the provider that takes the turns makes of the caller. */
  readonly #provider: ProviderTurn;
  #phase: TurnPhase = "listening";
  readonly #at = new TurnMarks();
  readonly #advance: Advance;
  /** A turn goes on under a name that the client has not been told yet. */
  #renewed = false;
  #detects = true;

  constructor(
    context: Context,
    port: ClientPort,
    conversation: Conversation,
    input: AudioInput,
    host: TurnHost,
  ) {
    this.#context = context;
    this.#port = port;
    this.#input = input;
    this.#host = host;
    this.#flow = new InputFlow(input, host.links, host.ear(), conversation, context.limits);
    this.#flow.attach();
    this.#item = new UserItem(context, port, conversation, this.#flow, (itemId) => host.onAnnounced(itemId));
    this.#advance = new Advance({ context, host, input, flow: this.#flow, at: this.#at, item: this.#item });
    this.watch = new InputWatch(context, {
      connected: () => host.connected(),
      silentSince: (at) => host.silentSince(at),
      hangoverMs: () => this.#hangoverMs,
      stopped: () => this.#clientStopped(),
      overdue: () => this.#overdue(),
    });
    this.#provider = new ProviderTurn(context, this.#item, this.#flow, this.watch);
    input.detect(true);
  }

  get phase(): TurnPhase {
    return this.#phase;
  }

  /** Where the present turn began. */
  get startTicks(): number {
    return this.#at.startTicks;
  }

  /** The item that the turn being spoken will become; null: nobody speaks. */
  get openItem(): string | null {
    return this.#phase === "speaking" || this.#provider.open ? this.#item.id : null;
  }

  /** The item that the present audio becomes when it is a turn. */
  get nextItem(): string {
    return this.#item.id;
  }

  /** The item that the last turn became. */
  get lastItem(): string | null {
    return this.#item.last;
  }

  /** User turns so far. */
  get count(): number {
    return this.#item.count;
  }

  #step(event: TurnEvent): void {
    this.#phase = next(TURN, this.#phase, event) ?? this.#phase;
  }

  /** Silence that ends what is being said; null: nobody speaks. */
  get #hangoverMs(): number | null {
    if (this.#phase === "speaking" || this.#at.witnessTicks !== null)
      return this.#input.endpointer.options.hangoverMs;
    return this.#provider.hangoverMs ?? this.#host.earWaitsMs();
  }

  /** Turns are decided here. */
  get decides(): boolean {
    return this.#phase !== "manual";
  }

  /** @param handsOver only who decides is another: what the caller says meanwhile goes on. */
  configure(
    { edge: detection, witness }: Deciding,
    format: AudioFormat,
    turnDetection: TurnDetection | null,
    handsOver = false,
  ): void {
    this.#flow.cut(turnDetection?.type === "duplex" ? turnDetection.frame_ms * TICKS_PER_MS : 0);
    this.#provider.configure(turnDetection);
    if (formatKey(format) !== formatKey(this.#input.format)) {
      this.#input.setFormat(format, this);
      this.#flow.setFormat(format, this.#phase !== "listening");
    }
    const [before, detects] = [this.#phase, detection || witness];
    // What a resampler still holds of what was before is in no buffer that begins now.
    if (before === "listening" && !detection) this.#input.flush();
    const goesOn = handsOver && this.#detects && detects;
    if (!goesOn && (this.#detects !== detects || (before !== "manual") !== detection)) this.#anew(detects);
    this.#step(detection ? "vad_on" : "vad_off");
    if ((before !== "manual") === detection) return;
    this.takeBack();
    if (before === "speaking") {
      // The announced turn goes on in the client's hands, under a name that was not announced yet.
      this.#flow.forward();
      this.#item.renew();
      if (goesOn) this.#witnessed({ type: "started", prefixTicks: this.#at.startTicks });
    } else if (before === "manual") {
      if (goesOn) this.#takeOver();
      else this.#toEdge();
    } else this.#begin(this.#input.ticks);
    this.watch.look();
  }

  /** A provider that took the turns is gone, and they are found here: what nobody made a turn of is one, or becomes one. */
  #takeOver(): void {
    this.providerLost();
    const { witnessTicks, unmadeTicks } = this.#at;
    this.#at.witnessTicks = null;
    this.#begin(this.#at.startTicks, this.#at.bufferTicks);
    if (witnessTicks !== null) this.begin(unmadeTicks ?? witnessTicks);
    else if (unmadeTicks !== null) this.adopt(unmadeTicks, this.#input.ticks);
  }

  /** The detector listens from the present on, or not at all: nothing that it was in the middle of goes on. */
  #anew(detects: boolean): void {
    this.#input.detect(detects);
    this.#detects = detects;
    this.#at.witnessTicks = null;
    this.#advance.silenceMs = 0;
    this.#host.onAnew();
  }

  /** From now on turns are found here: what the client had not committed is in none of them. */
  #toEdge(): void {
    // What a provider announced meanwhile is its own affair from now on.
    this.providerLost();
    if (this.#input.ticks > this.#at.startTicks) {
      for (const link of this.#flow.turnLinks) link.command({ type: "clear" });
      this.#item.drop();
    }
    this.#begin(this.#input.ticks);
  }

  /** A former life of the session may have announced this turn, or its end: it goes on under a name of its own. */
  renew(): void {
    this.#item.renew();
    this.#renewed = this.#phase === "speaking";
  }

  /** The turn that goes on after `renew` is announced. */
  tellAgain(): void {
    if (this.#renewed) this.#item.tellStarted(this.#at.startTicks);
    this.#renewed = false;
  }

  /**
   * Audio of the client, in its input format.
   * @param messageMs milliseconds of audio in its message; @param restMs by so much it was heard sooner than now.
   */
  push(bytes: Uint8Array, messageMs: number, restMs: number): void {
    this.#input.push(bytes, this, restMs);
    this.watch.took(messageMs);
    this.#flow.settle(this.#at.oldestTicks, this.#phase === "manual" ? bytes : null);
  }

  onAudio(): void {
    const speech = this.#at.witnessTicks !== null;
    this.#flow.transcribe(speech || this.#phase === "speaking");
    if (this.#flow.frames(speech)) return;
    this.#flow.everything(speech, this.#phase !== "listening");
    if (this.#phase === "manual") this.#flow.buffer(this.#at.startTicks, this.#detects);
    else if (this.#phase === "speaking" && !this.#host.eager().active)
      this.#flow.flow(this.#input.settledTicks);
  }

  /** The turn begins at a position: what was before it is not part of it, nor, where nothing else is said, of the buffer. */
  #begin(ticks: number, bufferTicks = ticks): void {
    this.#at.begin(ticks, bufferTicks);
    this.#flow.begin(ticks);
  }

  onSpeech(decision: SpeechDecision): void {
    if (decision.type === "started")
      this.#flow.wake(this.#at.said(decision.prefixTicks, this.#wouldBegin(decision.prefixTicks)));
    if (this.#phase === "manual") this.#witnessed(decision);
    else if (decision.type === "started") {
      if (this.#host.contested() && !this.#at.goesOn(decision.prefixTicks, this.#input.endpointer.options))
        this.#host.onOnset(decision.prefixTicks);
      else this.begin(this.#host.earliest(decision.prefixTicks));
    } else {
      // What proves to be an interruption as it ends is a turn that ends here: nothing else would end it.
      if (this.#host.judging()) this.#host.onEnded();
      this.#speechStopped(decision.ticks);
    }
  }

  /** Where the turn would begin that is heard to begin at a position. */
  #wouldBegin(prefixTicks: number): number {
    if (this.#phase === "manual") return prefixTicks;
    return Math.min(prefixTicks, Math.max(this.#at.startTicks, this.#host.wouldBegin(prefixTicks)));
  }

  /** Those who decide by themselves what speech means have to be there to hear it, from its onset. */
  #witnessed(decision: SpeechDecision): void {
    if (decision.type === "started") {
      this.#at.witnessTicks = decision.prefixTicks;
      for (const link of this.#host.links) if (link.capabilities.turns !== "client") link.ensure();
      return this.#host.onWitnessed(null);
    }
    this.#host.onWitnessed((decision.ticks - (this.#at.witnessTicks ?? decision.ticks)) / TICKS_PER_MS);
    this.#at.witnessTicks = null;
  }

  onHeard(samples: Int16Array, rateHz: number, fromTicks: number): void {
    if (this.#phase !== "manual")
      this.#host.onHeard(samples, rateHz, fromTicks / TICKS_PER_MS, this.#input.restMs);
  }

  onHop(probability: number, hopMs: number): void {
    if (this.#phase === "manual") return;
    this.#host.onHop(probability, hopMs);
    this.#advance.hop(this.#phase === "speaking");
    const longest = this.#context.limits.turnMs * TICKS_PER_MS;
    if (this.#phase === "speaking" && this.#input.hopEndTicks - this.#at.startTicks >= longest) this.#part();
  }

  /**
   * An endless turn is committed in parts, without a sample lost between them. Nothing is asked: the answer is one to all
   * of it, when the caller has stopped.
   */
  #part(): void {
    this.takeBack();
    const at = this.#input.cutBefore(this.#input.hopEndTicks);
    this.#flow.forward(at);
    this.#item.tellStopped(at);
    this.#step("speech_stopped");
    this.#commit(at, this.#flow.turnLinks);
    this.#step("speech_started");
    this.#at.unmadeTicks = at;
    this.#item.tellStarted(at);
    this.#host.onPart();
  }

  /** See `Advance.takeBack`. */
  takeBack(): void {
    this.#advance.takeBack();
  }

  /** What the detector hears now is not a turn: it listens for the next sound. */
  forget(): void {
    this.#input.endpointer.forceStop();
    if (this.#phase === "listening") this.#at.unmadeTicks = null;
  }

  /** A client that did not see the open turn begin is told of it. */
  tellOpen(): void {
    if (this.#phase !== "speaking" && !this.#provider.hears) return;
    this.#item.tellStarted(this.#phase === "speaking" ? this.#at.startTicks : this.#input.ticks);
  }

  /** The caller's turn begins, at a position that may be a while ago. `heardNow`: the caller speaks just now. */
  begin(prefixTicks: number, heardNow = true): void {
    if (next(TURN, this.#phase, "speech_started") === null) return;
    this.#step("speech_started");
    this.#item.unique();
    // Before anybody is dialled: who is told where the turn begins must not be told of what was before it.
    this.#begin(Math.max(this.#at.startTicks, prefixTicks, 0), this.#at.bufferTicks);
    this.#at.unmadeTicks = this.#at.startTicks;
    for (const link of this.#host.links) link.ensure();
    this.#context.metric("speech_started", 1);
    this.#item.tellStarted(this.#at.startTicks);
    // Beside this turn those who decide by themselves make turns of their own, and have to show it.
    if (heardNow) this.#host.onWitnessed(null, (this.#input.ticks - this.#at.startTicks) / TICKS_PER_MS);
    this.#host.onSpeechStarted();
  }

  #speechStopped(ticks: number, end = this.#input.cutBefore(ticks), heardNow = true): void {
    if (next(TURN, this.#phase, "speech_stopped") === null) return;
    // What came after a commit in advance is of the next turn, which may have begun in it unheard.
    const heardTo = this.#flow.endTurn(end, this.#host.eager().active);
    this.#item.tellStopped(ticks);
    this.#step("speech_stopped");
    if (heardNow) this.#host.onWitnessed((end - (this.#at.unmadeTicks ?? end)) / TICKS_PER_MS);
    this.#commit(heardTo, this.#flow.turnLinks);
    this.#host.onTurn(true);
  }

  /** A sound that was dismissed is a turn after all: it was heard from one position to another. */
  adopt(fromTicks: number, toTicks: number): void {
    if (this.#phase !== "listening" || toTicks <= this.#at.startTicks) return;
    this.begin(fromTicks, false);
    this.#speechStopped(toTicks, toTicks, false);
  }

  /** The client sends nothing more in mid-speech: the clock ends what only audio would have ended. */
  #clientStopped(): void {
    const witnessed = this.#at.witnessTicks;
    this.#input.flush();
    const end = this.#input.ticks;
    this.#at.cut(end, this.#phase === "speaking" ? this.#input.endpointer.silenceMs : null);
    if (this.#phase === "speaking") this.#speechStopped(end, end);
    if (this.#detects) this.#anew(true);
    if (witnessed !== null) this.#host.onWitnessed((end - witnessed) / TICKS_PER_MS);
    this.#provider.pad();
  }

  /** A provider's turn did not end in time: the relay ends it, or forgets it where the provider had heard it end. */
  #overdue(): void {
    if (!this.#provider.hears) return this.providerLost();
    const end = this.#input.ticks;
    this.#item.tellStopped(end);
    this.#commit(end, this.#flow.buffering);
    this.#host.onTurn(true);
  }

  /**
   * The client's `input_audio_buffer.commit`: all of the buffer, whatever the detector made of it so far.
   * @throws ClientError when there is too little to commit.
   */
  commit(): void {
    const end = this.#input.ticks;
    const bufferedMs = (end - this.#at.bufferTicks) / TICKS_PER_MS;
    const { commitLeastMs } = this.#context.limits;
    if (bufferedMs < commitLeastMs) throw tooShort(bufferedMs, commitLeastMs);
    this.takeBack();
    // One that is dialled now hears from the present on, until it is told where the buffer begins.
    for (const link of this.#flow.buffering) link.ensure();
    if (this.#phase !== "manual") this.#wholeBuffer();
    this.#input.flush();
    this.#flow.forward();
    if (this.#phase === "manual") this.#flow.endForEar();
    this.#step("committed");
    if (this.#detects) this.#anew(true);
    if (this.openItem === null) this.#item.unique();
    this.#commit(end, this.#flow.buffering);
    this.#host.onTurn(false);
  }

  /**
   * While only listening nothing was sent on, and of a turn only what begins with its prefix: the buffer is what the history
   * still holds of it.
   */
  #wholeBuffer(): void {
    if (this.#phase === "listening") return this.#begin(this.#at.bufferTicks);
    // What has left the history was silence.
    const from = Math.max(this.#at.bufferTicks, this.#flow.oldestTicks);
    if (from >= this.#at.startTicks) return;
    for (const link of this.#flow.turnLinks) link.command({ type: "clear" });
    this.#item.forget();
    this.#begin(from);
  }

  /** The buffer up to a position becomes an item: with those who were told the turn, and in the conversation. */
  #commit(endTicks: number, told: readonly Link[]): void {
    const bufferedMs = (endTicks - this.#at.startTicks) / TICKS_PER_MS;
    const shortMs = Math.max(0, this.#context.limits.commitLeastMs - bufferedMs);
    if (!this.#host.eager().active) {
      // A provider refuses less.
      if (shortMs > 0) this.#flow.padTurn(endTicks, Math.ceil(shortMs));
      for (const link of told) link.command({ type: "commit", itemId: this.#item.id });
    }
    this.#taken(endTicks, bufferedMs + shortMs);
  }

  /** A turn is over: what comes is of the next one. @returns the id of its item. */
  #taken(endTicks: number, audioMs: number): string {
    this.#provider.end();
    const voiced = !this.#detects || this.#at.unmadeTicks !== null;
    this.#at.made(endTicks);
    const itemId = this.#item.announce(endTicks, audioMs, voiced);
    this.watch.look();
    this.#flow.settle(this.#at.oldestTicks);
    return itemId;
  }

  /** An upstream that detects by itself (`turns: "server"`) heard speech begin or end. */
  upstreamSpeech(state: "started" | "stopped"): void {
    if (this.#provider.speech(state, this.#at.heard(state, this.#input.ticks))) this.#host.onSpeechStarted();
  }

  /** Such an upstream closed a turn. @returns the id of the new user item. */
  upstreamCommitted(): string {
    if (!this.#provider.open) this.#item.unique();
    const end = this.#input.ticks;
    return this.#taken(end, (end - this.#at.startTicks) / TICKS_PER_MS);
  }

  /** The client's `input_audio_buffer.clear`. */
  clear(): void {
    this.takeBack();
    const named = this.openItem !== null || this.#phase === "manual";
    this.#provider.end();
    this.#step("cleared");
    this.#input.flush();
    if (this.#detects) this.#anew(true);
    if (named) this.#item.drop();
    else this.#item.forget();
    this.#at.unmadeTicks = null;
    this.#begin(this.#input.ticks);
    for (const link of this.#flow.buffering) link.command({ type: "clear" });
    this.#port.emit({ type: "input_audio_buffer.cleared" });
    this.watch.look();
  }

  /** An answer ended: what is heard from now on may be a silence. */
  quiet(): void {
    this.#at.quietTicks = this.#input.ticks;
  }

  /**
   * Nobody spoke for `idleMs`: the silence becomes a turn, so that the model may ask whether anyone is there. Of a client
   * that sends none there may be next to nothing: it is the least that a provider takes.
   */
  idle(idleMs: number): void {
    if (this.#phase !== "listening" || this.#host.judging()) return;
    this.#item.unique();
    const end = this.#input.ticks;
    const start = Math.max(this.#at.startTicks, this.#at.quietTicks, end - idleMs * TICKS_PER_MS);
    this.#item.tellTimeout(start, Math.max(end, start + this.#context.limits.commitLeastMs * TICKS_PER_MS));
    for (const link of this.#host.links) link.ensure();
    this.#begin(start);
    this.#flow.forward();
    this.#commit(end, this.#flow.turnLinks);
    this.#host.onTurn(true);
  }

  /** An upstream came back, perhaps in the middle of a turn: it hears what no turn was made of. */
  replay(link: Link): void {
    const { ticks: at } = this.#input;
    this.#flow.replay(link, this.#at.pending(this.#phase, at, this.#detects ? this.#wouldBegin(at) : null));
    if (this.still) this.#provider.catchUp(link);
  }

  /** An upstream is there, and was sent all that waited for it. */
  serves(link: Link): void {
    if (link.capabilities.turns === "server") this.#at.given();
  }

  /** Nobody is speaking, and nothing is half said. */
  get still(): boolean {
    if (this.#phase === "speaking" || this.#provider.open || this.#at.witnessTicks !== null) return false;
    if (this.#phase === "listening" || this.#flow.turnLinks.length === 0) return true;
    return this.#input.ticks === this.#at.startTicks;
  }

  /** What somebody says where others say what is a turn: heard here, or sent by a client since its last turn; null: nothing. */
  get unmade(): "heard" | "sent" | null {
    return this.#at.unmade(this.#phase === "manual" ? this.#input.ticks : 0);
  }

  /** Another connection to this upstream would miss nothing of the caller's. */
  atGap(link: Link): boolean {
    if (this.#host.eager().active) return false;
    const { turns } = link.capabilities;
    if (turns !== "client") return turns === "none" || !this.#provider.open;
    if (this.#phase !== "manual") return this.#phase === "listening";
    // What was not committed yet is heard again, as far as the history reaches.
    return this.#input.ticks - this.#at.startTicks < (this.#context.limits.inputHistoryMs / 2) * TICKS_PER_MS;
  }

  /** The provider that takes the turns is gone: a turn that it announced comes to nothing. */
  providerLost(): void {
    if (this.#provider.open) this.#item.next();
    this.#provider.end();
    this.watch.look();
  }

  snapshot(): TurnSnapshot {
    return {
      phase: this.#phase,
      ...this.#at.snapshot(),
      silenceMs: this.#advance.silenceMs,
      detects: this.#detects,
      renewed: this.#renewed,
      item: this.#item.snapshot(),
      provider: this.#provider.snapshot(),
      flow: this.#flow.snapshot(),
      watch: this.watch.snapshot(),
    };
  }

  restore(snapshot: TurnSnapshot): void {
    this.#phase = snapshot.phase;
    this.#at.restore(snapshot);
    this.#advance.silenceMs = snapshot.silenceMs;
    this.#detects = snapshot.detects;
    this.#renewed = snapshot.renewed;
    this.#item.restore(snapshot.item);
    this.#provider.restore(snapshot.provider);
    this.#flow.restore(snapshot.flow);
    this.watch.restore(snapshot.watch);
  }
}
