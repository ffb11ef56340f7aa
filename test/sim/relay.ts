/**
 * The Durable Object under the driver that ships (durable-objects/shell.ts), in virtual time: what voice-call.ts does
 * with sockets, storage, alarm and hibernation, and everything that the platform may do to it.
 */
import type { ToolCall } from "../../durable-objects/asked.ts";
import type { Dial, DialEvents } from "../../durable-objects/dial.ts";
import { type ClientSocket, putOut, readMark } from "../../durable-objects/pending-clients.ts";
import { Shell } from "../../durable-objects/shell.ts";
import type { Found, ShellHost } from "../../durable-objects/shell-host.ts";
import { readSnapshot } from "../../durable-objects/snapshot-versions.ts";
import { CLIENT, type Dialect } from "../../src/session/io.ts";
import {
  Session,
  type SessionDependencies,
  type SessionSetup,
  type SessionSnapshot,
} from "../../src/session/session.ts";
import type { ToolResult } from "../../src/session/state/tool-plan.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { loadKernels } from "../support/kernels.ts";
import { RelayClientSocket } from "./client-socket.ts";
import type { Connection, Data } from "./connection.ts";
import { CoreWatch } from "./core-watch.ts";
import { moderatorOf } from "./guard.ts";
import { Inspection } from "./inspection.ts";
import { Legs } from "./legs.ts";
import { wordsOf } from "./words.ts";
import { MIND_URL } from "./minds.ts";
import { VOICE_URL } from "./voices.ts";
import { ObjectClock } from "./object-clock.ts";
import { OutputGate } from "./output-gate.ts";
import type { Provider } from "./provider.ts";
import type { Random } from "./random.ts";
import { Store } from "./store.ts";
import type { World } from "./world.ts";

/** Of encryption, before a value is given to the disk. */
const SEAL_MS = 3;
const BEAT = '{"type":"session.heartbeat"}';

/** The object in memory. */
interface Live {
  readonly core: CoreWatch;
  readonly shell: Shell;
}

/** How a client comes: by the token of a session that is there, or by its key. */
export interface Arrival {
  readonly dialect: Dialect;
  readonly token: string | null;
}

export class Relay {
  readonly store: Store;
  readonly clock: ObjectClock;
  readonly inspection: Inspection;
  /** The session ended, and why. */
  ended: string | null = null;
  readonly #world: World;
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #moderator: ReturnType<typeof moderatorOf>;
  readonly #setup: SessionSetup;
  readonly #dependencies: SessionDependencies;
  readonly #gate = new OutputGate();
  readonly #legs: Legs;
  /** The build that runs now cannot read what is stored. */
  unreadable = false;
  #live: Live | null = null;
  #begun = false;
  /** Sockets of clients, open or closing: they are the runtime's, and outlive hibernation. */
  readonly #sockets = new Set<RelayClientSocket>();
  /** The runtime answers heartbeats by itself. */
  #rests = false;
  #cancelAlarm: (() => void) | null = null;

  constructor(world: World, providers: ReadonlyMap<string, Provider>, setup: SessionSetup, random: Random) {
    this.#world = world;
    this.#providers = providers;
    this.#setup = setup;
    this.inspection = new Inspection(world);
    this.store = new Store(world.time, this.#gate);
    this.store.onFailure = () => {
      if (this.die("crash")) world.checks.strike("platform.store_fails");
    };
    this.clock = new ObjectClock(world.time);
    this.#legs = new Legs(world.time, this.#gate, () =>
      this.session === null ? null : wordsOf(this.session.snapshot()),
    );
    // Nothing is drawn for it where there is no guard.
    this.#moderator = moderatorOf(world, random, world.scenario.guard);
    const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
    this.#dependencies = {
      drawId: () => Array.from({ length: 21 }, () => alphabet[random.int(0, 35)]).join(""),
      kernels: { ...loadKernels(), silero: null },
      createUpstream,
      limits: world.scenario.limits,
    };
  }

  get session(): Session | null {
    return this.#live?.core.session ?? null;
  }

  /** Upstream connections that the relay has. */
  get legs(): number {
    return this.#legs.count;
  }

  get dials(): readonly number[] {
    return this.#legs.dials;
  }

  /** Nobody's silence is watched: who vanishes now is missed when the session is at its longest. */
  get rests(): boolean {
    return this.#rests;
  }

  /** For how long connections to a provider were open, as the relay saw it. */
  openMs(provider: string): number {
    return this.#legs.openMs(provider);
  }

  /** A client's upgrade. False: it is refused; "later": it may come again (503). */
  accept(connection: Connection, { dialect, token }: Arrival): boolean | "later" {
    if (this.#live === null) this.#wake(token);
    if (this.unreadable && this.#begun && this.#live === null && this.ended === null) return "later";
    if (this.#live === null && !this.#begun) this.#start();
    if (this.#live === null || this.#live.shell.over) return false;
    if (token !== null && !this.#live.core.resumable(token)) return false;
    const socket = new RelayClientSocket(connection, this.#gate);
    this.#sockets.add(socket);
    connection.attach("near", {
      message: (data) => this.#message(socket, data),
      closed: (code, reason) => this.#closed(socket, code, reason),
    });
    this.#live.shell.clientOpened(socket, dialect, { token, secret: false });
    return true;
  }

  #message(socket: RelayClientSocket, data: Data): void {
    if (this.#rests && data === BEAT) return void socket.connection.send("near", BEAT);
    this.#wake();
    this.#live?.shell.clientMessage(socket, data);
  }

  #closed(socket: RelayClientSocket, code: number, reason: string): void {
    this.#sockets.delete(socket);
    this.#wake();
    this.#live?.shell.clientClosed(socket, code, reason);
  }

  #start(): void {
    this.#begun = true;
    const core = this.#core(new Session(this.#setup, this.#dependencies, this.clock.now()), []);
    this.#live = { core, shell: new Shell(core, this.#host()) };
  }

  #core(session: Session, peers: readonly string[]): CoreWatch {
    return new CoreWatch(session, this.#world, this.inspection, peers);
  }

  #host(): ShellHost {
    return {
      clock: this.clock.forThisLife(),
      dial: this.#dial,
      save: (peers, snapshot) => {
        const { sealed } = this.#world.scenario;
        if (sealed && snapshot.port.dialect !== "duplex.v1") return this.store.mark();
        return this.store.save({ peers, snapshot, at: this.clock.now() }, sealed ? SEAL_MS : 0);
      },
      stays: this.#world.scenario.sealed,
      metric: () => {},
      consult: () => Promise.reject(new Error("there is no model")),
      moderate: (side, _moderator, text) =>
        side === "input" ? this.#world.typed.judge(text) : this.#moderator(text),
      tool: (call) => this.#callTool(call),
      sleep: (at, current) => {
        this.store.sleep(current);
        this.#sleeping = true;
        this.#world.checks.count("sleeps");
        if (at !== null) this.#setAlarm(at);
      },
      rest: (on) => {
        this.#rests = on;
        this.#world.checks.count("rests", on ? 1 : 0);
      },
      awake: () => {
        this.store.awake();
        this.#sleeping = false;
      },
      ended: () => this.#finish("ended"),
      cut: () => this.#world.checks.fail("threw", "the object was ended for messages after a close"),
      failed: (error) => {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#world.checks.fail("threw", detail);
        this.#finish("failed");
      },
    };
  }

  /** What it gives an object that is dead by then is nobody's. */
  #callTool(call: ToolCall): Promise<ToolResult> {
    const lives = this.#lives;
    const given = this.#world.deeds.do(call, this.store.stored);
    return new Promise((resolve) => {
      void given.then((result) => {
        if (lives === this.#lives) resolve(result);
      });
    });
  }

  #sleeping = false;
  #lives = 1;

  readonly #dial: Dial = (request, events) => {
    if (request.url === MIND_URL)
      return this.#world.minds.dial(request, this.#ofThisLife(events), this.#gate);
    if (request.url === VOICE_URL)
      return this.#world.voices.dial(request, this.#ofThisLife(events), this.#gate);
    const provider = this.#providers.get(new URL(request.url).hostname.split(".")[0] ?? "");
    if (provider) return this.#legs.dial(provider, events);
    this.#world.checks.fail("closed-peer", `a dial of ${request.url}, which is nobody`);
    return { hangUp() {} };
  };

  /** What comes to an object that is dead by then is nobody's. */
  #ofThisLife(events: DialEvents): DialEvents {
    const lives = this.#lives;
    const here = (tell: () => void): void => {
      if (lives === this.#lives) tell();
    };
    return {
      opened: (socket, head) => here(() => events.opened(socket, head)),
      message: (data) => here(() => events.message(data)),
      closed: (code, reason) => here(() => events.closed(code, reason)),
    };
  }

  #setAlarm(at: number): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = this.#world.time.after(Math.max(0, at - this.clock.now()), () => {
      this.#cancelAlarm = null;
      if (this.ended !== null) return;
      this.#wake();
      this.#live?.shell.woken();
    });
  }

  /** The alarm that is set for who dies with its client (call-store.ts). What waits for a token is not opened by it. */
  ring(): void {
    this.#wake();
    this.#live?.shell.woken();
  }

  /** How old the last durable snapshot is. */
  get storedMs(): number {
    return this.store.stored === null ? 0 : this.clock.now() - this.store.stored.at;
  }

  /** The application says something on a connection that it opens for that. @returns whether there is somebody to say it to. */
  observerSays(data: string): boolean {
    if (this.#live === null || this.ended !== null || this.#live.shell.over) return false;
    const socket: ClientSocket = {
      bufferedAmount: 0,
      send() {},
      close() {},
      serializeAttachment() {},
      deserializeAttachment: () => null,
    };
    this.#live.shell.observerCame(socket, false, null);
    this.#live.shell.clientMessage(socket, data);
    this.#live.shell.clientClosed(socket, 1000, "");
    return true;
  }

  /** The application looks on, on a connection that it opens for that. */
  watched(told: (data: string) => void): void {
    this.#wake();
    const socket: ClientSocket = {
      bufferedAmount: 0,
      send(data) {
        if (typeof data === "string") told(data);
      },
      close() {},
      serializeAttachment() {},
      deserializeAttachment: () => null,
    };
    if (this.#live !== null && this.ended === null) this.#live.shell.observerCame(socket, false, null);
  }

  /** The application ends the session. */
  terminate(): void {
    this.#wake();
    this.#live?.shell.terminate();
  }

  #finish(reason: string): void {
    this.ended = reason;
    this.#cancelAlarm?.();
    this.store.wipe();
  }

  /**
   * The object dies, and every socket with it. `deploy`: they are closed with 1012, and what was given to the store is
   * written; nobody asks the object whether there is more.
   */
  die(kind: "crash" | "deploy"): boolean {
    if (this.#live === null || this.ended !== null) return false;
    if (kind === "deploy") this.store.flush();
    this.#leave();
    for (const socket of this.#sockets) socket.connection.die("near", kind === "deploy" ? 1012 : 1006);
    this.#sockets.clear();
    return true;
  }

  /** The object hibernates with its client's socket, if the driver lets it: with a timer set no object does. */
  hibernate(): boolean {
    if (!this.#sleeping || this.#live === null || this.ended !== null) return false;
    if (!this.clock.idle || this.store.writing) return false;
    this.#leave();
    return true;
  }

  #leave(): void {
    this.#world.checks.note(() => "the object leaves memory");
    this.#lives += 1;
    this.#sleeping = false;
    this.#gate.drop();
    for (const socket of this.#sockets) socket.left();
    this.#legs.die();
    this.store.interrupt();
    this.clock.stop();
    this.#live = null;
  }

  /** What this build stored it must be able to read. */
  #read(found: SessionSnapshot, fresh: SessionSnapshot): SessionSnapshot | null {
    try {
      return readSnapshot(found, fresh);
    } catch (error) {
      this.#world.checks.fail("threw", error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** What is stored sealed is opened by those tokens that its session had then. */
  #opens(token: string | null): boolean {
    const { stored } = this.store;
    if (!this.#world.scenario.sealed || stored === null) return true;
    const opens = token !== null && stored.snapshot.delivery.tokens.includes(token);
    if (opens) this.#world.checks.count("sealed sessions opened");
    return opens;
  }

  /** Something came: an object that left memory comes back from its last snapshot, as voice-call.ts builds it. */
  #wake(token: string | null = null): void {
    if (this.#live !== null || !this.#begun || this.ended !== null || !this.#opens(token)) return;
    if (this.unreadable) {
      for (const socket of this.#sockets) socket.close(1012, "the session could not be restored");
      return;
    }
    this.store.revived();
    const { stored, asleep } = this.store;
    if (stored === null) {
      for (const socket of this.#sockets) socket.close(1012, "the session could not be restored");
      this.ended = "not restored";
      return;
    }
    const { peers, snapshot: found, at } = structuredClone(stored);
    this.#world.checks.note(() => `the object comes back${asleep ? " as it slept" : ""}`);
    const open = [...this.#sockets].filter((socket) => socket.open);
    const pending = open.flatMap((socket) => {
      const mark = readMark(socket.deserializeAttachment());
      return mark === null ? [] : [[socket, mark] as const];
    });
    const ours = open.find((socket) => !pending.some(([one]) => one === socket));
    const client = asleep && peers.includes(CLIENT) ? (ours ?? null) : null;
    const there: Found = { client, pending, asleep, vacantSince: client === null ? at : null };
    this.inspection.revived();
    const now = this.clock.now();
    const fresh = new Session(this.#setup, this.#dependencies, at).snapshot();
    const snapshot = this.#read(found, fresh);
    if (snapshot === null) return;
    const session = Session.restore(snapshot, this.#setup, this.#dependencies, now, !asleep);
    const core = this.#core(session, peers);
    const shell = new Shell(core, this.#host(), there);
    this.#live = { core, shell };
    for (const socket of open) {
      if (socket !== client && !pending.some(([one]) => one === socket))
        putOut(socket, 1012, "the session was restored");
    }
    shell.lost(peers.filter((peer) => peer !== CLIENT || client === null));
    if (session.deadline !== null && session.deadline <= now) shell.woken();
  }
}
