/**
 * Sockets of the application's observers (docs/control.md), beside the client's. What each is stands in its attachment, so
 * that they are told apart after hibernation.
 */
import * as v from "valibot";
import { observerPeer } from "../src/session/control/names.ts";
import type { Input, PeerId } from "../src/session/io.ts";
import { shut } from "./close-code.ts";
import type { ClientSocket } from "./pending-clients.ts";

/** Kept with the socket. */
export interface ObserverMark {
  /** By which the session knows it. */
  readonly observer: number;
  /** It is told what is heard. */
  readonly audio: boolean;
}

const mark = v.object({ observer: v.number(), audio: v.boolean() });

/** Of a socket's attachment; null: it is no observer's, nor was it. */
export function readObserver(attachment: unknown): ObserverMark | null {
  if (typeof attachment !== "object" || attachment === null) return null;
  const result = v.safeParse(mark, attachment);
  return result.success ? result.output : null;
}

export class ObserverSockets {
  readonly #peers = new Map<ClientSocket, PeerId>();
  readonly #sockets = new Map<PeerId, ClientSocket>();
  #last = 0;

  get peers(): readonly PeerId[] {
    return [...this.#sockets.keys()];
  }

  /** One comes. @returns what the session is to be told. */
  add(socket: ClientSocket, audio: boolean): Input {
    const mark: ObserverMark = { observer: this.#last + 1, audio };
    socket.serializeAttachment(mark);
    return { type: "observer", peer: this.#name(socket, mark), audio, again: false };
  }

  /** One that outlived hibernation. @returns what the session is to be told. */
  found(socket: ClientSocket, mark: ObserverMark): Input {
    return { type: "observer", peer: this.#name(socket, mark), audio: mark.audio, again: true };
  }

  #name(socket: ClientSocket, { observer }: ObserverMark): PeerId {
    const peer = observerPeer(observer);
    this.#last = Math.max(this.#last, observer);
    this.#peers.set(socket, peer);
    this.#sockets.set(peer, socket);
    return peer;
  }

  /** Null: it is none of these, or not any more. */
  peerOf(socket: ClientSocket): PeerId | null {
    return this.#peers.get(socket) ?? null;
  }

  socketOf(peer: PeerId): ClientSocket | null {
    return this.#sockets.get(peer) ?? null;
  }

  /** A socket closed. @returns whose it was; null: none of these. */
  left(socket: ClientSocket): PeerId | null {
    const peer = this.peerOf(socket);
    this.#peers.delete(socket);
    if (peer !== null) this.#sockets.delete(peer);
    return peer;
  }

  close(peer: PeerId, code: number, reason: string): void {
    const socket = this.#sockets.get(peer);
    if (socket === undefined) return;
    this.left(socket);
    shut(socket, code, reason);
  }
}
