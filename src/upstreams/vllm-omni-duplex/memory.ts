/**
 * The session at the provider, which outlives its socket by half a minute: its id, the token that takes it over (another one
 * each time), and how far its numbered events came.
 */
import { indexAt, nameAt, objectAt } from "../json.ts";
import type { JsonObject, UpstreamEvent } from "../upstream.ts";

/** Events are acknowledged when so many came, so that its journal does not overflow. */
const ACK_EVERY = 16;
/** The last of them are not: a snapshot of the relay's may be a little older than what it heard. */
const ACK_BEHIND = 8;

export type MemoryState = {
  readonly id: string | null;
  readonly incarnation: number;
  readonly token: string | null;
  readonly last: number;
  readonly acknowledged: number;
};

export class Memory {
  #id: string | null = null;
  #incarnation = 0;
  #token: string | null = null;
  #last = 0;
  #acknowledged = 0;

  /** It can be taken over. */
  get kept(): boolean {
    return this.#id !== null && this.#token !== null;
  }

  /** `session.created` or `session.resumed`. */
  opened(event: JsonObject): void {
    const session = objectAt(event, "session");
    this.#id =
      nameAt(event, "session_id") ?? nameAt(session, "id") ?? nameAt(session, "session_id") ?? this.#id;
    this.#incarnation = indexAt(event, "incarnation") ?? this.#incarnation;
    this.#token = nameAt(event, "resume_token");
  }

  /** What it goes on saying is not kept any more. */
  forget(): void {
    this.#token = null;
  }

  takeover(): JsonObject {
    return {
      type: "session.resume",
      session_id: this.#id ?? "",
      incarnation: this.#incarnation,
      resume_token: this.#token ?? "",
      last_received_server_event_seq: this.#last,
    };
  }

  /** @returns whether it was heard before, of a connection that broke off after it. */
  repeats(event: JsonObject, out: UpstreamEvent[]): boolean {
    const seq = indexAt(event, "server_event_seq");
    if (seq === null) return false;
    if (seq <= this.#last) return true;
    this.#last = seq;
    if (seq - this.#acknowledged < ACK_EVERY) return false;
    this.#acknowledged = seq - ACK_BEHIND;
    const ack = { type: "session.event_ack", server_event_seq: this.#acknowledged };
    out.push({ type: "reply", data: JSON.stringify(ack) });
    return false;
  }

  snapshot(): MemoryState {
    return {
      id: this.#id,
      incarnation: this.#incarnation,
      token: this.#token,
      last: this.#last,
      acknowledged: this.#acknowledged,
    };
  }

  restore(state: MemoryState): void {
    this.#id = state.id;
    this.#incarnation = state.incarnation;
    this.#token = state.token;
    this.#last = state.last;
    this.#acknowledged = state.acknowledged;
  }
}
