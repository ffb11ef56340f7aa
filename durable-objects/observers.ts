/**
 * Sockets of the application's observers (docs/control.md), beside the client's. What each is stands in its attachment, so
 * that they are told apart after hibernation.
 */
import * as v from "valibot";
import { observerPeer } from "../src/session/control/names.ts";
import type { PeerId } from "../src/session/io.ts";
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

  /** One comes. @returns its name. */
  add(socket: ClientSocket, audio: boolean): PeerId {
    const observer = this.#last + 1;
    socket.serializeAttachment({ observer, audio } satisfies ObserverMark);
    return this.found(socket, observer);
  }

  /** One that outlived hibernation. */
  found(socket: ClientSocket, observer: number): PeerId {
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

  /** It closed. */
  forget(peer: PeerId): void {
    const socket = this.#sockets.get(peer);
    if (socket !== undefined) this.#peers.delete(socket);
    this.#sockets.delete(peer);
  }

  close(peer: PeerId, code: number, reason: string): void {
    const socket = this.#sockets.get(peer);
    this.forget(peer);
    if (socket !== undefined) shut(socket, code, reason);
  }
}
