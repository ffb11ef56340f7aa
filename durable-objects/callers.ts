/**
 * Who is connected to a session: its client, connections that have not said yet whether they go on with it, and observers.
 * What they bring is handed on as inputs of the session, in the order in which it comes.
 */
import { CLIENT, type Dialect, type Input, type PeerId } from "../src/session/io.ts";
import type { MetricName } from "../src/session/metrics.ts";
import type { WireMessage } from "../src/upstreams/upstream.ts";
import { CLOSE_TAKEN_OVER, shut } from "./close-code.ts";
import { introduce, tell, TRIED_TOO_OFTEN } from "./introduction.ts";
import { LateMessages } from "./late-messages.ts";
import { type KeyName, ObserverSockets, readObserver, type ObserverMark } from "./observers.ts";
import { type ClientSocket, isClients, PendingClients, type PendingMark, putOut } from "./pending-clients.ts";
import type { SessionCore } from "./session-core.ts";

/** By what a client that comes may come. */
export type Entry = Omit<PendingMark, "since">;

/** Who hibernated with the object. */
export interface FoundCallers {
  /** The socket of its client. */
  readonly client: ClientSocket | null;
  readonly pending: readonly (readonly [ClientSocket, PendingMark])[];
  /** Since when its client is gone, in milliseconds since 1970; null: it is there, or never came. */
  readonly vacantSince: number | null;
}

export interface CallersHost {
  now(): number;
  /** The session is to hear of it. */
  feed(input: Input): void;
  /** A message comes of the client, whose socket may have to be looked at before. */
  look(socket: ClientSocket): void;
  /** A peer's socket is nobody's any more. */
  forget(peer: PeerId): void;
  /** When the next is due has changed. */
  aim(): void;
  metric(name: MetricName, value: number): void;
  /** Message after message comes from a client that was put out. */
  cut(): void;
}

export class Callers {
  readonly #session: SessionCore;
  readonly #host: CallersHost;
  #client: ClientSocket | null;
  readonly #pending = new PendingClients();
  readonly #observers = new ObserverSockets();
  readonly #late = new LateMessages();
  #vacantSince: number | null;
  /** It came back without its client's socket: the news of that one's close may be what woke it, and is still to come. */
  #bare: boolean;

  constructor(session: SessionCore, host: CallersHost, found: FoundCallers) {
    this.#session = session;
    this.#host = host;
    this.#client = found.client;
    this.#vacantSince = found.vacantSince;
    this.#bare = found.vacantSince !== null;
    for (const [socket, mark] of found.pending) this.#pending.add(socket, mark);
  }

  get client(): ClientSocket | null {
    return this.#client;
  }

  /** Since when nobody is here who was: no client, and no connection that may be one. Null: somebody is, or never was. */
  get vacantSince(): number | null {
    return this.#client === null && !this.#pending.some ? this.#vacantSince : null;
  }

  /** When a connection will have said nothing for too long; null: there is none. */
  get deadline(): number | null {
    return this.#pending.deadline;
  }

  /** Null: it is not connected. */
  socketOf(peer: PeerId): ClientSocket | null {
    return peer === CLIENT ? this.#client : this.#observers.socketOf(peer);
  }

  /**
   * A client comes. Where there was a `duplex.v1` client before, another one waits until it has said whether it goes on
   * with that one's session: nothing changes until then.
   */
  came(socket: ClientSocket, dialect: Dialect, entry: Entry): void {
    if (dialect !== "duplex.v1" || (entry.token === null && !this.#session.extended)) {
      this.#attach(socket, dialect);
      return;
    }
    this.#pending.add(socket, { ...entry, since: this.#host.now() });
    this.#host.feed({ type: "pending" });
  }

  /**
   * One that is still there is put out: half-open sockets look alive for minutes, and the one that came last is the one
   * that lives. The session is not told of the former's end: it knows by the new one.
   */
  #attach(socket: ClientSocket, dialect: Dialect): void {
    const former = this.#client;
    this.#bare = false;
    this.#client = socket;
    this.#late.forget();
    if (former !== null) putOut(former, CLOSE_TAKEN_OVER, "another connection took over");
    this.#host.forget(CLIENT);
    this.#host.metric("client_connections", 1);
    this.#host.feed({ type: "open", peer: CLIENT, dialect });
  }

  /** An observer of the application's comes, beside the client, if there is one. */
  observerCame(socket: ClientSocket, audio: boolean, by: KeyName | null): void {
    this.#host.feed(this.#observers.add(socket, audio, by));
  }

  /** By which observers came. */
  get observerKeys(): readonly KeyName[] {
    return this.#observers.keys;
  }

  /** Who came by this key has no business here any more. */
  dropObservers(key: KeyName, code: number, reason: string): void {
    for (const peer of this.#observers.of(key)) {
      this.#observers.close(peer, code, reason);
      this.#host.forget(peer);
      this.#host.feed({ type: "close", peer, code, reason });
    }
  }

  /** One that outlived hibernation. @returns what the session is to be told. */
  observerFound(socket: ClientSocket, mark: ObserverMark): Input {
    return this.#observers.found(socket, mark);
  }

  /**
   * A message of a client's socket, or an observer's. One that was put out may still deliver what was under way: that is
   * dropped. @param over the session takes nothing more.
   */
  message(socket: ClientSocket, data: WireMessage, over: boolean): void {
    if (socket !== this.#client && this.#observerMessage(socket, data)) return;
    if (over) return this.#tooLate();
    const mark = this.#pending.markOf(socket);
    if (mark !== null && !this.#introduced(socket, mark, data)) return;
    if (this.#client !== socket) return this.#tooLate();
    this.#host.look(socket);
    this.#host.feed({ type: "message", peer: CLIENT, data });
  }

  /** @returns false: it is no observer's. */
  #observerMessage(socket: ClientSocket, data: WireMessage): boolean {
    const peer = this.#observers.peerOf(socket);
    if (peer !== null) this.#host.feed({ type: "message", peer, data });
    // One that was dropped may still deliver what was under way.
    return peer !== null || readObserver(socket.deserializeAttachment()) !== null;
  }

  #tooLate(): void {
    if (!this.#late.tooMany(this.#client !== null)) return;
    this.#host.metric("clients_cut", 1);
    this.#host.cut();
  }

  /** The first message of a pending connection. @returns whether it is the client from now on. */
  #introduced(socket: ClientSocket, mark: PendingMark, data: WireMessage): boolean {
    const answer = introduce(data, mark, this.#session, this.#client !== null);
    if (answer !== null) {
      tell(socket, answer.events);
      if (answer.close === null && this.#pending.mayTryAgain(socket)) return false;
      const { code, reason } = answer.close ?? TRIED_TOO_OFTEN;
      this.#pending.forget(socket);
      shut(socket, code, reason);
      this.#host.aim();
      return false;
    }
    this.#pending.promote(socket);
    this.#attach(socket, "duplex.v1");
    return true;
  }

  closed(socket: ClientSocket, code: number, reason: string): void {
    this.#pending.forget(socket);
    const observer = this.#observers.left(socket);
    if (observer === null && this.#client !== socket && !(this.#bare && isClients(socket))) return;
    if (observer === null) this.#leave();
    const peer = observer ?? CLIENT;
    this.#host.forget(peer);
    this.#host.feed({ type: "close", peer, code, reason });
  }

  /** The session closes its client or an observer. */
  close(peer: PeerId, code: number, reason: string): void {
    if (peer !== CLIENT) return this.#observers.close(peer, code, reason);
    if (this.#client === null) return;
    putOut(this.#client, code, reason);
    this.#leave();
  }

  #leave(): void {
    this.#bare = false;
    this.#client = null;
    this.#vacantSince = this.#host.now();
  }

  /** Connections that have been silent for too long go. */
  due(): void {
    this.#pending.due(this.#host.now());
  }

  closeAll(code: number, reason: string): void {
    this.close(CLIENT, code, reason);
    this.#pending.closeAll(code, reason);
    for (const peer of this.#observers.peers) this.#observers.close(peer, code, reason);
  }
}
