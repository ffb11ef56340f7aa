/** What a client is told of the upstreams, and that what one never got is told once of it (SPEC L162), and is of its turn. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import { text } from "./fields.ts";
import type { World } from "./world.ts";

/** What is on its way, and what a client holds back. */
const SLACK_MS = 1000;
/** Beside these audio is lost otherwise than by leaving the history, or what was told is forgotten. */
const OTHERWISE: readonly string[] = [
  "platform.",
  "client.",
  "network.",
  "provider.slow_reader",
  "caller.bursts",
];
/** Beside these a client may be told of something only when another turn is going on, or not know where one began. */
const LATE: readonly string[] = ["client.", "network.", "platform."];
const PUNCTUAL: readonly string[] = ["platform.clock_back", "platform.clock_forward", "platform.timer_late"];
/** What the relay tries again: no loss of a plain client's, whose framework might end the call (SPEC L220). */
const MADE_GOOD: ReadonlySet<string> = new Set([
  "upstream_closed",
  "upstream_congested",
  "upstream_protocol_error",
  "upstream_timeout",
  "upstream_unavailable",
  "session_expired",
]);
/** What is missed is told once a second at most. */
const TOLD_EVERY_MS = 1000;

/** What one is said to have missed, and where the caller was as that was told. */
interface Missing {
  readonly upstream: string;
  readonly ms: number;
  readonly at: number;
  readonly saidMs: number;
}

export class ToldOfUpstreams {
  /** Milliseconds of what was said that never reached it, by its name. */
  readonly missedBy = new Map<string, number>();
  /** When one was hung up as quiet. */
  readonly parkings: { readonly upstream: string; readonly at: number }[] = [];
  readonly #missing: Missing[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** A plain client is told of an error. */
  fault(code: string, message: string): void {
    // An upstream's fault begins with its name; what does not is of the session itself.
    const upstream = this.#world.scenario.upstreams.some(({ name }) => message.startsWith(`${name}: `));
    if (upstream && MADE_GOOD.has(code) && !message.includes("No further attempt"))
      this.#world.checks.fail("told-for-nothing", `${code}: ${message}`);
  }

  upstream({ cause, upstream }: JsonObject): void {
    if (cause === "parked") this.parkings.push({ upstream: text(upstream), at: this.#world.time.now });
  }

  missed(upstream: string, ms: number): void {
    const allMs = (this.missedBy.get(upstream) ?? 0) + ms;
    this.missedBy.set(upstream, allMs);
    const { tape, time } = this.#world;
    this.#missing.push({ upstream, ms, at: time.now, saidMs: (tape.end * 1000) / tape.rateHz });
    this.#look(upstream, allMs);
  }

  /** Who is told of turns misses nothing of what was before the one that goes on. A turn is told after what was missed of it. */
  lookAtTurns(turns: readonly { readonly fromMs: number }[]): void {
    const { checks, scenario } = this.#world;
    if (scenario.manual || scenario.faults.some(isLate)) return;
    const told = new Map<string, number>();
    for (const { upstream, ms, at, saidMs } of this.#missing) {
      const before = told.get(upstream);
      told.set(upstream, at);
      // What waited to be told may be of a turn that is over.
      if (before !== undefined && at - before < 2 * TOLD_EVERY_MS) continue;
      if (scenario.upstreams.find(({ name }) => name === upstream)?.kind !== "turns") continue;
      const from = Math.max(0, ...turns.map(({ fromMs }) => fromMs).filter((fromMs) => fromMs <= saidMs));
      checks.count("told of what was missed of a turn");
      if (ms > saidMs - from)
        checks.fail(
          "spoken-lost",
          `${upstream} is said to have missed ${ms} ms of a turn that began ${(saidMs - from).toFixed(0)} ms before`,
        );
    }
  }

  /** There is room for all that is said in such a call: who can be told of it by its sound is told of all. */
  forgotten(message: string): void {
    const [, upstream, ms] = /^(\w+): (\d+) ms of what was said never reached it/.exec(message) ?? [];
    if (upstream !== undefined) this.missed(upstream, Number(ms));
    const { scenario, checks } = this.#world;
    const by = scenario.upstreams.find(({ name }) => message.startsWith(`${name}: `));
    const room = (scenario.limits.wordlessBytes ?? 0) > (scenario.limits.archiveBytes ?? 0);
    if (room && by?.kind === "turns" && message.includes("are not kept")) checks.fail("spoken-lost", message);
  }

  /** All that was told so far has left the history by now: it is what was said before that, at most. */
  #look(upstream: string, allMs: number): void {
    const { checks, scenario, tape } = this.#world;
    if (scenario.faults.some((name) => OTHERWISE.some((other) => name.startsWith(other)))) return;
    const keptMs = scenario.limits.inputHistoryMs ?? DEFAULT_LIMITS.inputHistoryMs;
    const goneMs = Math.max(0, (tape.end * 1000) / tape.rateHz - keptMs) + SLACK_MS;
    checks.count("told of what was missed");
    if (allMs > goneMs)
      checks.fail("spoken-lost", `${upstream} is said to have missed ${allMs} ms, and ${goneMs} ms are gone`);
  }
}

function isLate(fault: string): boolean {
  return !PUNCTUAL.includes(fault) && LATE.some((kind) => fault.startsWith(kind));
}
