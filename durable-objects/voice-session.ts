/**
 * The Durable Object of one voice session: sockets, timer, alarm and storage around the shell. The client's socket is
 * accepted with the hibernation API, so that an idle call costs nothing and survives its object leaving memory.
 */
import { DurableObject } from "cloudflare:workers";
import relayConfig from "../relay.config.ts";
import { CLIENT } from "../src/session/io.ts";
import { DEFAULT_LIMITS } from "../src/session/limits.ts";
import type { Plan } from "../src/session/state/plan.ts";
import { Session } from "../src/session/session.ts";
import { silenced } from "../src/session/silenced.ts";
import { Counters } from "../src/telemetry/counters.ts";
import {
  readArrival,
  readCallSetup,
  sameTarget,
  type Arrival,
  type CallSetup,
  type ObserverArrival,
  type Refusal,
} from "./call-setup.ts";
import { CallStore, type Moment, WriteFailed } from "./call-store.ts";
import { shut } from "./close-code.ts";
import { Dialler } from "./dial.ts";
import { Breath } from "./breath.ts";
import type { RelayEnv } from "./env.ts";
import { describeFailure } from "./failure.ts";
import { barSecret, givePlaceBack } from "./key-place.ts";
import { dependencies, setupOf, snapshotOf } from "./made-of.ts";
import { ofKey, type OfKey, wake } from "./of-key.ts";
import { type ClientSocket, hibernated, putOut } from "./pending-clients.ts";
import { createServices } from "./services.ts";
import { Shell } from "./shell.ts";
import type { ShellHost } from "./shell-host.ts";
import { isolateDebts } from "./secret-debts.ts";
import { SealedStorage } from "./sealed-storage.ts";
import { UnreadableSnapshot } from "./snapshot-versions.ts";
import { WALL_CLOCK } from "./timer.ts";
import { refuse, socketPair, upgraded } from "./upgrade.ts";
import type { VoiceSessionRpc } from "./voice-session-rpc.ts";

/** Session configurations that wait for the upgrade that follows them at once. */
const TICKET_LIMIT = 4;
/** A client that dials again may be faster than the news that its last connection broke. */
const GRACE_MS = 250;
const GRACE_STEP_MS = 25;

/** In place of a token's name: the session was ended before anybody opened it. */
const WITHDRAWN = "withdrawn";

/** Answered by the runtime while the session rests: the object sleeps on (Durable Objects, hibernation API). */
const BEAT = '{"type":"session.heartbeat"}';
const HEARTBEAT = new WebSocketRequestResponsePair(BEAT, BEAT);

/** A session in memory. */
interface Live extends OfKey {
  readonly call: CallSetup;
  readonly core: Session;
  readonly shell: Shell;
}

export class VoiceSession extends DurableObject<RelayEnv> implements VoiceSessionRpc {
  readonly #storage: SealedStorage;
  readonly #store: CallStore;
  readonly #dialler = new Dialler(DEFAULT_LIMITS.dialMs, this.env);
  readonly #counters = new Counters();
  readonly #breath = new Breath(this.ctx);
  readonly #tickets = new Map<string, string>();
  #live: Live | null = null;
  /** What is stored is sealed, and its client has not brought the key yet. */
  #locked: SealedStorage["locked"] = null;
  /** Something is stored that could not be read: nothing begins here until it can, or its time is over. */
  #unread = false;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    this.#storage = new SealedStorage(ctx.storage);
    this.#store = new CallStore(this.#storage);
    this.#revive();
  }

  override async fetch(request: Request): Promise<Response> {
    // The storage's fault may be over.
    if (this.#unread) this.#revive();
    const who = readArrival(request.headers);
    if (who === null) return refuse("session_unavailable");
    if ("observer" in who) return this.#observe(who.observer);
    const arrival = who.client;
    if (arrival.resume !== null && this.#locked !== null) await this.#unlock(arrival.resume);
    let refusal = this.#unread ? "session_unavailable" : this.#admit(arrival);
    if (refusal === "session_busy" && (await this.#vacated())) refusal = this.#admit(arrival);
    if (refusal !== null) return refuse(refusal);
    const shell = this.#live?.shell;
    if (shell === undefined) throw new Error("admitted without a session");
    const { theirs, ours } = socketPair();
    this.ctx.acceptWebSocket(ours);
    shell.clientOpened(ours, arrival.dialect, {
      token: arrival.resume,
      secret: arrival.secret !== null,
    });
    // The upstreams are dialled by now, and what there is to say waits in the socket.
    await this.#store.confirmed();
    return upgraded(theirs, arrival.protocol);
  }

  /** The application's own connection, beside the client's. */
  async #observe({ keyId, audio, protocol, by }: ObserverArrival): Promise<Response> {
    const live = this.#of(keyId);
    if (live === null) return refuse(this.#unread ? "session_unavailable" : "session_not_found");
    if (live.shell.over) return refuse("session_ended");
    const { theirs, ours } = socketPair();
    this.ctx.acceptWebSocket(ours);
    live.shell.observerCame(ours, audio, by);
    return upgraded(theirs, protocol);
  }

  async prepare(ticket: string, session: string): Promise<void> {
    const [oldest] = this.#tickets.keys();
    if (this.#tickets.size >= TICKET_LIMIT && oldest !== undefined) this.#tickets.delete(oldest);
    this.#tickets.set(ticket, session);
  }

  async prewarm(setup: string): Promise<boolean> {
    if (this.#unread || this.#live !== null || this.#store.used !== null) return false;
    this.#prepare(readCallSetup(JSON.parse(setup)));
    return true;
  }

  async state(keyId: string | null): Promise<string | null> {
    const live = this.#of(keyId);
    if (live === null) return null;
    // The name by which the doors know it; the core is given the part that is drawn.
    const id = `sess_${live.call.id}`;
    return JSON.stringify({ ...live.core.state(Date.now()), id, metrics: this.#counters.totals() });
  }

  async withdraw(until: number): Promise<boolean> {
    if (this.#unread || this.#live !== null || this.#store.used !== null) return false;
    this.#store.consume({ jti: WITHDRAWN, exp: Math.ceil(until / 1000) });
    await this.#store.wipe(Date.now());
    return true;
  }

  async terminate(keyId: string | null): Promise<boolean> {
    const live = this.#of(keyId);
    if (live === null) return (this.#unread || this.#locked !== null) && this.#forget(keyId);
    // Ended before its client came: the token must not begin it again.
    if (live.call.token !== null) this.#store.consume(live.call.token);
    live.shell.terminate();
    return true;
  }

  async alive(keyId: string): Promise<boolean> {
    return this.#of(keyId)?.shell.over === false || this.#locked?.call.keyId === keyId;
  }

  async vacantSince(keyId: string): Promise<number | null> {
    const shell = this.#of(keyId)?.shell;
    if (this.#locked?.call.keyId === keyId) return this.#locked.at;
    return shell === undefined || shell.over ? null : shell.vacantSince;
  }

  async yieldPlace(keyId: string): Promise<boolean> {
    const shell = this.#of(keyId)?.shell;
    if (this.#locked !== null) return this.#forget(keyId);
    if (shell === undefined || shell.over || shell.vacantSince === null) return false;
    shell.terminate();
    return true;
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#live?.shell.clientMessage(socket, typeof message === "string" ? message : new Uint8Array(message));
    this.#breath.taken(Date.now());
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    // Unanswered, the client would wait ten seconds for a 1006.
    shut(socket, code, reason);
    this.#live?.shell.clientClosed(socket, code, reason);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#live?.shell.clientClosed(socket, 1006, "");
  }

  /**
   * A deadline of a session that slept; a session that was left by a crash, whose client is waited for from now on; or the
   * time at which a used token need not be remembered any more.
   */
  override async alarm(): Promise<void> {
    const shell = this.#live?.shell;
    const unread = this.#unread || this.#locked !== null;
    if (unread && !this.#store.unreadOver(Date.now())) return this.#store.keepUnread(Date.now());
    if (unread) this.#leave(this.#storedCall());
    if (shell === undefined || shell.over) {
      await this.#store.wipe(Date.now());
      this.#unread = false;
      this.#locked = null;
      return;
    }
    // Its object may have died just now: its client has as long as after any other death.
    shell.woken();
    await this.#store.alarm.rang(Date.now(), !shell.over);
  }

  /** The session, if it is this key's. Null: an operator asks, to whom all are. */
  #of(keyId: string | null): Live | null {
    return keyId === null || this.#live?.call.keyId === keyId ? this.#live : null;
  }

  /** Nothing here awaits: two connections with one token are told apart by the order in which they came. */
  #admit({ call, keyId, resume, secret, ticket, drawn }: Arrival): Refusal | null {
    if (resume !== null) return this.#readmit(resume);
    const own = secret !== null && this.#live?.call.secret === secret && !this.#live.shell.over;
    if (own && (call === null || sameTarget(call, this.#live?.call))) {
      return this.#live?.shell.attended === true ? "session_busy" : null;
    }
    if (secret !== null && call === null) return "session_not_found";
    if (this.#live === null && this.#store.used?.jti === WITHDRAWN) return "session_ended";
    const token = call?.token ?? null;
    if (token !== null && !this.#store.consume(token)) return secret === null ? "token_used" : "session_busy";
    if (this.#live === null) {
      if (call === null || this.#locked !== null) return "session_not_found";
      const session = ticket === null ? null : (this.#tickets.get(ticket) ?? null);
      if (ticket !== null && session === null) return "session_unavailable";
      if (ticket !== null) this.#tickets.delete(ticket);
      try {
        this.#start(session === null ? call : { ...call, session: JSON.parse(session) }, drawn);
      } catch (error) {
        console.error("a voice session could not begin", describeFailure(error));
        return "session_unavailable";
      }
      return null;
    }
    if (this.#live.call.keyId !== keyId) return "session_not_found";
    return this.#live.shell.over ? "session_ended" : null;
  }

  /** Waits a moment for the client that is still connected to be gone. */
  async #vacated(): Promise<boolean> {
    for (let ms = 0; ms < GRACE_MS && this.#live?.shell.attended === true; ms += GRACE_STEP_MS) {
      await scheduler.wait(GRACE_STEP_MS);
    }
    return this.#live?.shell.attended === false;
  }

  /** What has ended is as unknown as what never was: both are soon forgotten. */
  #readmit(token: string): Refusal | null {
    if (this.#locked !== null) return "resume_refused";
    if (this.#live === null || this.#live.shell.over) return "session_not_found";
    return this.#live.core.resumable(token) ? null : "resume_refused";
  }

  /** @throws when the configuration has no such route any more, or an adapter refuses its options. */
  #start(call: CallSetup, drawn?: Arrival["drawn"]): Plan {
    const now = Date.now();
    const setup = setupOf(call, this.env);
    // A pre-warmed session waits as long as its token is good.
    const unclaimedMs = call.token === null ? DEFAULT_LIMITS.unclaimedMs : call.token.exp * 1000 - now;
    const core = new Session(setup, { ...dependencies(), limits: { unclaimedMs } }, now);
    isolateDebts.begin(call.secret, core);
    this.#store.begin(call);
    const its = this.#ofKey(call);
    this.#live = { call, core, shell: new Shell(core, this.#host(setup.plan, call, its)), ...its };
    its.watch.start(false);
    its.account.start(drawn);
    return setup.plan;
  }

  /** Before its client comes. @throws as `#start`. */
  #prepare(call: CallSetup): void {
    const { storage, sealed } = this.#start(call);
    // Of one that is not stored nothing is known until its client comes: the token has all of it.
    if (storage !== "none" && sealed !== true) this.ctx.waitUntil(this.#store.prepare(call, Date.now()));
  }

  /** After hibernation, a deploy or a crash: the session goes on from its last snapshot, if that can be read. */
  #revive(): void {
    try {
      this.#unread = false;
      this.#restore();
      if (this.#locked === null) this.#store.read();
    } catch (error) {
      this.#abandon(error);
    }
  }

  /** @throws when what is stored is not whole or of an unknown version, or the configuration has no such route any more. */
  #restore(): void {
    this.#locked = this.#storage.locked;
    const { call, fleeting } = this.#store;
    if (fleeting !== null) return this.#vanish(fleeting);
    // Its client has the key; who outlived the object that had it too comes again with it.
    if (this.#locked !== null) return this.#putOut([]);
    if (call === null) {
      // They outlived an object that died before its first snapshot.
      this.#putOut([]);
      return;
    }
    const moment = this.#store.load();
    this.#storage.forget();
    const { asleep } = this.#store;
    const attended = moment === null || (asleep && moment.peers.includes(CLIENT));
    const { client, pending, observers } = hibernated(this.ctx.getWebSockets(), attended);
    if (moment === null) {
      // Pre-warmed and never met, or gone before its first snapshot: only the former can begin anew.
      if (client === null && this.#store.used === null) this.#prepare(call);
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
    const shell = new Shell(core, this.#host(setup.plan, call, its), found);
    this.#live = { call, core, shell, ...its };
    if (!asleep) wake(its);
    this.#putOut([client, ...[...pending, ...found.observers].map(([socket]) => socket)]);
    shell.lost(moment.peers.filter((peer) => peer !== CLIENT || client === null));
    // What was due meanwhile comes before whatever woke the object: a client that is too late must find it so.
    if (core.deadline !== null && core.deadline <= now) shell.woken();
  }

  /** Nothing else happens here meanwhile. What the token does not open stays as it is. */
  #unlock(token: string): Promise<void> {
    return this.ctx.blockConcurrencyWhile(async () => {
      const opened = await this.#storage.unlock(token).catch((error: unknown) => this.#abandon(error));
      if (opened === true) this.#revive();
    });
  }

  /** It died before anything of it was stored, or nothing of it is. */
  #vanish(call: CallSetup): void {
    this.#leave(call);
    for (const socket of this.ctx.getWebSockets()) shut(socket, 1012, "the session could not be restored");
    this.ctx.waitUntil(this.#store.wipe(Date.now()));
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
      metric: (name, value) => this.#counters.add(name, value),
    });
  }

  #host(of: Plan, call: CallSetup, its: OfKey): ShellHost {
    const { name: plan, storage, sealed = false } = of;
    // `plan`, the route's name: metrics never carry a client's model string.
    return {
      ...createServices(of, this.env, call),
      clock: WALL_CLOCK,
      dial: its.account.counted(this.#breath.reading(this.#dialler.dial)),
      save: (peers, whole) => {
        const session = storage === "text" ? silenced(whole) : whole;
        const at = Date.now();
        // A client without a resume token could never open it again.
        if (sealed && whole.port.dialect !== "duplex.v1") return this.#store.mark(call, at);
        if (sealed) this.#storage.seal(call, whole.delivery.tokens, at);
        return this.#save({ peers, session, at });
      },
      stays: sealed,
      ...(storage === "none" && { mark: () => this.#store.mark(call, Date.now()) }),
      metric: (name, value, upstream) => {
        this.#counters.add(name, value, upstream);
        if (name === "clients_flooding") this.ctx.waitUntil(barSecret(this.env, call));
        if (name === "answers_asked") its.account.asked();
      },
      sleep: (at, current) => {
        this.#rest(its);
        this.#counters.flush(this.env.METRICS, plan, call.keyId);
        this.#store.sleep(current);
        if (at !== null) this.ctx.waitUntil(this.#store.alarm.set(at));
      },
      rest: (on) => this.ctx.setWebSocketAutoResponse(on ? HEARTBEAT : undefined),
      awake: () => {
        this.#store.awake();
        wake(its);
      },
      ended: () => this.#finish(plan),
      // What its end wiped is to stay wiped.
      cut: () =>
        this.ctx.waitUntil(this.#store.confirmed().finally(() => this.ctx.abort("messages after a close"))),
      failed: (error) => {
        console.error("a voice session failed", describeFailure(error));
        this.#finish(plan);
      },
    };
  }

  /** Nothing of the key's is asked for meanwhile. What cannot be given back is free by itself, soon. */
  #rest({ account, watch }: OfKey): void {
    watch.stop();
    this.ctx.waitUntil(account.stop().catch(() => {}));
  }

  #save(moment: Moment): Promise<void> {
    const saved = this.#store.save(moment).catch((error: unknown) => {
      this.#counters.add("snapshot_failures", 1);
      // As the platform does by itself: what goes on is another object, from the last snapshot that is durable.
      if (error instanceof WriteFailed) this.ctx.abort(error.message);
      throw error;
    });
    this.ctx.waitUntil(saved.catch(() => {}));
    return saved;
  }

  /** The state stays readable while the object is in memory. */
  #finish(plan: string): void {
    if (this.#live !== null) this.#rest(this.#live);
    isolateDebts.end(this.#live?.call.secret ?? null, this.#live?.core);
    this.#leave(this.#live?.call ?? null);
    this.#counters.flush(this.env.METRICS, plan, this.#live?.call.keyId ?? "");
    this.ctx.waitUntil(this.#store.wipe(Date.now()));
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
    this.#storage.lock();
    this.#unread = true;
    for (const socket of this.ctx.getWebSockets()) shut(socket, 1012, "the session could not be restored");
    const kept = this.#keepUnread();
    this.ctx.waitUntil(
      kept.catch((failure: unknown) => console.error("and what is stored", describeFailure(failure))),
    );
  }

  /** Storage that cannot be read may throw at once. */
  async #keepUnread(): Promise<void> {
    await this.#store.keepUnread(Date.now());
  }

  /** Null: what is stored does not even say that. */
  #storedCall(): CallSetup | null {
    try {
      return this.#storage.locked?.call ?? this.#store.call;
    } catch {
      return null;
    }
  }

  /** The owner of what cannot be read ends it. */
  async #forget(keyId: string | null): Promise<boolean> {
    const call = this.#storedCall();
    if (call === null || (keyId !== null && call.keyId !== keyId)) return false;
    if (call.token !== null) this.#store.consume(call.token);
    this.#leave(call);
    await this.#store.wipe(Date.now());
    this.#unread = false;
    this.#locked = null;
    return true;
  }
}
