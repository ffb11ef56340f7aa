/** The sockets of a session's peers: what is sent, what waits in them, and their end. */
import { isObserver } from "../src/session/control/names.ts";
import { CLIENT, type PeerId } from "../src/session/io.ts";
import type { WireMessage } from "../src/upstreams/upstream.ts";
import type { Called } from "./called.ts";
import type { Callers } from "./callers.ts";
import type { Socket } from "./dial.ts";
import type { ClientSocket } from "./pending-clients.ts";
import type { Polling } from "./polling.ts";
import type { Clock } from "./timer.ts";

/** The session is told how much waits for a peer. @returns whether it goes on. */
type Told = (peer: PeerId, bytes: number) => boolean;

export class Peers {
  readonly #clock: Clock;
  readonly #callers: Callers;
  readonly #called: Called;
  readonly #polling: Polling;

  constructor(clock: Clock, callers: Callers, called: Called, polling: Polling) {
    this.#clock = clock;
    this.#callers = callers;
    this.#called = called;
    this.#polling = polling;
  }

  #socketOf(peer: PeerId): Socket | null {
    if (peer === CLIENT) return this.#callers.client;
    return this.#called.socketOf(peer) ?? this.#callers.socketOf(peer);
  }

  send(peer: PeerId, data: WireMessage): void {
    const socket = this.#socketOf(peer);
    if (socket === null) return;
    try {
      // workerd copies the bytes: a buffer that the core uses again is safe.
      socket.send(data);
    } catch {
      // The socket is closing; its close event says so.
      return;
    }
    this.#polling.sent(peer, data.length, peer === CLIENT || isObserver(peer), this.#clock.now());
  }

  /** After this nothing comes from that peer any more. */
  close(peer: PeerId, code: number, reason: string): void {
    this.#polling.forget(peer);
    if (peer === CLIENT || isObserver(peer)) this.#callers.close(peer, code, reason);
    else this.#called.hangUp(peer, code, reason);
  }

  /** All of them, at the end. */
  closeAll(code: number, reason: string): void {
    this.#polling.forget(CLIENT);
    this.#callers.closeAll(code, reason);
    for (const peer of this.#called.peers) this.close(peer, 1000, "");
  }

  /** The client says something: it is seen at once whether it reads. */
  look(socket: ClientSocket, told: Told): void {
    if (!this.#polling.wantsLook(CLIENT)) return;
    const bytes = socket.bufferedAmount;
    this.#polling.looked(CLIENT, bytes);
    told(CLIENT, bytes);
  }

  poll(told: Told): void {
    this.#polling.poll(
      () => this.#clock.now(),
      (peer) => this.#socketOf(peer)?.bufferedAmount ?? 0,
      told,
    );
  }
}
