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
import { type Call, type Dial, isResponse, type Socket } from "./dial.ts";
import { INTERNAL_ERROR, introduce, tell, TRIED_TOO_OFTEN } from "./introduction.ts";
import { type ClientSocket, isClients, PendingClients, type PendingMark, putOut } from "./pending-clients.ts";
import { dialsFirst } from "./dials-first.ts";
import { Polling } from "./polling.ts";
import { askService, type Services } from "./asked.ts";
import { Snapshots } from "./snapshots.ts";
import { earlier, Timer, type Clock } from "./timer.ts";

export interface ShellHost extends Services {
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
  readonly #polling = new Polling();
  #client: ClientSocket | null;
  readonly #pending = new PendingClients();
  readonly #observers = new ObserverSockets();
  #vacantSince: number | null;
  /** It came back without its client's socket: the news of that one's close may be what woke it, and is still to come. */
  #bare: boolean;
  #over = false;
  readonly #late = new LateMessages();
  #lastInputAt: number;
  #timedOutAt = Number.NEGATIVE_INFINITY;
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
    for (const [socket, mark] of found.observers ?? [])
      this.handleQuietly(this.#observers.found(socket, mark));
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
    this.#polling.forget(CLIENT);
    this.#host.metric("client_connections", 1);
    this.#feed({ type: "open", peer: CLIENT, dialect });
  }

  /** An observer of the application's comes, beside the client, if there is one. */
  observerCame(socket: ClientSocket, audio: boolean): void {
    if (!this.#over) this.#feed(this.#observers.add(socket, audio));
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

  #look(socket: ClientSocket): void {
    if (!this.#polling.wantsLook(CLIENT)) return;
    const bytes = socket.bufferedAmount;
    this.#polling.looked(CLIENT, bytes);
    this.handleQuietly({ type: "buffered", peer: CLIENT, bytes });
  }

  /** The first message of a pending connection. @returns whether it is the client from now on. */
  #introduced(socket: ClientSocket, mark: PendingMark, data: WireMessage): boolean {
    const answer = introduce(data, mark, this.#session, this.attended);
    if (answer !== null) {
      tell(socket, answer.events);
      if (answer.close === null && this.#pending.mayTryAgain(socket)) return false;
      const { code, reason } = answer.close ?? TRIED_TOO_OFTEN;
      this.#pending.forget(socket);
      shut(socket, code, reason);
      this.#aim();
      return false;
    }
    this.#pending.promote(socket);
    this.#attach(socket, "duplex.v1");
    return true;
  }

  clientClosed(socket: ClientSocket, code: number, reason: string): void {
    this.#pending.forget(socket);
    const observer = this.#observers.left(socket);
    if (observer === null && this.#client !== socket && !(this.#bare && isClients(socket))) return;
    if (observer === null) this.#leave();
    const peer = observer ?? CLIENT;
    this.#polling.forget(peer);
    this.#feed({ type: "close", peer, code, reason });
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
    const [dials, others] = ends ? [[], actions] : dialsFirst(actions);
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
      case "moderate":
      case "tool":
        askService(this.#host, action, (input) => this.handleQuietly(input));
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
    this.#polling.sent(peer, data.length, peer === CLIENT || isObserver(peer), this.#host.clock.now());
  }

  #dial(peer: PeerId, request: DialRequest): void {
    const upstream: Upstream = { call: null, socket: null };
    this.#upstreams.set(peer, upstream);
    this.#host.metric(isResponse(request) ? "upstream_requests" : "upstream_dials", 1);
    upstream.call = this.#host.dial(request, {
      opened: (socket, head) => {
        upstream.socket = socket;
        this.#feed(head === undefined ? { type: "open", peer } : { type: "open", peer, head });
      },
      message: (data) => this.#feed({ type: "message", peer, data }),
      closed: (code, reason) => {
        this.#upstreams.delete(peer);
        this.#polling.forget(peer);
        this.#feed({ type: "close", peer, code, reason });
      },
    });
  }

  /** After this nothing comes from that peer any more. */
  #close(peer: PeerId, code: number, reason: string): void {
    this.#polling.forget(peer);
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
    this.#polling.within(now);
    const ownAt = earlier(this.#polling.at, this.#pending.deadline);
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
    if (this.#polling.at !== null && this.#polling.at <= now) this.#poll();
    if (this.#over) return;
    this.#pending.due(now);
    const sleepAt = this.#sleepAt();
    if (sleepAt !== null && sleepAt <= now) this.#sleep();
    else this.#aim();
  }

  #poll(): void {
    this.#polling.poll(
      () => this.#host.clock.now(),
      (peer) => this.#socketOf(peer)?.bufferedAmount ?? 0,
      (peer, bytes) => {
        this.handleQuietly({ type: "buffered", peer, bytes });
        return !this.#over;
      },
    );
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
    if (this.#upstreams.size > 0 || this.#polling.at !== null || !this.#session.quiet) return null;
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
