/** Stands in for the relay while the page is developed: serves public/ and speaks the happy path of docs/wire.md. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { WebSocketServer, type WebSocket } from "ws";

const TYPES: Record<string, string> = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };
const PUBLIC = new URL("../../public/", import.meta.url);

export async function startMockRelay(port = 0): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://x").pathname;
    const base = `${server.address() === null ? "" : request.headers.host}`;
    if (path === "/v1/models") return void response.end(JSON.stringify({ data: [{ id: "demo" }, { id: "demo+echo" }] }));
    if (path === "/v1/sessions") {
      response.statusCode = 201;
      return void response.end(JSON.stringify({ url: `ws://${base}/v1/sessions/s1?token=t` }));
    }
    const file = path === "/" ? "index.html" : path.slice(1);
    readFile(new URL(file, PUBLIC)).then(
      (body) => {
        response.setHeader("content-type", TYPES[extname(file)] ?? "text/plain");
        response.setHeader("content-security-policy", "default-src 'self'; img-src 'self' data:");
        response.end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  const sockets = new WebSocketServer({ server, handleProtocols: () => "duplex.v1" });
  sockets.on("connection", (socket) => new MockSession(socket));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${bound}`,
    async close() {
      for (const client of sockets.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class MockSession {
  readonly socket: WebSocket;
  #seq = 0;
  #ordinal = 0;
  #ms = 0;
  #loudMs = 0;
  #quietMs = 0;
  #speaking = false;
  #item = 0;
  #active: { id: string; item: string; timer: NodeJS.Timeout } | null = null;

  constructor(socket: WebSocket) {
    this.socket = socket;
    const detection = { type: "server_vad", silence_duration_ms: 500, interrupt_response: true };
    const session = { type: "realtime", audio: { input: { turn_detection: detection } }, relay: { upstreams: ["demo"] } };
    this.send({ type: "session.created", session });
    this.send({ type: "relay.upstream", upstream: "demo", status: "ready" });
    socket.on("message", (data: Buffer, binary) => {
      if (binary) return this.audio(data);
      const event = JSON.parse(data.toString());
      if (event.type === "session.update") this.send({ type: "session.updated", session });
      if (event.type === "conversation.item.create") {
        this.send({ type: "conversation.item.added", item: { id: `u${++this.#item}`, ...event.item } });
      }
      if (event.type === "response.create") this.answer("demo", "That was typed. Here is a fairly long answer to it, with a tone.");
      if (event.type === "response.cancel") this.cancel("client_cancelled");
    });
    socket.on("close", () => clearInterval(this.#active?.timer));
  }

  send(event: Record<string, unknown>): void {
    this.socket.send(JSON.stringify({ ...event, server_event_seq: ++this.#seq }));
  }

  audio(data: Buffer): void {
    const pcm = new Int16Array(data.buffer.slice(data.byteOffset + 8, data.byteOffset + data.byteLength));
    const loud = Math.max(...pcm) > 1200;
    this.#ms += 20;
    this.#loudMs = loud ? this.#loudMs + 20 : 0;
    this.#quietMs = loud ? 0 : this.#quietMs + 20;
    if (!this.#speaking && this.#loudMs >= 60) {
      this.#speaking = true;
      this.send({ type: "input_audio_buffer.speech_started", item_id: `u${++this.#item}`, audio_start_ms: this.#ms - 300 });
      this.cancel("turn_detected");
    } else if (this.#speaking && this.#quietMs >= 500) {
      this.#speaking = false;
      const id = `u${this.#item}`;
      this.send({ type: "input_audio_buffer.speech_stopped", item_id: id, audio_end_ms: this.#ms - 400 });
      this.send({ type: "conversation.item.added", item: { id, type: "message", role: "user", content: [{ type: "input_audio" }] } });
      this.send({ type: "conversation.item.input_audio_transcription.completed", item_id: id, transcript: "[2.30 s of speech]" });
      this.answer("demo", "I heard you for two seconds. These are your words.");
    }
  }

  cancel(reason: string): void {
    if (this.#active === null) return;
    clearInterval(this.#active.timer);
    this.send({ type: "response.done", response: { id: this.#active.id, status: "cancelled", status_details: { reason } } });
    this.#active = null;
  }

  answer(upstream: string, text: string): void {
    const ordinal = ++this.#ordinal;
    const id = `r${ordinal}`;
    const item = `a${ordinal}`;
    this.send({ type: "response.created", response: { id, status: "in_progress", relay: { ordinal, stream: 0, upstream } } });
    this.send({ type: "response.output_item.added", response_id: id, item: { id: item, type: "message" } });
    this.send({ type: "response.content_part.added", response_id: id, item_id: item, content_index: 0, part: { type: "audio" } });
    const words = text.split(" ");
    let n = 0;
    const timer = setInterval(() => {
      for (let k = 0; k < 3; k++) this.socket.send(tone(ordinal, ++this.#seq, n * 3 + k));
      const word = words[n++];
      if (word !== undefined) this.send({ type: "response.output_audio_transcript.delta", response_id: id, item_id: item, delta: `${word} ` });
      if (n < 20) return;
      clearInterval(timer);
      this.#active = null;
      this.send({ type: "response.output_audio.done", response_id: id, item_id: item });
      this.send({ type: "response.output_audio_transcript.done", response_id: id, item_id: item, transcript: text });
      this.send({ type: "response.done", response: { id, status: "completed" } });
    }, 100);
    this.#active = { id, item, timer };
  }
}

function tone(ordinal: number, sequence: number, index: number): Buffer {
  const frame = Buffer.alloc(8 + 2 * 1440);
  frame.writeUInt8(1, 0);
  frame.writeUInt16LE(ordinal, 2);
  frame.writeUInt32LE(sequence, 4);
  for (let i = 0; i < 1440; i++) {
    const t = (index * 1440 + i) / 24000;
    frame.writeInt16LE(Math.round(9000 * Math.sin(2 * Math.PI * 330 * t) * (0.3 + 0.7 * Math.abs(Math.sin(7 * t)))), 8 + 2 * i);
  }
  return frame;
}
