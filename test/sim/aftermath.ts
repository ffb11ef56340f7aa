/** What must be true when nothing more comes, and what a call may cost at all. */
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import { TICKS_PER_MS } from "../../src/session/state/ticks.ts";
import type { SimulatedCall } from "./call.ts";
import { onlyTold } from "./provider.ts";

/** An announcement is on its way for at most so long. */
const ASKED_LATE_MS = 500;
/** After digital silence a room's noise is speech to a detector by energy, for so long. */
const DAZZLED_MS = 2000;
const MINUTE_MS = 60_000;
/** Of a provider's time, before a successor is dialled. */
const ROLLS_AFTER = 0.75;
/** What an upstream may be asked for within a minute because somebody speaks; what the relay adds by itself is in its limits. */
const WANTED_ASKS = 25;

/** Some time after the last word everything is over: nothing is being answered, judged, spoken or written. */
export function atRest({ checks, scenario, tape }: SimulatedCall, snapshot: SessionSnapshot): void {
  const { firstOutputMs = DEFAULT_LIMITS.firstOutputMs } = scenario.limits;
  const active = snapshot.responses.records.filter(
    ({ asked, phase, askedAt, announced }) =>
      asked &&
      (phase === "requested" || phase === "generating") &&
      // What the client asks for just before it hangs up need not be over, nor one voice of several that says nothing.
      snapshot.context.now - askedAt > (announced ? ASKED_LATE_MS : firstOutputMs),
  );
  for (const { id, phase } of active) checks.fail("restless", `${id} is still ${phase}`);
  if (snapshot.floor.phase !== "open") checks.fail("restless", `the floor is ${snapshot.floor.phase}`);
  const speaksMs = (tape.end * 1000) / tape.rateHz - snapshot.turns.startTicks / TICKS_PER_MS;
  const dazzled = scenario.faults.includes("caller.zeros") && speaksMs < DAZZLED_MS;
  if (snapshot.turns.phase === "speaking" && !dazzled) checks.fail("restless", "a turn is still open");
}

/**
 * The client has the conversation's items in their order: it puts each behind the one that it is said to follow. It may have more: the
 * oldest of too many are forgotten, and so is what an object that died knew.
 */
export function inPlace({ checks, client }: SimulatedCall, { conversation }: SessionSnapshot): void {
  const kept = conversation.entries.map(({ item }) => item.id);
  const placed = client.order.placed.filter((id) => kept.includes(id));
  if (kept.join() !== placed.join())
    checks.fail("event-order", `the conversation is ${kept.join()}, and the client has ${placed.join()}`);
}

/** Neither dials nor questions without end. */
export function budget(call: SimulatedCall): void {
  const { checks, scenario, relay } = call;
  const each = [...scenario.upstreams, scenario.transcriber].filter((one) => one !== null);
  const dials = mostWithin(relay.dials, MINUTE_MS);
  checks.most("dials in a minute", dials);
  const { dialsPerMinute, successorsPerMinute, asksPerMinute } = DEFAULT_LIMITS;
  const most =
    each.length * (dialsPerMinute + successorsPerMinute) +
    each.reduce(
      (sum, { rolloverMs }) => sum + (rolloverMs === null ? 0 : plannedIn(MINUTE_MS, rolloverMs)),
      0,
    );
  if (dials > most) checks.fail("budget", `${dials} dials within a minute, and ${most} are a lot`);
  for (const provider of call.providers.values()) {
    const asked = provider.asks.filter((ask) => !onlyTold(ask)).map(({ at }) => at);
    const asks = mostWithin(asked, MINUTE_MS);
    checks.most("asks in a minute", asks);
    // A client that hands in results asks as often as there are calls.
    const figure = (name: string) => checks.figures.get(name) ?? 0;
    const wanted =
      WANTED_ASKS +
      figure("asked by the client") +
      figure("metric_tools_called") +
      figure("metric_tools_failed") +
      figure("metric_delegations");
    if (asks > wanted + asksPerMinute)
      checks.fail("budget", `${provider.name} was asked ${asks} times within a minute`);
  }
}

/** A connection whose time the plan knows is changed for another when most of it is over: no other bound counts that. */
function plannedIn(ms: number, rolloverMs: number): number {
  return Math.ceil(ms / (rolloverMs * ROLLS_AFTER));
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
