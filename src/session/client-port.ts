/**
 * The client's side of the wire: numbers and writes server events, in the dialect that was negotiated. What is sent
 * while no client is connected is gone for a `realtime` client, which cannot resume.
 */
import type { ClientError } from "../protocol/client-error.ts";
import { FRAME_AUDIO, writeFrame } from "../protocol/frame.ts";
import type { Json } from "../protocol/json.ts";
import type { Context } from "./context.ts";
import { CLIENT, type Dialect } from "./io.ts";

/** A server event before it got its event_id. */
export interface ServerEvent {
  readonly type: string;
  readonly [field: string]: Json | undefined;
}

/** Everything about an audio delta that stays the same for one item, made once. */
export interface AudioAddress {
  /** `"response_id":…,"item_id":…,"output_index":…,"content_index":…` */
  readonly members: string;
  readonly stream: number;
  readonly ordinal: number;
}

/** More messages than a session can send between two snapshots. */
const MESSAGES_PER_SNAPSHOT = 10_000;

export class ClientPort {
  readonly #context: Context;
  #dialect: Dialect | null = null;
  #sequence = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  get connected(): boolean {
    return this.#dialect !== null;
  }

  /** The client negotiated `duplex.v1`. */
  get extended(): boolean {
    return this.#dialect === "duplex.v1";
  }

  open(dialect: Dialect): void {
    this.#dialect = dialect;
  }

  closed(): void {
    this.#dialect = null;
  }

  emit(event: ServerEvent): void {
    if (this.#dialect === null) return;
    const { type, ...members } = event;
    const numbered: Record<string, Json | undefined> = {
      type,
      event_id: this.#context.newId("event"),
      ...members,
    };
    this.#sequence += 1;
    if (this.extended) numbered["server_event_seq"] = this.#sequence;
    this.#context.act({ type: "send", peer: CLIENT, data: JSON.stringify(numbered) });
  }

  /** One piece of audio: binary for `duplex.v1`, else `response.output_audio.delta`. */
  audio(address: AudioAddress, bytes: Uint8Array): void {
    if (this.#dialect === null) return;
    this.#sequence += 1;
    if (this.extended) {
      const header = {
        kind: FRAME_AUDIO,
        stream: address.stream,
        response: address.ordinal,
        sequence: this.#sequence,
      };
      this.#context.act({ type: "send", peer: CLIENT, data: writeFrame(header, bytes) });
      return;
    }
    const id = this.#context.newId("event");
    const data = `{"type":"response.output_audio.delta","event_id":"${id}",${address.members},"delta":"${bytes.toBase64()}"}`;
    this.#context.act({ type: "send", peer: CLIENT, data });
  }

  /** The client's own fault, answered with the id of the event that caused it. */
  rejected(error: ClientError, eventId: string | null): void {
    this.#context.metric("client_errors", 1);
    this.#error("invalid_request_error", error.code, error.message, error.param, eventId);
  }

  /** An upstream's or our own fault. */
  failed(code: string, message: string): void {
    this.#error("server_error", code, message, null, null);
  }

  #error(type: string, code: string, message: string, param: string | null, eventId: string | null): void {
    this.emit({ type: "error", error: { type, code, message, param, event_id: eventId } });
  }

  snapshot(): ClientPortSnapshot {
    return { dialect: this.#dialect, sequence: this.#sequence };
  }

  /** `stale`: messages may have been sent after the snapshot; no number is given twice. */
  restore(snapshot: ClientPortSnapshot, stale: boolean): void {
    this.#dialect = snapshot.dialect;
    this.#sequence = snapshot.sequence + (stale ? MESSAGES_PER_SNAPSHOT : 0);
  }
}

export interface ClientPortSnapshot {
  readonly dialect: Dialect | null;
  readonly sequence: number;
}
