/** One session of the benchmark: sends 20 ms frames and knows when each came back. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";
import type { Arm } from "./arms.ts";

/** 20 ms of PCM16 at 24 kHz. */
const FRAME_BYTES = 960;
const FRAME_MS = 20;
const DELTA = '"delta":"';
const OPEN_LIMIT_MS = 10_000;
/** As docs/wire.md asks of a client of `duplex.v1`. */
const ACKNOWLEDGE_EVERY_MS = 1000;

export class Caller {
  readonly #socket: WebSocket;
  readonly #binary: boolean;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  readonly #sentAt: number[] = [];
  #returnedBytes = 0;
  #returned = 0;
  #sequence = 2;
  #received = 0;
  #acknowledging: NodeJS.Timeout | null = null;
  /** Round trips in milliseconds since the last `take`. */
  #rtts: number[] = [];
  failure: string | null = null;

  private constructor(socket: WebSocket, binary: boolean) {
    this.#socket = socket;
    this.#binary = binary;
    // Quiet noise, different in each session: nothing that compresses or that a detector calls speech.
    for (let i = 0; i < FRAME_BYTES; i += 2) this.#frame[i] = (i * 7919) % 61;
  }

  /** Opens a session without turn detection and one response that will carry everything back. */
  static async open(arm: Arm, binary: boolean, acknowledges: boolean): Promise<Caller> {
    const protocols = binary && arm.relay ? ["duplex.v1"] : ["realtime"];
    const socket = new WebSocket(arm.url, arm.name === "direct" || arm.relay ? protocols : [], {
      headers: arm.headers,
      perMessageDeflate: false,
    });
    const caller = new Caller(socket, binary);
    const seen = new Set<string>();
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) {
        caller.#received = readFrameHeader(data)?.sequence ?? 0;
        caller.#back(data.byteLength - FRAME_HEADER_BYTES);
      } else caller.#text(data.toString("latin1"), seen);
    });
    socket.on("close", (code) => (caller.failure ??= `closed with ${code}`));
    await once(socket, "open");
    socket.send(
      JSON.stringify({
        type: "session.update",
        session: { type: "realtime", audio: { input: { turn_detection: null } } },
      }),
    );
    await caller.#until(seen, "session.updated", arm.name);
    socket.send(JSON.stringify({ type: "response.create" }));
    await caller.#until(seen, "response.output_item.added", arm.name, arm.tellsWhenHeard === true);
    if (binary && arm.relay && acknowledges) caller.#acknowledge();
    return caller;
  }

  #acknowledge(): void {
    this.#acknowledging = setInterval(() => {
      this.#socket.send(`{"type":"session.ack","last_received":${this.#received}}`);
    }, ACKNOWLEDGE_EVERY_MS);
  }

  /** @param sends frames meanwhile: an answer that nobody can hear is none yet. */
  async #until(seen: ReadonlySet<string>, type: string, arm: string, sends = false): Promise<void> {
    const deadline = performance.now() + OPEN_LIMIT_MS;
    while (!seen.has(type)) {
      if (this.failure !== null) throw new Error(`${arm}: ${this.failure}`);
      if (performance.now() > deadline) throw new Error(`${arm}: no ${type}; came: ${[...seen].join(", ")}`);
      if (sends) this.send();
      await new Promise((resolve) => setTimeout(resolve, sends ? FRAME_MS : 5));
    }
  }

  #text(text: string, seen: Set<string>): void {
    if (text.includes('"response.output_audio.delta"')) {
      const at = text.indexOf(DELTA) + DELTA.length;
      const length = text.indexOf('"', at) - at;
      const padding = text.endsWith("==", at + length) ? 2 : text.endsWith("=", at + length) ? 1 : 0;
      this.#back((length / 4) * 3 - padding);
      return;
    }
    const type = /"type":"([a-z_.]+)"/.exec(text)?.[1] ?? "";
    seen.add(type);
    if (type === "error") this.failure ??= text.slice(0, 300);
  }

  #back(bytes: number): void {
    const now = performance.now();
    this.#returnedBytes += bytes;
    while (this.#returnedBytes >= (this.#returned + 1) * FRAME_BYTES) {
      this.#rtts.push(now - (this.#sentAt[this.#returned] ?? now));
      this.#returned += 1;
    }
  }

  send(): void {
    this.#sentAt.push(performance.now());
    if (this.#binary) {
      this.#sequence += 1;
      const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.#sequence };
      this.#socket.send(writeFrame(header, this.#frame));
    } else {
      this.#socket.send(`{"type":"input_audio_buffer.append","audio":"${this.#frame.toBase64()}"}`);
    }
  }

  get missing(): number {
    return this.#sentAt.length - this.#returned;
  }

  take(): number[] {
    const rtts = this.#rtts;
    this.#rtts = [];
    return rtts;
  }

  async close(): Promise<void> {
    if (this.#acknowledging !== null) clearInterval(this.#acknowledging);
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, "close");
    this.#socket.close();
    const timer = setTimeout(() => this.#socket.terminate(), 1000);
    await closed;
    clearTimeout(timer);
  }
}
