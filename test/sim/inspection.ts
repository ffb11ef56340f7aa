/** Looks into the session itself: no state outlives its deadline, no buffer grows past its limit. */
import { DEFAULT_LIMITS, type Limits } from "../../src/session/limits.ts";
import type { LinkSnapshot } from "../../src/session/links/link-snapshot.ts";
import { sizeOf as laneSizeOf } from "../../src/session/output/lane.ts";
import type { Session, SessionSnapshot } from "../../src/session/session.ts";
import type { World } from "./world.ts";

/** A timer that is late, a message on its way: deadlines are met within this. */
const SLACK_MS = 4000;
/** A response's deadline is at most so far away. */
const DEADLINE_MS = 35_000;
/** A sound over an agent is judged within this. */
const HELD_MS = 6000;
/** A caller who sends nothing more is not speaking. */
const SPEAKING_MS = 12_000;
/** What one response may take from request to end: waiting, then silence after each piece, then what is paced out. */
const RESPONSE_MS = 30_000;

export class Inspection {
  readonly #world: World;
  readonly #limits: Limits;
  /** Since when something is as it is, by what it is; virtual time. */
  readonly #since = new Map<string, number>();
  /** Bytes of the largest snapshot seen. */
  largestBytes = 0;
  /** Bytes of the latest one. */
  latestBytes = 0;

  constructor(world: World) {
    this.#world = world;
    this.#limits = { ...DEFAULT_LIMITS, ...world.scenario.limits };
  }

  /** The session was built again: what it was doing begins anew. */
  revived(): void {
    this.#since.clear();
  }

  /** After every input: what costs nothing to look at. */
  step(session: Session, now: number): void {
    const { deadline } = session;
    if (deadline === null || deadline >= now) {
      this.#since.delete("deadline");
      return;
    }
    this.#lasts("deadline", SLACK_MS, "deadline", () => `the deadline is ${now - deadline} ms in the past`);
  }

  /** At every snapshot. */
  look(snapshot: SessionSnapshot): void {
    this.#lookAtStates(snapshot);
    this.#lookAtBuffers(snapshot);
    const { now } = snapshot.context;
    for (const [name, at] of snapshot.context.deadlines) {
      const key = `deadline:${name}:${at}`;
      if (at < now) this.#lasts(key, SLACK_MS, "deadline", () => `${name} is ${now - at} ms overdue`);
    }
  }

  #lookAtStates(snapshot: SessionSnapshot): void {
    const current = new Set<string>();
    const watch = (key: string, ms: number) => {
      current.add(key);
      this.#lasts(key, ms, "stuck", () => `${key} for more than ${ms} ms`);
    };
    if (snapshot.floor.phase === "held") watch("floor held", HELD_MS);
    // Nobody listens for speech: what was being judged would be judged for ever (SPEC F21).
    if (snapshot.floor.phase === "held" && snapshot.turns.phase === "manual")
      this.#world.checks.fail("stuck", "an agent is held, and nobody listens to what it is held for");
    // While the client is away its turn stands still (SPEC M11), and so long it may be.
    const away = snapshot.context.deadlines.some(([name]) => name === "client:gone");
    if (snapshot.turns.phase === "speaking" && !away) {
      watch(`speaking at ${snapshot.input.samples} samples`, SPEAKING_MS);
    }
    for (const response of snapshot.responses.records) {
      if (response.asked && (response.phase === "requested" || response.phase === "generating")) {
        watch(`response ${response.id}`, RESPONSE_MS);
      }
    }
    this.#lookAtAnswers(snapshot);
    for (const link of snapshot.links) {
      for (const one of connectionsOf(link)) {
        const { number } = one.identity;
        if (one.phase === "dialling") watch(`dial ${number}`, this.#limits.dialMs + SLACK_MS);
        if (one.phase === "greeting") watch(`greeting ${number}`, this.#limits.readyMs + SLACK_MS);
      }
    }
    for (const key of this.#since.keys()) {
      if (!current.has(key) && !key.startsWith("deadline")) this.#since.delete(key);
    }
  }

  /** Whatever was asked for fails or goes on at some moment that is known, and has its time until then. */
  #lookAtAnswers(snapshot: SessionSnapshot): void {
    const { now, deadlines } = snapshot.context;
    this.#lookAtPairs(snapshot);
    const patienceMs = Math.min(this.#limits.stallMs, this.#limits.firstOutputMs);
    for (const { id, asked, askedAt, phase, stream } of snapshot.responses.records) {
      if (!asked || (phase !== "requested" && phase !== "generating")) continue;
      const own = deadlines.find(([name]) => name === `response:${id}`)?.[1] ?? Infinity;
      // What was waited in vain for the same cancelled answer counts (SPEC R112).
      const vainMs = snapshot.responses.ends
        .filter(([, owed]) => owed.stream === stream)
        .map(([, { waitedMs = 0 }]) => waitedMs);
      if (phase === "requested" && own < askedAt + patienceMs - Math.max(0, ...vainMs)) {
        this.#world.checks.fail("hasty", `${id} was asked for at ${askedAt} and is given up at ${own}`);
      }
      // What is withheld for words that came since is not asked for yet.
      const withheld = snapshot.conduct.guard?.input.withheld?.includes(id) === true;
      const spare = this.#spare(snapshot, stream) && !withheld;
      if (phase === "requested" && spare && own > now + this.#limits.stallMs) {
        const late = Math.round(own - now);
        this.#world.checks.fail("unbounded", `${id} has another ${late} ms, and there is a fallback`);
      }
      const names = [`response:${id}`, `lane:${id}`, `link:${stream}`, "held", "client:gone"];
      const bounds = deadlines.filter(([name]) => names.some((one) => name.startsWith(one)));
      if (!bounds.some(([, at]) => at <= now + DEADLINE_MS)) {
        this.#world.checks.fail("unbounded", `${id}, ${phase}, has no deadline within ${DEADLINE_MS} ms`);
      }
    }
  }

  /** Of one that is told of turns, one answer of the conversation is wanted at a time. */
  #lookAtPairs(snapshot: SessionSnapshot): void {
    const busy = new Set<number>();
    for (const { id, asked, phase, stream, outOfBand } of snapshot.responses.records) {
      if (!asked || outOfBand || (phase !== "requested" && phase !== "generating")) continue;
      if (this.#world.scenario.upstreams[stream]?.kind !== "turns") continue;
      if (busy.has(stream))
        this.#world.checks.fail("asked-twice", `${id} was asked for while another is being given`);
      busy.add(stream);
    }
  }

  /** The upstream has the question, and there is another to turn to. */
  #spare(snapshot: SessionSnapshot, stream: number): boolean {
    const upstream = this.#world.scenario.upstreams[stream];
    const ready = snapshot.links[stream]?.current?.phase === "ready";
    return ready && upstream !== undefined && (upstream.standby || upstream.fallback);
  }

  #lasts(key: string, ms: number, invariant: "stuck" | "deadline", detail: () => string): void {
    const { now } = this.#world.time;
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    if (now - since > ms) this.#world.checks.fail(invariant, detail());
  }

  #lookAtBuffers(snapshot: SessionSnapshot): void {
    const { laneBytes, laneSize, backlogBytes, backlogCommands, items, inputHistoryMs } = this.#limits;
    this.#bound(
      "archive",
      sum(snapshot.conversation.audio, ({ audio }) => sum(audio.blocks, (block) => block.length)),
      this.#archiveBytes(),
    );
    // The oldest item goes only when a new one comes, so one more is never seen.
    this.#bound("items", snapshot.conversation.entries.length, items);
    for (const [, lane] of snapshot.responses.gate) {
      // The last message may be larger than what was left of the room.
      this.#bound(
        "lane",
        sum(lane, (event) => (event.type === "audio" ? event.bytes.length : 0)),
        laneBytes + 65_536,
      );
      this.#bound("lane events", sum(lane, laneSizeOf), laneSize + 65_536);
    }
    const sent = snapshot.port.outbox.groups.flat().slice(snapshot.port.outbox.skip);
    const outbox = sum(sent, (one) => one.data.length);
    this.#bound("outbox", outbox, this.#limits.outboxBytes + 65_536);
    for (const { backlog } of snapshot.links.flatMap((link) => connectionsOf(link))) {
      this.#bound(
        "backlog",
        sum(backlog.commands, (one) => (one.type === "audio" && !one.lasting ? one.bytes.length : 0)),
        backlogBytes,
      );
      this.#bound(
        "told by sound",
        sum(backlog.commands, (one) => (one.type === "audio" && one.lasting ? one.bytes.length : 0)),
        this.#limits.wordlessBytes,
      );
      this.#bound("backlog commands", backlog.commands.length, backlogCommands);
    }
    for (const { rateHz, ring } of snapshot.input.streams) {
      this.#bound("input history", ring.held, Math.ceil((inputHistoryMs * rateHz) / 1000));
    }
    const active = snapshot.responses.records.filter(
      (one) => one.phase === "requested" || one.phase === "generating",
    );
    this.#bound("responses", active.length, this.#limits.activeResponses + snapshot.links.length);
    this.#bound(
      "finished",
      snapshot.responses.records.length - active.length,
      this.#limits.finishedResponses + 1,
    );
    this.#bound("deadlines", snapshot.context.deadlines.length, 40);
    const bytes = size(snapshot);
    this.latestBytes = bytes;
    this.largestBytes = Math.max(this.largestBytes, bytes);
    this.#bound("snapshot", bytes, this.#whole());
  }

  #archiveBytes(): number {
    return Math.max(this.#limits.archiveBytes, this.#limits.wordlessBytes);
  }

  /** What all parts together may take. */
  #whole(): number {
    const { wordlessBytes, laneBytes, backlogBytes, inputHistoryMs, activeResponses } = this.#limits;
    const rings = ((inputHistoryMs * 2) / 1000) * (8000 + 16_000 + 24_000 + 48_000);
    const links = this.#world.scenario.upstreams.length;
    return (
      this.#archiveBytes() +
      2 * this.#limits.outboxBytes +
      (laneBytes + 65_536) * activeResponses +
      // One that serves and one that is to.
      (backlogBytes + 2 * wordlessBytes) * links +
      rings +
      2_000_000
    );
  }

  #bound(what: string, is: number, most: number): void {
    if (is > most) this.#world.checks.fail("limit", `${what}: ${is}, and at most ${most} are allowed`);
  }
}

function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((total, one) => total + of(one), 0);
}

/** Bytes of a value: text as its characters, everything else as a word. */
function size(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return sum(Object.values(value), size);
}

function connectionsOf({ current, succession }: LinkSnapshot) {
  return [current, succession.successor].filter((one) => one !== null);
}
