/** What goes out on the client's socket and comes in: its dialect's wire, and how much waits there to be read. */
import type { Codec, CodecSnapshot, DialectTraits, Heard } from "../../dialects/dialect.ts";
import { createCodec, traitsOf } from "../../dialects/index.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { CLIENT, type Dialect } from "../io.ts";

/** The deadline at which the client's wire says something though nothing comes on it. */
export const WIRE = "wire";

export class ClientSocket {
  readonly #context: Context;
  readonly #settings: JsonObject;
  #dialect: Dialect | null = null;
  #traits: DialectTraits = traitsOf(null);
  /** Between the client's wire and its port; null: they are the same. */
  #codec: Codec | null = null;
  #connected = false;
  #saidAt = 0;
  /** Bytes or characters that were ever sent. */
  #written = 0;
  /** Of these, what can still stand in the client's socket, and what of it the client had to be told when it came back. */
  #unread = 0;
  #toldUnread = 0;
  #overfull = false;

  /** @param settings what the session's door says to the dialect of its clients. */
  constructor(context: Context, settings: JsonObject) {
    this.#context = context;
    this.#settings = settings;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get dialect(): Dialect | null {
    return this.#dialect;
  }

  /** What the client can do, of this connection or of the last one. */
  get traits(): DialectTraits {
    return this.#traits;
  }

  /** When something was last sent. */
  get saidAt(): number {
    return this.#saidAt;
  }

  /** Bytes or characters sent to clients of this session so far. */
  get written(): number {
    return this.#written;
  }

  /** Of these, what can still stand in the client's socket: what did when it was last looked at, and all since. */
  get unread(): number {
    return this.#unread;
  }

  /** More stands there than may: nothing more is sent, and the client is to be given up. */
  get overfull(): boolean {
    return this.#overfull;
  }

  /** So many bytes stand in the client's socket. */
  buffered(bytes: number): void {
    this.#unread = bytes;
    if (bytes <= this.#context.limits.clientBufferedBytes) this.#toldUnread = 0;
  }

  /** What this sends is as long as the conversation is, and may all wait to be read. */
  retelling(tell: () => void): void {
    const before = this.#written;
    const room = this.#toldUnread;
    this.#toldUnread = Number.POSITIVE_INFINITY;
    tell();
    this.#toldUnread = room + this.#written - before;
  }

  /** What a message of the client's wire is. Null: the port's own, as it stands. */
  decode(data: WireMessage): readonly Heard[] | null {
    if (this.#codec === null) return null;
    const heard = this.#codec.decode(data, this.#context.now);
    this.#awaitWire();
    return heard;
  }

  /** The deadline `wire` came: what is heard of the client though it says nothing. */
  due(): readonly Heard[] {
    const heard = this.#connected ? (this.#codec?.due(this.#context.now) ?? []) : [];
    this.#awaitWire();
    return heard;
  }

  #awaitWire(): void {
    const at = this.#connected ? (this.#codec?.deadline ?? null) : null;
    if (at === null) this.#context.deadlines.clear(WIRE);
    else this.#context.deadlines.set(WIRE, at);
  }

  send(data: WireMessage): void {
    if (this.#codec === null) this.#write(data);
    else for (const each of this.#codec.encode(data)) this.#write(each);
  }

  #write(data: WireMessage): void {
    if (this.#overfull) return;
    this.#unread += data.length;
    this.#overfull = this.#unread > this.#context.limits.clientUnreadBytes + this.#toldUnread;
    if (this.#overfull) return;
    this.#written += data.length;
    this.#saidAt = this.#context.now;
    this.#context.act({ type: "send", peer: CLIENT, data });
  }

  close(code: number, reason: string): void {
    if (this.#connected) this.#context.act({ type: "close", peer: CLIENT, code, reason });
  }

  opened(dialect: Dialect): void {
    this.#emptied();
    if (dialect !== this.#dialect) this.#speak(dialect);
    this.#codec?.opened();
    this.#connected = true;
    this.#saidAt = this.#context.now;
  }

  closed(): void {
    this.#emptied();
    this.#connected = false;
  }

  #emptied(): void {
    this.#unread = 0;
    this.#toldUnread = 0;
    this.#overfull = false;
  }

  #speak(dialect: Dialect | null): void {
    this.#dialect = dialect;
    this.#traits = traitsOf(dialect);
    this.#codec = createCodec(dialect, this.#settings);
  }

  snapshot(): ClientSocketSnapshot {
    return {
      dialect: this.#dialect,
      connected: this.#connected,
      saidAt: this.#saidAt,
      ...(this.#codec !== null && { codec: this.#codec.snapshot() }),
    };
  }

  restore({ dialect, connected, saidAt, codec }: ClientSocketSnapshot): void {
    this.#speak(dialect);
    if (codec !== undefined) this.#codec?.restore(codec);
    this.#connected = connected;
    this.#saidAt = saidAt;
  }
}

export interface ClientSocketSnapshot {
  readonly dialect: Dialect | null;
  readonly connected: boolean;
  readonly saidAt: number;
  /** Of a dialect that has one. */
  readonly codec?: CodecSnapshot;
}
