/**
 * The core: a session is a synchronous function of (input, now) to actions (see `io.ts`). This file routes inputs and
 * deadlines and keeps the session's life; how the parts act on each other is `conduct.ts`, and every change of state
 * is a row in `transitions.ts`.
 */
import { ClientError } from "../protocol/client-error.ts";
import { TICKS_PER_MS } from "./state/ticks.ts";
import type { Debts } from "./client/budget.ts";
import { ClientMessages, STEP } from "./client/client-messages.ts";
import { REFUSED } from "./client/message-refusals.ts";
import { WIRE } from "./client/client-socket.ts";
import { Conduct } from "./conduct.ts";
import { restoreParts, snapshotOf } from "./conduct-snapshot.ts";
import { Doubt } from "./client/doubt.ts";
import { dueIn } from "./due.ts";
import { restoreKept, snapshotOfParts } from "./kept-parts.ts";
import { CLIENT, type Action, type Covers, type Dialect, type Input, type SessionState } from "./io.ts";
import { isObserver } from "./control/names.ts";
import { observerMeans } from "./observer-means.ts";
import { Observers } from "./control/observers.ts";
import type { Connection } from "./links/connection.ts";
import { SessionClock } from "./session-clock.ts";
import type { SessionDependencies, SessionSetup } from "./setup.ts";
import { SNAPSHOT_VERSION, type SessionSnapshot } from "./snapshot.ts";
import { stateOf } from "./state.ts";

export type { Debts } from "./client/budget.ts";
export type { AudioPool, SessionDependencies, SessionSetup } from "./setup.ts";
export { SNAPSHOT_VERSION, type SessionSnapshot } from "./snapshot.ts";

/** No close frame at all, or a page, tab or process that went away with its call. */
const DROPPED: ReadonlySet<number> = new Set([1001, 1006]);
/** How a `duplex.v1` client says that it does not come back: with either of the codes, and this as its reason. */
const GOODBYE = "end";
const GOODBYE_CODES: ReadonlySet<number> = new Set([1000, 1001]);
/** A client that reads nothing is closed with this; one that resumes reads on where it was. */
const STUCK_CODE = 4008;
/** One that goes on sending what is refused, or whose key has nothing left (RFC 6455 §7.4.1: a policy is violated). */
const FLOOD_CODE = 1008;

export class Session {
  readonly #setup: SessionSetup;
  readonly #conduct: Conduct;
  readonly #messages: ClientMessages;
  readonly #observers: Observers;
  #status: SessionState["status"] = "waiting";
  readonly #clock = new SessionClock();
  readonly #doubt: Doubt;

  /** @throws ClientError when `setup.session` or the plan's session is no valid configuration. */
  constructor(setup: SessionSetup, dependencies: SessionDependencies, now: number) {
    this.#setup = setup;
    const conduct = new Conduct(setup, dependencies, now, {
      recall: (lastReceived) => this.#doubt.recall(lastReceived),
      forsaken: () => {
        this.#forsake();
        conduct.input.breakOff();
      },
      unreceived: (ms) => conduct.bargeIn.unreceived(ms),
      resumed: () => {
        this.#doubt.settle();
        conduct.listener.back();
        conduct.arrival.back(conduct.context.now);
        conduct.turns.watch.back();
        conduct.idle.arm();
        conduct.asking.settle();
      },
      restarted: () => this.#begin(),
      gone: () => this.#clientAway(),
      parked: () => this.quiet,
      relieved: () => conduct.responses.drain(),
      stuck: () => this.#putOut(STUCK_CODE, "nothing was read for too long"),
    });
    this.#conduct = conduct;
    this.#doubt = new Doubt(conduct);
    this.#messages = new ClientMessages(conduct.context, conduct.port, conduct.budget, conduct.delivery, {
      get inputFormat() {
        return conduct.config.inputFormat;
      },
      get detects() {
        return conduct.input.detects;
      },
      acted: () => conduct.parking.touch(),
      flooded: () => this.#putOut(FLOOD_CODE, "too many messages were refused"),
      turnedAway: (code, reason) => this.#putOut(code, reason),
      hungUp: () => this.#end("client_closed"),
      brokeOff: () => conduct.input.breakOff(),
      event: (event) => conduct.commands.handle(event),
      audio: (bytes, part) => {
        this.#observers.heard(bytes);
        conduct.appendAudio(bytes, part);
      },
    });
    this.#observers = new Observers(conduct, {
      waits: () => this.#doubt.kept !== null,
      end: () => this.#terminate(),
      means: () => observerMeans(conduct),
    });
    conduct.port.audience.tapped(this.#observers);
    const { deadlines, limits } = conduct.context;
    deadlines.set("session:unclaimed", now + limits.unclaimedMs);
    deadlines.set("session:end", now + limits.sessionMs);
  }

  handle(input: Input, now: number): readonly Action[] {
    if (this.#status === "ended") return [];
    this.#setClock(now);
    const acted = this.#route(input);
    this.#conduct.backpressure.settle();
    if (acted && !this.#conduct.context.ended && this.#doubt.kept === null) {
      // In this order; a deadline of theirs is only to be there.
      const { asides, cast, tools } = this.#conduct;
      for (const part of [tools, asides, cast]) this.#attempt(() => part?.settle());
      this.#attempt(this.#settle);
    }
    return this.#conduct.context.takeActions();
  }

  readonly #settle = (): void => {
    for (const link of this.#conduct.lines) link.settle();
    this.#conduct.costs?.settle();
    this.#conduct.toldHeard.settle();
  };

  #setClock(now: number, least = this.#conduct.context.now): void {
    this.#conduct.context.now = this.#clock.at(now, least, this.deadline);
  }

  /** @returns false: only somebody who looks on was served. */
  #route(input: Input): boolean {
    if (input.type === "timeout") {
      const { deadlines, now } = this.#conduct.context;
      deadlines.work(now, (name) => this.#attempt(() => this.#due(name)));
    } else if (input.type === "persisted") {
      this.#conduct.delivery.persisted(input.covers);
      this.#conduct.tools?.recorded(input.covers.calls ?? 0);
    } else if (input.type === "consulted") {
      this.#conduct.consulted(input.id, input.probability);
    } else if (input.type === "moderated") {
      this.#attempt(() => this.#conduct.guard?.moderated(input));
    } else if (input.type === "tool_answered") {
      this.#attempt(() => this.#conduct.tools?.result(input.id, input.result));
    } else if (input.type === "allowance") {
      this.#conduct.budget.allow(input.allowance);
    } else if (input.type === "spent") {
      this.#outlast("rate_limit_exceeded", input.message, FLOOD_CODE);
    } else if (input.type === "pending") {
      this.#clientPending();
    } else if (input.type === "observer" || isObserver(input.peer)) {
      return this.#observers.input(input);
    } else if (input.type === "buffered") {
      this.#conduct.context.metric("buffered_bytes", input.bytes, input.peer);
      if (input.peer === CLIENT) this.#conduct.backpressure.buffered(input.bytes);
      else this.#conduct.connection(input.peer)?.buffered(input.peer, input.bytes);
    } else if (input.peer === CLIENT) {
      if (input.type === "open") this.#clientOpen(input.dialect ?? "realtime");
      else if (input.type === "message") this.#messages.take(input.data);
      else this.#clientClosed(input.code, input.reason);
    } else if (this.#doubt.kept === null) {
      // A message or close of a connection that was replaced meanwhile has no link any more: it is dropped.
      const connection = this.#conduct.connection(input.peer);
      if (connection) this.#attempt(() => connection.take(input), connection);
      else {
        this.#attempt(() => this.#conduct.background?.input(input));
        this.#attempt(() => this.#conduct.asides.input(input));
      }
    }
    return true;
  }

  /**
   * What a provider says or a deadline brings must not end the call, whatever goes wrong on the way: it is told, and a
   * connection whose words led to it is given up.
   */
  #attempt(act: () => void, connection?: Connection): void {
    try {
      act();
    } catch (error) {
      const { context, port } = this.#conduct;
      context.metric("internal_errors", 1);
      if (error instanceof ClientError) port.failed(error.code, error.message);
      else if (connection) connection.giveUp("internal_error", "What the upstream said was not handled.");
      else port.failed("internal_error", "The relay failed at something that was due.");
    }
  }

  #clientOpen(dialect: Dialect): void {
    const { port, context, delivery } = this.#conduct;
    // One that is still there is put out by the shell, which tells nobody: the one that dials is the one that lives.
    this.#clientAway();
    const again = port.continues(dialect);
    this.#messages.opened(again);
    if (!again) {
      this.#doubt.recall(null);
      this.#forsake();
      this.#messages.breakOff();
    }
    this.#status = "connected";
    this.#conduct.backpressure.reset();
    port.open(dialect);
    context.deadlines.clear("session:unclaimed");
    context.deadlines.clear("client:gone");
    if (delivery.opened(again)) return;
    this.#begin();
  }

  /** One that is waited for has dialled in time: it is waited for as long again, until it has said who it is. */
  #clientPending(): void {
    const { deadlines, limits, now } = this.#conduct.context;
    if (deadlines.get("client:gone") === null) return;
    deadlines.set("client:gone", now + limits.clientGoneMs);
    this.#doubt.wait(now + limits.clientGoneMs);
  }

  /** A client is there that knows nothing yet: the first of the session, or one that begins anew on it. */
  #begin(): void {
    this.#greet();
    this.#attempt(() => this.#doubt.settle());
    this.#attempt(() => this.#conduct.absence.tell());
    this.#attempt(() => this.#conduct.asking.settle());
    this.#conduct.turns.watch.back();
    this.#conduct.idle.arm();
  }

  #greet(): void {
    const { port, context, lines } = this.#conduct;
    port.emit({ type: "session.created", session: this.#conduct.sessionObject.shown() });
    this.#tellFallback();
    this.#conduct.parking.touch();
    this.#conduct.listener.back();
    for (const link of lines) link.ensure();
    context.persist();
  }

  /** The neural detector cannot decide here: the application is told, and the metrics. */
  #tellFallback(): void {
    const { context, port, detector, detectorFallback: reason } = this.#conduct;
    if (reason === null) return;
    context.metric("detector_fallbacks", 1);
    if (port.extended) port.emit({ type: "relay.detector", detector: detector.name, reason });
  }

  /** It takes nothing of what it is sent, or does not stop: as good as gone, whatever its socket says. */
  #putOut(code: number, reason: string): void {
    if (!this.#conduct.port.connected) return;
    this.#conduct.context.act({ type: "close", peer: CLIENT, code, reason });
    this.#clientAway();
  }

  /** A client that lost its connection may come back, for a while; one that hung up does not. */
  #clientClosed(code: number, reason: string): void {
    const hungUp = this.#conduct.port.extended
      ? GOODBYE_CODES.has(code) && reason === GOODBYE
      : !DROPPED.has(code);
    if (hungUp) this.#end("client_closed");
    else this.#clientAway();
  }

  #clientAway(): void {
    const { port, context, delivery } = this.#conduct;
    if (!port.connected) return;
    port.closed();
    delivery.closed();
    this.#conduct.backpressure.reset();
    this.#conduct.listener.away();
    this.#conduct.unwatch();
    if (!port.extended) {
      this.#forsake();
      this.#messages.breakOff();
    }
    this.#status = "waiting";
    context.deadlines.set("client:gone", context.now + context.limits.clientGoneMs);
    context.persist();
  }

  /** Whoever comes next knows nothing of what was under way, nor of what was asked for. */
  #forsake(): void {
    this.#conduct.asking.forget();
    this.#conduct.absence.stop();
  }

  #end(reason: string): void {
    if (this.#status === "ended") return;
    // In doubt there is no connection to hang up: they died with the object.
    if (this.#doubt.kept === null) this.#conduct.hangUp();
    this.#status = "ended";
    this.#conduct.costs?.close();
    this.#conduct.context.end(reason);
  }

  /** The application ended the session (`DELETE /v1/sessions/:id`). */
  terminate(now: number): readonly Action[] {
    if (this.#status === "ended") return [];
    this.#setClock(now);
    this.#terminate();
    return this.#conduct.context.takeActions();
  }

  #terminate(): void {
    const { port, context } = this.#conduct;
    const reason = "session ended by the application";
    if (port.connected) context.act({ type: "close", peer: CLIENT, code: 1000, reason });
    this.#end("terminated");
  }

  #expire(): void {
    const message = `Your session hit the maximum duration of ${Math.round(this.#conduct.context.limits.sessionMs / 60_000)} minutes.`;
    this.#outlast("session_expired", message, 1001);
  }

  #outlast(what: string, message: string, code: number): void {
    this.#conduct.port.outlasted(what, message, code);
    this.#end(what);
  }

  #due(name: string): void {
    if (name === STEP) this.#messages.step();
    else if (name === WIRE)
      for (const heard of this.#conduct.port.socket.due()) this.#messages.heard(heard, 0);
    else if (name === REFUSED) this.#messages.tellRefused();
    else if (name.startsWith("control:")) this.#observers.due(name);
    else if (name === "session:end") this.#expire();
    else if (name === "session:unclaimed") this.#end("unclaimed");
    else if (name === "client:gone") this.#end("client_gone");
    else dueIn(this.#conduct, name);
  }

  /** When to call `handle` with `timeout` at the latest; null: never. */
  get deadline(): number | null {
    if (this.#status === "ended") return null;
    const { next } = this.#conduct.context.deadlines;
    return next === null ? null : this.#clock.ofShell(next);
  }

  /** Nothing is audible, pending or in flight: the shell may let the object hibernate. */
  get quiet(): boolean {
    return (
      (this.#status !== "connected" && this.#conduct.tools?.pending !== true) ||
      (this.#conduct.quiet && !this.#messages.busy && this.#conduct.lines.every((link) => link.dormant))
    );
  }

  /** A long message is being worked through: a snapshot had to do all of it first. */
  get busy(): boolean {
    return this.#messages.busy;
  }

  /** A client that shows this token may take the session up again. */
  resumable(token: string): boolean {
    return this.#status !== "ended" && this.#conduct.delivery.resumable(token);
  }

  /** Its last client spoke `duplex.v1`: one that comes may go on with its numbers, and says so first. */
  get extended(): boolean {
    return this.#conduct.port.extended;
  }

  /** What its client would owe in another session as well. */
  get debts(): Debts {
    return this.#conduct.budget.debts(this.#conduct.context.now);
  }

  /** It begins, and its client owes so much from others. */
  owe(debts: Debts): void {
    this.#conduct.budget.owe(debts);
  }

  /** What a snapshot taken now covers. */
  get covers(): Covers {
    return this.#doubt.kept?.covers ?? { ...this.#conduct.delivery.covers, ...this.#conduct.tools?.covers };
  }

  snapshot(): SessionSnapshot {
    // In doubt nothing has changed since.
    if (this.#doubt.kept) return this.#doubt.kept;
    // A shell waits while it is `busy`; for whoever does not, what follows is said with the next input.
    this.#messages.finish();
    return {
      version: SNAPSHOT_VERSION,
      covers: this.covers,
      conduct: snapshotOf(this.#conduct),
      status: this.#status,
      doubtedUntil: null,
      audioReceivedMs: this.#conduct.input.ticks / TICKS_PER_MS,
      context: this.#conduct.context.snapshot(),
      ...snapshotOfParts(this.#conduct),
      links: this.#conduct.lines.map((link) => link.snapshot()),
      transcriber: this.#conduct.transcriber?.snapshot() ?? null,
    };
  }

  /**
   * Rebuilds a session in another isolate. Not `stale`: it hibernated, the snapshot is all there is to know, and peers
   * are as it has them. `stale`, which is what a shell has to assume otherwise: the object died, every socket with it,
   * and the snapshot may be older than what the session last said. Names are not given again; a `duplex.v1` client is
   * waited for; of a `realtime` one, which begins anew when it comes back, hand in the `close`.
   */
  static restore(
    snapshot: SessionSnapshot,
    setup: SessionSetup,
    dependencies: SessionDependencies,
    now: number,
    stale = true,
  ): Session {
    const session = new Session(setup, dependencies, now);
    const conduct = session.#conduct;
    session.#status = snapshot.status;
    restoreParts(conduct, snapshot.conduct);
    session.#setClock(now, snapshot.context.now);
    restoreKept(conduct, snapshot);
    for (const [index, kept] of snapshot.links.entries()) conduct.lines[index]?.restore(kept);
    if (snapshot.transcriber) conduct.transcriber?.restore(snapshot.transcriber);
    const doubt = stale || snapshot.doubtedUntil !== null;
    conduct.context.restore(snapshot.context, doubt);
    // With the object died what is paid for by the minute, and what is nobody's business.
    if (doubt) conduct.costs?.died(snapshot.context.now);
    if (doubt) conduct.shadows?.died();
    conduct.restored(snapshot.context.now);
    // A `realtime` client that comes back begins anew: what it has seen is of no account.
    if (doubt && conduct.port.extended) {
      session.#status = "waiting";
      session.#doubt.begin(snapshot);
    } else if (doubt) {
      conduct.background?.died();
      conduct.asides.died();
    }
    return session;
  }

  /** For `GET /v1/sessions/:id`: no transcripts, no audio. @param now by the shell's clock */
  state(now = Number.NEGATIVE_INFINITY): SessionState {
    const at = Math.max(this.#conduct.context.now, this.#clock.ofSession(now));
    return stateOf(this.#conduct, this.#setup, this.#status, at);
  }
}
