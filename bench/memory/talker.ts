/** A call in which both sides speak all the time: what the caller says comes back at once. In pieces of 200 ms. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { FRAME_AUDIO, readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";

const PIECE_MS = 200;
const PIECE_BYTES = 48 * PIECE_MS;
const OPEN_LIMIT_MS = 20_000;

export class Talker {
  failure: string | null = null;
  /** Milliseconds of audio that came back. */
  heardMs = 0;
  readonly #socket: WebSocket;
  readonly #piece = Uint8Array.from({ length: PIECE_BYTES }, (_, at) => (at * 7919) % 61);
  #timer: NodeJS.Timeout | null = null;
  #sequence = 2;
  #received = 0;
  #over = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @throws when the relay does not begin an answer. */
  static async open(url: string, key: string): Promise<Talker> {
    const headers = { authorization: `Bearer ${key}` };
    const socket = new WebSocket(url, ["duplex.v1"], { headers, perMessageDeflate: false });
    const talker = new Talker(socket);
    const answering = talker.#answering();
    socket.on("close", (code) => {
      if (!talker.#over) talker.failure ??= `closed with ${code}`;
    });
    await once(socket, "open");
    const session = { type: "realtime", audio: { input: { turn_detection: null } } };
    socket.send(JSON.stringify({ type: "session.update", session }));
    socket.send(JSON.stringify({ type: "response.create" }));
    await answering;
    talker.#timer = setInterval(() => talker.#speak(), PIECE_MS);
    return talker;
  }

  #answering(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = setTimeout(() => reject(new Error("no answer began")), OPEN_LIMIT_MS);
    this.#socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) {
        this.#received = readFrameHeader(data)?.sequence ?? 0;
        this.heardMs += data.byteLength / 48;
        return;
      }
      const text = data.toString("utf8");
      this.#received = Number(/"server_event_seq":(\d+)/.exec(text)?.[1] ?? this.#received);
      if (text.includes('"type":"error"')) this.failure ??= text.slice(0, 300);
      if (!text.includes('"type":"response.output_item.added"')) return;
      clearTimeout(late);
      resolve();
    });
    return promise;
  }

  #speak(): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#sequence += 1;
    const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.#sequence };
    this.#socket.send(writeFrame(header, this.#piece));
    if (this.#sequence % 5 === 0)
      this.#socket.send(`{"type":"session.ack","last_received":${this.#received}}`);
  }

  hangUp(): void {
    this.#over = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#socket.close(1000, "end");
  }
}
