/** The one call of an object: how it begins, is kept, comes back from what is stored, and ends. */
import relayConfig from "../relay.config.ts";
import { CLIENT } from "../src/session/io.ts";
import { DEFAULT_LIMITS } from "../src/session/limits.ts";
import { Session } from "../src/session/session.ts";
import type { Plan } from "../src/session/state/plan.ts";
import { Counters } from "../src/telemetry/counters.ts";
import type { Breath } from "./breath.ts";
import type { Arrival, CallSetup } from "./call-setup.ts";
import { callHost } from "./call-host.ts";
import { CallStore } from "./call-store.ts";
import { shut } from "./close-code.ts";
import { Dialler } from "./dial.ts";
import type { RelayEnv } from "./env.ts";
import { describeFailure } from "./failure.ts";
import { givePlaceBack } from "./key-place.ts";
import { dependencies, setupOf, snapshotOf } from "./made-of.ts";
import { ofKey, type OfKey, wake } from "./of-key.ts";
import { type ClientSocket, hibernated, putOut } from "./pending-clients.ts";
import { SealedStorage } from "./sealed-storage.ts";
import { isolateDebts } from "./secret-debts.ts";
import { Shell } from "./shell.ts";
import { UnreadableSnapshot } from "./snapshot-versions.ts";

/** A session in memory. */
export interface Live extends OfKey {
  readonly call: CallSetup;
  readonly core: Session;
  readonly shell: Shell;
}

export class VoiceCall {
  readonly store: CallStore;
  readonly counters = new Counters();
  readonly ctx: DurableObjectState;
  readonly env: RelayEnv;
  readonly breath: Breath;
  readonly storage: SealedStorage;
  readonly dialler: Dialler;
  #live: Live | null = null;
  /** What is stored is sealed, and its client has not brought the key yet. */
  #locked: SealedStorage["locked"] = null;
  /** Something is stored that could not be read: nothing begins here until it can, or its time is over. */
  #unread = false;

  constructor(ctx: DurableObjectState, env: RelayEnv, breath: Breath) {
    this.ctx = ctx;
    this.env = env;
    this.breath = breath;
    this.dialler = new Dialler(DEFAULT_LIMITS.dialMs, env);
    this.storage = new SealedStorage(ctx.storage);
    this.store = new CallStore(this.storage);
    this.revive();
  }

  get live(): Live | null {
    return this.#live;
  }

  get locked(): SealedStorage["locked"] {
    return this.#locked;
  }

  get unread(): boolean {
    return this.#unread;
  }

  /** Nothing is here, nor was. */
  get none(): boolean {
    return !this.#unread && this.#live === null && this.store.used === null;
  }

  /** The session, if it is this key's. Null: an operator asks, to whom all are. */
  of(keyId: string | null): Live | null {
    return keyId === null || this.#live?.call.keyId === keyId ? this.#live : null;
  }

  /** @throws when the configuration has no such route any more, or an adapter refuses its options. */
  start(call: CallSetup, drawn?: Arrival["drawn"]): Plan {
    const now = Date.now();
    const setup = setupOf(call, this.env);
    // A pre-warmed session waits as long as its token is good.
    const unclaimedMs = call.token === null ? DEFAULT_LIMITS.unclaimedMs : call.token.exp * 1000 - now;
    const core = new Session(setup, { ...dependencies(), limits: { unclaimedMs } }, now);
    isolateDebts.begin(call.secret, core);
    this.store.begin(call);
    const its = this.#ofKey(call);
    this.#live = { call, core, shell: new Shell(core, callHost(this, setup.plan, call, its)), ...its };
    its.watch.start(false);
    its.account.start(drawn);
    return setup.plan;
  }

  /** Before its client comes. @throws as `start`. */
  prepare(call: CallSetup): void {
    const { storage, sealed } = this.start(call);
    // Of one that is not stored nothing is known until its client comes: the token has all of it.
    if (storage !== "none" && sealed !== true) this.ctx.waitUntil(this.store.prepare(call, Date.now()));
  }

  /** After hibernation, a deploy or a crash: the session goes on from its last snapshot, if that can be read. */
  revive(): void {
    try {
      this.#unread = false;
      this.#restore();
      if (this.#locked === null) this.store.read();
    } catch (error) {
      this.#abandon(error);
    }
  }

  /** @throws when what is stored is not whole or of an unknown version, or the configuration has no such route any more. */
  #restore(): void {
    this.#locked = this.storage.locked;
    const { call, fleeting } = this.store;
    if (fleeting !== null) return this.#vanish(fleeting);
    // Its client has the key; who outlived the object that had it too comes again with it.
    if (this.#locked !== null) return this.#putOut([]);
    if (call === null) {
      // They outlived an object that died before its first snapshot.
      this.#putOut([]);
      return;
    }
    const moment = this.store.load();
    this.storage.forget();
    const { asleep } = this.store;
    const attended = moment === null || (asleep && moment.peers.includes(CLIENT));
    const { client, pending, observers } = hibernated(this.ctx.getWebSockets(), attended);
    if (moment === null) {
      // Pre-warmed and never met, or gone before its first snapshot: only the former can begin anew.
      if (client === null && this.store.used === null) this.prepare(call);
      else this.#vanish(call);
      return;
    }
    const setup = setupOf(call, this.env);
    const now = Date.now();
    const core = Session.restore(snapshotOf(moment, setup), setup, dependencies(), now, !asleep);
    const vacantSince = client === null ? moment.at : null;
    const its = this.#ofKey(call);
    // Observers that outlived a crash have been told what may not be so.
    const found = { client, pending, observers: asleep ? observers : [], asleep, vacantSince };
    const shell = new Shell(core, callHost(this, setup.plan, call, its), found);
    this.#live = { call, core, shell, ...its };
    if (!asleep) wake(its);
    this.#putOut([client, ...[...pending, ...found.observers].map(([socket]) => socket)]);
    shell.lost(moment.peers.filter((peer) => peer !== CLIENT || client === null));
    // What was due meanwhile comes before whatever woke the object: a client that is too late must find it so.
    if (core.deadline !== null && core.deadline <= now) shell.woken();
  }

  /** Nothing else happens here meanwhile. What the token does not open stays as it is. */
  unlock(token: string): Promise<void> {
    return this.ctx.blockConcurrencyWhile(async () => {
      const opened = await this.storage.unlock(token).catch((error: unknown) => this.#abandon(error));
      if (opened === true) this.revive();
    });
  }

  /** It died before anything of it was stored, or nothing of it is. */
  #vanish(call: CallSetup): void {
    this.#leave(call);
    for (const socket of this.ctx.getWebSockets()) shut(socket, 1012, "the session could not be restored");
    this.ctx.waitUntil(this.store.wipe(Date.now()));
  }

  /**
   * Closes sockets that outlived an object that died: their clients have seen what the snapshot may not know, and have
   * to come again and say so (docs/wire.md, "What the relay forgot"). Those that have said nothing yet may stay.
   */
  #putOut(but: readonly (WebSocket | ClientSocket | null)[]): void {
    for (const socket of this.ctx.getWebSockets()) {
      if (!but.includes(socket)) putOut(socket, 1012, "the session was restored");
    }
  }

  #ofKey(call: CallSetup): OfKey {
    return ofKey(this.env, call, relayConfig.limits, {
      gone: () => void this.terminate(call.keyId),
      others: () => this.#live?.shell.observerKeys ?? [],
      otherGone: (key) => this.#live?.shell.observerKeyGone(key),
      feed: (input) => this.#live?.shell.handleQuietly(input),
      metric: (name, value) => this.counters.add(name, value),
    });
  }

  /** Nothing of the key's is asked for meanwhile. What cannot be given back is free by itself, soon. */
  rest({ account, watch }: OfKey): void {
    watch.stop();
    this.ctx.waitUntil(account.stop().catch(() => {}));
  }

  /** The state stays readable while the object is in memory. */
  finish(plan: string): void {
    if (this.#live !== null) this.rest(this.#live);
    isolateDebts.end(this.#live?.call.secret ?? null, this.#live?.core);
    this.#leave(this.#live?.call ?? null);
    this.counters.flush(this.env.METRICS, plan, this.#live?.call.keyId ?? "");
    this.ctx.waitUntil(this.store.wipe(Date.now()));
  }

  /** Its key may begin another one. */
  #leave(call: CallSetup | null): void {
    if (call !== null) this.ctx.waitUntil(givePlaceBack(this.env, call));
  }

  /**
   * A session that cannot be built again, now or by this build. Its client is told to come again (RFC 6455: 1012,
   * restart); what is stored is kept, because a rollback may be able to.
   */
  #abandon(error: unknown): void {
    const why = error instanceof UnreadableSnapshot ? error.message : describeFailure(error);
    console.error("a voice session could not be restored", why);
    this.#live = null;
    this.storage.lock();
    this.#unread = true;
    for (const socket of this.ctx.getWebSockets()) shut(socket, 1012, "the session could not be restored");
    const kept = this.#keepUnread();
    this.ctx.waitUntil(
      kept.catch((failure: unknown) => console.error("and what is stored", describeFailure(failure))),
    );
  }

  /** Storage that cannot be read may throw at once. */
  async #keepUnread(): Promise<void> {
    await this.store.keepUnread(Date.now());
  }

  /** Null: what is stored does not even say that. */
  #storedCall(): CallSetup | null {
    try {
      return this.storage.locked?.call ?? this.store.call;
    } catch {
      return null;
    }
  }

  /** The owner of what cannot be read ends it. */
  async forget(keyId: string | null): Promise<boolean> {
    const call = this.#storedCall();
    if (call === null || (keyId !== null && call.keyId !== keyId)) return false;
    if (call.token !== null) this.store.consume(call.token);
    this.#leave(call);
    await this.store.wipe(Date.now());
    this.#unread = false;
    this.#locked = null;
    return true;
  }

  /** See `VoiceSessionRpc`. */
  async terminate(keyId: string | null): Promise<boolean> {
    const live = this.of(keyId);
    if (live === null) return (this.#unread || this.#locked !== null) && this.forget(keyId);
    // Ended before its client came: the token must not begin it again.
    if (live.call.token !== null) this.store.consume(live.call.token);
    live.shell.terminate();
    return true;
  }

  /**
   * A deadline of a session that slept; a session that was left by a crash, whose client is waited for from now on; or the
   * time at which a used token need not be remembered any more.
   */
  async rang(): Promise<void> {
    const shell = this.#live?.shell;
    const unread = this.#unread || this.#locked !== null;
    if (unread && !this.store.unreadOver(Date.now())) return this.store.keepUnread(Date.now());
    if (unread) this.#leave(this.#storedCall());
    if (shell === undefined || shell.over) {
      await this.store.wipe(Date.now());
      this.#unread = false;
      this.#locked = null;
      return;
    }
    // Its object may have died just now: its client has as long as after any other death.
    shell.woken();
    await this.store.alarm.rang(Date.now(), !shell.over);
  }
}
