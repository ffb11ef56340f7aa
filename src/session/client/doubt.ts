/**
 * The object died, and the snapshot it was rebuilt from may be older than what its `duplex.v1` client has seen. Until
 * the client has said what that is, everything stands still as the snapshot has it: no deadline runs, nobody is dialled
 * and nothing is said. A client that saw no more than the snapshot knows goes on exactly there; one that saw more is
 * told which of our messages are forgotten, and nothing that was under way goes on (docs/wire.md).
 */
import type { ClientPort, NumberRange } from "./client-port.ts";
import type { Context } from "../context.ts";
import type { SessionSnapshot } from "../snapshot.ts";
import type {
  BargeIn,
  Delivery,
  Eager,
  Floor,
  Listener,
  LostLink,
  Recovery,
  Rounds,
  TurnTaking,
} from "./ports.ts";

/** Read when they are asked for. */
interface DoubtParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly delivery: Delivery;
  readonly listener: Listener;
  /** All that is connected. */
  readonly lines: readonly LostLink[];
  readonly recovery: Recovery;
  readonly rounds: Rounds;
  readonly turns: TurnTaking;
  readonly eager: Eager;
  readonly floor: Floor;
  readonly bargeIn: BargeIn;
  readonly background: { died(): void } | null;
  readonly asides: { died(): void };
  /** Nothing is under way. */
  readonly quiet: boolean;
}

/**
 * A deploy ends every session's object at once, and clients are back within a tenth of a second. Where nobody waits for an
 * upstream, it is dialled at some moment of so many milliseconds; whatever is asked of it dials it at once.
 */
const REVIVE_WITHIN_MS = 2000;

export class Doubt {
  readonly #parts: DoubtParts;
  #kept: SessionSnapshot | null = null;
  /** Links whose connections died with the former life, until they are dialled again, and which connections those are. */
  #widowed: readonly { readonly link: LostLink; readonly serving: number }[] = [];
  /** Something was under way when the object died. */
  #hurried = false;
  /** The former life's last moment that is known. */
  #knownUntil = 0;

  constructor(parts: DoubtParts) {
    this.#parts = parts;
  }

  /** All that is known while there is doubt; null: there is none. */
  get kept(): SessionSnapshot | null {
    return this.#kept;
  }

  begin(snapshot: SessionSnapshot): void {
    const { context, port, delivery } = this.#parts;
    const until = snapshot.doubtedUntil ?? context.now + context.limits.clientGoneMs;
    // An object that dies again must not begin the client's time anew.
    if (snapshot.doubtedUntil === null) context.persistNow();
    this.#kept = { ...snapshot, status: "waiting", doubtedUntil: until };
    const ends = snapshot.context.deadlines.filter(([name]) => name.startsWith("session:"));
    context.deadlines.restore([...ends, ["client:gone", until]]);
    port.closed();
    delivery.closed();
    this.#parts.listener.away();
  }

  /** The client is waited for until then. */
  wait(until: number): void {
    if (this.#kept) this.#kept = { ...this.#kept, doubtedUntil: until };
  }

  /**
   * The client has our messages up to this number; null: it begins anew and has none.
   * @returns the numbers of those that are forgotten, or null.
   */
  recall(lastReceived: number | null): NumberRange | null {
    if (this.#kept === null) return null;
    this.#resumeDeadlines(this.#kept);
    this.#knownUntil = this.#kept.context.now;
    this.#kept = null;
    this.#hurried = !this.#parts.quiet;
    // Nothing is told the upstreams any more, not even that an answer was asked for in vain.
    this.#parts.eager.forget();
    this.#parts.background?.died();
    this.#parts.asides.died();
    this.#widowed = this.#parts.lines
      .filter(({ phase }) => phase !== "idle" && phase !== "closed")
      .map((link) => ({ link, serving: link.serving }));
    const forgotten = lastReceived === null ? null : this.#parts.port.recall(lastReceived);
    if (forgotten !== null || lastReceived === null) this.#forsake();
    return forgotten;
  }

  /** Time stood still for them. */
  #resumeDeadlines({ context: { deadlines, now } }: SessionSnapshot): void {
    const { context } = this.#parts;
    for (const [name, at] of deadlines) {
      if (/^(session|client):/.test(name)) continue;
      context.deadlines.set(name, context.now + Math.max(0, at - now));
    }
  }

  /** The client has seen what is not known here: nothing that was under way goes on, and it knows that. */
  #forsake(): void {
    const { port, recovery, rounds, lines, turns } = this.#parts;
    port.audience.silently(() => {
      rounds.halt();
      for (const link of lines) link.doomed = true;
      for (const link of lines) link.died(this.#knownUntil);
      recovery.forsake();
      turns.renew();
    });
  }

  /** The client has heard the verdict: connections that died are dialled again, and what is owed is asked for. */
  settle(): void {
    const { recovery, rounds, turns, floor, bargeIn } = this.#parts;
    const widowed = this.#widowed;
    this.#widowed = [];
    if (widowed.length > 0) rounds.halt();
    // A client that begins anew has had them dialled again: what serves by now did not die.
    const dead = widowed.flatMap(({ link, serving }) => (link.serving === serving ? [link] : []));
    for (const link of dead) link.doomed = true;
    for (const link of dead) link.died(this.#knownUntil);
    for (const { link } of widowed) {
      if (this.#hurried) link.ensure();
      else link.retryWithin(REVIVE_WITHIN_MS);
    }
    bargeIn.tellUnreceived();
    recovery.askOwed();
    turns.tellAgain();
    floor.tellAgain();
  }
}
