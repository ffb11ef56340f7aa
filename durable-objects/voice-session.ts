/**
 * The Durable Object of one voice session: sockets, timer, alarm and storage around the shell. The client's socket is
 * accepted with the hibernation API, so that an idle call costs nothing and survives its object leaving memory.
 */
import { DurableObject } from "cloudflare:workers";
import relayConfig from "../relay.config.ts";
import { resolvePlan } from "../src/config/resolve.ts";
import { CLIENT, type PeerId } from "../src/session/io.ts";
import { DEFAULT_LIMITS } from "../src/session/limits.ts";
import { Session, type SessionDependencies, type SessionSetup } from "../src/session/session.ts";
import { Counters } from "../src/telemetry/metrics.ts";
import { createUpstream } from "../src/upstreams/index.ts";
import {
  decodeArrival,
  REFUSAL_STATUS,
  SETUP_HEADER,
  type Arrival,
  type CallSetup,
  type Refusal,
} from "./call-setup.ts";
import { CallStore, type Moment } from "./call-store.ts";
import { sendableCloseCode } from "./close-code.ts";
import { Dialler } from "./dial.ts";
import type { RelayEnv } from "./env.ts";
import { describeFailure } from "./failure.ts";
import { drawId } from "./identifiers.ts";
import { loadKernels } from "./kernels.ts";
import { Shell, type SessionCore, type ShellHost } from "./shell.ts";
import { WALL_CLOCK } from "./timer.ts";
import type { VoiceSessionRpc } from "./voice-session-rpc.ts";

/** Session configurations that wait for the upgrade that follows them at once. */
const TICKET_LIMIT = 4;

/** A session in memory. */
interface Live {
  readonly call: CallSetup;
  readonly core: SessionCore;
  readonly shell: Shell;
}

export class VoiceSession extends DurableObject<RelayEnv> implements VoiceSessionRpc {
  readonly #store: CallStore;
  readonly #dialler = new Dialler(DEFAULT_LIMITS.dialMs);
  readonly #counters = new Counters();
  readonly #tickets = new Map<string, string>();
  #live: Live | null = null;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    this.#store = new CallStore(ctx.storage);
    try {
      this.#revive();
    } catch (error) {
      this.#abandon(error);
    }
  }

  override async fetch(request: Request): Promise<Response> {
    const arrival = decodeArrival(request.headers.get(SETUP_HEADER) ?? "");
    const refusal = this.#admit(arrival);
    if (refusal !== null) return Response.json({ refusal }, { status: REFUSAL_STATUS[refusal] });
    const shell = this.#live?.shell;
    if (shell === undefined) throw new Error("admitted without a session");
    const [theirs, ours] = Object.values(new WebSocketPair());
    if (theirs === undefined || ours === undefined) throw new Error("WebSocketPair has two ends");
    this.ctx.acceptWebSocket(ours);
    shell.clientOpened(ours, arrival.dialect);
    const headers = new Headers();
    if (arrival.protocol !== null) headers.set("Sec-WebSocket-Protocol", arrival.protocol);
    return new Response(null, { status: 101, webSocket: theirs, headers });
  }

  async prepare(ticket: string, session: string): Promise<void> {
    const [oldest] = this.#tickets.keys();
    if (this.#tickets.size >= TICKET_LIMIT && oldest !== undefined) this.#tickets.delete(oldest);
    this.#tickets.set(ticket, session);
  }

  async prewarm(setup: string): Promise<boolean> {
    if (this.#live !== null || this.#store.used !== null) return false;
    this.#start(JSON.parse(setup));
    return true;
  }

  async state(keyId: string): Promise<string | null> {
    const live = this.#of(keyId);
    if (live === null) return null;
    // The name by which the doors know it; the core is given the part that is drawn.
    const id = `sess_${live.call.id}`;
    return JSON.stringify({ ...live.core.state(), id, metrics: this.#counters.totals() });
  }

  async terminate(keyId: string): Promise<boolean> {
    const live = this.#of(keyId);
    if (live === null) return false;
    // Ended before its client came: the token must not begin it again.
    if (live.call.token !== null) this.#store.consume(live.call.token);
    live.shell.terminate();
    return true;
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const shell = this.#live?.shell;
    // A socket that was put out by a newer one may still deliver what was under way.
    if (shell === undefined || !shell.isClient(socket)) return;
    shell.clientMessage(typeof message === "string" ? message : new Uint8Array(message));
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    // Unanswered, the client would wait ten seconds for a 1006.
    closeSocket(socket, code, reason);
    const shell = this.#live?.shell;
    if (shell?.isClient(socket) === true) shell.clientClosed(code, reason);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    const shell = this.#live?.shell;
    if (shell?.isClient(socket) === true) shell.clientClosed(1006, "");
  }

  /** A deadline of a session that slept, or the time at which a used token need not be remembered any more. */
  override async alarm(): Promise<void> {
    const live = this.#live;
    if (live !== null && !live.shell.over) live.shell.woken();
    else await this.#store.wipe(Date.now());
  }

  #of(keyId: string): Live | null {
    return this.#live?.call.keyId === keyId ? this.#live : null;
  }

  /** Nothing here awaits: two connections with one token are told apart by the order in which they came. */
  #admit({ call, keyId, ticket }: Arrival): Refusal | null {
    const token = call?.token ?? null;
    if (token !== null && !this.#store.consume(token)) return "token_used";
    if (this.#live === null) {
      if (call === null) return "session_not_found";
      const session = ticket === null ? null : (this.#tickets.get(ticket) ?? null);
      if (ticket !== null && session === null) return "session_unavailable";
      if (ticket !== null) this.#tickets.delete(ticket);
      try {
        this.#start(session === null ? call : { ...call, session: JSON.parse(session) });
      } catch (error) {
        console.error("a voice session could not begin", describeFailure(error));
        return "session_unavailable";
      }
      return null;
    }
    if (this.#live.call.keyId !== keyId) return "session_not_found";
    return this.#live.shell.over ? "session_ended" : null;
  }

  /** @throws when the configuration has no such route any more, or an adapter refuses its options. */
  #start(call: CallSetup): void {
    const now = Date.now();
    const setup = this.#setup(call);
    // A pre-warmed session waits as long as its token is good.
    const unclaimedMs = call.token === null ? DEFAULT_LIMITS.unclaimedMs : call.token.exp * 1000 - now;
    const core = new Session(setup, { ...this.#dependencies(), limits: { unclaimedMs } }, now);
    this.#store.begin(call);
    this.#live = { call, core, shell: new Shell(core, this.#host(setup.plan.name), null) };
  }

  /** After hibernation or a deploy: the session goes on from its last snapshot. */
  #revive(): void {
    const call = this.#store.call;
    if (call === null) return;
    const [client] = this.ctx.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN);
    const moment = this.#store.load();
    if (moment === null) {
      // Pre-warmed and never met, or gone within its first second: only the former can begin anew.
      if (client !== undefined || this.#store.used !== null) throw new Error("no snapshot");
      this.#start(call);
      return;
    }
    const setup = this.#setup(call);
    const core = Session.restore(moment.session, setup, this.#dependencies(), Date.now());
    const shell = new Shell(core, this.#host(setup.plan.name), client ?? null);
    this.#live = { call, core, shell };
    shell.lost(moment.peers.filter((peer) => peer !== CLIENT || client === undefined));
  }

  #setup(call: CallSetup): SessionSetup {
    const { id, model, intent, session } = call;
    return { id, model, intent, session, plan: resolvePlan(relayConfig, model, this.env) };
  }

  #dependencies(): SessionDependencies {
    return { drawId, createUpstream, kernels: loadKernels() };
  }

  /** @param plan the route's name: metrics never carry a client's model string. */
  #host(plan: string): ShellHost {
    return {
      clock: WALL_CLOCK,
      dial: this.#dialler.dial,
      save: (peers, session) => this.#save({ peers, session }),
      metric: (name, value, upstream) => this.#counters.add(name, value, upstream),
      sleep: (at) => {
        this.#counters.flush(this.env.METRICS, plan);
        if (at !== null) this.ctx.waitUntil(this.#store.setAlarm(at));
      },
      ended: () => this.#finish(plan),
      failed: (error) => {
        console.error("a voice session failed", describeFailure(error));
        this.#finish(plan);
      },
    };
  }

  #save(moment: { readonly peers: readonly PeerId[]; readonly session: Moment["session"] }): void {
    const saved = this.#store.save(moment).catch(() => this.#counters.add("snapshot_failures", 1));
    this.ctx.waitUntil(saved);
  }

  /** The state stays readable while the object is in memory. */
  #finish(plan: string): void {
    this.#counters.flush(this.env.METRICS, plan);
    this.ctx.waitUntil(this.#store.wipe(Date.now()));
  }

  /** A session that cannot be built again. Its client is told to come back as a new one (RFC 6455: 1012, restart). */
  #abandon(error: unknown): void {
    console.error("a voice session could not be restored", describeFailure(error));
    for (const socket of this.ctx.getWebSockets())
      closeSocket(socket, 1012, "the session could not be restored");
    this.ctx.waitUntil(this.#store.wipe(Date.now()));
  }
}

function closeSocket(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(sendableCloseCode(code), reason);
  } catch {
    // Closed already.
  }
}
