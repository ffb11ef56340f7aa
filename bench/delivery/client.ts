/**
 * A `duplex.v1` client as docs/wire.md asks for it, and nothing more: it numbers what it sends and keeps it until it
 * is acknowledged, acknowledges what it gets, and comes back by its resume token. What it gets it keeps as it came:
 * a message that came twice is there twice.
 */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { WebSocket } from "ws";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";

const ACK_EVERY_MS = 500;
const BEAT_MS = 2000;
const WAIT_LIMIT_MS = 45_000;
/** A dial that is not answered in this time has failed. */
const HANDSHAKE_MS = 5000;
/** Nothing received for so long: the connection is dead (docs/wire.md). */
export const DEAD_MS = 5000;

export interface ClientTarget {
  /** `http://127.0.0.1:PORT` of the relay, for `POST /v1/sessions`. */
  readonly url: string;
  readonly apiKey: string;
  /** Port on 127.0.0.1 that the WebSocket dials: the relay's own, or a line's. */
  readonly port: number;
}

export interface HeardFrame {
  readonly sequence: number;
  readonly ordinal: number;
  readonly payload: Uint8Array;
}

/** How a resume went; milliseconds since `session.resume` was sent, but for `dialMs`. */
export interface Resumption {
  readonly verdict: string;
  /** `performance.now()` at which `session.resume` was sent. */
  readonly askedAt: number;
  /** TCP and the upgrade, before. */
  readonly dialMs: number;
  readonly verdictMs: number;
  /** A ping sent in the same moment, just before: what path and machine cost then, without the session's part. */
  readonly alongsideMs: number;
  /** Null: there was nothing to replay. */
  readonly firstReplayedMs: number | null;
  readonly lastReplayedMs: number | null;
  /** Messages that the relay sent again. */
  readonly replayed: number;
  /** Messages that this client sent, again or at last. */
  readonly resent: number;
  readonly event: JsonObject;
}

export class ResumingClient {
  readonly id: string;
  readonly #port: number;
  #socket: WebSocket;
  #token = "";
  #live = false;
  #sent = 0;
  #kept: { readonly sequence: number; readonly data: Uint8Array | string }[] = [];
  #saidAt = performance.now();
  #ackedTo = 0;
  #closed: { code: number; reason: string } | null = null;
  readonly #timer: NodeJS.Timeout;
  readonly #watchers = new Set<() => void>();
  /** Told of every message as it comes. */
  readonly #ears: ((message: JsonObject | HeardFrame, at: number) => void)[] = [];
  /** Every event, in the order in which they came, on all connections. */
  readonly events: JsonObject[] = [];
  readonly frames: HeardFrame[] = [];
  /** Numbers of all messages, in the order in which they came. */
  readonly numbers: number[] = [];
  /** When each of them came, by `performance.now()`. */
  readonly numberedAt: number[] = [];
  /** Highest of them. */
  received = 0;
  /** Highest own number that the relay acknowledged. */
  acknowledged = 0;
  heardAt = performance.now();

  private constructor(id: string, port: number, token: string) {
    this.id = id;
    this.#port = port;
    this.#socket = this.#dial(`relay-token.${token}`);
    this.#timer = setInterval(() => this.#tick(), ACK_EVERY_MS);
  }

  /** A new session of `model`; resolves at its first `session.created`. */
  static async open(target: ClientTarget, model: string, session: JsonObject = {}): Promise<ResumingClient> {
    const made = parseJsonObject(await post(target, JSON.stringify({ model, session })));
    const client = new ResumingClient(textAt(made, "id") ?? "", target.port, textAt(made, "token") ?? "");
    await once(client.#socket, "open");
    const created = await client.event("session.created");
    client.#token = textAt(objectAt(objectAt(created, "session"), "relay"), "resume_token") ?? "";
    client.#live = true;
    return client;
  }

  /** @param by the subprotocol that says who comes. */
  #dial(by: string): WebSocket {
    const url = `ws://127.0.0.1:${this.#port}/v1/sessions/${this.id}`;
    const socket = new WebSocket(url, ["duplex.v1", by], {
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_MS,
    });
    this.#closed = null;
    this.heardAt = performance.now();
    socket.on("message", (data: Buffer, binary) => {
      // A connection that was given up may still deliver what was under way: it is not this client's any more.
      if (socket === this.#socket) this.#take(data, binary);
    });
    // Every error is followed by a close.
    socket.on("error", () => {});
    socket.on("close", (code, reason) => {
      if (socket !== this.#socket) return;
      this.#live = false;
      this.#closed = { code, reason: reason.toString() };
      this.#wake();
    });
    return socket;
  }

  #take(data: Buffer, binary: boolean): void {
    this.heardAt = performance.now();
    if (binary) {
      const { sequence = 0, response = 0 } = readFrameHeader(data) ?? {};
      const frame = { sequence, ordinal: response, payload: data.subarray(FRAME_HEADER_BYTES) };
      this.frames.push(frame);
      this.#number(sequence);
      this.#tell(frame);
    } else this.#event(parseJsonObject(data.toString("utf8")) ?? {});
    this.#wake();
  }

  /** From now on `ear` is told of every message, and when it came. */
  listen(ear: (message: JsonObject | HeardFrame, at: number) => void): void {
    this.#ears.push(ear);
  }

  #tell(message: JsonObject | HeardFrame): void {
    for (const ear of this.#ears) ear(message, this.heardAt);
  }

  #event(event: JsonObject): void {
    this.events.push(event);
    const sequence = event["server_event_seq"];
    if (typeof sequence === "number") this.#number(sequence);
    if (textAt(event, "type") === "session.ack") this.#forget(Number(event["last_received"]));
    this.#tell(event);
  }

  #number(sequence: number): void {
    this.numbers.push(sequence);
    this.numberedAt.push(this.heardAt);
    this.received = Math.max(this.received, sequence);
  }

  #forget(sequence: number): void {
    this.acknowledged = Math.max(this.acknowledged, sequence);
    const first = this.#kept.findIndex((message) => message.sequence > this.acknowledged);
    this.#kept = first < 0 ? [] : this.#kept.slice(first);
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #tick(): void {
    if (!this.#live) return;
    if (this.received > this.#ackedTo) {
      this.#ackedTo = this.received;
      this.#post(JSON.stringify({ type: "session.ack", last_received: this.received }));
    } else if (performance.now() - this.#saidAt > BEAT_MS - ACK_EVERY_MS) {
      this.#post(JSON.stringify({ type: "session.heartbeat" }));
    }
  }

  #post(data: Uint8Array | string): void {
    this.#saidAt = performance.now();
    this.#socket.send(data);
  }

  #send(make: (sequence: number) => Uint8Array | string): void {
    this.#sent += 1;
    const data = make(this.#sent);
    this.#kept.push({ sequence: this.#sent, data });
    if (this.#live) this.#post(data);
  }

  /** Numbered audio; while there is no connection it waits for the next one. */
  speak(pcm: Uint8Array): void {
    this.#send((sequence) => writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, pcm));
  }

  /** A numbered event, likewise. */
  say(event: JsonObject): void {
    this.#send((sequence) => JSON.stringify({ ...event, client_event_seq: sequence }));
  }

  /** Number of the last message that was sent. */
  get sent(): number {
    return this.#sent;
  }

  get closed(): { readonly code: number; readonly reason: string } | null {
    return this.#closed;
  }

  /** Resolves when the connection has ended, by whatever cause. */
  async ended(): Promise<void> {
    if (this.#closed === null) await once(this.#socket, "close");
  }

  /** The network is gone: no close frame, and nothing that is under way arrives. */
  terminate(): void {
    this.#live = false;
    this.#socket.terminate();
  }

  /** The connection says nothing any more, and this client takes its leave of it without a word. */
  abandon(): void {
    this.#live = false;
  }

  /** One round trip of a WebSocket ping on this connection, in milliseconds. */
  async ping(): Promise<number> {
    const at = performance.now();
    const pong = once(this.#socket, "pong");
    this.#socket.ping();
    await pong;
    return performance.now() - at;
  }

  /** Comes back on a new connection: verdict, replay, and what the relay had not received. */
  async resume(): Promise<Resumption> {
    this.#live = false;
    const dialledAt = performance.now();
    const token = this.#token;
    const from = this.events.length;
    const former = this.#socket;
    this.#socket = this.#dial(`relay-resume.${token}`);
    await once(this.#socket, "open");
    former.terminate();
    const askedAt = performance.now();
    const alongside = this.ping();
    this.#post(JSON.stringify({ type: "session.resume", resume_token: token, last_received: this.received }));
    const before = this.numbers.length;
    const event = await this.event("session.resumed", from);
    const verdictMs = this.heardAt - askedAt;
    this.#token = textAt(event, "resume_token") ?? "";
    this.#ackedTo = 0;
    // What the relay has need not be sent again, and may be forgotten only when it is acknowledged.
    const again = this.#kept.filter(({ sequence }) => sequence > Number(event["last_received"]));
    for (const { data } of again) this.#post(data);
    this.#live = true;
    // They follow the verdict at once, before anything new.
    const replayed = Number(event["replayed"] ?? 0);
    await this.until(() => this.numbers.length >= before + replayed, `${replayed} replayed messages`);
    const since = (at: number): number => (this.numberedAt[at] ?? Number.NaN) - askedAt;
    return {
      verdict: textAt(event, "verdict") ?? "",
      askedAt,
      dialMs: askedAt - dialledAt,
      verdictMs,
      alongsideMs: await alongside,
      firstReplayedMs: replayed > 0 ? since(before) : null,
      lastReplayedMs: replayed > 0 ? since(before + replayed - 1) : null,
      replayed,
      resent: again.length,
      event,
    };
  }

  /** Resolves when `enough` holds. @throws when the connection ends first, or after 45 s. */
  async until(enough: () => boolean, what: string): Promise<void> {
    if (enough()) return;
    let watcher = (): void => {};
    let limit: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        watcher = () => {
          if (enough()) resolve();
          else if (this.#closed !== null)
            reject(new Error(`waiting for ${what}: closed with ${this.#closed.code} ${this.#closed.reason}`));
        };
        limit = setTimeout(
          () => reject(new Error(`waiting for ${what}: ${WAIT_LIMIT_MS} ms`)),
          WAIT_LIMIT_MS,
        );
        this.#watchers.add(watcher);
        watcher();
      });
    } finally {
      clearTimeout(limit);
      this.#watchers.delete(watcher);
    }
  }

  /** The first event of this type since the `from`-th of all, now or when it comes. */
  async event(type: string, from = 0): Promise<JsonObject> {
    const find = (): JsonObject | undefined =>
      this.events.slice(from).find((event) => event["type"] === type);
    await this.until(() => find() !== undefined, type);
    return find() ?? {};
  }

  /** Ends the session on this side. */
  async hangUp(): Promise<void> {
    clearInterval(this.#timer);
    this.#live = false;
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, "close");
    this.#socket.close(1000);
    const patience = setTimeout(() => this.#socket.terminate(), 1000);
    await closed;
    clearTimeout(patience);
  }
}

/** Over a connection of its own: one that was kept may belong to a process that is gone. */
async function post({ url, apiKey }: ClientTarget, body: string): Promise<string> {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const sending = request(`${url}/v1/sessions`, { method: "POST", agent: false, headers });
  sending.end(body);
  const [answer]: IncomingMessage[] = await once(sending, "response");
  return answer === undefined ? "" : text(answer);
}
