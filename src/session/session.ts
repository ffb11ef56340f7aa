/**
 * The core: a session is a synchronous function of (input, now) to actions (see `io.ts`). This file routes inputs and
 * deadlines; the parts are built in `conduct.ts`, how they act on each other is `reactions.ts`, and every change of state is
 * a row in `transitions.ts`.
 */
import { attempt } from "./attempt.ts";
import { TICKS_PER_MS } from "./state/ticks.ts";
import type { Debts } from "./client/budget.ts";
import { STEP } from "./client/client-messages.ts";
import { REFUSED } from "./client/message-refusals.ts";
import { WIRE } from "./client/client-socket.ts";
import { Conduct } from "./conduct.ts";
import { restoreParts, snapshotOf } from "./conduct-snapshot.ts";
import { dueIn } from "./due.ts";
import { restoreKept, snapshotOfParts } from "./kept-parts.ts";
import { CLIENT, type Action, type Covers, type Input, type SessionState } from "./io.ts";
import { isObserver } from "./control/names.ts";
import { mayRest } from "./quiet.ts";
import { SessionClock } from "./session-clock.ts";
import type { SessionDependencies, SessionSetup } from "./setup.ts";
import { SNAPSHOT_VERSION, type SessionSnapshot } from "./snapshot.ts";
import { stateOf } from "./state.ts";

export type { Debts } from "./client/budget.ts";
export type { AudioPool, SessionDependencies, SessionSetup } from "./setup.ts";
export { SNAPSHOT_VERSION, type SessionSnapshot } from "./snapshot.ts";

export class Session {
  readonly #setup: SessionSetup;
  readonly #conduct: Conduct;
  readonly #clock = new SessionClock();

  /** @throws ClientError when `setup.session` or the plan's session is no valid configuration. */
  constructor(setup: SessionSetup, dependencies: SessionDependencies, now: number) {
    this.#setup = setup;
    this.#conduct = new Conduct(setup, dependencies, now);
    const { context, observers, port } = this.#conduct;
    port.audience.tapped(observers);
    context.deadlines.set("session:unclaimed", now + context.limits.unclaimedMs);
    context.deadlines.set("session:end", now + context.limits.sessionMs);
  }

  get #ended(): boolean {
    return this.#conduct.presence.status === "ended";
  }

  handle(input: Input, now: number): readonly Action[] {
    if (this.#ended) return [];
    this.#setClock(now);
    // A snapshot that was taken of a busy session has said what waited.
    if (input.type === "close") this.#conduct.context.unsaid(input.peer);
    const acted = this.#route(input);
    this.#conduct.backpressure.settle();
    if (acted && !this.#conduct.context.ended && this.#conduct.doubt.kept === null) {
      // In this order; a deadline of theirs is only to be there.
      const { asides, cast, tools } = this.#conduct;
      for (const part of [tools, asides, cast]) attempt(this.#conduct, () => part?.settle());
      attempt(this.#conduct, this.#settle);
    }
    return this.#conduct.context.takeActions();
  }

  readonly #settle = (): void => {
    for (const link of this.#conduct.lines) link.settle();
    this.#conduct.costs?.settle();
    this.#conduct.toldHeard.settle();
    this.#conduct.leaving.settle();
  };

  #setClock(now: number, least = this.#conduct.context.now): void {
    this.#conduct.context.now = this.#clock.at(now, least, this.deadline);
  }

  /** @returns false: only somebody who looks on was served. */
  #route(input: Input): boolean {
    if (input.type === "timeout") {
      const { deadlines, now } = this.#conduct.context;
      deadlines.work(now, (name) => attempt(this.#conduct, () => this.#due(name)));
    } else if (input.type === "persisted") {
      this.#conduct.delivery.persisted(input.covers);
      this.#conduct.tools?.recorded(input.covers.calls ?? 0);
    } else if (input.type === "consulted") {
      this.#conduct.endpointing.consulted(input.id, input.probability);
    } else if (input.type === "moderated") {
      attempt(this.#conduct, () => this.#conduct.guard?.moderated(input));
    } else if (input.type === "tool_answered") {
      attempt(this.#conduct, () => this.#conduct.tools?.result(input.id, input.result));
    } else if (input.type === "allowance") {
      this.#conduct.budget.allow(input.allowance);
    } else if (input.type === "spent") {
      this.#conduct.presence.spent(input.message);
    } else if (input.type === "pending") {
      this.#conduct.presence.pending();
    } else if (input.type === "observer" || isObserver(input.peer)) {
      return this.#conduct.observers.input(input);
    } else if (input.type === "buffered") {
      this.#conduct.context.metric("buffered_bytes", input.bytes, input.peer);
      if (input.peer === CLIENT) this.#conduct.backpressure.buffered(input.bytes);
      else this.#conduct.connection(input.peer)?.buffered(input.peer, input.bytes);
    } else if (input.peer === CLIENT) {
      if (input.type === "open") this.#conduct.presence.opened(input.dialect ?? "realtime");
      else if (input.type === "message") this.#conduct.messages.take(input.data);
      else this.#conduct.presence.closed(input.code, input.reason);
    } else if (this.#conduct.doubt.kept === null) {
      // A message or close of a connection that was replaced meanwhile has no link any more: it is dropped.
      const connection = this.#conduct.connection(input.peer);
      if (connection) attempt(this.#conduct, () => connection.take(input), connection);
      else {
        attempt(this.#conduct, () => this.#conduct.background?.input(input));
        attempt(this.#conduct, () => this.#conduct.asides.input(input));
      }
    }
    return true;
  }

  /** The application ended the session (`DELETE /v1/sessions/:id`). */
  terminate(now: number): readonly Action[] {
    if (this.#ended) return [];
    this.#setClock(now);
    this.#conduct.presence.terminate();
    return this.#conduct.context.takeActions();
  }

  #due(name: string): void {
    if (name === STEP) this.#conduct.messages.step();
    else if (name === WIRE)
      for (const heard of this.#conduct.port.socket.due()) this.#conduct.messages.heard(heard, 0);
    else if (name === REFUSED) this.#conduct.messages.tellRefused();
    else if (name.startsWith("control:")) this.#conduct.observers.due(name);
    else if (name === "session:end") this.#conduct.presence.expire();
    else if (name === "session:unclaimed") this.#conduct.presence.end("unclaimed");
    else if (name === "client:gone") this.#conduct.presence.end("client_gone");
    else dueIn(this.#conduct, name);
  }

  /** When to call `handle` with `timeout` at the latest; null: never. */
  get deadline(): number | null {
    if (this.#ended) return null;
    const { next } = this.#conduct.context.deadlines;
    return next === null ? null : this.#clock.ofShell(next);
  }

  /** Nothing is audible, pending or in flight: the shell may let the object hibernate. */
  get quiet(): boolean {
    return mayRest(this.#conduct);
  }

  /** A long message is being worked through: a snapshot had to do all of it first. */
  get busy(): boolean {
    return this.#conduct.messages.busy;
  }

  /** A client that shows this token may take the session up again. */
  resumable(token: string): boolean {
    return !this.#ended && this.#conduct.delivery.resumable(token);
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
    return (
      this.#conduct.doubt.kept?.covers ?? { ...this.#conduct.delivery.covers, ...this.#conduct.tools?.covers }
    );
  }

  snapshot(): SessionSnapshot {
    // In doubt nothing has changed since.
    if (this.#conduct.doubt.kept) return this.#conduct.doubt.kept;
    // A shell waits while it is `busy`; for whoever does not, what follows is said with the next input.
    this.#conduct.messages.finish();
    return {
      version: SNAPSHOT_VERSION,
      covers: this.covers,
      conduct: snapshotOf(this.#conduct),
      status: this.#conduct.presence.status,
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
    conduct.presence.restore(snapshot.status);
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
    conduct.reactions.restored(snapshot.context.now);
    // A `realtime` client that comes back begins anew: what it has seen is of no account.
    if (doubt && conduct.port.extended) {
      conduct.presence.restore("waiting");
      conduct.doubt.begin(snapshot);
    } else if (doubt) {
      conduct.background?.died();
      conduct.asides.died();
    }
    return session;
  }

  /** For `GET /v1/sessions/:id`: no transcripts, no audio. @param now by the shell's clock */
  state(now = Number.NEGATIVE_INFINITY): SessionState {
    const at = Math.max(this.#conduct.context.now, this.#clock.ofSession(now));
    return stateOf(this.#conduct, this.#setup, this.#conduct.presence.status, at);
  }
}
