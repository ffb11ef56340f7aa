/**
 * The shell around one session: hands in what sockets and the clock bring, and performs what the session answers, in
 * order, before the next input. Everything that is not synchronous is behind `ShellHost`.
 *
 * One timer serves the session's deadline, the polling of `bufferedAmount` (workerd has no backpressure: a peer that
 * does not read is seen only there) and the wish to sleep. Snapshots are taken after the sends of their tick.
 */
import {
  CLIENT,
  type Action,
  type Covers,
  type Dialect,
  type Input,
  type PeerId,
} from "../src/session/io.ts";
import { isObserver } from "../src/session/control/names.ts";
import type { MetricName } from "../src/session/metrics.ts";
import type { SessionSnapshot } from "../src/session/session.ts";
import type { DialRequest, WireMessage } from "../src/upstreams/upstream.ts";
import type { SessionCore } from "./session-core.ts";
import { LateMessages } from "./late-messages.ts";
import { type ObserverMark, ObserverSockets, readObserver } from "./observers.ts";
import { CLOSE_TAKEN_OVER, sendableCloseCode, sendableCloseReason, shut } from "./close-code.ts";
import type { Call, Dial, Socket } from "./dial.ts";
import { INTERNAL_ERROR, introduce, tell } from "./introduction.ts";
import { type ClientSocket, isClients, PendingClients, type PendingMark, putOut } from "./pending-clients.ts";
import { Snapshots } from "./snapshots.ts";
import { Timer, type Clock } from "./timer.ts";

export interface ShellHost {
  readonly clock: Clock;
  readonly dial: Dial;
  /** Stores a snapshot, off the hot path. Resolves when it is durable, rejects when it could not be stored. */
  save(peers: readonly PeerId[], snapshot: SessionSnapshot): Promise<void>;
  /**
   * Instead of `save`, where nothing of the session is stored: the store knows that there is one. Such a session lives in
   * memory only, and does not leave it by itself.
   */
  readonly mark?: () => Promise<void>;
  /** It lives in memory only, though something is stored: it does not leave it by itself. */
  readonly stays?: boolean;
  metric(name: MetricName, value: number, upstream?: string): void;
  /** Asks the plan's end-of-turn model about 16 kHz audio. Settles within a bounded time. */
  consult(samples: Int16Array): Promise<number>;
  /**
   * Nothing keeps this object awake any more; it must be woken at `at` (null: by the client only).
   * @param current the stored snapshot is all there is to know.
   */
  sleep(at: number | null, current: boolean): void;
  /** The client's heartbeats are answered without waking the object, or are not any more. */
  rest(on: boolean): void;
  /** It was asleep, and something comes: the stored snapshot will not be all there is to know. */
  awake(): void;
  /** The session is over: nothing of it is needed any more. */
  ended(): void;
  /**
   * Message after message comes from a client that was put out: the object is to be ended, which ends its connections.
   * Called once; what was stored goes on with whoever comes.
   */
  cut(): void;
  /** The core threw. Called once; `error` must not be logged with its message, which may hold what was said. */
  failed(error: unknown): void;
}

const POLL_EVERY_MS = 250;
/** Bytes or characters to the client after which its socket is looked at before its next message, and soon: answers wait. */
const LOOK_AFTER = 256 * 1024;
const LOOK_WITHIN_MS = 20;
/** An object hibernates after some ten seconds of nothing; before that it is not worth a write. */
const SLEEP_AFTER_MS = 5000;
/** Too near a deadline to sleep. */
const SLEEP_LEAST_MS = 10_000;
const SLEEP_SAVES = 2;

/** What a session that comes back from storage finds. */
export interface Found {
  /** The socket of its client, when it hibernated with it. */
  readonly client: ClientSocket | null;
  readonly pending: readonly (readonly [ClientSocket, PendingMark])[];
  /** Observers of the application's that hibernated with it. */
  readonly observers?: readonly (readonly [ClientSocket, ObserverMark])[];
  /** It comes back exactly as it was stored. */
  readonly asleep: boolean;
  /** Since when its client is gone, in milliseconds since 1970; null: it is there, or never came. */
  readonly vacantSince: number | null;
}

const NOTHING: Found = { client: null, pending: [], asleep: false, vacantSince: null };

/** By what a client that comes may come. */
export type Entry = Omit<PendingMark, "since">;

interface Upstream {
  call: Call | null;
  socket: Socket | null;
}

export class Shell {
  readonly #session: SessionCore;
  readonly #host: ShellHost;
  readonly #timer: Timer;
  readonly #upstreams = new Map<PeerId, Upstream>();
  /** Peers that were sent to since their `bufferedAmount` was last read, with what it was. */
  readonly #polled = new Map<PeerId, number>();
  /** Bytes or characters since the client's was last read. */
  #sentToClient = 0;
  #client: ClientSocket | null;
  readonly #pending = new PendingClients();
  readonly #observers = new ObserverSockets();
  /** Bytes or characters to each observer since its socket was last read. */
  readonly #sentToObservers = new Map<PeerId, number>();
  #vacantSince: number | null;
  /** It came back without its client's socket: the news of that one's close may be what woke it, and is still to come. */
  #bare: boolean;
  #over = false;
  readonly #late = new LateMessages();
  #lastInputAt: number;
  #timedOutAt = Number.NEGATIVE_INFINITY;
  #pollAt: number | null = null;
  readonly #snapshots: Snapshots;
  #asleep: boolean;
  /** Snapshots taken in order to sleep since the last sign of life. */
  #sleepSaves = 0;

  constructor(session: SessionCore, host: ShellHost, found: Found = NOTHING) {
    this.#session = session;
    this.#host = host;
    this.#client = found.client;
    this.#asleep = found.asleep;
    this.#vacantSince = found.vacantSince;
    this.#bare = found.vacantSince !== null;
    for (const [socket, mark] of found.pending) this.#pending.add(socket, mark);
    this.#snapshots = new Snapshots({
      clock: host.clock,
      take: () => this.#save(),
      busy: () => session.busy,
      stored: (covers) => this.handleQuietly({ type: "persisted", covers }),
      failed: () => this.#aim(),
    });
    this.#lastInputAt = host.clock.now();
    this.#timer = new Timer(host.clock, () => this.#tick());
    for (const [socket, { observer, audio }] of found.observers ?? [])
      this.#observerOpened(this.#observers.found(socket, observer), audio, true);
    this.#aim();
  }

  /** No more inputs are taken: the session ended or failed. */
  get over(): boolean {
    return this.#over;
  }

  /** A client is connected, as far as is known. */
  get attended(): boolean {
    return this.#client !== null;
  }

  /** Since when nobody is here who was: no client, and no connection that may be one. Null: somebody is, or never was. */
  get vacantSince(): number | null {
    return this.#client === null && !this.#pending.some ? this.#vacantSince : null;
  }

  /**
   * A client comes. Where there was a `duplex.v1` client before, another one waits until it has said whether it goes on
   * with that one's session: nothing changes until then.
   */
  clientOpened(socket: ClientSocket, dialect: Dialect, entry: Entry): void {
    if (this.#over) return;
    if (dialect !== "duplex.v1" || (entry.token === null && !this.#session.extended)) {
      this.#attach(socket, dialect);
      return;
    }
    this.#pending.add(socket, { ...entry, since: this.#host.clock.now() });
    this.#feed({ type: "pending" });
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
    this.#polled.delete(CLIENT);
    this.#host.metric("client_connections", 1);
    this.#feed({ type: "open", peer: CLIENT, dialect });
  }

  /** An observer of the application's comes, beside the client, if there is one. */
  observerCame(socket: ClientSocket, audio: boolean): void {
    if (this.#over) return;
    this.#observerOpened(this.#observers.add(socket, audio), audio, false);
  }

  #observerOpened(peer: PeerId, audio: boolean, again: boolean): void {
    const input = { type: "observer", peer, audio, again } as const;
    if (again) this.handleQuietly(input);
    else this.#feed(input);
  }

  /** Of an observer's socket. @returns false: it is none. */
  #observerMessage(socket: ClientSocket, data: WireMessage): boolean {
    const peer = this.#observers.peerOf(socket);
    if (peer !== null) this.#feed({ type: "message", peer, data });
    // One that was dropped may still deliver what was under way.
    return peer !== null || readObserver(socket.deserializeAttachment()) !== null;
  }

  /** A message of a client's socket. One that was put out may still deliver what was under way: that is dropped. */
  clientMessage(socket: ClientSocket, data: WireMessage): void {
    if (socket !== this.#client && this.#observerMessage(socket, data)) return;
    if (this.#over) return this.#tooLate();
    const mark = this.#pending.markOf(socket);
    if (mark !== null && !this.#introduced(socket, mark, data)) return;
    if (this.#client !== socket) return this.#tooLate();
    this.#look(socket);
    this.#feed({ type: "message", peer: CLIENT, data });
  }

  #tooLate(): void {
    if (!this.#late.tooMany(this.#client !== null)) return;
    this.#host.metric("clients_cut", 1);
    this.#host.cut();
  }

  /** Much was sent to the client since its socket was last looked at: how it stands decides what more it may ask for. */
  #look(socket: ClientSocket): void {
    if (this.#sentToClient <= LOOK_AFTER) return;
    const bytes = socket.bufferedAmount;
    this.#sentToClient = 0;
    if (bytes > 0) this.#polled.set(CLIENT, bytes);
    this.handleQuietly({ type: "buffered", peer: CLIENT, bytes });
  }

  /** The first message of a pending connection. @returns whether it is the client from now on. */
  #introduced(socket: ClientSocket, mark: PendingMark, data: WireMessage): boolean {
    const answer = introduce(data, mark, this.#session, this.attended);
    if (answer !== null) {
      tell(socket, answer.events);
      if (answer.close === null) return false;
      this.#pending.forget(socket);
      shut(socket, answer.close.code, answer.close.reason);
      this.#aim();
      return false;
    }
    this.#pending.promote(socket);
    this.#attach(socket, "duplex.v1");
    return true;
  }

  clientClosed(socket: ClientSocket, code: number, reason: string): void {
    this.#pending.forget(socket);
    const observer = this.#observers.peerOf(socket);
    if (observer !== null) return this.#observerClosed(observer, code, reason);
    if (this.#client !== socket && !(this.#bare && isClients(socket))) return;
    this.#leave();
    this.#polled.delete(CLIENT);
    this.#feed({ type: "close", peer: CLIENT, code, reason });
  }

  #observerClosed(peer: PeerId, code: number, reason: string): void {
    this.#observers.forget(peer);
    this.#unpoll(peer);
    this.#feed({ type: "close", peer, code, reason });
  }

  #unpoll(peer: PeerId): void {
    this.#polled.delete(peer);
    this.#sentToObservers.delete(peer);
  }

  #socketOf(peer: PeerId): Socket | null {
    if (peer === CLIENT) return this.#client;
    return this.#upstreams.get(peer)?.socket ?? this.#observers.socketOf(peer);
  }

  #leave(): void {
    this.#bare = false;
    this.#client = null;
    this.#vacantSince = this.#host.clock.now();
  }

  /** Peers that a restored session believes in and that died with its isolate. */
  lost(peers: readonly PeerId[]): void {
    for (const peer of peers) this.#feed({ type: "close", peer, code: 1006, reason: "" });
  }

  /** The alarm rang. */
  woken(): void {
    this.#feed({ type: "timeout" });
    this.#pending.due(this.#host.clock.now());
  }

  terminate(): void {
    this.#run(null);
  }

  #feed(input: Input): void {
    this.#run(input);
  }

  /** @param input null: the application ends the session. */
  #run(input: Input | null): void {
    if (this.#over) return;
    const now = this.#host.clock.now();
    const asleep = this.#asleep;
    this.#asleep = false;
    this.#sleepSaves = 0;
    this.#lastInputAt = now;
    this.#snapshots.touch();
    this.#act(input, now, asleep);
  }

  /** @returns whether the session did anything but count. */
  #act(input: Input | null, now: number, asleep = false): boolean {
    let acted = false;
    try {
      const actions = input === null ? this.#session.terminate(now) : this.#session.handle(input, now);
      for (const action of asleep ? this.#wake(actions) : actions) {
        // What follows the end is nobody's any more: a connection dialled now would never be hung up.
        if (this.#over) break;
        acted ||= action.type !== "metric";
        this.#perform(action);
      }
      if (!this.#over) this.#aim();
    } catch (error) {
      this.#fail(error);
    }
    return acted;
  }

  /** Dials first: what follows is held back until the store knows that the session is awake. @returns what follows. */
  #wake(actions: readonly Action[]): readonly Action[] {
    const ends = actions.some((action) => action.type === "end");
    const [dials, others] = ends ? [[], actions] : partition(actions);
    for (const dial of dials) this.#perform(dial);
    this.#host.awake();
    return others;
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "send":
        this.#send(action.peer, action.data);
        break;
      case "dial":
        this.#dial(action.peer, action.request);
        break;
      case "close":
        this.#close(action.peer, action.code, action.reason);
        break;
      case "persist":
        this.#snapshots.soon(action.urgent === true);
        break;
      case "metric":
        this.#host.metric(action.name, action.value, action.upstream);
        break;
      case "consult":
        this.#consult(action.id, action.samples);
        break;
      case "rest":
        this.#host.rest(action.on);
        break;
      case "end":
        this.#end();
        break;
    }
  }

  #send(peer: PeerId, data: WireMessage): void {
    const socket = this.#socketOf(peer);
    if (socket === null) return;
    try {
      // workerd copies the bytes: a buffer that the core uses again is safe.
      socket.send(data);
    } catch {
      // The socket is closing; its close event says so.
      return;
    }
    if (!this.#polled.has(peer)) this.#polled.set(peer, 0);
    const now = this.#host.clock.now();
    this.#pollAt ??= now + POLL_EVERY_MS;
    if (peer === CLIENT) this.#sentToClient += data.length;
    else if (!isObserver(peer)) return;
    else this.#sentToObservers.set(peer, (this.#sentToObservers.get(peer) ?? 0) + data.length);
    const sent = peer === CLIENT ? this.#sentToClient : (this.#sentToObservers.get(peer) ?? 0);
    if (sent > LOOK_AFTER) this.#pollAt = Math.min(this.#pollAt, now + LOOK_WITHIN_MS);
  }

  #dial(peer: PeerId, request: DialRequest): void {
    const upstream: Upstream = { call: null, socket: null };
    this.#upstreams.set(peer, upstream);
    this.#host.metric("upstream_dials", 1);
    upstream.call = this.#host.dial(request, {
      opened: (socket) => {
        upstream.socket = socket;
        this.#feed({ type: "open", peer });
      },
      message: (data) => this.#feed({ type: "message", peer, data }),
      closed: (code, reason) => {
        this.#upstreams.delete(peer);
        this.#polled.delete(peer);
        this.#feed({ type: "close", peer, code, reason });
      },
    });
  }

  #consult(id: number, samples: Int16Array): void {
    const answer = (probability: number | null) => this.handleQuietly({ type: "consulted", id, probability });
    this.#host.consult(samples).then(answer, () => answer(null));
  }

  /** After this nothing comes from that peer any more. */
  #close(peer: PeerId, code: number, reason: string): void {
    this.#unpoll(peer);
    if (isObserver(peer)) return this.#observers.close(peer, code, reason);
    if (peer === CLIENT) {
      if (this.#client === null) return;
      putOut(this.#client, code, reason);
      this.#leave();
      return;
    }
    const upstream = this.#upstreams.get(peer);
    this.#upstreams.delete(peer);
    upstream?.call?.hangUp(sendableCloseCode(code), sendableCloseReason(reason));
  }

  #end(): void {
    this.#release(1000, "session ended");
    this.#host.ended();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    try {
      this.#client?.send(INTERNAL_ERROR);
    } catch {
      // It is closing already.
    }
    this.#host.metric("session_failures", 1);
    this.#release(1011, "internal error");
    this.#host.failed(error);
  }

  #release(code: number, reason: string): void {
    this.#over = true;
    this.#timer.stop();
    this.#snapshots.stop();
    for (const peer of [CLIENT, ...this.#upstreams.keys()]) {
      this.#close(peer, peer === CLIENT ? code : 1000, peer === CLIENT ? reason : "");
    }
    this.#pending.closeAll(code, reason);
    for (const peer of this.#observers.peers) this.#observers.close(peer, code, reason);
  }

  async #save(): Promise<Covers> {
    const { covers } = this.#session;
    if (this.#host.mark !== undefined) return this.#host.mark().then(() => covers);
    const client = this.#client === null ? [] : [CLIENT];
    let snapshot: SessionSnapshot;
    try {
      snapshot = this.#session.snapshot();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    await this.#host.save([...client, ...this.#upstreams.keys()], snapshot);
    return snapshot.covers;
  }

  /** One timer for all: it is asked for the earliest, and every tick looks at each. */
  #aim(): void {
    // The alarm stands for the timer.
    if (this.#asleep) return;
    const deadline = this.#session.deadline;
    // A deadline that its timeout did not move must not become a loop without end; a clock that was set back none that waits.
    const now = this.#host.clock.now();
    const callAt = deadline === null ? null : Math.max(deadline, Math.min(this.#timedOutAt, now) + 1);
    if (this.#pollAt !== null) this.#pollAt = Math.min(this.#pollAt, now + POLL_EVERY_MS);
    const ownAt = earlier(this.#pollAt, this.#pending.deadline);
    this.#timer.aim(earlier(earlier(callAt, ownAt), this.#sleepAt()));
  }

  #tick(): void {
    const now = this.#host.clock.now();
    const deadline = this.#session.deadline;
    if (deadline !== null && deadline <= now) {
      this.#timedOutAt = now;
      this.#feed({ type: "timeout" });
    }
    if (this.#over) return;
    if (this.#pollAt !== null && this.#pollAt <= now) this.#poll();
    if (this.#over) return;
    this.#pending.due(now);
    const sleepAt = this.#sleepAt();
    if (sleepAt !== null && sleepAt <= now) this.#sleep();
    else this.#aim();
  }

  #poll(): void {
    this.#pollAt = null;
    for (const [peer, before] of this.#polled) {
      const bytes = this.#socketOf(peer)?.bufferedAmount ?? 0;
      if (bytes === 0) this.#polled.delete(peer);
      else this.#polled.set(peer, bytes);
      // The session counts what it sends to the client, and has to know what was read of it.
      const sent = peer === CLIENT ? this.#sentToClient > 0 : this.#sentToObservers.delete(peer);
      if (peer === CLIENT) this.#sentToClient = 0;
      if (bytes !== before || sent) this.handleQuietly({ type: "buffered", peer, bytes });
      if (this.#over) return;
    }
    if (this.#polled.size > 0) this.#pollAt ??= this.#host.clock.now() + POLL_EVERY_MS;
  }

  /** What the shell or the account of the session's key has to tell is no sign of life: it must not put off sleep. */
  handleQuietly(input: Input): void {
    if (this.#over) return;
    if (this.#act(input, this.#host.clock.now())) this.#snapshots.touch();
  }

  /** Outgoing sockets and timers pin an object in memory; without either it hibernates and costs nothing. */
  #sleepAt(): number | null {
    const { mark, stays = mark !== undefined } = this.#host;
    if (this.#asleep || this.#snapshots.writing || stays) return null;
    if (this.#upstreams.size > 0 || this.#pollAt !== null || !this.#session.quiet) return null;
    const at = this.#lastInputAt + SLEEP_AFTER_MS;
    const deadline = this.#deadline;
    return deadline !== null && deadline < at + SLEEP_LEAST_MS ? null : at;
  }

  /**
   * With a snapshot that is durable and the last word, if that can be had: storing one may have its own consequence
   * (an acknowledgement), once.
   */
  #sleep(): void {
    if (!this.#snapshots.current && !this.#snapshots.failing && this.#sleepSaves < SLEEP_SAVES) {
      this.#sleepSaves += 1;
      this.#snapshots.now();
      this.#aim();
      return;
    }
    this.#timer.stop();
    this.#asleep = true;
    this.#host.sleep(this.#deadline, this.#snapshots.current);
  }

  /** The session's, or that of a connection which says nothing. */
  get #deadline(): number | null {
    return earlier(this.#session.deadline, this.#pending.deadline);
  }
}

function partition(
  actions: readonly Action[],
): readonly [dials: readonly Action[], others: readonly Action[]] {
  const dials = actions.filter((action) => action.type === "dial");
  return [dials, actions.filter((action) => action.type !== "dial")];
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
