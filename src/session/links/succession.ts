/**
 * The connection after the one that serves: dialled, configured and told the conversation while the first still serves.
 * One is wanted before a provider's time is up (rollover), or kept warm for the day the first one dies (standby).
 */
import type { Context } from "../context.ts";
import type { PlannedUpstream } from "../state/plan.ts";
import type { Command } from "../../upstreams/upstream.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionSnapshot } from "./connection-snapshot.ts";
import { wasOfUse, type Patience } from "./patience.ts";
import type { Replay } from "./replay.ts";

export interface SuccessionHost {
  /** The connection that serves. */
  current(): Connection | null;
  /** Another connection to a candidate, counted round. */
  connect(candidate: number): Connection;
  revive(kept: ConnectionSnapshot): Connection;
  readonly replay: Replay | null;
  /** Nothing is under way at the upstream that another connection would not know of. */
  atGap(): boolean;
  /** The successor is to serve from now on, and the one before it to be hung up. */
  rollOver(): void;
}

/** Before a provider's cap: begin to roll over, and do it even in the middle of an answer. Shares bound short caps. */
const ROLL_BEFORE_MS = 60_000;
const ROLL_SHARE = 0.25;
const FORCE_BEFORE_MS = 5000;
const FORCE_SHARE = 0.05;
/** No session lives longer: a time further off is another clock's. */
const LONGEST_TOLD_MS = 24 * 60 * 60_000;
/** A standby that cannot be had is tried again ever less often. */
const STANDBY_FIRST_MS = 1000;
const STANDBY_MOST_MS = 60_000;
/** A successor that waits for a gap looks for one this often when nothing else happens. */
const GAP_EVERY_MS = 250;

type SuccessionDeadline = "rollover" | "force" | "standby" | "gap";
const DEADLINES: readonly SuccessionDeadline[] = ["rollover", "force", "standby", "gap"];

export class Succession {
  readonly #context: Context;
  /** Index of the link. */
  readonly #link: number;
  readonly #planned: PlannedUpstream;
  readonly #candidates: number;
  readonly #patience: Patience;
  readonly #host: SuccessionHost;
  #successor: Connection | null = null;
  /** The successor is to take over as soon as it can. */
  #rolling = false;
  /** Successors in a row that were lost before they served. */
  #failures = 0;

  constructor(
    context: Context,
    link: number,
    planned: PlannedUpstream,
    patience: Patience,
    host: SuccessionHost,
  ) {
    this.#context = context;
    this.#link = link;
    this.#planned = planned;
    this.#candidates = 1 + (planned.fallback?.length ?? 0);
    this.#patience = patience;
    this.#host = host;
  }

  /** The connection that is to serve next. */
  get connection(): Connection | null {
    return this.#successor;
  }

  /** A connection serves and is configured: its end is foreseen, and a standby wanted. */
  serves(connection: Connection): void {
    const mostMs = this.#planned.rolloverMs ?? connection.capabilities.maxSessionMs;
    const leftMs = this.#planned.rolloverMs === undefined ? this.#toldMs(connection) : null;
    if (leftMs !== null) this.#rollBy(this.#context.now + leftMs, leftMs);
    else if (mostMs !== null && connection.openedAt !== null)
      this.#rollBy(connection.openedAt + mostMs, mostMs);
    if (this.#planned.standby && this.#candidates > 1 && !this.#successor) this.#warm();
  }

  /** How long it still lives by what its provider said, where the two clocks can be about the same. */
  #toldMs({ expiresAt }: Connection): number | null {
    const ms = expiresAt === null ? -1 : expiresAt - this.#context.now;
    return ms > 0 && ms <= LONGEST_TOLD_MS ? ms : null;
  }

  /** The connection that serves will end in so many milliseconds, as its provider says. */
  expiring(inMs: number): void {
    this.#rollBy(this.#context.now + inMs, inMs);
    this.#roll(false);
  }

  /** The connection ends at `endAt`, of `wholeMs` from now or from its beginning. */
  #rollBy(endAt: number, wholeMs: number): void {
    const { now } = this.#context;
    const rollMs = Math.min(ROLL_BEFORE_MS, wholeMs * ROLL_SHARE);
    const forceMs = Math.min(FORCE_BEFORE_MS, wholeMs * FORCE_SHARE);
    if (!this.#rolling) this.#at("rollover", Math.max(now, endAt - rollMs));
    this.#at("force", Math.max(now, endAt - forceMs));
  }

  /** Another connection to the same candidate, in the place of a standby if need be. `planned`: its time was known before. */
  #roll(planned: boolean): void {
    const current = this.#host.current();
    if (this.#rolling || !current?.alive) return;
    this.#successor?.hangUp();
    this.#successor = null;
    this.#rolling = true;
    this.#context.metric("rollovers_begun", 1, this.#planned.name);
    this.#succeed(current.identity.candidate + this.#failures, planned);
  }

  /** Keeps the next candidate at hand. */
  #warm(): void {
    const current = this.#host.current();
    if (this.#successor || !current?.alive) return;
    this.#succeed(current.identity.candidate + 1 + this.#failures);
  }

  /** `planned`: the plan says when, so that its own figure is the bound. What is tried again is what the minute's is for. */
  #succeed(candidate: number, planned = false): void {
    if (!planned && !this.#patience.spend("successors")) {
      this.#at("standby", this.#patience.freeAt("successors"));
      return;
    }
    this.#clear("standby");
    // Never the very one that serves: that is what a standby is there to replace.
    const serves = this.#host.current()?.identity.candidate ?? 0;
    const same = !this.#rolling && candidate % this.#candidates === serves;
    const successor = this.#host.connect(same ? candidate + 1 : candidate);
    this.#successor = successor;
    this.#host.replay?.fill(successor);
    // What it was told may have been too much for its backlog.
    if (successor.alive) successor.dial();
  }

  /** The state of the session may have changed: a successor that waits for a gap takes over in one. */
  settle(): void {
    if (!this.#rolling || this.#successor?.phase !== "ready") return;
    if (this.#host.atGap()) this.#host.rollOver();
    else if (this.#context.deadlines.get(this.#name("gap")) === null)
      this.#at("gap", this.#context.now + GAP_EVERY_MS);
  }

  /** The successor serves from now on. @returns it, or null when there is none. */
  take(): Connection | null {
    const successor = this.#successor;
    this.#successor = null;
    this.#failures = 0;
    this.stop();
    return successor;
  }

  /** The connection that served is gone: nothing of it is foreseen any more. */
  stop(): void {
    for (const what of DEADLINES) this.#clear(what);
    if (this.#successor === null) this.#rolling = false;
  }

  /** The successor hears what was said meanwhile, so that little is left to tell when it takes over. */
  refill(): void {
    if (this.#successor?.alive) this.#host.replay?.fill(this.#successor);
  }

  /** It is told of another configuration: what it said of a former one is no verdict on this. */
  restate(command: Command): void {
    if (this.#successor?.command(command) === true) this.#successor.verdicts.overtaken();
  }

  /** The successor is lost. */
  lost(connection: Connection): void {
    this.#successor = null;
    if (wasOfUse(connection, this.#context.now)) this.#failures = 0;
    const waitMs = Math.min(STANDBY_MOST_MS, STANDBY_FIRST_MS * 2 ** Math.min(this.#failures, 8));
    this.#failures += 1;
    this.#at("standby", this.#context.now + waitMs);
  }

  hangUp(): void {
    this.#successor?.hangUp();
    this.#successor = null;
    this.stop();
  }

  timeout(what: string): void {
    if (what === "rollover") this.#roll(true);
    else if (what === "standby") this.#again();
    else if (what === "force") this.#force();
  }

  /** The successor that was lost is dialled again. */
  #again(): void {
    const current = this.#host.current();
    if (this.#successor || !current?.alive) return;
    if (this.#rolling) this.#succeed(current.identity.candidate + this.#failures);
    else this.#warm();
  }

  /** The provider's time is up: in the middle of things, if there was no gap. */
  #force(): void {
    if (this.#successor?.phase === "ready" && this.#host.atGap()) this.#host.rollOver();
    else this.#host.current()?.giveUp("upstream_expired", "The upstream's session reached its longest time.");
  }

  #at(what: SuccessionDeadline, at: number): void {
    this.#context.deadlines.set(this.#name(what), at);
  }

  #clear(what: SuccessionDeadline): void {
    this.#context.deadlines.clear(this.#name(what));
  }

  #name(what: SuccessionDeadline): string {
    return `link:${this.#link}:${what}`;
  }

  snapshot(): SuccessionSnapshot {
    return {
      failures: this.#failures,
      rolling: this.#rolling,
      successor: this.#successor?.snapshot() ?? null,
    };
  }

  restore(snapshot: SuccessionSnapshot): void {
    this.#failures = snapshot.failures;
    this.#rolling = snapshot.rolling;
    this.#successor = snapshot.successor && this.#host.revive(snapshot.successor);
  }
}

export interface SuccessionSnapshot {
  readonly failures: number;
  readonly rolling: boolean;
  readonly successor: ConnectionSnapshot | null;
}
