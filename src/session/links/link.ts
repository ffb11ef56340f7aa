/**
 * One upstream of the plan, whichever connection serves it. It dials, dials again with backoff when the connection was
 * lost, turns to the next candidate, and moves to a successor (`succession.ts`): rollover, standby and failover without
 * either are one mechanism.
 */
import type { AudioFormat } from "../../audio/format.ts";
import type { AudioChunk, Capabilities, Command, Upstream } from "../../upstreams/upstream.ts";
import type { UpstreamConfig, UpstreamEvent, UpstreamFactory } from "../../upstreams/upstream.ts";
import type { UpstreamFault, UpstreamOptions } from "../../upstreams/upstream.ts";
import type { AudioTap } from "../state/audio-tap.ts";
import { saidBeside } from "./beside.ts";
import { isChannelOf } from "../channel-peers.ts";
import type { Congestion } from "./congestion.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { Continuation } from "./continuation.ts";
import type { ConnectionSnapshot } from "./connection-snapshot.ts";
import type { LinkHost } from "./link-host.ts";
import type { LinkSnapshot } from "./link-snapshot.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import type { PlannedUpstream } from "../state/plan.ts";
import { Floods } from "./flood.ts";
import { Missed } from "./missed.ts";
import { noteUse, Patience } from "./patience.ts";
import type { TokenSums } from "../state/usage.ts";
import type { Replay } from "./replay.ts";
import { Redial } from "./redial.ts";
import { Succession } from "./succession.ts";
import type { LinkPhase } from "../transitions.ts";

export class Link implements AudioTap, ConnectionHost {
  readonly index: number;
  readonly name: string;
  /** Input formats of everything that may be dialled: their history is kept from the beginning. */
  readonly formats: readonly AudioFormat[];
  /** Some connection of it could be told by its sound what the caller said. */
  readonly replays: boolean;
  cursor = 0;
  /** What its answers cost, heard or not. */
  readonly usage: TokenSums = {};
  readonly #context: Context;
  readonly #host: LinkHost;
  readonly #replay: Replay | null;
  readonly #planned: PlannedUpstream;
  /** In the order in which they are tried. */
  readonly #candidates: readonly UpstreamOptions[];
  readonly #create: UpstreamFactory;
  /** What is known of the upstream before it is dialled. */
  readonly #example: Upstream;
  /** It is somewhere else: it can be lost, and costs something. */
  readonly remote: boolean;
  #chosen = 0;
  readonly floods: Floods;
  /** Connections made so far. */
  #dials = 0;
  readonly #patience: Patience;
  readonly #redial: Redial;
  readonly #succession: Succession;
  #current: Connection | null = null;
  #parked = false;
  /** It died with the session's object, and waits for its moment to be dialled. */
  struck = false;
  /** So did the connections of this and others: what one's death leads to is not asked of another that is to be told. */
  doomed = false;
  readonly #continuation = new Continuation();
  /** `away`: it takes no part in the call (`plan/cast.ts`), and nothing dials it; `back`: it took none for a while. */
  presence: "always" | "away" | "back" = "always";
  /** What a lost connection owed is not settled yet. Who is asked for something meanwhile is dialled when it is. */
  #losing = false;
  readonly #missed: Missed;

  /** @param replay tells a connection of the conversation; null: it need not know of it. */
  constructor(
    index: number,
    planned: PlannedUpstream,
    create: UpstreamFactory,
    context: Context,
    host: LinkHost,
    replay: Replay | null,
  ) {
    this.index = index;
    this.name = planned.name;
    this.#planned = planned;
    this.#candidates = [planned.options, ...(planned.fallback ?? [])];
    this.#create = create;
    this.#example = create(planned.options);
    this.remote = !this.#example.request().url.startsWith("loop:");
    const known = this.#candidates.map((options) => create(options).capabilities);
    this.formats = known.map(({ input }) => input);
    this.replays = this.remote && known.some(({ turns }) => turns === "client");
    this.#context = context;
    this.floods = new Floods(context);
    this.#patience = new Patience(context);
    this.#redial = new Redial(context, index, this.#patience);
    this.#host = host;
    this.#replay = replay;
    this.#missed = new Missed(context, index, this.name, (ms) => host.onMissed(this, ms));
    this.#succession = new Succession(context, index, planned, this.#patience, {
      current: () => this.#current,
      connect: (candidate) => this.#connect(candidate),
      revive: (kept) => this.#revive(kept),
      replay,
      atGap: () => host.atGap(this),
      rollOver: () => this.#rollOver(),
    });
  }

  /** The connection that this peer is, or is a channel of; null when it was replaced meanwhile. */
  connection(peer: PeerId): Connection | null {
    if (this.#current?.peer === peer) return this.#current;
    const successor = this.#succession.connection;
    if (successor?.peer === peer) return successor;
    if (isChannelOf(peer, this.#current?.peer)) return this.#current;
    return isChannelOf(peer, successor?.peer) ? successor : null;
  }

  /** Response keys of the connection that serves, with the session's response ids. */
  get responses(): Map<string, string> {
    return this.#current?.knows.responses ?? new Map();
  }

  /** There is somewhere else to turn. */
  get hasFallback(): boolean {
    return this.#candidates.length > 1;
  }

  get phase(): LinkPhase {
    return this.#current?.phase ?? "idle";
  }

  /** Number of the connection that serves, 0: none yet. Another one knows nothing of what was asked of it. */
  get serving(): number {
    return this.#current?.serving ?? 0;
  }

  get capabilities(): Capabilities {
    return (this.#current ?? this.#example).capabilities;
  }

  get format(): AudioFormat {
    return this.capabilities.input;
  }

  /** Characters of JSON in what waits for its connection, about. */
  get waiting(): number {
    return this.#current?.waiting ?? 0;
  }

  /** Some connection of it serves, or is about to. */
  get alive(): boolean {
    return !this.doomed && (this.#current?.alive ?? false);
  }

  /** It is not there, and will not be before it is asked for. */
  get dormant(): boolean {
    if (this.phase === "idle") return true;
    return this.phase === "closed" && this.#redial.dueAt === null;
  }

  /** An answer stands still. @returns whether the connection was given up for it: only with somewhere to turn. */
  stalled(): boolean {
    if (!this.hasFallback || !this.#current?.alive) return false;
    this.#current.giveUp("upstream_timeout", "The upstream stopped answering.");
    return true;
  }

  /** The connection is of no more use, whether there is somewhere else to turn or not. */
  abandon(code: string, message: string): void {
    this.#current?.giveUp(code, message);
  }

  /** The relay asks for something again that it failed to get. @returns false: it has done so too often of late. */
  mayAskAgain(): boolean {
    return this.#patience.spend("asks");
  }

  /** Connections in a row that were of no use. */
  get failures(): number {
    return this.#patience.failures;
  }

  #connect(candidate: number): Connection {
    this.#dials += 1;
    const chosen = candidate % this.#candidates.length;
    const identity = { link: this.index, number: this.#dials, candidate: chosen, upstream: this.name };
    const upstream = this.#create(this.#candidates[chosen] ?? this.#planned.options);
    const connection = new Connection(identity, upstream, this.#context, this);
    connection.begin();
    return connection;
  }

  dial(): void {
    if (this.presence === "away" || this.#current?.alive) return;
    if (this.#losing) return this.#redial.at(this.#context.now);
    if (!this.#patience.spend("dials")) return this.#redial.at(this.#patience.freeAt("dials"));
    this.#redial.clear();
    this.struck = false;
    // Whoever comes to a call that goes on is told what was said.
    const first = this.#dials === 0 && this.presence === "always";
    const connection = this.#connect(this.#chosen);
    this.#serveBy(connection, null);
    if (!first) this.#host.onRedial(this);
    this.#parked = false;
    // What it was to be told may have been too much for its backlog.
    if (connection.alive) connection.dial();
  }

  /**
   * Something is about to be said to it or asked of it: one that was lost or hung up is dialled now, without waiting for
   * its backoff, unless the minute's dials are used up. Does nothing to one that is there.
   */
  ensure(): void {
    this.dial();
  }

  /**
   * It was given up, and is not asked for anything: it is tried again by itself, after `ms` or up to a half less, by
   * chance: many sessions that lost a provider at once do not come back to it at once.
   */
  retryIn(ms: number): void {
    this.#redial.between(ms / 2, ms, this.#dials);
  }

  /** It died with the session's object, and nothing is asked of it: so did those of all other sessions, at a deploy. */
  retryWithin(ms: number): void {
    if (this.#current?.alive) return;
    this.struck = true;
    this.#redial.between(0, ms, this.#dials);
  }

  /** Somebody speaks to it: it is dialled within so many milliseconds, by chance, or sooner. */
  hurry(ms: number): void {
    this.struck = false;
    if ((this.#redial.dueAt ?? 0) > this.#context.now + ms) this.#redial.between(0, ms, this.#dials);
  }

  onReady(connection: Connection): void {
    if (connection !== this.#current) return;
    if (this.#continuation.serves(connection)) this.#context.metric("upstream_continued", 1, this.name);
    this.#host.onPhase(this, null, null);
    this.#succession.serves(connection);
  }

  onSent(connection: Connection): void {
    if (connection === this.#current) this.#host.onSent(this);
  }

  onDropped(connection: Connection, ms: number): void {
    if (connection === this.#current) this.#missed.add(ms);
  }

  /** Call when the state of the session may have changed: a successor that waits for a gap takes over in one. */
  settle(): void {
    this.tellEnded();
    this.#succession.settle();
  }

  #rollOver(): void {
    const old = this.#current;
    this.#context.metric("rollovers", 1, this.name);
    this.#promote("rollover");
    old?.hangUp();
  }

  /** The successor serves from now on, whatever its state: what is asked of it waits until it is ready. */
  #promote(cause: "rollover" | "failover"): void {
    const successor = this.#succession.take();
    if (!successor) return;
    this.#current = successor;
    this.#chosen = successor.identity.candidate;
    this.#redial.clear();
    this.#host.onPhase(this, null, cause);
    this.#host.onRedial(this);
    // What it made of its greeting counts from now on.
    for (const event of successor.verdicts.take(this.upstreamConfig())) this.#host.onUpstream(this, event);
    if (successor.phase !== "ready") return;
    this.#succession.serves(successor);
    this.#host.onSent(this);
  }

  /** Tells the connection that serves what was said before it did. */
  fill(): void {
    if (!this.#current) return;
    const untold = this.#replay?.fill(this.#current) ?? null;
    if (untold) this.#host.onUntold(this, untold);
    this.#current.knows.live = true;
  }

  /** What was still being said when this connection was told the conversation, and is over by now. */
  tellEnded(): void {
    const current = this.#current;
    if (current?.alive && current.knows.later.size > 0) this.#replay?.ended(current);
  }

  /** An item of a former connection begins only now, for it had to wait: the one that serves is told of it at its end. */
  tellLater(itemId: string): void {
    if (this.#current?.alive) this.#current.knows.later.add(itemId);
  }

  /** An item changed that the connection may have been told of; `whole`: it made it, and remembers more than was heard. */
  changed(itemId: string, whole = false): void {
    if (this.#current?.alive) this.#replay?.changed(this.#current, itemId, whole);
  }

  /** What was said meanwhile is told to a connection that may serve next. */
  refill(): void {
    this.#succession.refill();
  }

  onEvent(connection: Connection, event: UpstreamEvent): void {
    if (connection !== this.#current) {
      return saidBeside(connection, event, {
        context: this.#context,
        upstreamConfig: () => this.upstreamConfig(),
        spent: (spent) => this.#host.onUpstream(this, spent),
      });
    }
    noteUse(connection, event);
    this.#context.meter?.said(connection, event);
    if (event.type === "expiring") {
      this.#context.metric("upstream_expiring_ms", event.inMs, this.name);
      this.#succession.expiring(event.inMs);
    } else this.#host.onUpstream(this, event);
  }

  onLost(connection: Connection, fault: UpstreamFault): void {
    this.#context.metric("upstream_lost", 1, this.name);
    if (connection === this.#succession.connection) this.#succession.lost(connection);
    else if (connection === this.#current) this.#lost(connection, fault);
  }

  /** A provider that goes on with all that it was saying is dialled at once, and nobody is told. @returns false: it is lost. */
  #goesOn(connection: Connection, fault: UpstreamFault): boolean {
    const whole = this.#continuation.broke(connection, this.#succession.connection === null);
    if (!whole || !this.#patience.spend("dials")) return false;
    this.cursor = this.#unheardFrom(connection);
    this.#succession.stop();
    this.#serveBy(this.#connect(connection.identity.candidate), fault);
    this.#current?.dial();
    return true;
  }

  #serveBy(connection: Connection, fault: UpstreamFault | null): void {
    this.#continuation.goOn(connection, fault, this.#replay);
    this.#current = connection;
    this.#host.onPhase(this, null, null);
  }

  #lost(connection: Connection, last: UpstreamFault): void {
    if (this.#goesOn(connection, last)) return;
    const fault = Continuation.faultOf(connection, last);
    this.#patience.lost(connection);
    this.cursor = this.#unheardFrom(connection);
    const replaced = this.#succession.connection !== null;
    const final = !replaced && this.#patience.exhausted(this.#candidates.length);
    this.#succession.stop();
    this.#redial.clear();
    if (!replaced) {
      this.#chosen += 1;
      if (!final) this.retryIn(this.#patience.waitMs(this.#candidates.length, connection.overloaded));
    }
    this.#host.onPhase(this, fault, null);
    this.#losing = true;
    this.#host.onLost(this, fault, final);
    this.#losing = false;
    if (replaced) this.#promote("failover");
  }

  /**
   * What waited for the connection was never heard: the next one hears it, as far as the history reaches. Who is told turns
   * hears from where the present one begins, and those before are told from the conversation.
   */
  #unheardFrom(connection: Connection): number {
    const retold = connection.capabilities.turns === "client" && this.#replay !== null;
    return retold ? this.cursor : Math.max(0, this.cursor - connection.unsentTicks);
  }

  /** From this position on the next connection would have to hear the caller: what waits for the present one may be lost with it. */
  get neededFrom(): number {
    return this.#current?.alive ? this.#unheardFrom(this.#current) : this.cursor;
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
    if (!this.remote || this.#current === null) return false;
    const last = this.#current;
    const idle = this.dormant;
    this.#parked = last.phase === "ready" || last.capabilities.turns === "client";
    if (last.alive) this.cursor = this.#unheardFrom(last);
    this.hangUp();
    this.#current = null;
    if (idle) return false;
    this.#host.onPhase(this, null, cause);
    return true;
  }

  /** From now on something must be heard of it: the caller spoke, and it decides by itself what that means. */
  watch(leastMs: number): void {
    this.#current?.watchHearing(leastMs);
  }

  /** Something must be heard of it, and was not yet. */
  get watched(): boolean {
    return this.#current?.watched() ?? false;
  }

  /** Nothing need be heard of it for now. */
  unwatch(): void {
    this.#current?.unwatch();
  }

  /** Its connections died with a former life of the session, which knew them until then. */
  died(knownUntil: number): void {
    this.doomed = false;
    this.#succession.connection?.died(knownUntil);
    this.#current?.died(knownUntil);
  }

  /** Hangs up; nothing is dialled again until `dial` is called. */
  hangUp(): void {
    this.#redial.clear();
    this.#succession.hangUp();
    this.#current?.hangUp();
  }

  /**
   * Sends a command, or keeps it until the upstream is ready. A lost upstream gets nothing.
   * @returns whether the connection that serves was sent something now
   */
  command(command: Command): boolean {
    // A successor is greeted with the configuration of that moment, and learns of what changes after it.
    if (command.type === "configure") this.#succession.restate(command);
    // In the order in which it all happened.
    if (PLACED.has(command.type)) this.tellEnded();
    const current = this.#current;
    if (command.type !== "truncate") return current?.command(command) ?? false;
    // What it was told in words is told anew, also where it knows no truncation.
    if (current?.knows.owns(command.itemId)) return current.capabilities.truncate && current.command(command);
    this.changed(command.itemId);
    return false;
  }

  /** The connection that serves, where it is to be told how much of its answers is heard. */
  get acknowledging(): Connection | null {
    return this.#current?.acknowledges === true ? this.#current : null;
  }

  /** The upstream knows the item under another name (see `eager.ts`). */
  rename(itemId: string, upstreamId: string): void {
    this.#current?.knows.rename(itemId, upstreamId);
  }

  /** It does not read as fast as the caller speaks: audio waits in the history meanwhile. */
  get congested(): boolean {
    return this.#current?.reading.congested ?? false;
  }

  /** How its connection reads. */
  get reading(): Pick<Congestion, "stuckMs" | "overdraws" | "tookAt"> | null {
    return this.#current?.reading ?? null;
  }

  /** What the caller said between two positions cannot reach this upstream any more. */
  missed(fromTicks: number, toTicks: number): void {
    this.#missed.between(fromTicks, toTicks);
  }

  /** So much silence it did not have to hear. */
  spared(ms: number): void {
    this.#context.metric("input_dropped_ms", ms, this.name);
    this.#host.onSpared(this, ms);
  }

  /** Audio of the caller, as a tap of the input. */
  deliver(chunk: AudioChunk): void {
    this.#current?.hear(chunk);
  }

  upstreamConfig(): UpstreamConfig {
    return this.#host.upstreamConfig();
  }

  /** With somewhere else to turn, silence is not waited out. */
  answerMs(): number {
    return this.#context.limits[this.hasFallback ? "stallMs" : "firstOutputMs"];
  }

  /** A deadline of this link came (`number` null), or of one of its connections. After it comes `settle`. */
  timeout(what: string, number: number | null): void {
    if (number !== null) this.connection(`up${this.index}.${number}`)?.timeout(what);
    else if (what === "redial") this.dial();
    else if (what === "missed") this.#missed.tell();
    else this.#succession.timeout(what);
  }

  snapshot(): LinkSnapshot {
    return {
      dials: this.#dials,
      chosen: this.#chosen,
      patience: this.#patience.snapshot(),
      ...this.#missed.snapshot(),
      parked: this.#parked,
      ...(this.struck && { struck: true }),
      ...(this.presence !== "always" && { presence: this.presence }),
      cursor: this.cursor,
      ...(Object.keys(this.usage).length > 0 && { usage: { ...this.usage } }),
      current: this.#current?.snapshot() ?? null,
      former: this.#continuation.snapshot(),
      succession: this.#succession.snapshot(),
    };
  }

  restore(snapshot: LinkSnapshot): void {
    this.#dials = snapshot.dials;
    this.#chosen = snapshot.chosen;
    this.#patience.restore(snapshot.patience);
    this.#missed.restore(snapshot);
    this.#parked = snapshot.parked;
    this.struck = snapshot.struck ?? false;
    this.presence = snapshot.presence ?? "always";
    this.cursor = snapshot.cursor;
    Object.assign(this.usage, snapshot.usage);
    this.#current = snapshot.current && this.#revive(snapshot.current);
    this.#continuation.restore(snapshot.former ? this.#revive(snapshot.former) : null);
    this.#succession.restore(snapshot.succession);
  }

  #revive(kept: ConnectionSnapshot): Connection {
    const upstream = this.#create(this.#candidates[kept.identity.candidate] ?? this.#planned.options);
    const connection = new Connection(kept.identity, upstream, this.#context, this);
    connection.restore(kept);
    return connection;
  }
}

/** Commands that what was said before has to precede. */
const PLACED: ReadonlySet<Command["type"]> = new Set(["respond", "commit", "item"]);
