/**
 * A client's side of `duplex.v1` delivery (docs/wire.md): numbers what it sends and keeps it until it is acknowledged,
 * checks the numbers of what it gets, and takes up a lost connection where it broke.
 */
import { EXTENSION_EVENTS } from "../../src/protocol/client-events.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Data } from "./connection.ts";
import { fields, text } from "./fields.ts";
import type { World } from "./world.ts";

/** What this checkout's relay understands. */
export const CAN_RESUME = EXTENSION_EVENTS.has("session.resume");

/** Events about delivery itself; they may go without a number and a name. */
export const ABOUT_DELIVERY: ReadonlySet<string> = new Set([
  "session.ack",
  "session.heartbeat",
  "session.resumed",
]);

const ACK_EVERY_MS = 500;
const HEARTBEAT_MS = 2000;
/** Nothing received for so long: the connection is dead, whatever the socket says. */
const DEAD_MS = 5000;

interface Kept {
  readonly sequence: number;
  readonly data: Data;
  readonly at: number;
}

export class DuplexWire {
  readonly #world: World;
  #sent = 0;
  #kept: Kept[] = [];
  #received = 0;
  /** Number of the last message of which the relay was told that it came. */
  #told = 0;
  #acknowledged = 0;
  #token: string | null = null;
  /** Server messages that a verdict named as gone. */
  readonly #missing: (readonly [number, number])[] = [];
  #sentAt = 0;
  #receivedAt = 0;
  #ackAt = 0;
  /** `session.resume` was sent, and its answer has not come. */
  resuming = false;
  /** The relay's object died: it may have forgotten what it said last. */
  mayForget = false;
  /** After a resume also sends so many messages that the relay has already. */
  repeats = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get canResume(): boolean {
    return this.resumeToken !== null;
  }

  /** What a new connection may go on by; null: nothing. */
  get resumeToken(): string | null {
    return CAN_RESUME ? this.#token : null;
  }

  /** The number of the next message out. */
  next(): number {
    this.#sent += 1;
    return this.#sent;
  }

  keep(sequence: number, data: Data): void {
    if (CAN_RESUME) this.#kept.push({ sequence, data, at: this.#world.time.now });
    this.#sentAt = this.#world.time.now;
  }

  /** Whether all that was sent up to a moment is acknowledged. */
  safeUpTo(moment: number): boolean {
    return (this.#kept[0]?.at ?? Infinity) > moment;
  }

  /** Whether nothing came for too long. */
  get dead(): boolean {
    return CAN_RESUME && this.#world.time.now - this.#receivedAt > DEAD_MS;
  }

  connected(): void {
    this.#receivedAt = this.#world.time.now;
  }

  /** What is due to be said about delivery now. */
  due(): readonly JsonObject[] {
    if (!CAN_RESUME || this.resuming) return [];
    const { now } = this.#world.time;
    const events: JsonObject[] = [];
    if (now - this.#ackAt >= ACK_EVERY_MS && this.#received > this.#told) {
      this.#ackAt = now;
      this.#told = this.#received;
      events.push({ type: "session.ack", last_received: this.#received });
    } else if (now - this.#sentAt >= HEARTBEAT_MS) events.push({ type: "session.heartbeat" });
    if (events.length > 0) this.#sentAt = now;
    return events;
  }

  resume(): JsonObject {
    this.resuming = true;
    return { type: "session.resume", resume_token: this.#token ?? "", last_received: this.#received };
  }

  /** Number of the last message that came. */
  get received(): number {
    return this.#received;
  }

  /** A message came. @param type null: audio */
  number(sequence: unknown, type: string | null): void {
    this.#receivedAt = this.#world.time.now;
    if ((sequence === undefined || sequence === 0) && type !== null && ABOUT_DELIVERY.has(type)) return;
    let expected = this.#received + 1;
    for (let gap = this.#gapAt(expected); gap !== null; gap = this.#gapAt(expected)) expected = gap;
    if (sequence !== expected) {
      this.#world.checks.fail(
        "numbering",
        `${type ?? "audio"} has number ${text(sequence)} after ${this.#received}`,
      );
    }
    this.#received = Number(sequence);
  }

  /** The number after the gap that begins at `sequence`, or null where there is none. */
  #gapAt(sequence: number): number | null {
    const gap = this.#missing.find(([from, to]) => from <= sequence && sequence <= to);
    return gap === undefined ? null : gap[1] + 1;
  }

  created(session: JsonObject): void {
    const token = fields(session["relay"])["resume_token"];
    if (typeof token === "string") this.#token = token;
    else if (CAN_RESUME) this.#world.checks.fail("verdict", "session.created has no resume_token");
  }

  acknowledged(last: number): void {
    if (last > this.#sent)
      this.#world.checks.fail("numbering", `an acknowledgement of ${last}, and ${this.#sent} were sent`);
    this.#acknowledged = Math.max(this.#acknowledged, last);
    this.#kept = this.#kept.filter(({ sequence }) => sequence > last);
  }

  /** The relay's verdict. @returns what must be sent again and what is forgotten, or null when the session is lost. */
  resumed(
    event: JsonObject,
  ): { readonly again: readonly Data[]; readonly forgottenFrom: number | null } | null {
    const { checks } = this.#world;
    this.resuming = false;
    const verdict = text(event["verdict"]);
    checks.count(`verdict ${verdict}`);
    if (verdict === "lost") return null;
    const last = Number(event["last_received"]);
    const token = event["resume_token"];
    if (typeof token !== "string") checks.fail("verdict", `'${verdict}' without a resume_token`);
    else this.#token = token;
    if (last < this.#acknowledged) {
      checks.fail(
        "acknowledged-lost",
        `the relay has ${last} messages, and had acknowledged ${this.#acknowledged}`,
      );
    }
    if (last > this.#sent)
      checks.fail("verdict", `the relay has ${last} messages, and ${this.#sent} were sent`);
    const ranges = fields(event["missing"])["ranges"];
    const forgottenFrom = this.#forgotten(event["forgotten"]);
    if (Array.isArray(ranges)) this.#miss(ranges);
    if ((verdict === "partial") !== (ranges !== undefined || forgottenFrom !== null))
      checks.fail("verdict", `'${verdict}' with ${JSON.stringify(event)}`);
    const again = this.#kept.filter(({ sequence }) => sequence > last - this.repeats).map(({ data }) => data);
    return { again, forgottenFrom };
  }

  /** Messages that the relay knows nothing of any more: those received last, and only after it died. */
  #forgotten(range: unknown): number | null {
    if (range === undefined) return null;
    const [from = 0, to = 0] = Array.isArray(range) ? range.map(Number) : [];
    if (!this.mayForget || to !== this.#received || from < 1 || from > to) {
      this.#world.checks.fail(
        "verdict",
        `${JSON.stringify(range)} are forgotten, and ${this.#received} were received`,
      );
    }
    this.#world.checks.count("messages forgotten", to - from + 1);
    return from;
  }

  #miss(ranges: readonly unknown[]): void {
    if (ranges.length === 0) this.#world.checks.fail("verdict", "'partial' names nothing that is missing");
    for (const range of ranges) {
      if (
        !Array.isArray(range) ||
        !(Number(range[0]) > this.#received) ||
        !(Number(range[1]) >= Number(range[0]))
      ) {
        this.#world.checks.fail(
          "verdict",
          `'partial' names ${JSON.stringify(range)} after ${this.#received}`,
        );
        continue;
      }
      this.#missing.push([Number(range[0]), Number(range[1])]);
    }
  }
}
