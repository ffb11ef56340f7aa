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
import type { MetricName } from "../src/session/metrics.ts";
import type { SessionSnapshot } from "../src/session/session.ts";
import type { WireMessage } from "../src/upstreams/upstream.ts";
import { askService } from "./asked.ts";
import { Called } from "./called.ts";
import { Callers, type Entry } from "./callers.ts";
import { isResponse } from "./dial.ts";
import { dialsFirst } from "./dials-first.ts";
import { INTERNAL_ERROR } from "./introduction.ts";
import type { KeyName } from "./observers.ts";
import { Peers } from "./peers.ts";
import type { ClientSocket } from "./pending-clients.ts";
import { Polling } from "./polling.ts";
import { Schedule } from "./schedule.ts";
import type { SessionCore } from "./session-core.ts";
import type { Found, ShellHost } from "./shell-host.ts";
import { Sleep } from "./sleep.ts";
import { Snapshots } from "./snapshots.ts";
import { Timer } from "./timer.ts";

const NOTHING: Found = { client: null, pending: [], asleep: false, vacantSince: null };

export class Shell {
  readonly #session: SessionCore;
  readonly #host: ShellHost;
  readonly #timer: Timer;
  readonly #callers: Callers;
  readonly #called: Called;
  readonly #polling = new Polling();
  readonly #peers: Peers;
  #over = false;
  readonly #sleep: Sleep;
  readonly #schedule: Schedule;
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
      look: (socket: ClientSocket) => this.#peers.look(socket, this.#buffered),
      forget: (peer: PeerId) => this.#polling.forget(peer),
      aim: () => this.#aim(),
      metric: (name: MetricName, value: number) => host.metric(name, value),
      cut: () => host.cut(),
    };
    this.#callers = new Callers(session, callers, found);
    this.#peers = new Peers(host.clock, this.#callers, this.#called, this.#polling);
    this.#snapshots = new Snapshots({
      clock: host.clock,
      take: () => this.#save(),
      busy: () => session.busy,
      stored: (covers) => this.handleQuietly({ type: "persisted", covers }),
      failed: () => this.#aim(),
    });
    this.#sleep = new Sleep(this.#snapshots, found.asleep, host.clock.now());
    this.#timer = new Timer(host.clock, () => this.#tick());
    const told = { called: this.#called, callers: this.#callers, polling: this.#polling };
    this.#schedule = new Schedule({ session, host, ...told, sleep: this.#sleep });
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
        this.#peers.send(action.peer, action.data);
        break;
      case "dial":
        this.#host.metric(isResponse(action.request) ? "upstream_requests" : "upstream_dials", 1);
        this.#called.dial(action.peer, action.request);
        break;
      case "close":
        this.#peers.close(action.peer, action.code, action.reason);
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
    this.#peers.closeAll(code, reason);
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

  /** One timer for all: it is asked for the earliest, and every tick looks at each. The alarm stands for it in sleep. */
  #aim(): void {
    if (!this.#sleep.asleep) this.#timer.aim(this.#schedule.next());
  }

  #tick(): void {
    const now = this.#host.clock.now();
    const deadline = this.#session.deadline;
    if (deadline !== null && deadline <= now) {
      this.#schedule.timedOut(now);
      this.#run({ type: "timeout" });
    }
    if (this.#over) return;
    if (this.#polling.at !== null && this.#polling.at <= now) this.#peers.poll(this.#buffered);
    if (this.#over) return;
    this.#callers.due();
    const { sleepAt } = this.#schedule;
    if (sleepAt !== null && sleepAt <= now) this.#goToSleep();
    else this.#aim();
  }

  readonly #buffered = (peer: PeerId, bytes: number): boolean => {
    this.handleQuietly({ type: "buffered", peer, bytes });
    return !this.#over;
  };

  /** What the shell or the account of the session's key has to tell is no sign of life: it must not put off sleep. */
  handleQuietly(input: Input): void {
    if (this.#over) return;
    if (this.#act(input, this.#host.clock.now())) this.#snapshots.touch();
  }

  #goToSleep(): void {
    if (!this.#sleep.begin()) return this.#aim();
    this.#timer.stop();
    this.#host.sleep(this.#schedule.deadline, this.#snapshots.current);
  }
}
