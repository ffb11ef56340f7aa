/** At the end of a call: a provider of which nothing is heard any more was left when that could be known. */
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import type { SimulatedCall } from "./call.ts";
import { fields, text } from "./fields.ts";
import type { ProviderCall } from "./provider-call.ts";

/** Deadlines are met within this, and frames and messages are on their way. */
const SLACK_MS = 1000;
/** How long one that decides by meaning may wait before it ends a turn (OpenAI's bounds). */
const LONGEST_MS: JsonObject = { low: 8000, medium: 4000, auto: 4000, high: 2000 };
/** Of all pauses of a turn together, in times the longest one (SPEC L120). */
const PAUSES_FOR_ONE_TURN = 3;
/** The relay itself takes a silence for the end after so long at most; a shorter one may be none to it. */
const ENDS_WITHIN_MS: JsonObject = { low: 2600, medium: 1600, auto: 1600, high: 1200 };
/** Detectors begin and end speech a little later than it does. */
const DETECTED_MS = 300;

/** What makes the relay's time another than the world's, or ends its connections. */
const TIMELESS = "platform.";

export function leftInTime(call: SimulatedCall): void {
  const { checks, providers, scenario } = call;
  if (scenario.faults.some((name) => name.startsWith(TIMELESS))) return;
  for (const { name, calls } of providers.values()) {
    for (const one of calls) {
      if (one.holedAt === null) continue;
      checks.count("connections that vanished");
      parkedUnmissed(call, one);
      const by = Math.min(askedBy(call, one), meantBy(call, one));
      if (by === Infinity) continue;
      checks.count("connections to be left");
      const until = Math.min(one.leftAt ?? Infinity, call.hungUpAt ?? Infinity);
      if (until > by)
        checks.fail(
          "kept-dead",
          `${name} vanished at ${one.holedAt.toFixed(0)} ms, and was to be left by ${by.toFixed(0)} ms`,
        );
    }
  }
}

/** It has to make something of what was said, and is missed before it is hung up as quiet (SPEC K100). */
function parkedUnmissed({ checks, client, scenario }: SimulatedCall, one: ProviderCall): void {
  const { provider, holedAt, leftAt } = one;
  if (provider.kind !== "server" || holedAt === null || leftAt === null) return;
  if (scenario.faults.some((name) => name.startsWith("client."))) return;
  // Missed, it is dialled again at once, and may be hung up as quiet soon after.
  const next = Math.min(...provider.calls.map(({ openedAt }) => openedAt).filter((at) => at > leftAt));
  const until = Math.min(leftAt + SLACK_MS, next);
  const parked = client.told.parkings.some(
    ({ upstream, at }) => upstream === provider.name && at >= leftAt && at < until,
  );
  const said = client.caller.utterances.some(
    ({ at, endedAt }) => at > holedAt && (endedAt ?? Infinity) < leftAt,
  );
  if (parked && said)
    checks.fail("kept-dead", `${provider.name} vanished, and was hung up as quiet before it was missed`);
}

/** It was asked, and says nothing at all: whatever the caller does meanwhile (SPEC L90). */
function askedBy({ scenario }: SimulatedCall, { relayAskedAt, holedAt }: ProviderCall): number {
  const asked = relayAskedAt.find((at) => at > (holedAt ?? Infinity)) ?? Infinity;
  return asked + (scenario.limits.firstOutputMs ?? DEFAULT_LIMITS.firstOutputMs) + SLACK_MS;
}

/** It decides by meaning, and said that it hears somebody: after a pause in which it had to decide, or too many (L85, L120). */
function meantBy(call: SimulatedCall, { provider, holedAt, hearsSince }: ProviderCall): number {
  const { client, scenario, unsteady } = call;
  const turn = fields(fields(fields(scenario.session["audio"])["input"])["turn_detection"]);
  const changes = scenario.faults.some((name) => name.startsWith("client.") || name.startsWith("caller.vad"));
  if (provider.kind !== "server" || turn["type"] !== "semantic_vad" || changes || unsteady) return Infinity;
  if (hearsSince === null || holedAt === null) return Infinity;
  const eagerness = text(turn["eagerness"]);
  const longestMs = Number(LONGEST_MS[eagerness]);
  const endsMs = Number(ENDS_WITHIN_MS[eagerness]);
  const dueMs = Math.max(longestMs + DEFAULT_LIMITS.stallMs, scenario.limits.firstOutputMs ?? 0);
  let pausedMs = 0;
  let endedAt: number | null = null;
  for (const spoken of [...client.caller.utterances, null]) {
    if (endedAt !== null) {
      const pauseMs = (spoken?.at ?? Infinity) - endedAt;
      if (pauseMs > endsMs) pausedMs += pauseMs - DETECTED_MS;
      if (pauseMs - DETECTED_MS > longestMs || pausedMs > PAUSES_FOR_ONE_TURN * longestMs)
        return endedAt + endsMs + dueMs + SLACK_MS;
    }
    if (spoken && (spoken.endedAt ?? Infinity) > holedAt) endedAt = spoken.endedAt;
  }
  return Infinity;
}
