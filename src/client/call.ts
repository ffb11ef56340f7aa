/** One conversation over one `duplex.v1` socket: what the application says, and the door to what it hears. */
import { pauseMs } from "./backoff.ts";
import { Connection } from "./connection.ts";
import type { ClientEvent } from "./connection-hooks.ts";
import type { Target } from "./door.ts";
import { Conversation } from "./conversation.ts";
import { RelayError, reasonOf } from "./error.ts";
import {
  CallEvents,
  type AgentState,
  type AudioDevice,
  type CallEventMap,
  type CallMessage,
  type CallState,
  type CloseInfo,
} from "./events.ts";
import { rateOf, withFormats, withoutFormats, withPlayer } from "./formats.ts";
import { Hearing } from "./hearing.ts";
import { numberAt, objectAt, type JsonObject } from "./json.ts";
import { FRAME_MS, Microphone } from "./microphone.ts";
import { watchDevices } from "./devices.ts";
import { Player } from "./player.ts";
import { Tools, type Tool } from "./tools.ts";

export interface CallOptions {
  /** Session settings in OpenAI's shape, merged into the relay's. */
  readonly session: JsonObject;
  readonly inputRateHz: number;
  readonly outputRateHz: number;
  /** Null: beside the module. */
  readonly workletUrl: string | null;
  /** False: answers are not played. */
  readonly playback: boolean;
  /**
   * Where to go on with a new session when this one is lost for good: asked with the reason and the number of
   * attempts; null ends the call. A lost connection alone is no reason: its session is resumed first.
   */
  readonly reconnect: ((close: CloseInfo, attempt: number) => Promise<Target | null>) | null;
}

/** More silence than this is never needed to end a turn. */
const MAX_TAIL_MS = 3000;

export class Call extends CallEvents {
  readonly microphone: Microphone;
  readonly #player: Player | null;
  readonly #hearing: Hearing;
  readonly #options: CallOptions;
  readonly #conversation: Conversation;
  readonly #tools: Tools;
  readonly #blocked = new Set<AudioDevice>();
  readonly #unwatch: () => void;
  #connection: Connection | null = null;
  #state: CallState = "connecting";
  #session: JsonObject | null = null;
  /** The relay has taken the settings of the present connection: its formats are in force. */
  #agreed = false;
  #inputRateHz: number;
  /** Of the present rate, and milliseconds of those before. */
  #sentSamples = 0;
  #sentBeforeMs = 0;

  constructor(options: CallOptions) {
    super();
    this.#options = options;
    const { workletUrl, outputRateHz } = options;
    this.#inputRateHz = options.inputRateHz;
    this.#player = options.playback && "AudioContext" in globalThis ? this.#makePlayer() : null;
    this.#hearing = new Hearing(outputRateHz, this.#player, {
      emit: (type, detail) => this.#emitted(type, detail),
      send: (event) => void this.send(event),
    });
    this.microphone = new Microphone({
      workletUrl,
      sampleRateHz: () => this.#inputRateHz,
      frame: (pcm) => this.sendAudio(pcm),
      started: () => this.emit("microphone", { active: true }),
      stopped: (lost) => {
        this.#finishTurn();
        this.emit("microphone", { active: false });
        if (lost !== null) this.emit("error", { error: lost });
      },
      blocked: (blocked) => this.#block("microphone", blocked),
      muted: (muted) => this.emit("muted", { muted }),
    });
    this.#conversation = new Conversation(this, {
      messages: (messages) => this.emit("messages", { messages }),
      agent: (state) => this.emit("agent", { state }),
    });
    this.#tools = new Tools({
      send: (event) => void this.send(event),
      error: (error) => this.emit("error", { error }),
    });
    this.#unwatch = watchDevices((devices) => this.emit("devices", { devices }));
    // From the gesture that makes the call. Whether it opens is told by `open`.
    void this.#player?.open(outputRateHz).catch(() => undefined);
  }

  #makePlayer(): Player {
    return new Player({
      workletUrl: this.#options.workletUrl,
      report: (track) => this.#hearing.report(track),
      level: (peak) => this.emit("level", { peak }),
      clock: () => this.#connection?.clock(),
      blocked: (blocked) => this.#block("loudspeaker", blocked),
      error: (error) => this.emit("error", { error }),
    });
  }

  get state(): CallState {
    return this.#state;
  }

  /** The effective configuration, as last told by the relay; null before it was. */
  get session(): JsonObject | null {
    return this.#session;
  }

  /** Audio said since the session began, also what waits for a connection. */
  get sentAudioMs(): number {
    return this.#sentBeforeMs + (this.#sentSamples / this.#inputRateHz) * 1000;
  }

  /** What was said and fell out before the relay acknowledged it; see the `overflow` event. */
  get overflow(): CallEventMap["overflow"] {
    return this.#connection?.overflow ?? { messages: 0, audioMs: 0 };
  }

  /** The conversation so far: the newest 500 of it. */
  get messages(): readonly CallMessage[] {
    return this.#conversation.messages;
  }

  get agent(): AgentState {
    return this.#conversation.agent;
  }

  /**
   * Runs `tool` when the model calls the function `name` of the session's `tools`, hands its result to the model and
   * asks for an answer to it. @returns the way out
   */
  tool(name: string, tool: Tool): () => void {
    return this.#tools.add(name, tool);
  }

  /** The browser keeps the loudspeaker silent; see the `blocked` event. */
  get blocked(): boolean {
    return this.#blocked.has("loudspeaker");
  }

  /**
   * Lets the loudspeaker play where the browser waited for a gesture: call it from one. The call does so by itself at the
   * next gesture. Where the browser does not allow it this stays pending.
   * @throws RelayError
   */
  resumeAudio(): Promise<void> {
    return this.#player?.resume() ?? Promise.resolve();
  }

  /** The output's AudioContext; null outside browsers. It is kept running: suspending it has no lasting effect. */
  get audioContext(): AudioContext | null {
    return this.#player?.context ?? null;
  }

  /** Everything that is played, as a node of `audioContext`: connect meters and recorders to it. */
  get output(): AudioNode | null {
    return this.#player?.node ?? null;
  }

  /**
   * Opens the socket and the loudspeaker; resolves when the relay has described the session and taken its settings.
   * @throws RelayError; the call is then closed.
   */
  async open(target: Target, signal?: AbortSignal): Promise<void> {
    try {
      await Promise.all([this.#connect(target, signal), this.#player?.open(this.#hearing.rateHz)]);
      // The relay may have agreed to another rate than was asked for.
      await this.#player?.open(this.#hearing.rateHz);
    } catch (error) {
      this.#end({ code: 1006, reason: reasonOf(error) });
      throw error;
    }
    // Whoever waited for the call could not listen before.
    setTimeout(() => {
      for (const device of this.#blocked) this.emit("blocked", { device });
    }, 0);
  }

  /**
   * Sends any client event of the OpenAI Realtime protocol, or keeps it while the connection is being resumed.
   * Formats that the SDK does not play are left out and told as `unsupported_format`. False: there is no connection and
   * will be none.
   */
  send(event: ClientEvent): boolean {
    const playable = withoutFormats(event);
    const sent = this.#connection?.send(playable) ?? false;
    if (sent && asksForAnswer(event)) this.#hearing.asked();
    if (sent && playable !== event) {
      const message = "Audio is PCM at the rates of the session: another format was left out";
      this.emit("error", { error: new RelayError("unsupported_format", message) });
    }
    return sent;
  }

  /** Says `text` as the user and asks for an answer. What is being said is interrupted. */
  sendText(text: string): boolean {
    this.interrupt();
    const content = [{ type: "input_text", text }];
    return (
      this.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } }) &&
      this.send({ type: "response.create" })
    );
  }

  /** Silences what is being said and cancels what is still to be said. History keeps what was heard. */
  interrupt(): void {
    this.#hearing.interrupt();
  }

  /** As `send`, for audio of the application's own at the session's input rate: any length, 20 ms is best. */
  sendAudio(pcm: Int16Array): boolean {
    if (pcm.length === 0) return false;
    const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
    const audioMs = (pcm.length / this.#inputRateHz) * 1000;
    const header = this.#connection?.sendAudio(bytes, audioMs) ?? null;
    if (header === null) return false;
    this.#sentSamples += pcm.length;
    this.emit("frame", { direction: "out", header, pcm, sampleRateHz: this.#inputRateHz });
    return true;
  }

  /** Ends the call. */
  close(): void {
    this.#end({ code: 1000, reason: "" });
  }

  #connect(target: Target, signal?: AbortSignal): Promise<void> {
    if (this.#state === "closed") {
      return Promise.reject(new RelayError("aborted", "The call was ended before it was connected"));
    }
    const connection = new Connection(target, {
      text: (event) => {
        this.emit("event", { direction: "in", event });
        this.#hearing.event(event);
        this.#tools.event(event);
      },
      frame: (header, data) => this.#hearing.frame(header, data),
      sent: (event) => this.emit("event", { direction: "out", event }),
      opened: () => {
        this.#agreed = true;
        this.#adopt();
        this.#enter("open", null);
      },
      lost: (close) => this.#enter("reconnecting", close),
      reconnecting: (detail) => this.emit("reconnecting", detail),
      resumed: (detail) => {
        this.emit("resumed", detail);
        if (detail.forgotten !== null) {
          this.#hearing.forgotten(detail.forgotten[0]);
          this.#tools.forgotten(detail.forgotten[0]);
        }
        if (detail.verdict !== "lost") this.#enter("open", null);
      },
      overflow: (detail) => this.emit("overflow", detail),
      error: (error) => this.emit("error", { error }),
      ended: (close, error) => {
        if (error !== null) this.emit("error", { error });
        this.#sessionOver(close);
      },
    });
    this.#connection = connection;
    this.#agreed = false;
    this.#sentSamples = this.#sentBeforeMs = 0;
    const { session, inputRateHz, outputRateHz } = this.#options;
    const settings = withFormats(session, inputRateHz, outputRateHz);
    const whole = this.#player === null ? settings : withPlayer(settings);
    return connection.open({ type: "session.update", session: whole }, signal);
  }

  #emitted<K extends keyof CallEventMap>(type: K, detail: CallEventMap[K]): void {
    if ("session" in detail) {
      this.#session = detail.session;
      if (this.#agreed) this.#adopt();
    }
    this.emit(type, detail);
  }

  /** What is sent and played has the formats that are in force, whatever was asked for. */
  #adopt(): void {
    const failed = (error: unknown): void => this.#failed("playback_failed", error);
    const inputRateHz = rateOf(this.#session, "input") ?? this.#inputRateHz;
    if (inputRateHz !== this.#inputRateHz) {
      this.#sentBeforeMs = this.sentAudioMs;
      this.#sentSamples = 0;
      this.#inputRateHz = inputRateHz;
      void this.microphone.retune().catch(failed);
    }
    const outputRateHz = rateOf(this.#session, "output") ?? this.#hearing.rateHz;
    if (outputRateHz !== this.#hearing.rateHz) void this.#hearing.retune(outputRateHz).catch(failed);
  }

  #block(device: AudioDevice, blocked: boolean): void {
    if (this.#blocked.has(device) === blocked) return;
    if (blocked) this.#blocked.add(device);
    else this.#blocked.delete(device);
    if (device === "loudspeaker") this.#hearing.blocked(blocked);
    // Told by `open` when that is done.
    if (this.#state !== "connecting") this.emit(blocked ? "blocked" : "unblocked", { device });
  }

  #failed(code: string, error: unknown): void {
    const known = error instanceof RelayError ? error : new RelayError(code, reasonOf(error), null, error);
    this.emit("error", { error: known });
  }

  /** Without silence a relay that listens for the end of a turn would wait for ever for this one's. */
  #finishTurn(): void {
    const detection = objectAt(objectAt(objectAt(this.#session, "audio"), "input"), "turn_detection");
    if (!this.#hearing.userSpeaks || detection === null) return;
    const tailMs = Math.min(MAX_TAIL_MS, (numberAt(detection, "silence_duration_ms") ?? 1000) + 300);
    const frame = new Int16Array((this.#inputRateHz * FRAME_MS) / 1000);
    for (let ms = 0; ms < tailMs; ms += FRAME_MS) this.sendAudio(frame);
  }

  #sessionOver(close: CloseInfo): void {
    const reconnect = this.#options.reconnect;
    if (this.#state === "closed") return;
    if (reconnect === null || close.code === 1000) {
      this.#end(close);
      return;
    }
    this.#connection = null;
    this.#session = null;
    this.#agreed = false;
    this.#tools.clear();
    this.#hearing.disconnected();
    this.#conversation.over("failed");
    if (this.#state !== "reconnecting") this.#enter("reconnecting", close);
    void this.#reconnect(reconnect, close);
  }

  async #reconnect(ask: NonNullable<CallOptions["reconnect"]>, close: CloseInfo): Promise<void> {
    for (let attempt = 1; this.#state === "reconnecting"; attempt++) {
      try {
        const target = await ask(close, attempt);
        if (target === null || this.#state !== "reconnecting") break;
        await this.#connect(target);
      } catch (error) {
        if (this.state === "closed") return;
        this.#failed("reconnect", error);
        // Whoever is asked may fail at once, as everything does while there is no network.
        await new Promise((resolve) => setTimeout(resolve, pauseMs(attempt - 1)));
      }
    }
    if (this.#state === "reconnecting") this.#end(close);
  }

  #end(close: CloseInfo): void {
    if (this.#state === "closed") return;
    // Closed first: nothing of this call is sent any more, whatever its end sets off.
    this.#connection?.close();
    this.#enter("closed", close);
    this.#unwatch();
    this.microphone.close();
    this.#player?.close();
  }

  #enter(state: CallState, close: CloseInfo | null): void {
    this.#state = state;
    this.emit("state", { state, close });
  }
}

/** In the conversation, and not beside it. */
function asksForAnswer(event: ClientEvent): boolean {
  return event.type === "response.create" && objectAt(event, "response")?.["conversation"] !== "none";
}
