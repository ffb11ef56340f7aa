/** Somebody who means harm: dials, asks and counts every byte of it on the network. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { WebSocket } from "ws";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Order, Seen, Tape } from "./attack.ts";

const PATIENCE_MS = 5000;
/** Not more than this stands in the attacker's own socket: what was not sent was no attack. */
const AHEAD_BYTES = 1024 * 1024;
/** Of what a connection sent that the relay ended, so much may never have been read: the kernel's buffers, Linux' largest, and ours. */
const UNREAD_BYTES = 12 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly body: JsonObject | null;
}

export interface DialOptions {
  /** Path and query; else the OpenAI door with the model `echo`. */
  readonly path?: string;
  /** `Authorization: Bearer`; null: none. */
  readonly key?: string | null;
  readonly protocol?: "duplex.v1" | "realtime";
  /** Offers compression. */
  readonly deflate?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Cloudflare says of every request from where it comes; the relay's doors count by it, and here nobody else says it. */
const FROM = { "CF-Connecting-IP": "192.0.2.66" };

export class Attacker {
  readonly order: Order;
  readonly #begun = performance.now();
  readonly #sockets = new Set<{ readonly bytesWritten: number; readonly bytesRead: number }>();
  readonly #ends: Record<string, number> = {};
  readonly #errors: Record<string, number> = {};
  readonly #broken: string[] = [];
  readonly #connections: Connection[] = [];
  readonly #requests = new Counts();
  #returns = 0;
  #messages = 0;

  constructor(order: Order) {
    this.order = order;
  }

  /** The time of the attack is over. */
  get over(): boolean {
    return performance.now() - this.#begun >= this.order.seconds * 1000;
  }

  get leftMs(): number {
    return Math.max(0, this.order.seconds * 1000 - (performance.now() - this.#begun));
  }

  broke(rule: string): void {
    if (this.#broken.length < 10 && !this.#broken.includes(rule)) this.#broken.push(rule);
  }

  ended(how: string): void {
    this.#ends[how] = (this.#ends[how] ?? 0) + 1;
  }

  told(code: string): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1;
  }

  sent(messages = 1): void {
    this.#messages += messages;
  }

  count(socket: Socket): void {
    this.#sockets.add(socket);
  }

  /** A client secret of a visitor's, for one model. Not counted: it was stolen. */
  async secret(model: string, session: JsonObject = {}): Promise<string> {
    const response = await fetch(`${this.order.url}/v1/realtime/client_secrets`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.order.key}`, "content-type": "application/json" },
      body: JSON.stringify({ session: { type: "realtime", model, ...session } }),
    });
    const secret = textAt(parseJsonObject(await response.text()), "value");
    if (secret === null) throw new Error(`no client secret: HTTP ${response.status}`);
    return secret;
  }

  /** A raw connection, counted. */
  async plain(): Promise<Socket> {
    const { hostname, port } = new URL(this.order.url);
    const socket = connect(Number(port), hostname);
    this.count(socket);
    socket.on("error", () => {});
    await Promise.race([once(socket, "connect"), pause(PATIENCE_MS)]);
    return socket;
  }

  /** Asks a door, and reads no more than a megabyte of the answer. */
  ask(
    method: string,
    path: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string } = {},
  ): Promise<Answer> {
    this.sent();
    return new Promise((resolve) => {
      const failed = (how: string): void => {
        this.ended(how);
        resolve({ status: 0, body: null });
      };
      const asked = httpRequest(this.order.url + path, {
        method,
        headers: { ...FROM, ...options.headers },
        agent: false,
        timeout: PATIENCE_MS,
      });
      asked.on("socket", (socket) => this.count(socket));
      asked.on("timeout", () => asked.destroy(new Error("no answer")));
      asked.on("error", (error) =>
        failed(`no answer (${"code" in error ? String(error.code) : error.message})`),
      );
      asked.on("response", (response: IncomingMessage) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          if (text.length < 1024 * 1024) text += part;
        });
        response.on("end", () => {
          this.#requests.add(options.body?.length ?? 0);
          this.ended(`HTTP ${response.statusCode}`);
          resolve({ status: response.statusCode ?? 0, body: parseJsonObject(text) });
        });
      });
      asked.end(options.body);
    });
  }

  /** @returns null when it was refused, which is counted. */
  async dial(options: DialOptions = {}): Promise<Connection | null> {
    this.sent();
    const path = options.path ?? "/v1/realtime?model=echo";
    const key = options.key === undefined ? this.order.key : options.key;
    const socket = new WebSocket(
      this.order.url.replace(/^http/, "ws") + path,
      [options.protocol ?? "realtime"],
      {
        headers: { ...FROM, ...(key !== null && { authorization: `Bearer ${key}` }), ...options.headers },
        perMessageDeflate: options.deflate === true,
        handshakeTimeout: PATIENCE_MS,
        maxPayload: 256 * 1024 * 1024,
      },
    );
    const connection = new Connection(this, socket);
    return new Promise((resolve) => {
      socket.on("error", () => resolve(null));
      socket.once("upgrade", (response) => this.count(response.socket));
      socket.once("unexpected-response", (_request, response) => {
        this.count(response.socket);
        this.#requests.add(0);
        this.ended(`HTTP ${response.statusCode}`);
        response.socket.end();
        response.resume();
        resolve(null);
      });
      socket.once("open", () => {
        this.#connections.push(connection);
        if (path.startsWith("/v1/sessions/")) this.#returns += 1;
        resolve(connection);
      });
    });
  }

  /** Hangs up wherever it still may, and says what was seen. */
  async leave(): Promise<Seen> {
    const seconds = (performance.now() - this.#begun) / 1000;
    const tape = this.#tape();
    for (const connection of this.#connections) {
      if (connection.closed === null) this.ended("still open");
      connection.drop();
    }
    await pause(50);
    let bytesSent = 0;
    let bytesReceived = 0;
    for (const { bytesWritten, bytesRead } of this.#sockets) {
      bytesSent += bytesWritten;
      bytesReceived += bytesRead;
    }
    return {
      bytesSent,
      bytesReceived,
      messages: this.#messages,
      ends: this.#ends,
      errors: this.#errors,
      broken: this.#broken,
      seconds,
      tape,
    };
  }

  #tape(): Tape {
    const messages = new Counts();
    for (const { closed, sent } of this.#connections)
      messages.addAll(sent, closed === null || closed === 0 || closed === 1000 ? 0 : UNREAD_BYTES);
    return {
      upgrades: this.#connections.length - this.#returns,
      returns: this.#returns,
      requests: this.#requests.all,
      messages: messages.all,
    };
  }
}

/** How often each number came. */
class Counts {
  readonly #counts = new Map<number, number>();

  add(number: number, times = 1): void {
    this.#counts.set(number, (this.#counts.get(number) ?? 0) + times);
  }

  /** @param but numbers that add up to so much, of each kind the same part. */
  addAll(others: Counts, but: number): void {
    const whole = others.all.reduce((sum, [number, times]) => sum + number * times, 0);
    const part = whole === 0 ? 0 : Math.max(0, 1 - but / whole);
    for (const [number, times] of others.all) this.add(number, Math.floor(times * part));
  }

  get all(): readonly (readonly [number: number, count: number])[] {
    return Array.from(this.#counts);
  }
}

export class Connection {
  readonly socket: WebSocket;
  readonly #attacker: Attacker;
  readonly #waiting = new Set<(event: JsonObject | null) => void>();
  /** By size. */
  readonly sent = new Counts();
  closed: number | null = null;
  /** `session.created`, as it came. */
  created: JsonObject | null = null;

  constructor(attacker: Attacker, socket: WebSocket) {
    this.#attacker = attacker;
    this.socket = socket;
    socket.on("message", (data: Buffer, binary) => {
      if (!binary) this.#event(data);
    });
    socket.on("close", (code) => {
      if (this.closed !== null) return;
      this.closed = code;
      attacker.ended(`close ${code}`);
      for (const wake of this.#waiting) wake(null);
    });
  }

  #event(data: Buffer): void {
    // A large event is not worth the attacker's time, but for the kinds that stand at its front.
    const event =
      data.length > 65_536
        ? { type: /"type":"([a-z_.]+)"/.exec(data.toString("latin1", 0, 200))?.[1] ?? "" }
        : parseJsonObject(data.toString());
    const type = textAt(event, "type");
    if (type === "session.created") this.created = event;
    if (type === "error") this.#attacker.told(textAt(objectAt(event, "error"), "code") ?? "no code");
    for (const wake of this.#waiting) wake(event);
  }

  get open(): boolean {
    return this.closed === null;
  }

  send(message: string | Uint8Array | JsonObject): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.#attacker.sent();
    const data =
      typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message);
    this.sent.add(data.length);
    this.socket.send(data);
  }

  /** So many copies, as fast as the network takes them; less when the attack is over or the relay hung up. */
  async flood(message: string | Uint8Array, times = Number.POSITIVE_INFINITY): Promise<void> {
    for (let sent = 0; sent < times && this.open && !this.#attacker.over;) {
      if (this.socket.bufferedAmount > AHEAD_BYTES) {
        await pause(2);
        continue;
      }
      for (let n = 0; n < 200 && sent < times && this.socket.bufferedAmount <= AHEAD_BYTES; n += 1, sent += 1)
        this.send(message);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next event that fits; null when it does not come in time, or the relay hung up. */
  next(fits: (event: JsonObject) => boolean, limitMs = PATIENCE_MS): Promise<JsonObject | null> {
    if (!this.open) return Promise.resolve(null);
    return new Promise((resolve) => {
      const done = (event: JsonObject | null): void => {
        if (event !== null && !fits(event)) return;
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve(event);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(done);
        resolve(null);
      }, limitMs);
      this.#waiting.add(done);
    });
  }

  /** The next event of a type, or the next error where that comes first. */
  answer(...types: readonly string[]): Promise<JsonObject | null> {
    return this.next((event) => event["type"] === "error" || types.includes(textAt(event, "type") ?? ""));
  }

  async greeted(): Promise<boolean> {
    if (this.created !== null) return true;
    return (await this.next((event) => event["type"] === "session.created")) !== null;
  }

  /** Everything that was sent is out, or the relay takes no more of it. */
  async drained(): Promise<void> {
    while (this.open && this.socket.bufferedAmount > 0 && !this.#attacker.over) await pause(2);
  }

  close(code = 1000, reason = ""): void {
    this.socket.close(code, reason);
  }

  drop(): void {
    this.closed ??= 0;
    this.socket.terminate();
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
