/**
 * One upstream of the plan, whichever connection serves it. It dials, dials again with backoff when the connection was
 * lost, turns to the next candidate, and moves to a successor (`succession.ts`): rollover, standby and failover without
 * either are one mechanism.
 */
import type { Command, UpstreamEvent, UpstreamFactory, UpstreamFault } from "../../upstreams/upstream.ts";
import { isChannelOf } from "../channel-peers.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import type { PlannedUpstream } from "../state/plan.ts";
import { saidBeside } from "./beside.ts";
import { Candidates } from "./candidates.ts";
import type { ConnectionSnapshot } from "./connection-snapshot.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { Continuation } from "./continuation.ts";
import { Floods } from "./flood.ts";
import type { LinkHost } from "./link-host.ts";
import type { LinkSnapshot } from "./link-snapshot.ts";
import { noteUse } from "./patience.ts";
import type { Replay } from "./replay.ts";
import { Serving } from "./serving.ts";
import { Succession } from "./succession.ts";

export class Link extends Serving implements ConnectionHost {
  readonly floods: Floods;
  /** `away`: it takes no part in the call (`plan/cast.ts`), and nothing dials it; `back`: it took none for a while. */
  presence: "always" | "away" | "back" = "always";
  readonly #host: LinkHost;
  readonly #succession: Succession;
  readonly #continuation = new Continuation();
  /** Of the candidates, counted round. */
  #chosen = 0;
  #parked = false;
  /** What a lost connection owed is not settled yet. Who is asked for something meanwhile is dialled when it is. */
  #losing = false;

  /** @param replay tells a connection of the conversation; null: it need not know of it. */
  constructor(
    index: number,
    planned: PlannedUpstream,
    create: UpstreamFactory,
    context: Context,
    host: LinkHost,
    replay: Replay | null,
  ) {
    super(index, planned.name, new Candidates(planned, create), context, host, replay);
    this.#host = host;
    this.floods = new Floods(context);
    this.#succession = new Succession(context, index, planned, this.patience, {
      current: () => this.current,
      connect: (candidate) => this.#connect(candidate),
      revive: (kept) => this.#revive(kept),
      replay,
      atGap: () => host.atGap(this),
      rollOver: () => this.#rollOver(),
    });
  }

  /** The connection that this peer is, or is a channel of; null when it was replaced meanwhile. */
  connection(peer: PeerId): Connection | null {
    if (this.current?.peer === peer) return this.current;
    const successor = this.#succession.connection;
    if (successor?.peer === peer) return successor;
    if (isChannelOf(peer, this.current?.peer)) return this.current;
    return isChannelOf(peer, successor?.peer) ? successor : null;
  }

  /** It is not there, and will not be before it is asked for. */
  get dormant(): boolean {
    if (this.phase === "idle") return true;
    return this.phase === "closed" && this.redial.dueAt === null;
  }

  #connect(candidate: number): Connection {
    this.dials += 1;
    const chosen = candidate % this.candidates.count;
    const identity = { link: this.index, number: this.dials, candidate: chosen, upstream: this.name };
    const { candidates, context } = this;
    const expected = candidates.expected(chosen);
    const connection = new Connection(identity, candidates.create(chosen), context, this, expected);
    connection.begin();
    return connection;
  }

  dial(): void {
    if (this.presence === "away" || this.current?.alive || this.departed) return;
    if (this.#losing) return this.redial.at(this.context.now);
    if (!this.patience.spend("dials")) return this.redial.at(this.patience.freeAt("dials"));
    this.redial.clear();
    this.struck = false;
    // Whoever comes to a call that goes on is told what was said.
    const first = this.dials === 0 && this.presence === "always";
    const connection = this.#connect(this.#chosen);
    this.#serveBy(connection, null);
    if (!first) this.#host.onRedial(this);
    this.#parked = false;
    // What it was to be told may have been too much for its backlog.
    if (connection.alive) connection.dial();
  }

  onReady(connection: Connection): void {
    this.candidates.states(connection.identity.candidate, connection.capabilities.input);
    if (connection !== this.current) return;
    if (this.#continuation.serves(connection)) this.context.metric("upstream_continued", 1, this.name);
    this.#host.onPhase(this, null, null);
    this.#succession.serves(connection);
  }

  onSent(connection: Connection): void {
    if (connection === this.current) this.#host.onSent(this);
  }

  onDropped(connection: Connection, ms: number): void {
    if (connection === this.current) this.missing.add(ms);
  }

  /** Call when the state of the session may have changed: a successor that waits for a gap takes over in one. */
  settle(): void {
    this.tellEnded();
    this.#succession.settle();
  }

  #rollOver(): void {
    const old = this.current;
    this.context.metric("rollovers", 1, this.name);
    this.#promote("rollover");
    old?.hangUp();
  }

  /** The successor serves from now on, whatever its state: what is asked of it waits until it is ready. */
  #promote(cause: "rollover" | "failover"): void {
    const successor = this.#succession.take();
    if (!successor) return;
    this.current = successor;
    this.#chosen = successor.identity.candidate;
    this.redial.clear();
    this.#host.onPhase(this, null, cause);
    this.#host.onRedial(this);
    // What it made of its greeting counts from now on.
    for (const event of successor.verdicts.take(this.upstreamConfig())) this.#host.onUpstream(this, event);
    if (successor.phase !== "ready") return;
    this.#succession.serves(successor);
    this.#host.onSent(this);
  }

  protected restate(command: Extract<Command, { readonly type: "configure" }>): void {
    this.#succession.restate(command);
  }

  /** What was said meanwhile is told to a connection that may serve next. */
  refill(): void {
    this.#succession.refill();
  }

  onEvent(connection: Connection, event: UpstreamEvent): void {
    if (connection !== this.current) {
      return saidBeside(connection, event, {
        context: this.context,
        upstreamConfig: () => this.upstreamConfig(),
        spent: (spent) => this.#host.onUpstream(this, spent),
      });
    }
    noteUse(connection, event);
    this.context.meter?.said(connection, event);
    if (event.type === "expiring") {
      this.context.metric("upstream_expiring_ms", event.inMs, this.name);
      this.#succession.expiring(event.inMs);
    } else this.#host.onUpstream(this, event);
  }

  onLost(connection: Connection, fault: UpstreamFault): void {
    this.context.metric("upstream_lost", 1, this.name);
    if (connection === this.#succession.connection) this.#succession.lost(connection);
    else if (connection === this.current) this.#lost(connection, fault);
  }

  /** A provider that goes on with all that it was saying is dialled at once, and nobody is told. @returns false: it is lost. */
  #goesOn(connection: Connection, fault: UpstreamFault): boolean {
    const whole = this.#continuation.broke(connection, this.#succession.connection === null);
    if (!whole || !this.patience.spend("dials")) return false;
    this.cursor = this.unheardFrom(connection);
    this.#succession.stop();
    this.#serveBy(this.#connect(connection.identity.candidate), fault);
    this.current?.dial();
    return true;
  }

  #serveBy(connection: Connection, fault: UpstreamFault | null): void {
    this.#continuation.goOn(connection, fault, this.replay);
    this.current = connection;
    this.#host.onPhase(this, null, null);
  }

  #lost(connection: Connection, last: UpstreamFault): void {
    const { departed } = this;
    if (!departed && this.#goesOn(connection, last)) return;
    const fault = Continuation.faultOf(connection, last);
    this.patience.lost(connection);
    this.cursor = this.unheardFrom(connection);
    const replaced = !departed && this.#succession.connection !== null;
    const final = departed || (!replaced && this.patience.exhausted(this.candidates.count));
    this.#succession.stop();
    this.redial.clear();
    if (!replaced && !departed) {
      this.#chosen += 1;
      if (!final) this.retryIn(this.patience.waitMs(this.candidates.count, connection.overloaded));
    }
    this.#host.onPhase(this, departed ? null : fault, departed ? "left" : null);
    this.#losing = true;
    this.#host.onLost(this, fault, final);
    this.#losing = false;
    if (replaced) this.#promote("failover");
  }

  /**
   * It was hung up because nobody said anything, and not dialled since. One that hears everything and had not, because
   * it was being dialled, is not: it is to hear that first.
   */
  get parked(): boolean {
    return this.#parked || this.presence === "away";
  }

  /** Hangs up, or tries no more, until it is needed. @returns whether there was anything to hang up. */
  park(cause: "parked" | "left" = "parked"): boolean {
    if (!this.remote || this.current === null) return false;
    const last = this.current;
    const idle = this.dormant;
    this.#parked = last.phase === "ready" || last.capabilities.turns === "client";
    if (last.alive) this.cursor = this.unheardFrom(last);
    this.hangUp();
    this.current = null;
    if (idle) return false;
    this.#host.onPhase(this, null, cause);
    return true;
  }

  /** Its connections died with a former life of the session, which knew them until then. */
  died(knownUntil: number): void {
    this.doomed = false;
    this.#succession.connection?.died(knownUntil);
    this.current?.died(knownUntil);
  }

  /** Hangs up; nothing is dialled again until `dial` is called. */
  hangUp(): void {
    this.redial.clear();
    this.#succession.hangUp();
    this.current?.hangUp();
  }

  /** A deadline of this link came (`number` null), or of one of its connections. After it comes `settle`. */
  timeout(what: string, number: number | null): void {
    if (number !== null) this.connection(`up${this.index}.${number}`)?.timeout(what);
    else if (what === "redial") this.dial();
    else if (what === "missed") this.missing.tell();
    else this.#succession.timeout(what);
  }

  snapshot(): LinkSnapshot {
    return {
      dials: this.dials,
      chosen: this.#chosen,
      patience: this.patience.snapshot(),
      ...this.missing.snapshot(),
      parked: this.#parked,
      ...(this.struck && { struck: true }),
      ...(this.presence !== "always" && { presence: this.presence }),
      cursor: this.cursor,
      ...(Object.keys(this.usage).length > 0 && { usage: { ...this.usage } }),
      current: this.current?.snapshot() ?? null,
      former: this.#continuation.snapshot(),
      succession: this.#succession.snapshot(),
    };
  }

  restore(snapshot: LinkSnapshot): void {
    this.dials = snapshot.dials;
    this.#chosen = snapshot.chosen;
    this.patience.restore(snapshot.patience);
    this.missing.restore(snapshot);
    this.#parked = snapshot.parked;
    this.struck = snapshot.struck ?? false;
    this.presence = snapshot.presence ?? "always";
    this.cursor = snapshot.cursor;
    Object.assign(this.usage, snapshot.usage);
    this.current = snapshot.current && this.#revive(snapshot.current);
    this.#continuation.restore(snapshot.former ? this.#revive(snapshot.former) : null);
    this.#succession.restore(snapshot.succession);
  }

  #revive(kept: ConnectionSnapshot): Connection {
    const upstream = this.candidates.create(kept.identity.candidate);
    const connection = new Connection(kept.identity, upstream, this.context, this, null);
    connection.restore(kept);
    if (kept.phase === "ready")
      this.candidates.states(kept.identity.candidate, connection.capabilities.input);
    return connection;
  }
}
