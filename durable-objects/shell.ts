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
import type { WireMessage } from "../src/upstreams/upstream.ts";
import { askService } from "./asked.ts";
import { Called } from "./called.ts";
import { Callers, type Entry } from "./callers.ts";
import { isResponse, type Socket } from "./dial.ts";
import { dialsFirst } from "./dials-first.ts";
import { INTERNAL_ERROR } from "./introduction.ts";
import type { KeyName } from "./observers.ts";
import type { ClientSocket } from "./pending-clients.ts";
import { Polling } from "./polling.ts";
import type { SessionCore } from "./session-core.ts";
import type { Found, ShellHost } from "./shell-host.ts";
import { Sleep } from "./sleep.ts";
import { Snapshots } from "./snapshots.ts";
import { earlier, Timer } from "./timer.ts";

const NOTHING: Found = { client: null, pending: [], asleep: false, vacantSince: null };

export class Shell {
  readonly #session: SessionCore;
  readonly #host: ShellHost;
  readonly #timer: Timer;
  readonly #callers: Callers;
  readonly #called: Called;
  readonly #polling = new Polling();
  #over = false;
  readonly #sleep: Sleep;
  #timedOutAt = Number.NEGATIVE_INFINITY;
  readonly #snapshots: Snapshots;

  constructor(session: SessionCore, host: ShellHost, found: Found = NOTHING) {
    this.#session = session;
    this.#host = host;
    this.#called = new Called(host.dial, (input) => {
      if (input.type === "close") this.#polling.forget(input.peer);
      this.#run(input);
    });
    const callers = {
      now: () => host.clock.now(),
      feed: (input: Input) => this.#run(input),
      look: (socket: ClientSocket) => this.#look(socket),
      forget: (peer: PeerId) => this.#polling.forget(peer),
      aim: () => this.#aim(),
      metric: (name: MetricName, value: number) => host.metric(name, value),
      cut: () => host.cut(),
    };
    this.#callers = new Callers(session, callers, found);
    this.#snapshots = new Snapshots({
      clock: host.clock,
      take: () => this.#save(),
      busy: () => session.busy,
      stored: (covers) => this.handleQuietly({ type: "persisted", covers }),
      failed: () => this.#aim(),
    });
    this.#sleep = new Sleep(this.#snapshots, found.asleep, host.clock.now());
    this.#timer = new Timer(host.clock, () => this.#tick());
    for (const [socket, mark] of found.observers ?? [])
      this.handleQuietly(this.#callers.observerFound(socket, mark));
    this.#aim();
  }

  /** No more inputs are taken: the session ended or failed. */
  get over(): boolean {
    return this.#over;
  }

  /** A client is connected, as far as is known. */
  get attended(): boolean {
    return this.#callers.client !== null;
  }

  /** Since when nobody is here who was: no client, and no connection that may be one. Null: somebody is, or never was. */
  get vacantSince(): number | null {
    return this.#callers.vacantSince;
  }

  /** A client comes. */
  clientOpened(socket: ClientSocket, dialect: Dialect, entry: Entry): void {
    if (!this.#over) this.#callers.came(socket, dialect, entry);
  }

  /** An observer of the application's comes, beside the client, if there is one. */
  observerCame(socket: ClientSocket, audio: boolean, by: KeyName | null): void {
    if (!this.#over) this.#callers.observerCame(socket, audio, by);
  }

  /** By which observers came. */
  get observerKeys(): readonly KeyName[] {
    return this.#callers.observerKeys;
  }

  /** This key may observe nothing here any more. */
  observerKeyGone(key: KeyName): void {
    if (!this.#over) this.#callers.dropObservers(key, 1008, "the observer's key is not known any more");
  }

  /** A message of a client's socket, or an observer's. */
  clientMessage(socket: ClientSocket, data: WireMessage): void {
    this.#callers.message(socket, data, this.#over);
  }

  clientClosed(socket: ClientSocket, code: number, reason: string): void {
    this.#callers.closed(socket, code, reason);
  }

  #look(socket: ClientSocket): void {
    if (!this.#polling.wantsLook(CLIENT)) return;
    const bytes = socket.bufferedAmount;
    this.#polling.looked(CLIENT, bytes);
    this.handleQuietly({ type: "buffered", peer: CLIENT, bytes });
  }

  #socketOf(peer: PeerId): Socket | null {
    if (peer === CLIENT) return this.#callers.client;
    return this.#called.socketOf(peer) ?? this.#callers.socketOf(peer);
  }

  /** Peers that a restored session believes in and that died with its isolate. */
  lost(peers: readonly PeerId[]): void {
    for (const peer of peers) this.#run({ type: "close", peer, code: 1006, reason: "" });
  }

  /** The alarm rang. */
  woken(): void {
    this.#run({ type: "timeout" });
    this.#callers.due();
  }

  terminate(): void {
    this.#run(null);
  }

  /** @param input null: the application ends the session. */
  #run(input: Input | null): void {
    if (this.#over) return;
    const now = this.#host.clock.now();
    const { asleep } = this.#sleep;
    this.#sleep.disturbed(now);
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
        this.#host.metric(isResponse(action.request) ? "upstream_requests" : "upstream_dials", 1);
        this.#called.dial(action.peer, action.request);
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

  /** After this nothing comes from that peer any more. */
  #close(peer: PeerId, code: number, reason: string): void {
    this.#polling.forget(peer);
    if (peer === CLIENT || isObserver(peer)) this.#callers.close(peer, code, reason);
    else this.#called.hangUp(peer, code, reason);
  }

  #end(): void {
    this.#release(1000, "session ended");
    this.#host.ended();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    try {
      this.#callers.client?.send(INTERNAL_ERROR);
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
    this.#polling.forget(CLIENT);
    this.#callers.closeAll(code, reason);
    for (const peer of this.#called.peers) this.#close(peer, 1000, "");
  }

  async #save(): Promise<Covers> {
    const { covers } = this.#session;
    if (this.#host.mark !== undefined) return this.#host.mark().then(() => covers);
    const client = this.attended ? [CLIENT] : [];
    let snapshot: SessionSnapshot;
    try {
      snapshot = this.#session.snapshot();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    await this.#host.save([...client, ...this.#called.peers], snapshot);
    return snapshot.covers;
  }

  /** One timer for all: it is asked for the earliest, and every tick looks at each. */
  #aim(): void {
    // The alarm stands for the timer.
    if (this.#sleep.asleep) return;
    const deadline = this.#session.deadline;
    // A deadline that its timeout did not move must not become a loop without end; a clock that was set back none that waits.
    const now = this.#host.clock.now();
    const callAt = deadline === null ? null : Math.max(deadline, Math.min(this.#timedOutAt, now) + 1);
    this.#polling.within(now);
    const ownAt = earlier(this.#polling.at, this.#callers.deadline);
    this.#timer.aim(earlier(earlier(callAt, ownAt), this.#sleepAt()));
  }

  #tick(): void {
    const now = this.#host.clock.now();
    const deadline = this.#session.deadline;
    if (deadline !== null && deadline <= now) {
      this.#timedOutAt = now;
      this.#run({ type: "timeout" });
    }
    if (this.#over) return;
    if (this.#polling.at !== null && this.#polling.at <= now) this.#poll();
    if (this.#over) return;
    this.#callers.due();
    const sleepAt = this.#sleepAt();
    if (sleepAt !== null && sleepAt <= now) this.#goToSleep();
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
    if (stays || this.#called.some || this.#polling.at !== null || !this.#session.quiet) return null;
    return this.#sleep.at(this.#deadline);
  }

  #goToSleep(): void {
    if (!this.#sleep.begin()) return this.#aim();
    this.#timer.stop();
    this.#host.sleep(this.#deadline, this.#snapshots.current);
  }

  /** The session's, or that of a connection which says nothing. */
  get #deadline(): number | null {
    return earlier(this.#session.deadline, this.#callers.deadline);
  }
}
