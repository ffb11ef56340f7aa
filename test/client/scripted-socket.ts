/** A WebSocket whose other end is the test. Nothing happens unless the test says so. */
import { vi } from "vitest";
import { readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";
import type { Json } from "../../src/protocol/json.ts";

export type Message = Record<string, Json>;

export class ScriptedSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  /** Every socket since `install`, oldest first. */
  static readonly made: ScriptedSocket[] = [];

  readonly url: string;
  readonly offered: readonly string[];
  protocol = "";
  readyState: number = ScriptedSocket.CONNECTING;
  bufferedAmount = 0;
  binaryType = "blob";
  readonly sent: (Message | Uint8Array)[] = [];
  #sequence = 0;

  static #watchers: (() => void)[] = [];

  /** Resolves when `count` sockets were made, with the last of them. */
  static async nth(count: number): Promise<ScriptedSocket> {
    while (ScriptedSocket.made.length < count) await ScriptedSocket.#change();
    return ScriptedSocket.last;
  }

  static #change(): Promise<void> {
    return new Promise((resolve) => ScriptedSocket.#watchers.push(resolve));
  }

  static #changed(): void {
    for (const watcher of ScriptedSocket.#watchers.splice(0)) watcher();
  }

  static install(): void {
    ScriptedSocket.made.length = 0;
    vi.stubGlobal("WebSocket", ScriptedSocket);
  }

  static get last(): ScriptedSocket {
    const last = ScriptedSocket.made.at(-1);
    if (last === undefined) throw new Error("no socket was opened");
    return last;
  }

  constructor(url: string, protocols: string[]) {
    super();
    this.url = url;
    this.offered = protocols;
    ScriptedSocket.made.push(this);
    ScriptedSocket.#changed();
  }

  send(data: string | Uint8Array): void {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data.slice());
    ScriptedSocket.#changed();
  }

  /** How the client closed it. */
  farewell: { readonly code: number; readonly reason: string } | null = null;
  /** Neither closes before it is open nor tells that it does, as some WebSockets do not. */
  stubborn = false;

  close(code = 1005, reason = ""): void {
    if (this.readyState === ScriptedSocket.CLOSED) return;
    if (this.stubborn && this.readyState === ScriptedSocket.CONNECTING) return;
    this.farewell = { code, reason };
    this.hangUp(code, "");
  }

  /** Resolves when the client has sent anything. */
  async spoken(): Promise<void> {
    while (this.sent.length === 0) await ScriptedSocket.#change();
  }

  /** The server accepts. */
  accept(protocol = "duplex.v1"): void {
    this.protocol = protocol;
    this.readyState = ScriptedSocket.OPEN;
    this.dispatchEvent(new Event("open"));
  }

  /** The server sends an event, numbered. */
  say(event: Message): void {
    const data = JSON.stringify({ ...event, server_event_seq: ++this.#sequence });
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** The server sends anything. */
  raw(data: string | ArrayBuffer): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** The server sends audio. */
  audio(stream: number, response: number, pcm: Int16Array): void {
    const header = { kind: 1, stream, response, sequence: ++this.#sequence };
    const frame = writeFrame(header, new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength));
    this.raw(frame.buffer as ArrayBuffer);
  }

  hangUp(code: number, reason: string): void {
    this.readyState = ScriptedSocket.CLOSED;
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }

  /** The events sent, without their numbers. */
  get events(): Message[] {
    return unnumbered(this.sent).filter((message): message is Message => !(message instanceof Uint8Array));
  }

  /** The numbers of what was sent, 0 where there is none. */
  get numbers(): number[] {
    return this.sent.map((message) =>
      message instanceof Uint8Array
        ? (readFrameHeader(message)?.sequence ?? 0)
        : Number(message["client_event_seq"] ?? 0),
    );
  }

  get frames(): Uint8Array[] {
    return this.sent.filter((message) => message instanceof Uint8Array);
  }

  /** What was sent since the last call, without the numbers of events. */
  take(): (Message | Uint8Array)[] {
    return unnumbered(this.sent.splice(0));
  }

  /** The server goes on counting where another socket of the session stopped, or anywhere. */
  countFrom(sequence: number): void {
    this.#sequence = sequence - 1;
  }

  /** The server sends an event that bears no number. */
  mention(event: Message): void {
    this.raw(JSON.stringify(event));
  }
}

function unnumbered(messages: readonly (Message | Uint8Array)[]): (Message | Uint8Array)[] {
  return messages.map((message) => {
    if (message instanceof Uint8Array) return message;
    const { client_event_seq: _, ...event } = message;
    return event;
  });
}

const DETECTION = {
  type: "server_vad",
  silence_duration_ms: 500,
  create_response: true,
  interrupt_response: true,
};

export const SESSION: Message = {
  type: "realtime",
  audio: { input: { turn_detection: DETECTION } },
  relay: { session_id: "s", upstreams: ["demo", "echo"] },
};

/** Of a relay that resumes. */
export const RESUMABLE: Message = {
  ...SESSION,
  relay: { session_id: "sess_1", resume_token: "rt_1", upstreams: ["demo"] },
};

export function responseCreated(id: string, stream: number, ordinal: number, upstream: string): Message {
  const relay = { ordinal, stream, upstream };
  return {
    type: "response.created",
    response: { id, status: "in_progress", conversation_id: "conv", relay },
  };
}
