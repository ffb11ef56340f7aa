/** At the end of a call: what providers were asked for had a cause, and an answer that broke off was gone on with. */
import { WAITS, type Eagerness } from "../../src/session/state/waits.ts";
import type { SimulatedCall } from "./call.ts";
import { heldInVain, onlyTold, type Provider } from "./provider.ts";
import type { Turn } from "./turn-ends.ts";
import { fields } from "./fields.ts";
import type { Scenario } from "./world.ts";

/** A dial, its greeting, and what is left to be heard of what broke off. */
const CONTINUED_WITHIN_MS = 2500;

/** So often, at most, an answer is asked for: again, or to be gone on with. */
const MOST_ATTEMPTS = 3;

/** Faults in which the relay or its client forgets what was asked, or nothing is known of who asked. */
const FORGETFUL: ReadonlySet<string> = new Set([
  "platform.crash",
  "platform.crash_plain",
  "platform.deploy",
  "platform.store_fails",
  "platform.version",
  "client.vanishes",
]);

/** Providers whose connection breaks, and can be dialled again at once. */
const BREAKING: ReadonlySet<string> = new Set([
  "provider.close",
  "provider.reset",
  "provider.expire",
  "provider.reset_in_turn",
  "provider.close_anytime",
]);

/** Beside which nothing else is in the way of going on. */
const HARMLESS: readonly string[] = ["network.", "caller.slices"];

/** One that is told of turns is asked once for each, for each wish of the client's, and for what the relay counts. */
export function askedFor(call: SimulatedCall): void {
  const { checks, scenario } = call;
  if (scenario.faults.some((fault) => FORGETFUL.has(fault))) return;
  const figure = (name: string) => checks.figures.get(name) ?? 0;
  // Who called a tool of the relay's is asked to go on when the call has its result, and to tell what came of a task.
  const wished =
    figure("asked by the client") +
    figure("metric_tools_called") +
    figure("metric_tools_failed") +
    figure("metric_delegations");
  const others =
    wished +
    figure("metric_responses_asked_again") +
    figure("metric_responses_continued") +
    figure("metric_eager_given_up");
  for (const provider of call.providers.values()) {
    if (provider.kind !== "turns") continue;
    // A turn of which a later connection was told the words is one like those that were committed; and so is one that could not
    // be told any more, of which the client was told that, or which the client has deleted: its answer was announced before.
    const turns =
      provider.commits +
      provider.calls.reduce((sum, { items }) => sum + items.toldInWords.size, 0) +
      new Set(call.client.lostTurns).size +
      [...call.client.turns.values()].filter((turn) => deletedUntold(turn, provider)).length;
    const causes = turns + wished;
    // A commit that something else was said after asks Grok for nothing, which answers it all the same: its turn is asked about later.
    const followed = provider.asks.filter(({ commit }) => commit?.followed === true).length;
    const most = turns + others + followed;
    // A turn that Grok is told again counts on both sides.
    const asks = provider.asks.filter((ask) => !heldInVain(ask)).length;
    if (asks > MOST_ATTEMPTS * causes)
      checks.fail("asked-twice", `${provider.name} was asked ${asks} times, for ${causes} answers`);
    if (asks > most)
      checks.fail("asked-twice", `${provider.name} was asked ${asks} times, and there were ${most} causes`);
  }
}

/** No connection was there for it before the client deleted it. */
function deletedUntold({ toldAt, deletedAt }: Turn, { calls }: Provider): boolean {
  if (deletedAt === undefined) return false;
  return !calls.some(
    ({ greetedAt, closedAt }) => (greetedAt ?? Infinity) < deletedAt && (closedAt ?? Infinity) > toldAt,
  );
}

/** When nobody speaks any more, an answer that breaks off again and again is gone on with so often and no more. */
export function goneOnWith({ checks, client, providers, scenario }: SimulatedCall): void {
  const { upstreams, tools, manual, eager, faults } = scenario;
  if (upstreams.length !== 1 || tools || manual || eager) return;
  const bears = (name: string) => BREAKING.has(name) || name === "provider.dies_in_answers";
  if (!faults.every((name) => bears(name) || HARMLESS.some((one) => name.startsWith(one)))) return;
  const said = client.caller.utterances.at(-1)?.endedAt ?? Infinity;
  for (const { name, kind, asks } of providers.values()) {
    const after = asks.filter((ask) => ask.at > said && !onlyTold(ask)).length;
    checks.most("asks after the last word", after);
    if (kind === "turns" && after > MOST_ATTEMPTS)
      checks.fail("asked-twice", `${name} was asked ${after} times after the last word`);
  }
}

/** What asks or cancels besides the caller, or keeps a provider from answering in time. */
const CANCELLING: readonly string[] = [
  "client.",
  "platform.",
  "caller.",
  "guard.",
  "relay.say",
  "relay.speech",
];
/** Of these kinds, what only makes a call harder to hear. */
const QUIET: ReadonlySet<string> = new Set(["caller.zeros", "caller.slices", "caller.mute"]);
/** A turn ends after a silence, and its answer is asked for then. */
const TURN_ENDS_MS = 300;
/** An answer that comes so late is given up by its deadline. */
const IN_TIME_MS = 2500;
/** That a line is cut for good is seen within this (`call.ts`). */
const SEEN_LATE_MS = 50;

/** An answer that comes in time is cancelled only for what the caller does. */
export function thrownAway({ checks, client, providers, scenario, hungUpAt, unsteady }: SimulatedCall): void {
  const { upstreams, eager, manual, faults, clientQuality, providerQuality } = scenario;
  if (upstreams.length !== 1 || eager || manual || unsteady) return;
  if (faults.some((name) => CANCELLING.some((one) => name.startsWith(one)) && !QUIET.has(name))) return;
  const delayMs =
    clientQuality.delayMs + clientQuality.jitterMs + providerQuality.delayMs + providerQuality.jitterMs;
  for (const { name, kind, cancelled, habits, abandons } of providers.values()) {
    // Grok answers what it is told again, and that is cancelled.
    if (kind !== "turns" || abandons) continue;
    for (const { askedAt, at } of cancelled) {
      // What waits for a dial may be asked for and cancelled in one moment, long after somebody spoke.
      const from = askedAt - TURN_ENDS_MS - habits.dialMs;
      const spoken = client.caller.utterances.some(
        ({ at: begun, endedAt }) => begun <= at && (endedAt ?? Infinity) >= from - delayMs,
      );
      checks.count("answers cancelled");
      if (spoken || at - askedAt > IN_TIME_MS || at > (hungUpAt ?? Infinity) - SEEN_LATE_MS) continue;
      checks.fail(
        "thrown-away",
        `${name} was asked at ${askedAt.toFixed(0)} ms, and cancelled when nobody had spoken`,
      );
    }
  }
}

/** The relay asks for the rest of an answer whose provider was lost in it, unless the caller speaks first. */
export function wentOn(call: SimulatedCall): void {
  const { checks, client, scenario } = call;
  const [upstream] = scenario.upstreams;
  if (scenario.upstreams.length !== 1 || upstream?.kind !== "turns" || scenario.manual || call.unsteady)
    return;
  if (!scenario.faults.every((name) => BREAKING.has(name) || HARMLESS.some((one) => name.startsWith(one))))
    return;
  for (const { at, heardUntil } of client.dialogue.broken) {
    const heardBy = heardUntil + CONTINUED_WITHIN_MS;
    const { utterances } = client.caller;
    if (heardBy > (call.hungUpAt ?? Infinity)) continue;
    if (utterances.some((one) => one.at <= heardBy && (one.endedAt ?? Infinity) >= at - 1000)) continue;
    checks.count("answers to be gone on with");
    if (!client.dialogue.announced.some((moment) => moment >= at && moment <= heardBy))
      checks.fail("not-continued", `the answer that broke off at ${at.toFixed(0)} ms was not gone on with`);
  }
}

/** Providers that leave an answer. */
const LEAVING: readonly string[] = ["provider.stall", "provider.swallows_ask"];
/** The name of a turn comes first, which takes a while. */
const NAMED_MS = 1000;
/** An answer is asked for so long before it is announced, where it is asked for in advance. */
const ADVANCE_MS = 1500;

/** By meaning a silence that ends a turn may be as long as its eagerness bears. */
function advanceMs({ session, semantic, clientQuality }: Scenario): number {
  const turn = fields(fields(fields(session["audio"])["input"])["turn_detection"]);
  if (!semantic || turn["type"] !== "semantic_vad") return ADVANCE_MS;
  const { mostMs } = WAITS[turn["eagerness"] as Eagerness];
  return Math.max(ADVANCE_MS, mostMs + clientQuality.delayMs + clientQuality.jitterMs);
}

/** What a provider leaves holds up nothing that is asked for after it: what is announced was asked for. */
export function askedAtOnce({
  checks,
  client,
  providers,
  scenario,
  unsteady,
  hungUpAt,
}: SimulatedCall): void {
  const { faults, upstreams } = scenario;
  if (upstreams.length !== 1 || upstreams[0]?.kind !== "turns" || unsteady) return;
  if (!faults.every((name) => LEAVING.includes(name) || name === "caller.barge_in" || QUIET.has(name)))
    return;
  const moments = client.dialogue.announced;
  for (const { name, kind, asks, calls } of providers.values()) {
    for (const at of kind === "turns" ? moments : []) {
      const until = Math.min(at + NAMED_MS, hungUpAt ?? Infinity);
      // Who goes on takes it back.
      const taken = client.caller.utterances.some(
        (one) => one.at <= until + NAMED_MS && (one.endedAt ?? Infinity) > at,
      );
      const there = calls.some(
        ({ greetedAt, leftAt }) => (greetedAt ?? Infinity) < at - NAMED_MS && (leftAt ?? Infinity) > until,
      );
      if (taken || !there || until < at + NAMED_MS) continue;
      checks.count("questions followed");
      if (!asks.some((asked) => asked.at > at - advanceMs(scenario) && asked.at < until))
        checks.fail("turn-unanswered", `${name} was not asked for what was announced at ${at.toFixed(0)} ms`);
    }
  }
}

/** What a provider does here is no reason to leave it. */
const BEARABLE: ReadonlySet<string> = new Set([
  "provider.ends_turns_early",
  "provider.only_listens",
  "provider.odd_chunks",
  "provider.done_twice",
  "provider.late_delta",
  "provider.repeats_ids",
  "provider.refuses_update",
]);

/** A provider at which nothing goes wrong is dialled once. */
export function keptOn({ checks, plans, scenario, relay }: SimulatedCall): void {
  const { faults, upstreams, transcriber } = scenario;
  const troubled = (name: string) =>
    (name.startsWith("provider.") && !BEARABLE.has(name)) || name.startsWith("platform.");
  // Who was parked is dialled again.
  if (faults.some(troubled) || (checks.figures.get("metric_sessions_parked") ?? 0) > 0) return;
  const most = upstreams.length + Number(transcriber !== null) + plans.returns;
  if (relay.dials.length > most)
    checks.fail(
      "given-up",
      `${relay.dials.length} dials of ${most} upstreams, and nothing was wrong with them`,
    );
}
