/**
 * The platform under the real session: what durable-objects/shell.ts does, in virtual time, with everything that can
 * go wrong there. One timer, snapshots at most once a second, a store that may be slow or fail, an object that may
 * leave memory at any moment.
 */
import { NO_KERNELS } from "../../src/audio/kernels.ts";
import { CLIENT, type Action, type Dialect, type Input, type PeerId } from "../../src/session/io.ts";
import { Session, type SessionDependencies, type SessionSetup } from "../../src/session/session.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { ActionWatch } from "./action-watch.ts";
import { brief } from "./checks.ts";
import type { Connection } from "./connection.ts";
import { Inspection } from "./inspection.ts";
import { Legs } from "./legs.ts";
import type { Provider } from "./provider.ts";
import type { Random } from "./random.ts";
import { Store, type Moment } from "./store.ts";
import { Wake } from "./wake.ts";
import type { World } from "./world.ts";

/** What a plan asks for strikes when the session really does it. */
const COUNTED: Readonly<Record<string, string>> = {
  rollovers: "provider.rollover",
  sessions_parked: "caller.long_silence",
};

/** Wall time at the call's first moment. */
const EPOCH_MS = 1_795_000_000_000;
const POLL_EVERY_MS = 250;
const TAKEN_OVER = 4001;

export class Relay {
  readonly store: Store;
  readonly wake: Wake;
  readonly inspection: Inspection;
  session: Session | null = null;
  /** The session ended, and why. */
  ended: string | null = null;
  readonly #world: World;
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #setup: SessionSetup;
  readonly #dependencies: SessionDependencies;
  #watch: ActionWatch;
  #client: Connection | null = null;
  readonly #legs: Legs;
  #offsetMs = 0;
  #polling = false;
  /** The object hibernates: what is stored is all there is to know, and its client's socket lives. */
  #asleep = false;
  /** Counts lives of the object: what a former life planned does not happen. */
  #life = 0;

  constructor(world: World, providers: ReadonlyMap<string, Provider>, setup: SessionSetup, random: Random) {
    this.#world = world;
    this.#providers = providers;
    this.#setup = setup;
    this.inspection = new Inspection(world);
    this.store = new Store(world.time);
    this.wake = new Wake(world, {
      deadline: () => (this.ended === null ? (this.session?.deadline ?? null) : null),
      now: () => this.now,
      timeout: () => this.#feed({ type: "timeout" }),
    });
    this.#watch = new ActionWatch(world);
    this.#legs = new Legs(world.time, {
      opened: (peer) => {
        this.#watch.upstreamOpened(peer);
        this.#feed({ type: "open", peer });
      },
      message: (peer, data) => this.#feed({ type: "message", peer, data }),
      closed: (peer, code, reason) => {
        this.#watch.upstreamClosed(peer);
        this.#feed({ type: "close", peer, code, reason });
      },
    });
    const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
    this.#dependencies = {
      drawId: () => Array.from({ length: 21 }, () => alphabet[random.int(0, 35)]).join(""),
      kernels: NO_KERNELS,
      createUpstream,
      limits: world.scenario.limits,
    };
  }

  get now(): number {
    return EPOCH_MS + this.#world.time.now + this.#offsetMs;
  }

  /** The wall clock is set. Timers do not notice. */
  jump(ms: number): void {
    this.#offsetMs += ms;
  }

  get client(): Connection | null {
    return this.#client;
  }

  /** A client's upgrade. False: there is no such session. */
  accept(connection: Connection, dialect: Dialect): boolean {
    if (this.ended !== null) return false;
    const former = this.#client;
    if (this.session === null && !this.#revive(former)) {
      if (this.#life > 0) return false;
      this.#life = 1;
      this.session = new Session(this.#setup, this.#dependencies, this.now);
    }
    this.#client = connection;
    if (former !== null) {
      former.detach("near");
      former.close("near", TAKEN_OVER, "another connection took over");
    }
    this.#attach(connection);
    this.#watch.clientOpened();
    this.#feed({ type: "open", peer: CLIENT, dialect });
    return true;
  }

  #attach(connection: Connection): void {
    connection.attach("near", {
      message: (data) => this.#clientMessage(connection, data),
      closed: (code, reason) => {
        if (this.#client !== connection) return;
        this.#client = null;
        if (this.session === null && !this.#revive(connection)) return;
        this.#watch.clientClosed();
        this.#feed({ type: "close", peer: CLIENT, code, reason });
      },
    });
  }

  #clientMessage(connection: Connection, data: WireMessage): void {
    if (this.#client !== connection) return;
    if (this.session === null && !this.#revive(connection)) return;
    this.#feed({ type: "message", peer: CLIENT, data });
  }

  #feed(input: Input): void {
    const { session } = this;
    if (session === null || this.ended !== null) return;
    if ("peer" in input && input.type !== "buffered") {
      this.#world.checks.note(
        () => `relay ⇐ ${input.peer} ${input.type}${input.type === "message" ? ` ${brief(input.data)}` : ""}`,
      );
    }
    let actions: readonly Action[];
    try {
      actions = session.handle(input, this.now);
    } catch (error) {
      this.#world.checks.fail(
        "threw",
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      );
      return;
    }
    this.#watch.check(actions);
    for (const action of actions) this.#perform(action);
    this.inspection.step(session, this.now);
    if (this.ended === null) this.wake.aim();
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "send":
        this.#send(action.peer, action.data);
        break;
      case "dial":
        this.#dial(action.peer, action.request.url);
        break;
      case "close":
        this.#close(action.peer, action.code, action.reason);
        break;
      case "persist":
        this.store.soon(
          action.urgent === true,
          () => this.#moment(),
          ({ snapshot }) => this.#feed({ type: "persisted", covers: snapshot.covers }),
        );
        break;
      case "metric":
        if (action.name in COUNTED) this.#world.checks.strike(COUNTED[action.name] ?? "");
        this.#world.checks.count(`metric_${action.name}`, action.value);
        break;
      case "rest":
        // The shell's part in it is test/worker/parking.test.ts: here every heartbeat is handed in.
        this.#world.checks.count("rests", action.on ? 1 : 0);
        break;
      case "consult":
        // The simulator's plans name no end-of-turn model.
        this.#world.checks.fail("threw", `a model was asked about ${action.samples.length} samples`);
        break;
      case "end":
        this.#end(action.reason);
        break;
    }
  }

  #send(peer: PeerId, data: WireMessage): void {
    const connection = peer === CLIENT ? this.#client : this.#legs.connection(peer);
    if (peer !== CLIENT) this.#world.checks.note(() => `relay ⇒ ${peer} ${brief(data)}`);
    connection?.send("near", data);
    this.#poll();
  }

  #poll(): void {
    if (this.#polling) return;
    const waits = (connection: Connection | null | undefined) =>
      (connection?.bufferedAmount("near") ?? 0) > 0;
    if (!waits(this.#client) && !this.#legs.peers.some((peer) => waits(this.#legs.connection(peer)))) return;
    this.#polling = true;
    this.#inThisLife(POLL_EVERY_MS, () => {
      this.#polling = false;
      const bytes = this.#client?.bufferedAmount("near") ?? 0;
      if (this.#client) this.#feed({ type: "buffered", peer: CLIENT, bytes });
      for (const peer of this.#legs.peers) {
        const connection = this.#legs.connection(peer);
        if (connection) this.#feed({ type: "buffered", peer, bytes: connection.bufferedAmount("near") });
      }
      this.#poll();
    });
  }

  #inThisLife(ms: number, run: () => void): () => void {
    const life = this.#life;
    return this.#world.time.after(ms, () => {
      if (this.#life === life) run();
    });
  }

  #dial(peer: PeerId, url: string): void {
    const provider = this.#providers.get(new URL(url).hostname.split(".")[0] ?? "");
    if (!provider) return this.#world.checks.fail("closed-peer", `a dial of ${url}, which is nobody`);
    this.#legs.dial(peer, provider);
  }

  #close(peer: PeerId, code: number, reason: string): void {
    if (peer !== CLIENT) {
      this.#legs.hangUp(peer, code);
      return;
    }
    this.#client?.detach("near");
    this.#client?.close("near", code, reason);
    this.#client = null;
  }

  /** For how long connections to a provider were open, as the relay saw it. */
  openMs(provider: string): number {
    return this.#legs.openMs(provider);
  }

  #end(reason: string): void {
    this.ended = reason;
    this.#world.checks.note(() => `session ended: ${reason}`);
    for (const peer of [CLIENT, ...this.#legs.peers]) this.#close(peer, 1000, "session ended");
    this.wake.stop();
    this.store.wipe();
  }

  /**
   * The object dies, and every socket with it. `deploy`: they are closed with 1012, and the last moment was still
   * written.
   */
  die(kind: "crash" | "deploy"): boolean {
    if (this.session === null || this.ended !== null) return false;
    if (kind === "deploy" && !this.store.fails()) this.store.stored = this.#moment();
    this.#legs.die();
    this.#leave();
    this.#client?.die("near", kind === "deploy" ? 1012 : 1006);
    this.#client = null;
    return true;
  }

  /**
   * The object hibernates with its client's socket, as the shell lets it: quiet, no socket of its own, and the last word
   * is written. An alarm stands for its timer.
   */
  hibernate(): boolean {
    const { session } = this;
    if (session === null || this.ended !== null || !session.quiet || this.#legs.peers.length > 0)
      return false;
    if (this.#client === null || this.store.fails()) return false;
    // What the first one acknowledges is in the second.
    const first = this.#moment();
    if (first !== null) this.#feed({ type: "persisted", covers: first.snapshot.covers });
    this.store.stored = this.#moment();
    const { deadline } = session;
    this.#leave();
    this.#asleep = true;
    const life = this.#life;
    if (deadline !== null) {
      this.#world.time.after(Math.max(0, deadline - this.now), () => {
        if (this.#life === life && this.#asleep && this.#revive(this.#client))
          this.#feed({ type: "timeout" });
      });
    }
    return true;
  }

  #leave(): void {
    this.store.interrupt();
    this.session = null;
    this.#life += 1;
    this.#polling = false;
    this.wake.stop();
  }

  #moment(): Moment | null {
    if (this.session === null || this.ended !== null) return null;
    const snapshot = structuredClone(this.session.snapshot());
    this.inspection.look(snapshot, this.now);
    return { peers: [...(this.#client === null ? [] : [CLIENT]), ...this.#legs.peers], snapshot };
  }

  /** Comes back from the last snapshot. False: there is none. */
  #revive(client: Connection | null): boolean {
    const { stored } = this.store;
    if (stored === null) {
      // As voice-session.ts: a session that cannot be built again tells its client to come anew.
      this.#client?.close("near", 1012, "the session could not be restored");
      this.#client = null;
      return false;
    }
    const { peers, snapshot } = structuredClone(stored);
    this.#world.checks.note(() => "relay revives");
    try {
      this.session = Session.restore(snapshot, this.#setup, this.#dependencies, this.now, !this.#asleep);
      this.#asleep = false;
    } catch (error) {
      this.#world.checks.fail(
        "threw",
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      );
      return false;
    }
    this.#watch = new ActionWatch(this.#world);
    for (const peer of peers) this.#watch.restored(peer);
    this.inspection.revived();
    for (const peer of peers) {
      if (peer === CLIENT && client !== null) continue;
      if (peer === CLIENT) this.#watch.clientClosed();
      else this.#watch.upstreamClosed(peer);
      this.#feed({ type: "close", peer, code: 1006, reason: "" });
    }
    return this.ended === null;
  }

  /** Upstream connections that the relay believes to have. */
  get legs(): number {
    return this.#legs.peers.length;
  }
}
