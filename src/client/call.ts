/** One conversation over one `duplex.v1` socket: what the application says, and the door to what it hears. */
import type { CallOptions } from "./call-options.ts";
import type { ClientEvent } from "./connection-hooks.ts";
import type { Target } from "./door.ts";
import { Conversation } from "./conversation.ts";
import { failure, RelayError, reasonOf } from "./error.ts";
import {
  CallEvents,
  type AgentState,
  type AudioDevice,
  type CallEventMap,
  type CallMessage,
  type CallState,
} from "./events.ts";
import { rateOf, withFormats, withoutFormats, withPlayer } from "./formats.ts";
import { Hearing } from "./hearing.ts";
import { numberAt, objectAt, type JsonObject } from "./json.ts";
import { FRAME_MS, Microphone } from "./microphone.ts";
import { watchDevices } from "./devices.ts";
import { Player } from "./player.ts";
import { asksForAnswer } from "./responses.ts";
import { Sessions } from "./sessions.ts";
import { Tools, type Tool } from "./tools.ts";

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
  readonly #sessions: Sessions;
  readonly #unwatch: () => void;
  #session: JsonObject | null = null;
  #inputRateHz: number;
  /** Of the present rate, and milliseconds of those before. */
  #sentSamples = 0;
  #sentBeforeMs = 0;

  constructor(options: CallOptions) {
    super();
    this.#options = options;
    this.#sessions = this.#makeSessions();
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
      clock: () => this.#sessions.connection?.clock(),
      blocked: (blocked) => this.#block("loudspeaker", blocked),
      error: (error) => this.emit("error", { error }),
    });
  }

  #makeSessions(): Sessions {
    return new Sessions(this.#options.reconnect, {
      settings: () => this.#settings(),
      text: (event) => {
        this.emit("event", { direction: "in", event });
        this.#hearing.event(event);
        this.#tools.event(event);
      },
      frame: (header, data) => this.#hearing.frame(header, data),
      sent: (event) => this.emit("event", { direction: "out", event }),
      opened: () => this.#adopt(),
      reconnecting: (detail) => this.emit("reconnecting", detail),
      resumed: (detail) => {
        this.emit("resumed", detail);
        if (detail.forgotten === null) return;
        this.#hearing.forgotten(detail.forgotten[0]);
        this.#tools.forgotten(detail.forgotten[0]);
      },
      overflow: (detail) => this.emit("overflow", detail),
      error: (error) => this.emit("error", { error }),
      over: () => {
        this.#session = null;
        this.#tools.clear();
        this.#hearing.disconnected();
        this.#conversation.over("failed");
      },
      state: (state, close) => this.emit("state", { state, close }),
      ended: () => {
        this.#unwatch();
        this.microphone.close();
        this.#player?.close();
      },
    });
  }

  get state(): CallState {
    return this.#sessions.state;
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
    return this.#sessions.connection?.overflow ?? { messages: 0, audioMs: 0 };
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
      await Promise.all([this.#sessions.connect(target, signal), this.#player?.open(this.#hearing.rateHz)]);
      // The relay may have agreed to another rate than was asked for.
      await this.#player?.open(this.#hearing.rateHz);
    } catch (error) {
      this.#sessions.end({ code: 1006, reason: reasonOf(error) });
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
    const sent = this.#sessions.connection?.send(playable) ?? false;
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
    const header = this.#sessions.connection?.sendAudio(bytes, audioMs) ?? null;
    if (header === null) return false;
    this.#sentSamples += pcm.length;
    this.emit("frame", { direction: "out", header, pcm, sampleRateHz: this.#inputRateHz });
    return true;
  }

  /** Ends the call. */
  close(): void {
    this.#sessions.end({ code: 1000, reason: "" });
  }

  #settings(): JsonObject {
    this.#sentSamples = this.#sentBeforeMs = 0;
    const { session, inputRateHz, outputRateHz } = this.#options;
    const settings = withFormats(session, inputRateHz, outputRateHz);
    return this.#player === null ? settings : withPlayer(settings);
  }

  #emitted<K extends keyof CallEventMap>(type: K, detail: CallEventMap[K]): void {
    if ("session" in detail) {
      this.#session = detail.session;
      if (this.#sessions.agreed) this.#adopt();
    }
    this.emit(type, detail);
  }

  /** What is sent and played has the formats that are in force, whatever was asked for. */
  #adopt(): void {
    const failed = (error: unknown) => this.emit("error", { error: failure("playback_failed", error) });
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
    if (this.state !== "connecting") this.emit(blocked ? "blocked" : "unblocked", { device });
  }

  /** Without silence a relay that listens for the end of a turn would wait for ever for this one's. */
  #finishTurn(): void {
    const detection = objectAt(objectAt(objectAt(this.#session, "audio"), "input"), "turn_detection");
    if (!this.#hearing.userSpeaks || detection === null) return;
    const tailMs = Math.min(MAX_TAIL_MS, (numberAt(detection, "silence_duration_ms") ?? 1000) + 300);
    const frame = new Int16Array((this.#inputRateHz * FRAME_MS) / 1000);
    for (let ms = 0; ms < tailMs; ms += FRAME_MS) this.sendAudio(frame);
  }
}
