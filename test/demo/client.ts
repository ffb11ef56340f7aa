/** A bare client of the dialect for these tests: every event is kept in order and awaited by type. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";
import type { Demo } from "../../demo/server.ts";

/** An event as it came; tests look into it freely. */
// oxlint-disable-next-line typescript/no-explicit-any -- every assertion would otherwise be a chain of guards
export type Event = { readonly type: string } & Readonly<Record<string, any>>;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export class Client {
  /** Everything that parsed as an event, in order. */
  readonly events: Event[] = [];
  /** Messages that did not, as text. */
  readonly rubbish: string[] = [];
  readonly socket: WebSocket;
  readonly closed: Promise<Closed>;
  #read = 0;
  #arrived: (() => void) | null = null;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      const event = isBinary ? null : parseEvent(data.toString());
      if (event === null) this.rubbish.push(data.toString());
      else this.events.push(event);
      this.#arrived?.();
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  static async open(demo: Demo, query = "", headers: Record<string, string> = {}): Promise<Client> {
    const socket = new WebSocket(`${demo.url}?model=demo${query && `&${query}`}`, { headers });
    const client = new Client(socket);
    await once(socket, "open");
    return client;
  }

  send(event: Readonly<Record<string, unknown>>): void {
    this.socket.send(JSON.stringify(event));
  }

  /** The next event of this type not yet passed by; those before it are passed by. */
  async next(type: string): Promise<Event> {
    for (;;) {
      const event = this.events[this.#read];
      if (event === undefined) {
        await this.#more();
        continue;
      }
      this.#read += 1;
      if (event.type === type) return event;
      if (event.type === "error" && type !== "error")
        throw new Error(`unexpected error: ${JSON.stringify(event)}`);
    }
  }

  /** All events of one type so far. */
  all(type: string): Event[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Everything that was sent before the pong to this ping has arrived. */
  async settled(): Promise<void> {
    const pong = once(this.socket, "pong");
    this.socket.ping();
    await pong;
  }

  async update(session: Readonly<Record<string, unknown>>): Promise<Event> {
    this.send({ type: "session.update", session: { type: "realtime", ...session } });
    return this.next("session.updated");
  }

  /** A text message of the user, answered. Returns `response.done`'s response. */
  async ask(text: string, response: Readonly<Record<string, unknown>> = {}): Promise<Event> {
    this.write(text);
    this.send({ type: "response.create", response });
    return (await this.next("response.done"))["response"];
  }

  write(text: string): void {
    const content = [{ type: "input_text", text }];
    this.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  }

  /** Appends wire bytes in pieces of the given sizes, the last repeated. */
  append(bytes: Uint8Array, sizes: readonly number[] = [960]): void {
    let at = 0;
    for (let i = 0; at < bytes.byteLength; i += 1) {
      const end = at + (sizes[Math.min(i, sizes.length - 1)] ?? 960);
      this.send({ type: "input_audio_buffer.append", audio: bytes.subarray(at, end).toBase64() });
      at = end;
    }
  }

  /** All audio of a response, as wire bytes. */
  audioOf(responseId: string): Uint8Array {
    const deltas = this.all("response.output_audio.delta").filter(
      (event) => event["response_id"] === responseId,
    );
    return Buffer.concat(deltas.map((event) => Buffer.from(event["delta"], "base64")));
  }

  async hangUp(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }

  async #more(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) throw new Error("the connection closed first");
    const arrived = new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
    await Promise.race([arrived, this.closed]);
  }
}

function parseEvent(text: string): Event | null {
  try {
    const value: unknown = JSON.parse(text);
    const isEvent =
      typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
    return isEvent ? (value as Event) : null;
  } catch {
    return null;
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Event types without repeats in a row: deltas interleave freely, their order does not matter. */
export function story(events: readonly Event[]): string[] {
  const types = events.map((event) =>
    event.type.replace(/output_audio_transcript\.delta/, "output_audio.delta"),
  );
  return types.filter((type, i) => type !== types[i - 1]);
}

/** Settings for a session without turn detection. */
export const MANUAL = { audio: { input: { turn_detection: null } } };
export const MANUAL_TEXT = { ...MANUAL, output_modalities: ["text"] };
