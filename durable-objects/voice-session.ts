/**
 * The Durable Object of one voice session: sockets, timer, alarm and storage around the shell. The client's socket is
 * accepted with the hibernation API, so that an idle call costs nothing and survives its object leaving memory.
 */
import { DurableObject } from "cloudflare:workers";
import { Admission, WITHDRAWN } from "./admission.ts";
import { Breath } from "./breath.ts";
import { readArrival, readCallSetup, type ObserverArrival } from "./call-setup.ts";
import { shut } from "./close-code.ts";
import type { RelayEnv } from "./env.ts";
import { refuse, socketPair, upgraded } from "./upgrade.ts";
import { VoiceCall } from "./voice-call.ts";
import type { VoiceSessionRpc } from "./voice-session-rpc.ts";

export class VoiceSession extends DurableObject<RelayEnv> implements VoiceSessionRpc {
  readonly #breath = new Breath(this.ctx);
  readonly #call = new VoiceCall(this.ctx, this.env, this.#breath);
  readonly #admission = new Admission(this.#call);

  override async fetch(request: Request): Promise<Response> {
    // The storage's fault may be over.
    if (this.#call.unread) this.#call.revive();
    const who = readArrival(request.headers);
    if (who === null) return refuse("session_unavailable");
    if ("observer" in who) return this.#observe(who.observer);
    const arrival = who.client;
    if (arrival.resume !== null && this.#call.locked !== null) await this.#call.unlock(arrival.resume);
    let refusal = this.#call.unread ? "session_unavailable" : this.#admission.admit(arrival);
    if (refusal === "session_busy" && (await this.#admission.vacated()))
      refusal = this.#admission.admit(arrival);
    if (refusal !== null) return refuse(refusal);
    const shell = this.#call.live?.shell;
    if (shell === undefined) throw new Error("admitted without a session");
    const { theirs, ours } = socketPair();
    this.ctx.acceptWebSocket(ours);
    shell.clientOpened(ours, arrival.dialect, {
      token: arrival.resume,
      secret: arrival.secret !== null,
    });
    // The upstreams are dialled by now, and what there is to say waits in the socket.
    await this.#call.store.confirmed();
    return upgraded(theirs, arrival.protocol);
  }

  /** The application's own connection, beside the client's. */
  async #observe({ keyId, audio, protocol, by }: ObserverArrival): Promise<Response> {
    const live = this.#call.of(keyId);
    if (live === null) return refuse(this.#call.unread ? "session_unavailable" : "session_not_found");
    if (live.shell.over) return refuse("session_ended");
    const { theirs, ours } = socketPair();
    this.ctx.acceptWebSocket(ours);
    live.shell.observerCame(ours, audio, by);
    return upgraded(theirs, protocol);
  }

  async prepare(ticket: string, session: string): Promise<void> {
    this.#admission.ticket(ticket, session);
  }

  async prewarm(setup: string): Promise<boolean> {
    if (!this.#call.none) return false;
    this.#call.prepare(readCallSetup(JSON.parse(setup)));
    return true;
  }

  async state(keyId: string | null): Promise<string | null> {
    const live = this.#call.of(keyId);
    if (live === null) return null;
    // The name by which the doors know it; the core is given the part that is drawn.
    const id = `sess_${live.call.id}`;
    return JSON.stringify({ ...live.core.state(Date.now()), id, metrics: this.#call.counters.totals() });
  }

  async withdraw(until: number): Promise<boolean> {
    if (!this.#call.none) return false;
    this.#call.store.consume({ jti: WITHDRAWN, exp: Math.ceil(until / 1000) });
    await this.#call.store.wipe(Date.now());
    return true;
  }

  async terminate(keyId: string | null): Promise<boolean> {
    return this.#call.terminate(keyId);
  }

  async alive(keyId: string): Promise<boolean> {
    return this.#call.of(keyId)?.shell.over === false || this.#call.locked?.call.keyId === keyId;
  }

  async vacantSince(keyId: string): Promise<number | null> {
    const shell = this.#call.of(keyId)?.shell;
    if (this.#call.locked?.call.keyId === keyId) return this.#call.locked.at;
    return shell === undefined || shell.over ? null : shell.vacantSince;
  }

  async yieldPlace(keyId: string): Promise<boolean> {
    const shell = this.#call.of(keyId)?.shell;
    if (this.#call.locked !== null) return this.#call.forget(keyId);
    if (shell === undefined || shell.over || shell.vacantSince === null) return false;
    shell.terminate();
    return true;
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#call.live?.shell.clientMessage(
      socket,
      typeof message === "string" ? message : new Uint8Array(message),
    );
    this.#breath.taken(Date.now());
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    // Unanswered, the client would wait ten seconds for a 1006.
    shut(socket, code, reason);
    this.#call.live?.shell.clientClosed(socket, code, reason);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#call.live?.shell.clientClosed(socket, 1006, "");
  }

  override async alarm(): Promise<void> {
    await this.#call.rang();
  }
}
