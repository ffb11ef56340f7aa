/**
 * Sockets of the application's observers (docs/control.md), beside the client's. What each is stands in its attachment, so
 * that they are told apart after hibernation.
 */
import * as v from "valibot";
import { observerPeer } from "../src/session/control/names.ts";
import type { Input, PeerId } from "../src/session/io.ts";
import type { ObserverArrival } from "./call-setup.ts";
import { shut } from "./close-code.ts";
import type { ClientSocket } from "./pending-clients.ts";

/** Kept with the socket. */
export interface ObserverMark {
  /** By which the session knows it. */
  readonly observer: number;
  /** It is told what is heard. */
  readonly audio: boolean;
  /** By which it came; null: its door did not say, or was of a former release. */
  readonly by: KeyName | null;
}

/** An API key as it was when somebody came by it. */
export type KeyName = NonNullable<ObserverArrival["by"]>;

const by = v.nullish(v.object({ id: v.string(), fingerprint: v.string() }), null);
const mark = v.object({ observer: v.number(), audio: v.boolean(), by });

/** Of a socket's attachment; null: it is no observer's, nor was it. */
export function readObserver(attachment: unknown): ObserverMark | null {
  if (typeof attachment !== "object" || attachment === null) return null;
  const result = v.safeParse(mark, attachment);
  return result.success ? result.output : null;
}

export class ObserverSockets {
  readonly #peers = new Map<ClientSocket, PeerId>();
  readonly #sockets = new Map<PeerId, ClientSocket>();
  readonly #by = new Map<PeerId, KeyName>();
  #last = 0;

  get peers(): readonly PeerId[] {
    return [...this.#sockets.keys()];
  }

  /** By which they came, each once. */
  get keys(): readonly KeyName[] {
    return [...new Map([...this.#by.values()].map((key) => [key.id + key.fingerprint, key])).values()];
  }

  /** Those that came by it. */
  of({ id, fingerprint }: KeyName): readonly PeerId[] {
    const same = (key: KeyName): boolean => key.id === id && key.fingerprint === fingerprint;
    return [...this.#by].flatMap(([peer, key]) => (same(key) ? [peer] : []));
  }

  /** One comes. @returns what the session is to be told. */
  add(socket: ClientSocket, audio: boolean, by: KeyName | null): Input {
    const mark: ObserverMark = { observer: this.#last + 1, audio, by };
    socket.serializeAttachment(mark);
    return { type: "observer", peer: this.#name(socket, mark), audio, again: false };
  }

  /** One that outlived hibernation. @returns what the session is to be told. */
  found(socket: ClientSocket, mark: ObserverMark): Input {
    return { type: "observer", peer: this.#name(socket, mark), audio: mark.audio, again: true };
  }

  #name(socket: ClientSocket, { observer, by }: ObserverMark): PeerId {
    const peer = observerPeer(observer);
    this.#last = Math.max(this.#last, observer);
    this.#peers.set(socket, peer);
    this.#sockets.set(peer, socket);
    if (by !== null) this.#by.set(peer, by);
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
    if (peer !== null) this.#by.delete(peer);
    return peer;
  }

  close(peer: PeerId, code: number, reason: string): void {
    const socket = this.#sockets.get(peer);
    if (socket === undefined) return;
    this.left(socket);
    shut(socket, code, reason);
  }
}
