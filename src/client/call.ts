/** One conversation over one `duplex.v1` socket: what the application says, and the door to what it hears. */
import { FRAME_AUDIO, readFrameHeader, writeFrame } from "../protocol/frame.ts";
import { openSocket, type Target } from "./door.ts";
import { RelayError, reasonOf } from "./error.ts";
import { CallEvents, type CallEventMap, type CallState, type CloseInfo } from "./events.ts";
import { Hearing } from "./hearing.ts";
import { numberAt, objectAt, parseJsonObject, type JsonObject } from "./json.ts";
import { FRAME_MS, Microphone } from "./microphone.ts";
import { Player } from "./player.ts";

export interface CallOptions {
  /** Session settings in OpenAI's shape, merged into the relay's. */
  readonly session: JsonObject;
  readonly inputRateHz: number;
  readonly outputRateHz: number;
  readonly workletUrl: string;
  /**
   * Where to go on after a lost connection: asked with the reason and the number of attempts since it was lost;
   * null ends the call. Without resumption the relay starts a new session there.
   */
  readonly reconnect: ((close: CloseInfo, attempt: number) => Promise<Target | null>) | null;
}

export type ClientEvent = JsonObject & { readonly type: string };

/** Ten seconds of 24 kHz audio that the network did not take: later audio is dropped, and said so. */
const MAX_UPLINK_BYTES = 480_000;
/** More silence than this is never needed to end a turn. */
const MAX_TAIL_MS = 3000;

export class Call extends CallEvents {
  readonly microphone: Microphone;
  readonly #player: Player | null;
  readonly #hearing: Hearing;
  readonly #options: CallOptions;
  #socket: WebSocket | null = null;
  #state: CallState = "connecting";
  #session: JsonObject | null = null;
  #sentMessages = 0;
  #sentSamples = 0;
  #droppedFrames = 0;
  #congested = false;

  constructor(options: CallOptions) {
    super();
    this.#options = options;
    const emit = <K extends keyof CallEventMap>(type: K, detail: CallEventMap[K]): void =>
      this.#emitted(type, detail);
    const { workletUrl, inputRateHz: sampleRateHz, outputRateHz } = options;
    this.#player =
      "AudioContext" in globalThis
        ? new Player({
            workletUrl,
            report: (track) => this.#hearing.report(track),
            level: (peak) => this.emit("level", { peak }),
            error: (error) => this.emit("error", { error }),
          })
        : null;
    this.#hearing = new Hearing(outputRateHz, this.#player, { emit, send: (event) => void this.send(event) });
    this.microphone = new Microphone({
      workletUrl,
      sampleRateHz,
      frame: (pcm) => this.sendAudio(pcm),
      started: () => this.emit("microphone", { active: true }),
      stopped: (lost) => {
        this.#finishTurn();
        this.emit("microphone", { active: false });
        if (lost !== null) this.emit("error", { error: lost });
      },
    });
    void this.#player?.open(outputRateHz);
  }

  get state(): CallState {
    return this.#state;
  }

  /** The effective configuration, as last told by the relay; null before it was. */
  get session(): JsonObject | null {
    return this.#session;
  }

  /** Audio handed to the network since the session began. */
  get sentAudioMs(): number {
    return (this.#sentSamples / this.#options.inputRateHz) * 1000;
  }

  /** Microphone frames that were dropped because the network did not take them. */
  get droppedFrames(): number {
    return this.#droppedFrames;
  }

  /** Lets the loudspeaker play where the browser waited for a gesture: call it from one. */
  resumeAudio(): Promise<void> {
    return this.#player?.resume() ?? Promise.resolve();
  }

  /** The output's AudioContext, for meters; null outside browsers. */
  get audioContext(): AudioContext | null {
    return this.#player?.context ?? null;
  }

  /** Opens the socket; resolves when the relay has described the session. @throws RelayError */
  async open(target: Target, signal?: AbortSignal): Promise<void> {
    try {
      const socket = await openSocket(target, signal);
      if (this.state === "closed") {
        socket.close(1000);
        throw new RelayError("aborted", "The call was ended while it was being connected");
      }
      await this.#attach(socket);
    } catch (error) {
      if (this.#state === "connecting") this.#end({ code: 1006, reason: reasonOf(error) });
      throw error;
    }
  }

  /** Sends any client event of the OpenAI Realtime protocol. False: there is no open connection. */
  send(event: ClientEvent): boolean {
    if (!this.#transmit(JSON.stringify(event))) return false;
    this.emit("event", { direction: "out", event });
    return true;
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

  /** Sends audio of the application's own, at the session's input rate: any number of samples, 20 ms is best. */
  sendAudio(pcm: Int16Array): boolean {
    const socket = this.#socket;
    if (socket === null || pcm.length === 0) return false;
    if (socket.bufferedAmount > MAX_UPLINK_BYTES) {
      this.#droppedFrames++;
      if (!this.#congested) {
        this.emit("error", {
          error: new RelayError("uplink_congested", "The network does not take audio fast enough"),
        });
      }
      this.#congested = true;
      return false;
    }
    this.#congested = false;
    const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.#sentMessages + 1 };
    const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
    if (!this.#transmit(writeFrame(header, bytes))) return false;
    this.#sentSamples += pcm.length;
    this.emit("frame", { direction: "out", header, pcm });
    return true;
  }

  /** Ends the call. */
  close(): void {
    this.#end({ code: 1000, reason: "" });
  }

  #attach(socket: WebSocket): Promise<void> {
    this.#socket = socket;
    this.#sentMessages = 0;
    this.#sentSamples = 0;
    return new Promise((resolve, reject) => {
      socket.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => {
        if (socket !== this.#socket) return;
        if (typeof event.data === "string") this.#text(event.data);
        else this.#binary(event.data);
        if (this.#session !== null && this.#state !== "open" && this.#state !== "closed") {
          this.#enter("open", null);
          resolve();
        }
      });
      socket.addEventListener("close", ({ code, reason }) => {
        reject(new RelayError("closed", reason || "The relay closed the connection", code));
        if (socket === this.#socket) this.#lost({ code, reason });
      });
      const { session, inputRateHz, outputRateHz } = this.#options;
      this.send({ type: "session.update", session: withFormats(session, inputRateHz, outputRateHz) });
    });
  }

  #transmit(data: string | Uint8Array): boolean {
    const socket = this.#socket;
    if (socket === null || socket.readyState !== WebSocket.OPEN) return false;
    socket.send(data as string | Uint8Array<ArrayBuffer>);
    this.#sentMessages++;
    return true;
  }

  #text(data: string): void {
    const event = parseJsonObject(data);
    if (event === null) {
      this.emit("error", {
        error: new RelayError("protocol", "The relay sent text that is not a JSON object"),
      });
      return;
    }
    this.emit("event", { direction: "in", event });
    this.#hearing.event(event);
  }

  #binary(data: ArrayBuffer): void {
    const header = readFrameHeader(new Uint8Array(data));
    if (header === null) {
      this.emit("error", {
        error: new RelayError("protocol", "The relay sent a binary message without a header"),
      });
      return;
    }
    this.#hearing.frame(header, data);
  }

  #emitted<K extends keyof CallEventMap>(type: K, detail: CallEventMap[K]): void {
    if ("session" in detail) this.#session = detail.session;
    this.emit(type, detail);
  }

  /** Without silence a relay that listens for the end of a turn would wait for ever for this one's. */
  #finishTurn(): void {
    const detection = objectAt(objectAt(objectAt(this.#session, "audio"), "input"), "turn_detection");
    if (!this.#hearing.userSpeaks || detection === null) return;
    const tailMs = Math.min(MAX_TAIL_MS, (numberAt(detection, "silence_duration_ms") ?? 1000) + 300);
    const frame = new Int16Array((this.#options.inputRateHz * FRAME_MS) / 1000);
    for (let ms = 0; ms < tailMs; ms += FRAME_MS) this.sendAudio(frame);
  }

  #lost(close: CloseInfo): void {
    const reconnect = this.#options.reconnect;
    if (this.#state === "reconnecting") {
      this.#socket = null;
      return;
    }
    if (this.#state !== "open" || reconnect === null || close.code === 1000) {
      this.#end(close);
      return;
    }
    this.#socket = null;
    this.#session = null;
    this.#hearing.disconnected();
    this.#enter("reconnecting", close);
    void this.#reconnect(reconnect, close);
  }

  async #reconnect(ask: NonNullable<CallOptions["reconnect"]>, close: CloseInfo): Promise<void> {
    for (let attempt = 1; this.#state === "reconnecting"; attempt++) {
      try {
        const target = await ask(close, attempt);
        if (target === null || this.#state !== "reconnecting") break;
        const socket = await openSocket(target);
        if (this.state === "closed") socket.close(1000);
        else await this.#attach(socket);
      } catch (error) {
        this.emit("error", {
          error: error instanceof RelayError ? error : new RelayError("reconnect", reasonOf(error)),
        });
      }
    }
    if (this.#state === "reconnecting") this.#end(close);
  }

  #end(close: CloseInfo): void {
    if (this.#state === "closed") return;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    this.#enter("closed", close);
    this.microphone.stop();
    this.#player?.close();
  }

  #enter(state: CallState, close: CloseInfo | null): void {
    this.#state = state;
    this.emit("state", { state, close });
  }
}

/** The formats are the SDK's to say, whatever the application's settings are. */
function withFormats(session: JsonObject, inputRateHz: number, outputRateHz: number): JsonObject {
  const audio = objectAt(session, "audio");
  return {
    type: "realtime",
    ...session,
    audio: {
      ...audio,
      input: { ...objectAt(audio, "input"), format: { type: "audio/pcm", rate: inputRateHz } },
      output: { ...objectAt(audio, "output"), format: { type: "audio/pcm", rate: outputRateHz } },
    },
  };
}
