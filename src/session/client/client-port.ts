/**
 * The client's side of the wire: numbers and writes server events, in the dialect that was negotiated. What is said
 * while no client is connected is kept for a `duplex.v1` client and gone for a `realtime` one, which cannot resume.
 */
import type { Codec, CodecSnapshot, DialectTraits, Heard } from "../../dialects/dialect.ts";
import { createCodec, traitsOf } from "../../dialects/index.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, writeFrame } from "../../protocol/frame.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamFault, WireMessage } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { Outbox, type OutboxSnapshot } from "./outbox.ts";
import { CLIENT, type Dialect } from "../io.ts";
import type { Budget } from "./budget.ts";
import { FaultLimiter, type FaultLimiterSnapshot } from "./fault-limiter.ts";
import type { EventTap, ServerEvent, NamedEvent, AudioAddress } from "../state/server-events.ts";

const NO_TAP: EventTap = {
  some: false,
  listening: false,
  event() {},
  audio() {},
  error: () => false,
};

/** More messages than a session can send between two snapshots: a client that says it has more is not believed. */
const MESSAGES_PER_SNAPSHOT = 10_000;

/** Of what an error repeats of the client's own words. */
const ERROR_CHARS = 1024;

/** The deadline at which the client's wire says something though nothing comes on it. */
export const WIRE = "wire";

/** Numbers of messages, first and last. */
export type NumberRange = readonly [from: number, to: number];

export class ClientPort {
  readonly outbox: Outbox;
  readonly #context: Context;
  readonly #settings: JsonObject;
  #tap = NO_TAP;
  /** What is emitted now is the client's alone. */
  #private = false;
  #dialect: Dialect | null = null;
  /** The client said that its player does it. */
  #ducks = false;
  #traits: DialectTraits = traitsOf(null);
  /** Between the client's wire and this port; null: they are the same. */
  #codec: Codec | null = null;
  #connected = false;
  /** Connected, but what it gets next is decided by its `session.resume`. */
  #muted = false;
  /** What is emitted now is nobody's to know. */
  #silent = false;
  #sequence = 0;
  #saidAt = 0;
  /** Of faults that each message of a stream has. */
  readonly #faults = new FaultLimiter();
  readonly #budget: Budget;
  /** Bytes or characters that were ever sent. */
  #written = 0;
  /** Of these, what can still stand in the client's socket, and what of it the client had to be told when it came back. */
  #unread = 0;
  #toldUnread = 0;
  #overfull = false;

  /** @param settings what the session's door says to the dialect of its clients. */
  constructor(context: Context, budget: Budget, settings: JsonObject = {}) {
    this.#context = context;
    this.#settings = settings;
    this.#budget = budget;
    this.outbox = new Outbox(context.limits.outboxBytes);
  }

  /** Who else is told from now on. */
  tapped(tap: EventTap): void {
    this.#tap = tap;
  }

  /** What this says is for a client that was not there, or that asked: nobody else is told. */
  privately(tell: () => void): void {
    this.#private = true;
    try {
      tell();
    } finally {
      this.#private = false;
    }
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** What is emitted now reaches the client now. */
  get live(): boolean {
    return this.#connected && !this.#muted;
  }

  /** What the client can do, of this connection or of the last one. */
  get traits(): DialectTraits {
    return this.#traits;
  }

  /** The client is told all of `duplex.v1`, on this connection or on the last one. */
  get extended(): boolean {
    return this.#traits.extended;
  }

  /** A client of this dialect that comes may go on where the last one was. */
  continues(dialect: Dialect): boolean {
    return this.extended && dialect === this.#dialect;
  }

  /** What a message of the client's wire is. Null: this port's own, as it stands. */
  decode(data: WireMessage): readonly Heard[] | null {
    if (this.#codec === null) return null;
    const heard = this.#codec.decode(data, this.#context.now);
    this.#awaitWire();
    return heard;
  }

  /** The deadline `wire` came: what is heard of the client though it says nothing. */
  wireDue(): readonly Heard[] {
    const heard = this.#connected ? (this.#codec?.due(this.#context.now) ?? []) : [];
    this.#awaitWire();
    return heard;
  }

  #awaitWire(): void {
    const at = this.#connected ? (this.#codec?.deadline ?? null) : null;
    if (at === null) this.#context.deadlines.clear(WIRE);
    else this.#context.deadlines.set(WIRE, at);
  }

  /** Its player stands still when it is told `hold`. */
  get holds(): boolean {
    return this.#traits.holds;
  }

  /** Its player goes on quieter when it is told `duck`. */
  get ducks(): boolean {
    return this.extended && this.#ducks;
  }

  /** What a client says of its player, as long as it does not begin anew. */
  playerDucks(ducks: boolean): void {
    this.#ducks = ducks;
  }

  /** Number of the last message. */
  get sequence(): number {
    return this.#sequence;
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

  #send(data: WireMessage): void {
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

  #emptied(): void {
    this.#unread = 0;
    this.#toldUnread = 0;
    this.#overfull = false;
  }

  open(dialect: Dialect): void {
    this.#emptied();
    if (dialect !== this.#dialect) this.#speak(dialect);
    this.#codec?.opened();
    this.#faults.restore([]);
    this.#connected = true;
    this.#muted = false;
    this.#saidAt = this.#context.now;
  }

  #speak(dialect: Dialect | null): void {
    this.#dialect = dialect;
    this.#traits = traitsOf(dialect);
    this.#codec = createCodec(dialect, this.#settings);
  }

  closed(): void {
    this.#emptied();
    this.#connected = false;
    this.#muted = false;
  }

  mute(): void {
    this.#muted = true;
  }

  unmute(): void {
    this.#muted = false;
  }

  /** What this does is not told: the client takes it for done already. */
  silently(act: () => void): void {
    this.#silent = true;
    try {
      act();
    } finally {
      this.#silent = false;
    }
  }

  /**
   * The client has messages up to this number, of which this life of the session may know only the first.
   * @returns the numbers of those that it does not know, or null. The count goes on after them.
   */
  recall(lastReceived: number): NumberRange | null {
    const from = this.#sequence + 1;
    if (lastReceived < from) return null;
    this.#sequence = Math.min(lastReceived, this.#sequence + MESSAGES_PER_SNAPSHOT);
    this.outbox.clear();
    return [from, this.#sequence];
  }

  /** The client begins anew: it counts from one again and misses nothing. */
  restart(): void {
    this.#muted = false;
    this.#ducks = false;
    this.#sequence = 0;
    this.outbox.clear();
  }

  acknowledge(sequence: number): void {
    this.outbox.acknowledge(sequence);
  }

  emit(event: ServerEvent): void {
    if (!this.#heeded) return;
    const numbered = this.#numbered(event, {});
    if (this.#client) this.#deliver(JSON.stringify(numbered), 0);
  }

  /** An event of the relay's own: for a client of `duplex.v1`, and for whoever else is told, whatever the client speaks. */
  tell(event: ServerEvent): void {
    if (this.extended) this.emit(event);
    else if (this.#tap.some && !this.#silent && !this.#private) this.#numbered(event, {});
  }

  /** The same for observers alone: no client is told. */
  tellApplication({ type, ...members }: ServerEvent): void {
    if (!this.#tap.some || this.#silent || this.#private) return;
    this.#tap.event({ type, event_id: this.#context.newId("event"), ...members });
  }

  /** Several that show the same large object, which is written once. */
  emitShown(name: string, shown: JsonObject, events: readonly ServerEvent[]): void {
    if (!this.#heeded) return;
    const text = JSON.stringify(shown);
    for (const event of events) {
      const numbered = this.#numbered(event, { [name]: shown });
      if (this.#client) this.#deliver(`${JSON.stringify(numbered).slice(0, -1)},"${name}":${text}}`, 0);
    }
  }

  /** There is a client, or one that will come back for what it missed. */
  get #client(): boolean {
    return this.#connected || this.extended;
  }

  get #heeded(): boolean {
    return !this.#silent && (this.#client || this.#tap.some);
  }

  /** The event as the client gets it, but for what is `shown`; observers are told it with that. */
  #numbered({ type, ...members }: ServerEvent, shown: JsonObject): NamedEvent {
    const named = { type, event_id: this.#context.newId("event"), ...members };
    if (this.#tap.some && !this.#private) this.#tap.event({ ...named, ...shown });
    return this.#client && this.extended ? { ...named, server_event_seq: this.#sequence + 1 } : named;
  }

  /** About delivery itself: neither numbered nor kept. */
  emitUnnumbered(event: ServerEvent): void {
    if (this.#connected) this.#send(JSON.stringify(event));
  }

  /** A message that was sent before and did not arrive. */
  again(data: WireMessage): void {
    this.#send(data);
  }

  /**
   * One piece of audio: binary for `duplex.v1`, else `response.output_audio.delta`. `aloud`: as it is to sound now, where
   * that is quieter; what is kept to be sent again is not.
   */
  audio(address: AudioAddress, bytes: Uint8Array, audioMs: number, aloud = bytes): void {
    if (this.#tap.listening) this.#tap.audio(address, aloud);
    if (!this.#connected && !this.extended) return;
    if (this.extended) {
      const header = {
        kind: FRAME_AUDIO,
        stream: address.stream,
        response: address.ordinal,
        sequence: this.#sequence + 1,
      };
      const room = this.outbox.room(FRAME_HEADER_BYTES + bytes.byteLength);
      const kept = writeFrame(header, bytes, room);
      const sent = aloud === bytes ? kept : writeFrame(header, aloud);
      this.#deliver(kept, audioMs, sent);
      return;
    }
    const id = this.#context.newId("event");
    this.#deliver(
      `{"type":"response.output_audio.delta","event_id":"${id}",${address.members},"delta":"${aloud.toBase64()}"}`,
      audioMs,
    );
  }

  #deliver(data: WireMessage, audioMs: number, sent = data): void {
    this.#sequence += 1;
    if (this.extended) this.outbox.add({ sequence: this.#sequence, data, audioMs });
    if (this.live) this.#send(sent);
  }

  /**
   * The client's own fault, answered with the id of the event that caused it. Of very many the rest of a second is told in
   * one, by its code.
   */
  rejected(error: ClientError, eventId: string | null): void {
    if (this.#budget.errors.take(1, this.#context.now)) this.#reject(error, eventId);
    else this.#rejectOften(error.code, error, eventId);
  }

  /** The same of one message of a stream: told once a second, with how many like it were not. */
  rejectedStream(error: ClientError, eventId: string | null): void {
    this.#rejectOften(`${error.code} ${error.message}`, error, eventId);
  }

  #rejectOften(kind: string, error: ClientError, eventId: string | null): void {
    const left = this.#faults.take(kind, this.#context.now);
    if (left === null) {
      this.#context.metric("client_errors", 1);
      return;
    }
    const { code, message, param } = error;
    const counted = left === 0 ? message : `${message} ${left} more such messages came since the last error.`;
    this.#reject(new ClientError(code, counted, param), eventId);
  }

  #reject(error: ClientError, eventId: string | null): void {
    this.#context.metric("client_errors", 1);
    const param = error.param?.slice(0, ERROR_CHARS) ?? null;
    this.#error("invalid_request_error", error.code, error.message.slice(0, ERROR_CHARS), param, eventId);
  }

  /** A provider refused what the client asked for: its words, under the id of the event that caused it. */
  refused(fault: UpstreamFault, eventId: string | null): void {
    const { type = "invalid_request_error", code, message, param = null } = fault;
    this.#error(type, code, message, param, eventId);
  }

  /** An upstream's or our own fault. */
  failed(code: string, message: string, eventId: string | null = null): void {
    this.#error("server_error", code, message, null, eventId);
  }

  /** The same, which may come again and again: told once a second, with how many like it were not. */
  failedOften(code: string, message: string): void {
    const left = this.#faults.take(`${code}: ${message.slice(0, ERROR_CHARS)}`, this.#context.now);
    if (left === null) return;
    this.failed(code, left === 0 ? message : `${message} ${left} more such errors came since the last one.`);
  }

  /** The end of what the client may have: a time, a budget. */
  outlasted(code: string, message: string, close: number): void {
    this.#error("invalid_request_error", code, message, null, null);
    if (this.#connected) this.#context.act({ type: "close", peer: CLIENT, code: close, reason: message });
  }

  #error(type: string, code: string, message: string, param: string | null, eventId: string | null): void {
    if (this.#tap.error(eventId, { type, code, message, param })) return;
    this.emit({ type: "error", error: { type, code, message, param, event_id: eventId } });
  }

  snapshot(): ClientPortSnapshot {
    return {
      dialect: this.#dialect,
      ...(this.#ducks ? { ducks: true } : {}),
      connected: this.#connected,
      muted: this.#muted,
      sequence: this.#sequence,
      saidAt: this.#saidAt,
      outbox: this.outbox.snapshot(),
      faults: this.#faults.snapshot(),
      ...(this.#codec !== null && { codec: this.#codec.snapshot() }),
    };
  }

  restore(snapshot: ClientPortSnapshot): void {
    this.#speak(snapshot.dialect);
    if (snapshot.codec !== undefined) this.#codec?.restore(snapshot.codec);
    this.#ducks = snapshot.ducks ?? false;
    this.#connected = snapshot.connected;
    this.#muted = snapshot.muted;
    this.#sequence = snapshot.sequence;
    this.#saidAt = snapshot.saidAt;
    this.outbox.restore(snapshot.outbox);
    this.#faults.restore(snapshot.faults);
  }
}

export interface ClientPortSnapshot {
  readonly dialect: Dialect | null;
  /** Absent: it does not. */
  readonly ducks?: boolean;
  readonly connected: boolean;
  readonly muted: boolean;
  readonly sequence: number;
  readonly saidAt: number;
  readonly outbox: OutboxSnapshot;
  readonly faults: FaultLimiterSnapshot;
  /** Of a dialect that has one. */
  readonly codec?: CodecSnapshot;
}
