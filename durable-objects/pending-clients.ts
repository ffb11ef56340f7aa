/**
 * Connections to a session that is there, which have not said yet whether they go on with it. Nothing is sent to them
 * and the live client is left alone: a dial that its client gave up may arrive at any time after the one that followed.
 */
import * as v from "valibot";
import { CLOSE_SILENT, shut } from "./close-code.ts";
import type { Socket } from "./dial.ts";
import { type ObserverMark, readObserver } from "./observers.ts";

/** Kept with the socket, so that it is known for what it is after hibernation. */
export interface PendingMark {
  /** When it came, in milliseconds since 1970. */
  readonly since: number;
  /** The resume token by which it came; null: by a key or client secret. */
  readonly token: string | null;
  /** It came by a client secret, which never takes a session from its live client. */
  readonly secret: boolean;
}

/** Of a socket's attachment; null: none of these. */
export function readMark(attachment: unknown): PendingMark | null {
  if (typeof attachment !== "object" || attachment === null) return null;
  const result = v.safeParse(mark, attachment);
  return result.success ? result.output : null;
}

const mark = v.object({ since: v.number(), token: v.nullable(v.string()), secret: v.boolean() });

/** Of a socket that was the client's, and was closed from here. */
const PUT_OUT = "put out";

/** Closes the client's socket. It may stay for as long as its client does not answer, and is not the client's any more. */
export function putOut(socket: ClientSocket, code: number, reason: string): void {
  try {
    socket.serializeAttachment(PUT_OUT);
  } catch {
    // Closed already, and of no account any more.
  }
  shut(socket, code, reason);
}

/** It is, or was to its end, the client's. */
export function isClients(socket: ClientSocket): boolean {
  const attachment = socket.deserializeAttachment();
  return attachment !== PUT_OUT && readMark(attachment) === null && readObserver(attachment) === null;
}

/** A client's socket. */
export interface ClientSocket extends Socket {
  /** Outlives hibernation (Durable Objects, hibernation API). */
  serializeAttachment(attachment: unknown): void;
  deserializeAttachment(): unknown;
}

/** One that says nothing for so long is closed. */
const SILENT_MS = 30_000;
/** Of one client there is one, and the few dials that it gave up. */
const LIMIT = 4;
/** A `session.resume` that cannot be read is answered so often: no budget but the session's counts what is said here. */
const MOST_TRIES = 10;

export class PendingClients {
  /** Oldest first. */
  readonly #waiting = new Map<ClientSocket, PendingMark>();
  readonly #tries = new WeakMap<ClientSocket, number>();

  /** When the next one has been silent for too long; null: there is none. */
  get deadline(): number | null {
    const [oldest] = this.#waiting.values();
    return oldest === undefined ? null : oldest.since + SILENT_MS;
  }

  get some(): boolean {
    return this.#waiting.size > 0;
  }

  /** One too many puts the oldest out. */
  add(socket: ClientSocket, mark: PendingMark): void {
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size >= LIMIT && oldest !== undefined) {
      this.#waiting.delete(oldest);
      shut(oldest, CLOSE_SILENT, "other connections came, and this one said nothing");
    }
    this.#waiting.set(socket, mark);
    socket.serializeAttachment(mark);
  }

  /** Null: it is not one of these. */
  markOf(socket: ClientSocket): PendingMark | null {
    return this.#waiting.get(socket) ?? null;
  }

  /** What it said could not be read. @returns whether it may try again. */
  mayTryAgain(socket: ClientSocket): boolean {
    const tries = (this.#tries.get(socket) ?? 0) + 1;
    this.#tries.set(socket, tries);
    return tries < MOST_TRIES;
  }

  /** It is the client from now on. */
  promote(socket: ClientSocket): void {
    this.#waiting.delete(socket);
    socket.serializeAttachment(null);
  }

  /** It closed, or is closed. */
  forget(socket: ClientSocket): void {
    this.#waiting.delete(socket);
  }

  /** Closes those that have been silent for too long. */
  due(now: number): void {
    for (const [socket, { since }] of this.#waiting) {
      if (since + SILENT_MS > now) continue;
      this.#waiting.delete(socket);
      shut(socket, CLOSE_SILENT, "nothing was said for 30 s");
    }
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#waiting.keys()) shut(socket, code, reason);
    this.#waiting.clear();
  }
}

/** `WebSocket.OPEN`. */
const OPEN = 1;

/**
 * Of an object's sockets: its client's, where it hibernated with it, those that have still to say who they are, and those of
 * observers.
 * @param attended there was a client.
 */
export function hibernated<Client extends ClientSocket & { readonly readyState: number }>(
  sockets: readonly Client[],
  attended: boolean,
): {
  readonly client: Client | null;
  readonly pending: readonly (readonly [Client, PendingMark])[];
  readonly observers: readonly (readonly [Client, ObserverMark])[];
} {
  const open = sockets.filter(({ readyState }) => readyState === OPEN);
  const marked = <Mark>(read: (attachment: unknown) => Mark | null) =>
    open.flatMap((socket) => {
      const mark = read(socket.deserializeAttachment());
      return mark === null ? [] : [[socket, mark] as const];
    });
  const client = attended ? (open.find((socket) => isClients(socket)) ?? null) : null;
  return { client, pending: marked(readMark), observers: marked(readObserver) };
}
