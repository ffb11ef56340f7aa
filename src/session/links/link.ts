/**
 * One upstream of the plan, whichever connection serves it. It dials, dials again with backoff when the connection was
 * lost, turns to the next candidate, and moves to a successor: a second connection that is dialled, configured and told
 * the conversation while the first still serves. A successor is wanted before a provider's time is up (rollover), or
 * kept warm for the day the first one dies (standby); both are one mechanism, and so is failover without either.
 */
import type { AudioFormat } from "../../audio/format.ts";
import type {
  AudioChunk,
  Capabilities,
  Command,
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFactory,
  UpstreamFault,
  UpstreamOptions,
} from "../../upstreams/upstream.ts";
import type { AudioTap } from "../turns/audio-input.ts";
import { Connection, type ConnectionHost, type ConnectionSnapshot } from "./connection.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import type { PlannedUpstream } from "../plan.ts";
import type { Untold } from "./replay.ts";
import type { LinkPhase } from "../transitions.ts";

/** Why another connection serves, or none does. */
export type PhaseCause = "rollover" | "failover" | "parked";

export interface LinkHost {
  /** The configuration to greet an upstream with. */
  upstreamConfig(): UpstreamConfig;
  onUpstream(link: Link, event: UpstreamEvent): void;
  /** Tells a connection of the conversation what it has not been told yet. */
  fill(connection: Connection): Untold | null;
  /** The connection that serves can not be told of all that the caller said. */
  onUntold(link: Link, untold: Untold): void;
  /** Another connection serves from now on: what is commanded now reaches it first. */
  onRedial(link: Link): void;
  onPhase(link: Link, fault: UpstreamFault | null, cause: PhaseCause | null): void;
  /** The connection ended. `final`: it will not be dialled again by itself. */
  onLost(link: Link, fault: UpstreamFault, final: boolean): void;
  /** So much of the caller's audio never reached it. */
  onMissed(link: Link, ms: number): void;
  /** Nothing is under way at the upstream that another connection would not know of. */
  atGap(link: Link): boolean;
}

/** Before a provider's cap: begin to roll over, and do it even in the middle of an answer. Shares bound short caps. */
const ROLL_BEFORE_MS = 60_000;
const ROLL_SHARE = 0.25;
const FORCE_BEFORE_MS = 5000;
const FORCE_SHARE = 0.05;
/** A standby that cannot be had is tried again ever less often. */
const STANDBY_FIRST_MS = 1000;
const STANDBY_MOST_MS = 60_000;

/** A successor that waits for a gap looks for one this often when nothing else happens. */
const GAP_EVERY_MS = 250;

type LinkDeadline = "redial" | "rollover" | "force" | "standby" | "gap";
const DEADLINES: readonly LinkDeadline[] = ["redial", "rollover", "force", "standby", "gap"];

export class Link implements AudioTap, ConnectionHost {
  readonly index: number;
  readonly name: string;
  /** Input formats of everything that may be dialled: their history is kept from the beginning. */
  readonly formats: readonly AudioFormat[];
  cursor = 0;
  readonly #context: Context;
  readonly #host: LinkHost;
  readonly #planned: PlannedUpstream;
  /** In the order in which they are tried. */
  readonly #candidates: readonly UpstreamOptions[];
  readonly #create: UpstreamFactory;
  /** What is known of the upstream before it is dialled. */
  readonly #example: Upstream;
  /** It is somewhere else: it can be lost, and costs something. */
  readonly remote: boolean;
  #chosen = 0;
  /** Connections made so far. */
  #dials = 0;
  #failures = 0;
  #successorFailures = 0;
  #current: Connection | null = null;
  #successor: Connection | null = null;
  /** The successor is to take over as soon as it can. */
  #rolling = false;
  #parked = false;

  constructor(
    index: number,
    planned: PlannedUpstream,
    create: UpstreamFactory,
    context: Context,
    host: LinkHost,
  ) {
    this.index = index;
    this.name = planned.name;
    this.#planned = planned;
    this.#candidates = [planned.options, ...(planned.fallback ?? [])];
    this.#create = create;
    this.#example = create(planned.options);
    this.remote = !this.#example.request().url.startsWith("loop:");
    this.formats = this.#candidates.map((options) => create(options).capabilities.input);
    this.#context = context;
    this.#host = host;
  }

  /** The connection that this peer is, or null when it was replaced meanwhile. */
  connection(peer: PeerId): Connection | null {
    if (this.#current?.peer === peer) return this.#current;
    return this.#successor?.peer === peer ? this.#successor : null;
  }

  /** Response keys of the connection that serves, with the session's response ids. */
  get responses(): Map<string, string> {
    return this.#current?.responses ?? new Map();
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
    return this.#current?.identity.number ?? 0;
  }

  get capabilities(): Capabilities {
    return (this.#current ?? this.#example).capabilities;
  }

  get format(): AudioFormat {
    return this.capabilities.input;
  }

  /** An answer stands still. @returns whether the connection was given up for it: only with somewhere to turn. */
  stalled(): boolean {
    if (!this.hasFallback || !this.#current?.alive) return false;
    this.#current.giveUp("upstream_timeout", "The upstream stopped answering.");
    return true;
  }

  /** The connection is of no more use, wherever there is to turn: another one is dialled. */
  abandon(code: string, message: string): void {
    this.#current?.giveUp(code, message);
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
    if (this.#current?.alive) return;
    this.#clear("redial");
    const first = this.#dials === 0;
    const connection = this.#connect(this.#chosen);
    this.#current = connection;
    this.#host.onPhase(this, null, null);
    if (!first) this.#host.onRedial(this);
    this.#parked = false;
    connection.dial();
  }

  /** Something is about to be asked of it: a lost upstream is dialled now, without waiting for its backoff. */
  ensure(): void {
    this.dial();
  }

  onReady(connection: Connection): void {
    if (connection === this.#successor) {
      this.#successorFailures = 0;
      return;
    }
    this.#failures = 0;
    this.#host.onPhase(this, null, null);
    this.#serves(connection);
  }

  /** It serves and is configured: its end is foreseen, and a standby wanted. */
  #serves(connection: Connection): void {
    const mostMs = this.#planned.rolloverMs ?? connection.capabilities.maxSessionMs;
    if (mostMs !== null && connection.openedAt !== null) {
      this.#rollBy(connection.openedAt + mostMs, mostMs);
    }
    if (this.#planned.standby && this.hasFallback && !this.#successor) this.#warm();
  }

  /** The connection ends at `endAt`, of `wholeMs` from now or from its beginning. */
  #rollBy(endAt: number, wholeMs: number): void {
    const { now } = this.#context;
    const rollMs = Math.min(ROLL_BEFORE_MS, wholeMs * ROLL_SHARE);
    const forceMs = Math.min(FORCE_BEFORE_MS, wholeMs * FORCE_SHARE);
    if (!this.#rolling) this.#at("rollover", Math.max(now, endAt - rollMs));
    this.#at("force", Math.max(now, endAt - forceMs));
  }

  /** Another connection to the same candidate, in the place of a standby if need be. */
  #roll(): void {
    if (this.#rolling || !this.#current?.alive) return;
    this.#successor?.hangUp();
    this.#rolling = true;
    this.#context.metric("rollovers_begun", 1, this.name);
    this.#succeed(this.#current.identity.candidate + this.#successorFailures);
  }

  /** Keeps the next candidate at hand. */
  #warm(): void {
    if (this.#successor || !this.#current?.alive) return;
    this.#succeed(this.#current.identity.candidate + 1 + this.#successorFailures);
  }

  #succeed(candidate: number): void {
    this.#clear("standby");
    // Never the very one that serves: that is what a standby is there to replace.
    const serves = this.#current?.identity.candidate ?? 0;
    const same = !this.#rolling && candidate % this.#candidates.length === serves;
    this.#successor = this.#connect(same ? candidate + 1 : candidate);
    this.#host.fill(this.#successor);
    this.#successor.dial();
  }

  /** Call when the state of the session may have changed: a successor that waits for a gap takes over in one. */
  settle(): void {
    if (!this.#rolling || this.#successor?.phase !== "ready") return;
    if (this.#host.atGap(this)) this.#rollOver();
    else if (this.#context.deadlines.get(`link:${this.index}:gap`) === null)
      this.#at("gap", this.#context.now + GAP_EVERY_MS);
  }

  #rollOver(): void {
    const old = this.#current;
    this.#context.metric("rollovers", 1, this.name);
    this.#promote("rollover");
    old?.hangUp();
  }

  /** The successor serves from now on, whatever its state: what is asked of it waits until it is ready. */
  #promote(cause: "rollover" | "failover"): void {
    const successor = this.#successor;
    if (!successor) return;
    this.#current = successor;
    this.#successor = null;
    this.#rolling = false;
    this.#chosen = successor.identity.candidate;
    if (successor.phase === "ready") this.#failures = 0;
    for (const what of DEADLINES) this.#clear(what);
    this.#host.onPhase(this, null, cause);
    this.#host.onRedial(this);
    if (successor.phase === "ready") this.#serves(successor);
  }

  /** Tells the connection that serves what was said before it did. */
  fill(): void {
    if (!this.#current) return;
    const untold = this.#host.fill(this.#current);
    if (untold) this.#host.onUntold(this, untold);
    // From now on it hears everything as it happens.
    this.#current.told.clear();
  }

  /** The successor hears what was said meanwhile, so that little is left to tell when it takes over. */
  refill(): void {
    if (this.#successor?.alive) this.#host.fill(this.#successor);
  }

  onEvent(connection: Connection, event: UpstreamEvent): void {
    if (connection !== this.#current) {
      if (event.type === "error") this.#context.metric("upstream_errors", 1, this.name);
      return;
    }
    if (event.type === "expiring") {
      this.#context.metric("upstream_expiring_ms", event.inMs, this.name);
      this.#rollBy(this.#context.now + event.inMs, event.inMs);
      this.#roll();
    } else this.#host.onUpstream(this, event);
  }

  onLost(connection: Connection, fault: UpstreamFault): void {
    this.#context.metric("upstream_lost", 1, this.name);
    if (connection === this.#successor) this.#successorLost();
    else if (connection === this.#current) this.#lost(fault);
  }

  #successorLost(): void {
    this.#successor = null;
    const waitMs = Math.min(STANDBY_MOST_MS, STANDBY_FIRST_MS * 2 ** Math.min(this.#successorFailures, 8));
    this.#successorFailures += 1;
    this.#at("standby", this.#context.now + waitMs);
  }

  #lost(fault: UpstreamFault): void {
    const { redials, redialFirstMs, redialMostMs } = this.#context.limits;
    this.#failures += 1;
    const replaced = this.#successor !== null;
    const final = !replaced && this.#failures > redials * this.#candidates.length;
    for (const what of DEADLINES) this.#clear(what);
    if (!replaced) {
      this.#chosen += 1;
      this.#rolling = false;
      // Somewhere else to turn: at once, until all were tried; then with patience.
      const rounds = Math.floor(this.#failures / this.#candidates.length);
      const waitMs = rounds === 0 ? 0 : Math.min(redialMostMs, redialFirstMs * 2 ** (rounds - 1));
      if (!final) this.#at("redial", this.#context.now + waitMs);
    }
    this.#host.onPhase(this, fault, null);
    this.#host.onLost(this, fault, final);
    if (replaced) this.#promote("failover");
  }

  /** It was hung up because nobody said anything, and not dialled since. */
  get parked(): boolean {
    return this.#parked;
  }

  /** Hangs up until it is needed. @returns whether there was anything to hang up. */
  park(): boolean {
    if (!this.remote || !this.#current?.alive) return false;
    this.hangUp();
    this.#current = null;
    this.#parked = true;
    this.#host.onPhase(this, null, "parked");
    return true;
  }

  /** From now on something must be heard of it: the caller spoke, and it decides by itself what that means. */
  watch(leastMs: number): void {
    this.#current?.watch(leastMs);
  }

  /** Its connections died with a former life of the session, which knew them until then. */
  died(knownUntil: number): void {
    this.#successor?.died(knownUntil);
    this.#current?.died(knownUntil);
  }

  /** Hangs up; nothing is dialled again until `dial` is called. */
  hangUp(): void {
    for (const what of DEADLINES) this.#clear(what);
    this.#successor?.hangUp();
    this.#successor = null;
    this.#rolling = false;
    this.#current?.hangUp();
  }

  /**
   * Sends a command, or keeps it until the upstream is ready. A lost upstream gets nothing.
   * @returns whether the connection that serves was sent something now
   */
  command(command: Command): boolean {
    // A successor is greeted with the configuration of that moment, and learns of what changes after it.
    if (command.type === "configure") this.#successor?.command(command);
    return this.#current?.command(command) ?? false;
  }

  /** The upstream knows the item under another name (see `eager.ts`). */
  rename(itemId: string, upstreamId: string): void {
    this.#current?.rename(itemId, upstreamId);
  }

  /** It does not read as fast as the caller speaks: audio waits in the history meanwhile. */
  get congested(): boolean {
    return this.#current?.congested ?? false;
  }

  /** It has not read for as long as the history reaches: what it has not taken would be lost on it. */
  overrun(): void {
    this.#current?.giveUp("upstream_congested", "The upstream did not take what was said.");
  }

  /** So much of what the caller said cannot reach this upstream any more. */
  missed(ms: number): void {
    this.#context.metric("input_dropped_ms", ms, this.name);
    this.#host.onMissed(this, ms);
  }

  /** Audio of the caller, as a tap of the input. */
  deliver(chunk: AudioChunk): void {
    this.#current?.command({ type: "audio", chunk });
  }

  upstreamConfig(): UpstreamConfig {
    return this.#host.upstreamConfig();
  }

  /** With somewhere else to turn, silence is not waited out. */
  answerMs(): number {
    const { stallMs, firstOutputMs } = this.#context.limits;
    return this.hasFallback ? stallMs : firstOutputMs;
  }

  /** A deadline of this link came (`number` null), or of one of its connections. After it comes `settle`. */
  timeout(what: string, number: number | null): void {
    if (number !== null) this.connection(`up${this.index}.${number}`)?.timeout(what);
    else if (what === "redial") this.dial();
    else if (what === "rollover") this.#roll();
    else if (what === "standby") this.#again();
    else if (what === "force") this.#force();
  }

  /** The successor that was lost is dialled again. */
  #again(): void {
    if (this.#successor || !this.#current?.alive) return;
    if (this.#rolling) this.#succeed(this.#current.identity.candidate + this.#successorFailures);
    else this.#warm();
  }

  /** The provider's time is up: in the middle of things, if there was no gap. */
  #force(): void {
    if (this.#successor?.phase === "ready" && this.#host.atGap(this)) this.#rollOver();
    else this.#current?.giveUp("upstream_expired", "The upstream's session reached its longest time.");
  }

  #at(what: LinkDeadline, at: number): void {
    this.#context.deadlines.set(`link:${this.index}:${what}`, at);
  }

  #clear(what: LinkDeadline): void {
    this.#context.deadlines.clear(`link:${this.index}:${what}`);
  }

  snapshot(): LinkSnapshot {
    return {
      dials: this.#dials,
      chosen: this.#chosen,
      failures: this.#failures,
      successorFailures: this.#successorFailures,
      rolling: this.#rolling,
      parked: this.#parked,
      cursor: this.cursor,
      current: this.#current?.snapshot() ?? null,
      successor: this.#successor?.snapshot() ?? null,
    };
  }

  restore(snapshot: LinkSnapshot): void {
    this.#dials = snapshot.dials;
    this.#chosen = snapshot.chosen;
    this.#failures = snapshot.failures;
    this.#successorFailures = snapshot.successorFailures;
    this.#rolling = snapshot.rolling;
    this.#parked = snapshot.parked;
    this.cursor = snapshot.cursor;
    this.#current = snapshot.current && this.#revive(snapshot.current);
    this.#successor = snapshot.successor && this.#revive(snapshot.successor);
  }

  #revive(kept: ConnectionSnapshot): Connection {
    const upstream = this.#create(this.#candidates[kept.identity.candidate] ?? this.#planned.options);
    const connection = new Connection(kept.identity, upstream, this.#context, this);
    connection.restore(kept);
    return connection;
  }
}

export interface LinkSnapshot {
  readonly dials: number;
  readonly chosen: number;
  readonly failures: number;
  readonly successorFailures: number;
  readonly rolling: boolean;
  readonly parked: boolean;
  readonly cursor: number;
  readonly current: ConnectionSnapshot | null;
  readonly successor: ConnectionSnapshot | null;
}
