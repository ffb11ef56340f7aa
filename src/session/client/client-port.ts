/**
 * The client's side of the wire: numbers and writes server events, in the dialect that was negotiated. What is said
 * while no client is connected is kept for a `duplex.v1` client and gone for a `realtime` one, which cannot resume.
 */
import type { DialectTraits } from "../../dialects/dialect.ts";
import type { ClientError } from "../../protocol/client-error.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, writeFrame } from "../../protocol/frame.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamFault, WireMessage } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { Outbox, type OutboxSnapshot } from "./outbox.ts";
import type { Dialect } from "../io.ts";
import { Audience } from "./audience.ts";
import { ClientSocket, type ClientSocketSnapshot } from "./client-socket.ts";
import type { Budget } from "./budget.ts";
import { ClientFaults, type ToldFault } from "./client-faults.ts";
import type { FaultLimiterSnapshot } from "./fault-limiter.ts";
import type { ServerEvent, NamedEvent, AudioAddress } from "../state/server-events.ts";

/** More messages than a session can send between two snapshots: a client that says it has more is not believed. */
const MESSAGES_PER_SNAPSHOT = 10_000;

/** Numbers of messages, first and last. */
export type NumberRange = readonly [from: number, to: number];

export class ClientPort {
  readonly outbox: Outbox;
  readonly socket: ClientSocket;
  /** Who is told beside the client. */
  readonly audience = new Audience();
  readonly #context: Context;
  /** The client said that its player does it. */
  #ducks = false;
  /** Connected, but what it gets next is decided by its `session.resume`. */
  #muted = false;
  #sequence = 0;
  readonly #faults: ClientFaults;

  /** @param settings what the session's door says to the dialect of its clients. */
  constructor(context: Context, budget: Budget, settings: JsonObject = {}) {
    this.#context = context;
    this.socket = new ClientSocket(context, settings);
    this.#faults = new ClientFaults(context, budget, (fault, eventId) => this.#error(fault, eventId));
    this.outbox = new Outbox(context.limits.outboxBytes);
  }

  get connected(): boolean {
    return this.socket.connected;
  }

  /** What is emitted now reaches the client now. */
  get live(): boolean {
    return this.connected && !this.#muted;
  }

  /** What the client can do, of this connection or of the last one. */
  get traits(): DialectTraits {
    return this.socket.traits;
  }

  /** The client is told all of `duplex.v1`, on this connection or on the last one. */
  get extended(): boolean {
    return this.socket.traits.extended;
  }

  /** A client of this dialect that comes may go on where the last one was. */
  continues(dialect: Dialect): boolean {
    return this.extended && dialect === this.socket.dialect;
  }

  /** Its player stands still when it is told `hold`. */
  get holds(): boolean {
    return this.socket.traits.holds;
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
    return this.socket.saidAt;
  }

  /** What this sends is as long as the conversation is, and may all wait to be read. */
  retelling(tell: () => void): void {
    this.socket.retelling(tell);
  }

  open(dialect: Dialect): void {
    this.socket.opened(dialect);
    this.#faults.anew();
    this.#muted = false;
  }

  closed(): void {
    this.socket.closed();
    this.#muted = false;
  }

  mute(): void {
    this.#muted = true;
  }

  unmute(): void {
    this.#muted = false;
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
    else if (this.audience.told && !this.audience.silent) this.#numbered(event, {});
  }

  /** The same for observers alone: no client is told. */
  tellApplication({ type, ...members }: ServerEvent): void {
    if (!this.audience.told || this.audience.silent) return;
    this.audience.tap.event({ type, event_id: this.#context.newId("event"), ...members });
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
    return this.connected || this.extended;
  }

  get #heeded(): boolean {
    return !this.audience.silent && (this.#client || this.audience.tap.some);
  }

  /** The event as the client gets it, but for what is `shown`; observers are told it with that. */
  #numbered({ type, ...members }: ServerEvent, shown: JsonObject): NamedEvent {
    const named = { type, event_id: this.#context.newId("event"), ...members };
    if (this.audience.told) this.audience.tap.event({ ...named, ...shown });
    return this.#client && this.extended ? { ...named, server_event_seq: this.#sequence + 1 } : named;
  }

  /** About delivery itself: neither numbered nor kept. */
  emitUnnumbered(event: ServerEvent): void {
    if (this.connected) this.socket.send(JSON.stringify(event));
  }

  /** A message that was sent before and did not arrive. */
  again(data: WireMessage): void {
    this.socket.send(data);
  }

  /**
   * One piece of audio: binary for `duplex.v1`, else `response.output_audio.delta`. `aloud`: as it is to sound now, where
   * that is quieter; what is kept to be sent again is not.
   */
  audio(address: AudioAddress, bytes: Uint8Array, audioMs: number, aloud = bytes): void {
    if (this.audience.tap.listening) this.audience.tap.audio(address, aloud);
    if (!this.connected && !this.extended) return;
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
    if (this.live) this.socket.send(sent);
  }

  /** The client's own fault, answered with the id of the event that caused it. */
  rejected(error: ClientError, eventId: string | null): void {
    this.#faults.rejected(error, eventId);
  }

  /** The same of one message of a stream: told once a second, with how many like it were not. */
  rejectedStream(error: ClientError, eventId: string | null): void {
    this.#faults.rejectedStream(error, eventId);
  }

  /** A provider refused what the client asked for: its words, under the id of the event that caused it. */
  refused(fault: UpstreamFault, eventId: string | null): void {
    this.#faults.refused(fault, eventId);
  }

  /** An upstream's or our own fault. */
  failed(code: string, message: string, eventId: string | null = null): void {
    this.#faults.failed(code, message, eventId);
  }

  /** The same, which may come again and again: told once a second, with how many like it were not. */
  failedOften(code: string, message: string): void {
    this.#faults.failedOften(code, message);
  }

  /** The end of what the client may have: a time, a budget. */
  outlasted(code: string, message: string, close: number): void {
    this.#faults.outlasted(code, message);
    this.socket.close(close, message);
  }

  #error({ type, code, message, param }: ToldFault, eventId: string | null): void {
    if (this.audience.tap.error(eventId, { type, code, message, param })) return;
    const event = { type: "error", error: { type, code, message, param, event_id: eventId } };
    if (this.audience.harmless) this.tell(event);
    else this.emit(event);
  }

  snapshot(): ClientPortSnapshot {
    return {
      ...this.socket.snapshot(),
      ...(this.#ducks ? { ducks: true } : {}),
      muted: this.#muted,
      sequence: this.#sequence,
      outbox: this.outbox.snapshot(),
      faults: this.#faults.snapshot(),
    };
  }

  restore(snapshot: ClientPortSnapshot): void {
    this.socket.restore(snapshot);
    this.#ducks = snapshot.ducks ?? false;
    this.#muted = snapshot.muted;
    this.#sequence = snapshot.sequence;
    this.outbox.restore(snapshot.outbox);
    this.#faults.restore(snapshot.faults);
  }
}

export interface ClientPortSnapshot extends ClientSocketSnapshot {
  /** Absent: it does not. */
  readonly ducks?: boolean;
  readonly muted: boolean;
  readonly sequence: number;
  readonly outbox: OutboxSnapshot;
  readonly faults: FaultLimiterSnapshot;
}
