/**
 * Turns of the caller: when speech begins and ends, what of the audio belongs to it, and who gets it. Turn-based
 * upstreams hear turns (with their pre-roll), duplex ones and those with their own detection hear everything.
 */
import { formatKey, type AudioFormat } from "../../audio/format.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { TICKS_PER_MS, type AudioInput, type InputListener, type SpeechDecision } from "./audio-input.ts";
import type { ClientPort } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Eager } from "./eager.ts";
import { InputFlow } from "./input-flow.ts";
import type { Link } from "../links/link.ts";
import { CANDIDATE_MS } from "../turn-end/turn-end.ts";
import { next, TURN, type TurnEvent, type TurnPhase } from "../transitions.ts";

export interface TurnHost {
  readonly links: readonly Link[];
  /** Who only transcribes. */
  ear(): Link | null;
  /** The caller's turn is in the conversation under this name. */
  onAnnounced(itemId: string): void;
  /** An agent is audible and may be interrupted: what begins now is first judged by the floor. */
  contested(): boolean;
  /** The floor judges a sound. */
  judging(): boolean;
  onOnset(prefixTicks: number): void;
  onEnded(): void;
  onHeard(samples: Int16Array, rateHz: number, fromMs: number): void;
  onHop(probability: number, hopMs: number): void;
  /** A silence inside a turn is long enough to be its end: once per silence. */
  onCandidate(): void;
  /** A silence inside a turn ended. */
  onPause(ms: number): void;
  /** Silence after which the answer is asked for in advance; null: never. */
  eagerMs(): number | null;
  eager(): Eager;
  /** Speech began (null), or ended after so long, pre-roll and hangover included: heard, though not decided here. */
  onWitnessed(speechMs: number | null): void;
  /** Speech began, decided at the edge. */
  onSpeechStarted(): void;
  /** A user turn is in the conversation and with the upstreams. `detected`: by speech, not by the client. */
  onTurn(detected: boolean): void;
}

type UpstreamTurn = "none" | "speaking" | "stopped";

export class TurnTaking implements InputListener {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #host: TurnHost;
  readonly #input: AudioInput;
  readonly #flow: InputFlow;
  #phase: TurnPhase = "listening";
  /** The item that the present audio will become. */
  #itemId: string;
  /** Where the present buffer begins: after the last commit or clear, or at the turn's prefix. */
  #startTicks = 0;
  #committed = 0;
  #lastItem: string | null = null;
  /** A turn that the provider that takes the turns has announced and not committed. */
  #upstreamTurn: UpstreamTurn = "none";
  /** Length of a micro-turn; 0: audio flows as it comes. */
  #frameTicks = 0;
  /** A turn goes on under a name that the client has not been told yet. */
  #renewed = false;
  /** Silence at the hop before this one. */
  #silenceMs = 0;
  /** Where speech began that is only witnessed; null: nobody speaks. */
  #witnessTicks: number | null = null;
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
    this.#conversation = conversation;
    this.#input = input;
    this.#host = host;
    this.#itemId = context.newId("item");
    this.#flow = new InputFlow(input, host.links, host.ear(), conversation, context.limits.overrunMs);
    this.#flow.attach();
    this.#flow.recorder.itemId = this.#itemId;
    input.detect(true);
  }

  get phase(): TurnPhase {
    return this.#phase;
  }

  /** Where the present turn began. */
  get startTicks(): number {
    return this.#startTicks;
  }

  /** The item that the turn being spoken will become; null: nobody speaks. */
  get openItem(): string | null {
    return this.#phase === "speaking" || this.#upstreamTurn !== "none" ? this.#itemId : null;
  }

  /** The item that the last turn became. */
  get lastItem(): string | null {
    return this.#lastItem;
  }

  /** User turns so far. */
  get count(): number {
    return this.#committed;
  }

  #step(event: TurnEvent): void {
    this.#phase = next(TURN, this.#phase, event) ?? this.#phase;
  }

  /** `detection`: whether turns are decided here; `witness`: speech is listened for though they are not. */
  configure(detection: boolean, witness: boolean, format: AudioFormat, frameMs: number): void {
    this.#frameTicks = frameMs * TICKS_PER_MS;
    if (formatKey(format) !== formatKey(this.#input.format)) this.#setFormat(format);
    const before = this.#phase;
    this.#step(detection ? "vad_on" : "vad_off");
    const detects = detection || witness;
    if (this.#detects !== detects) this.#input.detect(detects);
    this.#detects = detects;
    if ((before !== "manual") === detection) return;
    this.takeBack();
    if (before === "speaking") {
      // The announced turn goes on in the client's hands, under a name that was not announced yet.
      this.#flow.forward();
      this.#rename();
    } else this.#begin(this.#input.ticks);
  }

  /** A former life of the session may have announced this turn, or its end: it goes on under a name of its own. */
  renew(): void {
    const before = this.#itemId;
    this.#rename();
    this.#conversation.audio.rename(before, this.#itemId);
    this.#renewed = this.#phase === "speaking";
  }

  /** The turn that goes on after `renew` is announced. */
  tellAgain(): void {
    if (this.#renewed) this.#tellStarted(this.#startTicks);
    this.#renewed = false;
  }

  /** What comes next is another item: the present one's name was told and came to nothing. */
  #rename(): void {
    this.#itemId = this.#context.newId("item");
    this.#flow.recorder.itemId = this.#itemId;
  }

  #setFormat(format: AudioFormat): void {
    this.#input.setFormat(format);
    this.#flow.recorder.format = format;
    this.#flow.attach();
    this.#startTicks = this.#input.ticks;
  }

  /** Audio of the client, in its input format. */
  push(bytes: Uint8Array): void {
    this.#input.push(bytes, this);
  }

  onAudio(): void {
    const speech = this.#witnessTicks !== null;
    this.#flow.transcribe(speech || this.#phase === "speaking");
    if (this.#frameTicks > 0) {
      this.#flow.frames(this.#frameTicks, speech);
      return;
    }
    this.#flow.everything(speech, this.#phase !== "listening");
    if (this.#phase === "manual") {
      for (const link of this.#flow.turnLinks) if (link.parked) link.ensure();
      this.#flow.flow();
    } else if (this.#phase === "speaking" && !this.#host.eager().active) {
      this.#flow.flow(this.#input.settledTicks);
    } else if (this.#phase === "speaking") this.#flow.record(this.#input.settledTicks);
  }

  /** The buffer begins at a position: what was before it is not part of the next turn. */
  #begin(ticks: number): void {
    this.#startTicks = ticks;
    this.#flow.begin(ticks);
  }

  onSpeech(decision: SpeechDecision): void {
    if (decision.type === "started") this.#flow.wake(decision.prefixTicks);
    if (this.#phase === "manual") this.#witnessed(decision);
    else if (decision.type === "started") {
      if (this.#host.contested()) this.#host.onOnset(decision.prefixTicks);
      else this.begin(decision.prefixTicks);
    } else if (this.#host.judging()) this.#host.onEnded();
    else this.#speechStopped(decision.ticks);
  }

  /** Those who decide by themselves what speech means have to be there to hear it, from its onset. */
  #witnessed(decision: SpeechDecision): void {
    if (decision.type === "started") {
      this.#witnessTicks = decision.prefixTicks;
      for (const link of this.#host.links) if (link.capabilities.turns !== "client") link.ensure();
      this.#host.onWitnessed(null);
      return;
    }
    this.#host.onWitnessed((decision.ticks - (this.#witnessTicks ?? decision.ticks)) / TICKS_PER_MS);
    this.#witnessTicks = null;
  }

  onHeard(samples: Int16Array, rateHz: number, fromTicks: number): void {
    if (this.#phase !== "manual") this.#host.onHeard(samples, rateHz, fromTicks / TICKS_PER_MS);
  }

  onHop(probability: number, hopMs: number): void {
    if (this.#phase === "manual") return;
    this.#host.onHop(probability, hopMs);
    const silenceMs = this.#input.endpointer.silenceMs;
    if (this.#phase === "speaking") this.#silence(silenceMs);
    this.#silenceMs = silenceMs;
  }

  /** Inside a turn: the caller pauses for so long by now. */
  #silence(silenceMs: number): void {
    if (silenceMs === 0 && this.#silenceMs > 0) {
      this.#host.onPause(this.#silenceMs);
      this.takeBack();
    }
    if (silenceMs >= CANDIDATE_MS && this.#silenceMs < CANDIDATE_MS) this.#host.onCandidate();
    const eagerMs = this.#host.eagerMs();
    if (eagerMs === null || silenceMs < eagerMs || this.#host.eager().active) return;
    this.#flow.forward(this.#input.settledTicks);
    this.#host.eager().begin(this.#itemId);
  }

  /** What was committed in advance is not the turn: the upstreams hear it from its beginning again. */
  takeBack(): void {
    if (!this.#host.eager().active) return;
    this.#host.eager().discard();
    this.#flow.again(this.#startTicks);
  }

  /** What the detector hears now is not a turn: it listens for the next sound. */
  forget(): void {
    this.#input.endpointer.forceStop();
  }

  /** A client that did not see the open turn begin is told of it. */
  tellOpen(): void {
    if (this.#phase !== "speaking" && this.#upstreamTurn !== "speaking") return;
    this.#tellStarted(this.#phase === "speaking" ? this.#startTicks : this.#input.ticks);
  }

  #tellStarted(ticks: number): void {
    this.#port.emit({
      type: "input_audio_buffer.speech_started",
      audio_start_ms: Math.round(ticks / TICKS_PER_MS),
      item_id: this.#itemId,
    });
  }

  /** The caller's turn begins, at a position that may be a while ago. */
  begin(prefixTicks: number): void {
    if (next(TURN, this.#phase, "speech_started") === null) return;
    this.#step("speech_started");
    for (const link of this.#flow.turnLinks) link.ensure();
    this.#begin(Math.max(this.#startTicks, prefixTicks, 0));
    this.#context.metric("speech_started", 1);
    this.#tellStarted(this.#startTicks);
    this.#host.onSpeechStarted();
  }

  #speechStopped(ticks: number): void {
    if (next(TURN, this.#phase, "speech_stopped") === null) return;
    if (!this.#host.eager().active) this.#flow.forward(this.#input.cutBefore(ticks));
    else this.#flow.record(this.#input.cutBefore(ticks));
    this.#port.emit({
      type: "input_audio_buffer.speech_stopped",
      audio_end_ms: Math.round(ticks / TICKS_PER_MS),
      item_id: this.#itemId,
    });
    this.#step("speech_stopped");
    this.#commit(this.#input.cutBefore(ticks), true);
  }

  /** The client's `input_audio_buffer.commit`. @throws ClientError when there is too little to commit. */
  commit(): void {
    const end = this.#input.ticks;
    const bufferedMs = (end - this.#startTicks) / TICKS_PER_MS;
    const { commitLeastMs } = this.#context.limits;
    if (bufferedMs < commitLeastMs) {
      throw new ClientError(
        "input_audio_buffer_commit_empty",
        `Error committing input audio buffer: buffer too small. Expected at least ${commitLeastMs}ms of audio, but buffer only has ${bufferedMs.toFixed(2)}ms of audio.`,
      );
    }
    this.takeBack();
    // One that is dialled now hears from the present on, until it is told where the buffer begins.
    for (const link of this.#flow.buffering) link.ensure();
    // While only listening nothing was sent on: the buffer is what the history still holds of it.
    if (this.#phase === "listening") this.#begin(this.#startTicks);
    this.#input.flush();
    this.#flow.forward();
    this.#step("committed");
    if (this.#detects) this.#input.detect(true);
    this.#commit(end, false);
  }

  #commit(endTicks: number, detected: boolean): void {
    const itemId = this.#itemId;
    const audioMs = (endTicks - this.#startTicks) / TICKS_PER_MS;
    this.#committed += 1;
    if (!this.#host.eager().active) {
      const told = detected ? this.#flow.turnLinks : this.#flow.buffering;
      for (const link of told) link.command({ type: "commit", itemId });
    }
    this.#upstreamTurn = "none";
    this.#rename();
    this.#startTicks = endTicks;
    this.#announce(itemId, audioMs);
    this.#host.onTurn(detected);
  }

  /** An upstream that detects by itself (`turns: "server"`) heard speech begin or end. */
  upstreamSpeech(state: "started" | "stopped"): void {
    // The client committed or cleared in the middle of it: what goes on was not announced.
    if (state === "stopped" && this.#upstreamTurn !== "speaking") return;
    const ms = Math.round(this.#input.ticks / TICKS_PER_MS);
    const item_id = this.#itemId;
    this.#upstreamTurn = state === "started" ? "speaking" : "stopped";
    if (state === "started") {
      this.#port.emit({ type: "input_audio_buffer.speech_started", audio_start_ms: ms, item_id });
      this.#host.onSpeechStarted();
    } else this.#port.emit({ type: "input_audio_buffer.speech_stopped", audio_end_ms: ms, item_id });
  }

  /** Such an upstream closed a turn. @returns the id of the new user item. */
  upstreamCommitted(): string {
    const itemId = this.#itemId;
    const end = this.#input.ticks;
    this.#committed += 1;
    this.#upstreamTurn = "none";
    this.#rename();
    this.#announce(itemId, (end - this.#startTicks) / TICKS_PER_MS);
    this.#startTicks = end;
    return itemId;
  }

  /** Puts a user audio item into the conversation and tells the client. */
  #announce(itemId: string, audioMs: number): void {
    this.#lastItem = itemId;
    const item = {
      id: itemId,
      object: "realtime.item",
      type: "message",
      status: "completed",
      role: "user",
      content: [{ type: "input_audio", transcript: null }],
    };
    const entry = { item, origin: null, growing: false, truncatedMs: null, audioMs };
    const previous = this.#conversation.insert(entry);
    this.#port.emit({
      type: "input_audio_buffer.committed",
      previous_item_id: previous,
      item_id: itemId,
    });
    this.#port.emit({ type: "conversation.item.added", previous_item_id: previous, item });
    this.#port.emit({ type: "conversation.item.done", previous_item_id: previous, item });
    this.#context.persistNow();
    this.#host.onAnnounced(itemId);
  }

  /** The client's `input_audio_buffer.clear`. */
  clear(): void {
    this.takeBack();
    const announced = this.#phase === "speaking" || this.#upstreamTurn !== "none";
    this.#upstreamTurn = "none";
    this.#step("cleared");
    if (this.#phase === "listening") this.#input.detect(true);
    this.#conversation.audio.delete(this.#itemId);
    if (announced) this.#rename();
    this.#begin(this.#input.ticks);
    for (const link of this.#flow.buffering) link.command({ type: "clear" });
    this.#port.emit({ type: "input_audio_buffer.cleared" });
  }

  /** Nobody spoke for `idleMs`: the silence becomes a turn, so that the model may ask whether anyone is there. */
  idle(idleMs: number): void {
    if (this.#phase !== "listening") return;
    const end = this.#input.ticks;
    const start = Math.max(this.#startTicks, end - idleMs * TICKS_PER_MS);
    this.#port.emit({
      type: "input_audio_buffer.timeout_triggered",
      audio_start_ms: Math.round(start / TICKS_PER_MS),
      audio_end_ms: Math.round(end / TICKS_PER_MS),
      item_id: this.#itemId,
    });
    this.#begin(start);
    this.#flow.forward();
    this.#commit(end, true);
  }

  /** An upstream came back in the middle of a turn: it hears the turn from its beginning. */
  replay(link: Link): void {
    const { turns } = link.capabilities;
    if (turns !== "client" && link.parked) this.#input.seek(link, this.#witnessTicks ?? this.#input.ticks);
    // One that takes the turns hears again what it has not made a turn of, as far back as the history reaches.
    else if (turns === "server") this.#input.seek(link, this.#startTicks);
    else if (turns === "client" && this.#phase === "listening") this.#input.attach(link);
    else if (turns === "client") this.#input.seek(link, this.#startTicks);
  }

  /** Nobody is speaking, and nothing is half said. */
  get still(): boolean {
    if (this.#phase === "speaking" || this.#upstreamTurn !== "none") return false;
    if (this.#phase === "listening" || this.#flow.turnLinks.length === 0) return true;
    return this.#input.ticks === this.#startTicks;
  }

  /** Another connection to this upstream would miss nothing of the caller's. */
  atGap(link: Link): boolean {
    if (this.#host.eager().active) return false;
    const { turns } = link.capabilities;
    if (turns === "none") return true;
    if (turns === "server") return this.#upstreamTurn === "none";
    if (this.#phase !== "manual") return this.#phase === "listening";
    // What was not committed yet is heard again, as far as the history reaches.
    return this.#input.ticks - this.#startTicks < (this.#context.limits.inputHistoryMs / 2) * TICKS_PER_MS;
  }

  /** The provider that takes the turns is gone: a turn that it announced comes to nothing. */
  providerLost(): void {
    if (this.#upstreamTurn !== "none") this.#rename();
    this.#upstreamTurn = "none";
  }

  snapshot(): TurnSnapshot {
    return {
      phase: this.#phase,
      itemId: this.#itemId,
      startTicks: this.#startTicks,
      committed: this.#committed,
      lastItem: this.#lastItem,
      silenceMs: this.#silenceMs,
      upstreamTurn: this.#upstreamTurn,
      recorder: this.#flow.recorder.cursor,
      witnessTicks: this.#witnessTicks,
      detects: this.#detects,
    };
  }

  restore(snapshot: TurnSnapshot): void {
    this.#phase = snapshot.phase;
    this.#itemId = snapshot.itemId;
    this.#startTicks = snapshot.startTicks;
    this.#committed = snapshot.committed;
    this.#lastItem = snapshot.lastItem;
    this.#silenceMs = snapshot.silenceMs;
    this.#upstreamTurn = snapshot.upstreamTurn;
    this.#witnessTicks = snapshot.witnessTicks;
    this.#detects = snapshot.detects;
    this.#flow.recorder.cursor = snapshot.recorder;
    this.#flow.recorder.itemId = snapshot.itemId;
    this.#flow.recorder.format = this.#input.format;
  }
}

export interface TurnSnapshot {
  readonly phase: TurnPhase;
  readonly itemId: string;
  readonly startTicks: number;
  readonly committed: number;
  readonly lastItem: string | null;
  readonly silenceMs: number;
  readonly upstreamTurn: UpstreamTurn;
  readonly recorder: number;
  readonly witnessTicks: number | null;
  readonly detects: boolean;
}
