/** What an upstream never got is told once of it (SPEC L162). */
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import type { World } from "./world.ts";

/** What is on its way, and what a client holds back. */
const SLACK_MS = 1000;
/** Beside these audio is lost otherwise than by leaving the history, or what was told is forgotten. */
const OTHERWISE: readonly string[] = ["platform.", "client.", "network.", "provider.slow_reader", "caller.bursts"];

/** All that was told so far has left the history by now: it is what was said before that, at most. */
export function lookAtMissed({ checks, scenario, tape }: World, upstream: string, allMs: number): void {
  if (scenario.faults.some((name) => OTHERWISE.some((other) => name.startsWith(other)))) return;
  const keptMs = scenario.limits.inputHistoryMs ?? DEFAULT_LIMITS.inputHistoryMs;
  const goneMs = Math.max(0, (tape.end * 1000) / tape.rateHz - keptMs) + SLACK_MS;
  checks.count("told of what was missed");
  if (allMs > goneMs)
    checks.fail("spoken-lost", `${upstream} is said to have missed ${allMs} ms, and ${goneMs} ms are gone`);
}
