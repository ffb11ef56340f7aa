/** What must be true when nothing more comes, and what a call may cost at all. */
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { SimulatedCall } from "./call.ts";

const MINUTE_MS = 60_000;
/** Of one upstream within a minute: what calls without rollover have come to at most, and as much again. */
const DIALS = 40;
const ASKS = 40;

/** Some time after the last word everything is over: nothing is being answered, judged, spoken or written. */
export function atRest({ checks }: SimulatedCall, snapshot: SessionSnapshot): void {
  const active = snapshot.responses.records.filter(
    ({ asked, phase }) => asked && (phase === "requested" || phase === "generating"),
  );
  for (const { id, phase } of active) checks.fail("restless", `${id} is still ${phase}`);
  if (snapshot.floor.phase !== "open") checks.fail("restless", `the floor is ${snapshot.floor.phase}`);
  if (snapshot.turns.phase === "speaking") checks.fail("restless", "a turn is still open");
}

/** Neither dials nor questions without end. */
export function budget(call: SimulatedCall): void {
  const { checks, scenario, relay } = call;
  const each = [...scenario.upstreams, scenario.transcriber].filter((one) => one !== null);
  const planned = each.reduce((sum, one) => sum + rolloversPerMinute(one.rolloverMs), 0);
  const dials = mostWithin(relay.dials, MINUTE_MS);
  checks.most("dials in a minute", dials);
  const most = each.length * DIALS + planned;
  if (dials > most) checks.fail("budget", `${dials} dials within a minute, and ${most} are a lot`);
  for (const provider of call.providers.values()) {
    const asks = mostWithin(provider.asks, MINUTE_MS);
    checks.most("asks in a minute", asks);
    if (asks > ASKS) checks.fail("budget", `${provider.name} was asked ${asks} times within a minute`);
  }
}

function rolloversPerMinute(rolloverMs: number | null): number {
  return rolloverMs === null ? 0 : (2 * MINUTE_MS) / rolloverMs;
}

/** How many of these moments, in order, lie within so long. */
function mostWithin(moments: readonly number[], ms: number): number {
  let most = 0;
  let from = 0;
  for (const [to, moment] of moments.entries()) {
    while (moment - (moments[from] ?? 0) > ms) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}
