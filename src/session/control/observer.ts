/** One observer: what it may still be sent, and what it may still ask for. Nothing of it costs the call anything. */
import type { ClientError } from "../../protocol/client-error.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import type { Means } from "./ports.ts";

/** It does not read: private use (RFC 6455 §7.4.2). */
const UNREAD_CODE = 4010;

export interface ObserverHost {
  readonly context: Context;
  readonly means: Means;
  /** It is dropped, and its connection closed. */
  drop(observer: Observer, code: number, reason: string): void;
}

export class Observer {
  readonly peer: PeerId;
  /** It is told what is heard, too. */
  readonly audio: boolean;
  readonly budget: Means["budget"];
  readonly commands: Means["commands"];
  readonly #host: ObserverHost;
  /** Bytes or characters that can still stand in its socket, and how many of them it had to be told. */
  #unread = 0;
  #toldUnread = 0;
  /** Bytes in its socket when it last took some. */
  #buffered = 0;
  #dropped = false;

  constructor(peer: PeerId, audio: boolean, host: ObserverHost) {
    this.peer = peer;
    this.audio = audio;
    this.#host = host;
    this.budget = host.means.budget;
    this.commands = host.means.commands;
  }

  /** An event as text. What does not fit drops the observer, not the event: it would never know what it missed. */
  write(text: string): void {
    const { context } = this.#host;
    if (this.#dropped) return;
    this.#unread += text.length;
    if (this.#unread > context.limits.observerUnreadBytes + this.#toldUnread) this.#unreadable();
    else context.act({ type: "send", peer: this.peer, data: text });
  }

  /** What this writes is as long as the conversation is, and may all wait to be read. */
  retelling(tell: () => void): void {
    const before = this.#unread;
    const room = this.#toldUnread;
    this.#toldUnread = Number.POSITIVE_INFINITY;
    tell();
    this.#toldUnread = room + this.#unread - before;
  }

  error({ code, message, param }: ClientError, eventId: string | null): void {
    this.fault({ type: "invalid_request_error", code, message, param }, eventId);
  }

  fault(error: JsonObject, eventId: string | null): void {
    const event_id = this.#host.context.newId("event");
    this.write(JSON.stringify({ type: "error", event_id, error: { ...error, event_id: eventId } }));
  }

  /** So many bytes stand in its socket. */
  buffered(bytes: number): void {
    const { deadlines, limits, now } = this.#host.context;
    this.#unread = bytes;
    if (bytes === 0) this.#toldUnread = 0;
    const takes = bytes < this.#buffered;
    this.#buffered = bytes;
    if (bytes === 0) deadlines.clear(this.peer);
    else if (takes || deadlines.get(this.peer) === null)
      deadlines.set(this.peer, now + limits.observerStuckMs);
  }

  /** It took nothing for as long as it may. */
  due(): void {
    this.#unreadable();
  }

  gone(): void {
    this.#dropped = true;
    this.#host.context.deadlines.clear(this.peer);
  }

  #unreadable(): void {
    this.#host.drop(this, UNREAD_CODE, "the observer does not read");
  }
}
