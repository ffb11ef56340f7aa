/**
 * One connection to one provider, from dial to end: its state, what another one may go on with, and when it is given up. A
 * connection is dialled once; what follows it is another one. What goes over it is `wire.ts`.
 */
import type { AudioFormat } from "../../audio/format.ts";
import { named } from "../../upstreams/dial-request.ts";
import type { Leaves, Upstream, UpstreamConfig } from "../../upstreams/upstream.ts";
import type { UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { ConnectionIdentity } from "../state/connection-identity.ts";
import type { ConnectionSnapshot, GoesOn } from "./connection-snapshot.ts";
import type { Floods } from "./flood.ts";
import { HeldVerdicts } from "./held-verdicts.ts";
import { Wire } from "./wire.ts";

export interface ConnectionHost {
  /** What its upstreams said lately, by candidate. */
  readonly floods: Floods;
  /** The configuration to greet an upstream with. */
  upstreamConfig(): UpstreamConfig;
  /** How long it may say nothing at all while an answer is owed. */
  answerMs(): number;
  onReady(connection: Connection): void;
  onEvent(connection: Connection, event: UpstreamEvent): void;
  /** It is ready, and all that waited for that has been sent. */
  onSent(connection: Connection): void;
  /** So much audio that waited for it had to go. */
  onDropped(connection: Connection, ms: number): void;
  /** It is of no more use. Called once, and not after `hangUp`. */
  onLost(connection: Connection, fault: UpstreamFault): void;
}

const UNREADY: UpstreamFault = {
  code: "upstream_timeout",
  message: "The upstream did not accept its configuration in time.",
};
/** How the shell says that a dial was refused for there being too many. */
const OVERLOAD = /^HTTP (?:429|503)$/;
/** A connection of which nothing was heard is given up so long after the answer that it owed. */
const AFTER_ANSWER_MS = 50;

export class Connection extends Wire {
  readonly verdicts = new HeldVerdicts();
  /** When its socket opened; null before. */
  openedAt: number | null = null;
  /** Something that can be heard or read was said by it. */
  useful = false;
  /** It made something of what the caller said. */
  acknowledged = false;
  /** Its dial was refused, or it was not let in, because there were too many. */
  overloaded = false;
  /** Its socket broke off while it served: it may be gone on with. */
  brokeOff = false;
  /** It has ended the call. */
  departs = false;
  /** It goes on with another one; its fault is told where this one cannot. */
  goesOn: GoesOn | null = null;
  readonly #host: ConnectionHost;

  constructor(
    identity: ConnectionIdentity,
    upstream: Upstream,
    context: Context,
    host: ConnectionHost,
    expected: AudioFormat | null,
  ) {
    super(identity, upstream, context, host.floods.of(identity.candidate), expected);
    this.#host = host;
  }

  /** So much of an item that it made was heard. */
  heard(itemId: string, audioEndMs: number): void {
    if (this.knows.owns(itemId)) this.write(this.upstream.heard?.(itemId, audioEndMs) ?? []);
  }

  /** Nobody wants the answer any more. @returns whether its ask waited here: it is not asked for. */
  withdraw(responseId: string): boolean {
    return this.backlog.withdraw(responseId);
  }

  /** Number of the connection that it is to the session: of the first of those that go on with each other. */
  get serving(): number {
    return this.goesOn?.serving ?? this.identity.number;
  }

  /** What another connection to the same provider can go on with, now that this one broke off. */
  get leaves(): Leaves | null {
    return this.brokeOff ? (this.upstream.leaves ?? null) : null;
  }

  /** Goes on where another one broke off. `fault`: nobody was told of that, and is where this one cannot. */
  goOnWith(former: Connection, fault: UpstreamFault | null): void {
    this.upstream.goOn?.(former.upstream.snapshot());
    if (fault !== null) this.knows.restore(former.knows.snapshot());
    this.goesOn = { serving: fault === null ? this.identity.number : former.serving, fault };
  }

  /** From now on commands are kept for it. */
  begin(): void {
    this.step("dial");
  }

  /** Opens the socket; a loop is open at once. */
  dial(): void {
    const config = this.#host.upstreamConfig();
    const asked = this.upstream.request(config.kind, config);
    const request = named(asked, () => this.context.newId("conn"));
    this.loop = request.url.startsWith("loop:");
    if (this.loop) {
      this.opened();
      return;
    }
    this.deadline("dial", this.context.limits.dialMs);
    this.context.act({ type: "dial", peer: this.peer, request });
  }

  protected opened(): void {
    if (!this.step("open")) return;
    this.openedAt = this.context.now;
    if (!this.loop) this.context.meter?.opened(this.identity);
    this.clear("dial");
    this.deadline("ready", this.upstream.admission?.withinMs ?? this.context.limits.readyMs);
    this.reconfigure = false;
    this.write(this.upstream.greet(this.#host.upstreamConfig(), () => this.backlog.takeItems()));
  }

  protected ready(): void {
    const { phase } = this;
    if (!this.step("configured")) return;
    this.clear("ready");
    if (phase !== "greeting") return;
    this.keepAlive();
    this.#host.onReady(this);
    const restated =
      this.reconfigure && this.tell({ type: "configure", config: this.#host.upstreamConfig() });
    this.reconfigure = false;
    // It took the greeting; what it was told just now it judges later.
    if (!restated && this.capabilities.confirms) this.told({ type: "configured" });
    const backlog = this.backlog.take();
    for (const command of backlog) this.write(this.encode(command));
    this.codec.look(this.alive);
    this.channels?.perform();
    if (this.phase !== "ready") return;
    if (backlog.some(({ type }) => type === "respond")) this.asked();
    this.#host.onSent(this);
  }

  protected told(event: UpstreamEvent): void {
    this.#host.onEvent(this, event);
  }

  protected dropped(ms: number): void {
    this.#host.onDropped(this, ms);
  }

  /** From now on something must be heard of it: the caller spoke, and it decides by itself what that means. */
  watchHearing(leastMs: number): void {
    if (!this.loop && this.alive) this.silence.hears(Math.max(leastMs, this.#host.answerMs()));
  }

  /** Something must be heard of it, and was not yet. */
  readonly watched = (): boolean => this.silence.watching;

  /** The answer's own deadline comes first; after it nobody is asked who has said nothing at all. */
  protected asked(): void {
    if (!this.loop && this.alive) this.silence.asked(this.#host.answerMs() + AFTER_ANSWER_MS);
  }

  /** It need not make anything of what it hears. */
  unwatch(): void {
    this.silence.excused();
  }

  protected closed(code: number, reason: string): void {
    if (!this.alive) return;
    this.overloaded = code === 0 && OVERLOAD.test(reason);
    this.brokeOff = this.phase === "ready";
    const fault = this.upstream.closed(code, reason);
    this.#lost(fault ?? { code: "upstream_closed", message: "The upstream closed the connection." });
  }

  /** It died with a former life of the session, which knew it until then; what is in this process lives on. */
  died(knownUntil: number): void {
    if (!this.alive || this.loop) return;
    const message = "The connection died with the session's object.";
    this.#lost({ code: "upstream_closed", message }, knownUntil);
  }

  /** Ends it for a fault of its own. */
  giveUp(code: string, message: string, closeCode = 1000): void {
    if (!this.alive) return;
    if (!this.loop) this.context.act({ type: "close", peer: this.peer, code: closeCode, reason: "" });
    this.#lost({ code, message });
  }

  #lost(fault: UpstreamFault, at = this.context.now): void {
    // Words that were not answered may be half of them: those that can be told by their sound are told so.
    const answered = this.capabilities.turns !== "client" || this.knows.responses.size > 0;
    this.#end(at, answered && this.leaves !== "all");
    this.#host.onLost(this, fault);
  }

  /** An ordinary end, of which nobody is told. */
  hangUp(): void {
    if (!this.alive) return;
    if (this.phase === "ready") this.write(this.upstream.farewell ?? []);
    if (!this.loop) this.context.act({ type: "close", peer: this.peer, code: 1000, reason: "" });
    this.#end(this.context.now);
  }

  #end(at: number, words = false): void {
    const last = this.codec.last(words);
    // It takes nothing any more: what its last words lead to, whoever comes next is told.
    this.step("lost");
    for (const event of last) this.told(event);
    this.clearAll();
    this.backlog.forget();
    this.silence.ended();
    this.channels?.end();
    this.context.meter?.closed(this.identity, at);
    if (this.loop || this.openedAt === null) return;
    this.context.metric("upstream_open_ms", at - this.openedAt, this.identity.upstream);
  }

  /** A deadline of this connection came. */
  timeout(what: string): void {
    if (what === "keepalive") this.command({ type: "keepalive" });
    else if (what === "settle" || what === "name")
      for (const event of this.codec.due(what)) this.event(event);
    else if (what === "answer") this.#silent();
    else if (this.channels?.due(what) === true) return;
    else if (what === "dial")
      this.giveUp("upstream_timeout", "The upstream did not answer the call in time.");
    else this.#unready();
  }

  #unready(): void {
    const { admission } = this.upstream;
    this.overloaded = admission !== undefined;
    const { code, message } = admission?.fault ?? UNREADY;
    this.giveUp(code, message);
  }

  #silent(): void {
    if (this.silence.due(this.#host.answerMs(), this.reading.tookAt))
      this.giveUp("upstream_timeout", "The upstream fell silent.");
  }

  snapshot(): ConnectionSnapshot {
    return {
      identity: this.identity,
      phase: this.phase,
      loop: this.loop,
      openedAt: this.openedAt,
      ...(this.expiresAt !== null && { expiresAt: this.expiresAt }),
      ...this.reading.snapshot(),
      reconfigure: this.reconfigure,
      ...this.knows.snapshot(),
      useful: this.useful,
      acknowledged: this.acknowledged,
      watched: this.silence.watching,
      upstream: this.upstream.snapshot(),
      ...(this.expected !== null && { expected: this.expected }),
      backlog: this.backlog.snapshot(),
      flood: this.flood.snapshot(),
      ...this.verdicts.snapshot(),
      ...(this.goesOn && { goesOn: this.goesOn }),
      ...(this.brokeOff && { brokeOff: true }),
      ...(this.departs && { departs: true }),
      ...(this.channels !== null && { channels: this.channels.snapshot() }),
    };
  }

  restore(snapshot: ConnectionSnapshot): void {
    this.revive(snapshot.phase, snapshot.loop);
    this.openedAt = snapshot.openedAt;
    this.expiresAt = snapshot.expiresAt ?? null;
    this.reading.restore(snapshot);
    if (snapshot.flood) this.flood.restore(snapshot.flood);
    this.reconfigure = snapshot.reconfigure;
    this.knows.restore(snapshot);
    this.goesOn = snapshot.goesOn ?? null;
    this.brokeOff = snapshot.brokeOff ?? false;
    this.departs = snapshot.departs ?? false;
    this.useful = snapshot.useful;
    this.acknowledged = snapshot.acknowledged;
    this.verdicts.restore(snapshot.verdicts);
    this.silence.restore(snapshot.watched);
    this.upstream.restore(snapshot.upstream);
    this.expect(snapshot.expected ?? null);
    if (snapshot.channels) this.channels?.restore(snapshot.channels);
    this.backlog.restore(snapshot.backlog, this.capabilities.input);
  }
}
