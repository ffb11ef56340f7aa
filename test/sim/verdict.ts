/** What must be true of a call when it is over. */
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { SimulatedCall } from "./call.ts";
import { meaningMs, waitsLongerMs } from "./scenario.ts";
import type { Utterance } from "./caller.ts";
import type { Provider } from "./provider.ts";
import type { ProviderCall } from "./provider-call.ts";
import { PLAYS_ON_MS } from "./provider-account.ts";
import { atRest, budget, inPlace } from "./aftermath.ts";
import { money, slackMs } from "./money.ts";
import { SHADOW } from "./shadow.ts";
import { askedAtOnce, askedFor, goneOnWith, keptOn, thrownAway, wentOn } from "./answer-account.ts";
import { leftInTime } from "./dead-providers.ts";
import { loudMsOf } from "./ear.ts";
import type { Run } from "./tape.ts";
import { tasksEnded } from "./minds.ts";
import { TELLS_LATE } from "./faults/provider-manners.ts";
import { toolsAnswered } from "./tools.ts";
import { lookAtBeginnings } from "./turn-ends.ts";
import { judgedMs } from "./typed.ts";

/** Nothing leaves the application for a while. */
const FREEZES: readonly string[] = ["client.freezes", "client.drops_after_upload"];

/** Something that was told so long after an utterance may be about it. */
const TOLD_WITHIN_MS = 9000;
/** The silence after speech, a dial, and the other end's taking all of it in. */
const NOTICED_MS = 2000;
/** The clock ended a turn between two bursts: so little voice before a breath, alone in the second one, is no word. */
const STRAY_MS = 90;
/** A sound with less voice is a noise: also the last of a word that a client sends after it was frozen, when its turn is over. */
const NOISE_MS = 160;
/** Of so much a transcriber has something to say. */
const WORDLESS_MS = 2000;
/** Of less voice than this over an agent nobody knows whether it is an interruption (`confirm_ms`). */
const SURE_MS = 680;
/** An answer to a turn is announced within this. */
const ANSWERED_WITHIN_MS = 1700;
/** Of all pauses of a turn together, in times the longest one (SPEC L120). */
const PAUSES_FOR_ONE_TURN = 3;
/** A connection that is lost so soon after its greeting is of no use to anybody. */
const DIES_AT_ONCE_MS = 100;
/** What lies between the relay's idea of the listener and the listener, beyond the network: acknowledgements come every
 * 200 ms, the loudspeaker works in frames of 20 ms. */
const HEARD_SLACK_MS = 60;
const SAYS_EVERY_MS = 200;
/** Speech is told of some time after it began. */
const PLACED_SLACK_MS = 250;

export function judge(call: SimulatedCall): void {
  leftOpen(call);
  // What was going on when the session ended has no end of its own.
  const cutShort = ["platform.longest", "platform.terminated"].some((name) => call.checks.struck.has(name));
  if (cutShort && call.lastMoment === null) return money(call);
  for (const provider of call.providers.values()) {
    // Nobody is told of what a shadow misses.
    if (provider.name === SHADOW && call.scenario.faults.length > 0) continue;
    if (call.scenario.converted) spokenInBulk(call, provider);
    else spokenReached(call, provider);
  }
  answered(call);
  lookAtBeginnings(call, call.client.caller, [...call.client.turns.values()]);
  call.client.told.lookAtTurns([...call.client.turns.values()]);
  if (call.lastMoment !== null) {
    history(call, call.lastMoment);
    atRest(call, call.lastMoment);
    inPlace(call, call.lastMoment);
    toolsAnswered(call, call.lastMoment);
    tasksEnded(call, call.lastMoment);
    call.announced.look();
    call.wishes.look();
  }
  budget(call);
  askedFor(call);
  goneOnWith(call);
  thrownAway(call);
  wentOn(call);
  askedAtOnce(call);
  keptOn(call);
  leftInTime(call);
  money(call);
}

function leftOpen(call: SimulatedCall): void {
  const { checks, client, relay } = call;
  if (call.lastMoment !== null && client.player.duckedDb !== null)
    checks.fail("stuck", "the player was never told to go on at full level");
  if (relay.session !== null && relay.ended === null && !client.line.restedOn)
    checks.fail("upstream-left-open", "the session never ended");
  if (relay.legs > 0)
    checks.fail("upstream-left-open", `${relay.legs} upstream connections outlive the client`);
  for (const provider of call.providers.values()) {
    if (provider.open.some((one) => !one.holed)) {
      checks.fail("upstream-left-open", `${provider.name} still has a connection`);
    }
  }
}

/** Where samples cannot be told apart: as much of a voice as was said, within what resampling and frames blur. */
function spokenInBulk(call: SimulatedCall, provider: Provider): void {
  const { checks, client, tape } = call;
  if (client.named.length > 0) return;
  // Where the client deletes items too, what was taken back is known by its being heard once more.
  const kept = provider.turns.filter(({ again, deleted }) => !(again && deleted));
  const turns = kept.reduce((sum, turn) => sum + turn.loudMs, 0);
  const loud = (parts: readonly Pick<Utterance, "from" | "to">[]): number =>
    parts.reduce((sum, { from, to }) => sum + loudMsOf(tape.part(from, to), tape.rateHz), 0);
  const said = loud(client.caller.utterances);
  if (turns < said * 0.85 - 100)
    checks.fail(
      "spoken-lost",
      `${provider.name} got ${turns.toFixed(0)} ms of a voice, and ${said.toFixed(0)} ms were said`,
    );
  // A successor is told again what the connection before it had heard.
  const by = new Map<ProviderCall, number>();
  for (const { call: one, loudMs } of kept) by.set(one, (by.get(one) ?? 0) + loudMs);
  const most = Math.max(0, ...by.values());
  // A cough that interrupts is heard as a turn, and one that does not need not be.
  const voiced = said + loud(client.caller.coughs);
  if (most > voiced * 1.15 + 200)
    checks.fail(
      "spoken-twice",
      `${provider.name} got ${most.toFixed(0)} ms of a voice, and ${voiced.toFixed(0)} ms were made`,
    );
}

function named(call: SimulatedCall, spoken: Utterance): boolean {
  // Who sends seconds at once is heard, and missed, by so much later.
  const waitsMs = waitsLongerMs(call.scenario) + judgedMs(call.scenario);
  // What is said within the wait for the end of a turn is the same turn.
  const endedAt = goesOnUntil(call, spoken, waitsMs) + waitsMs;
  const until = endedAt + TOLD_WITHIN_MS + 2 * call.client.habits.burstMs;
  // Where it is told only that a provider is lost, and what it said of turns before, that says nothing of these words.
  const vague = call.scenario.faults.includes(TELLS_LATE);
  if (!vague && call.client.named.some(({ at }) => at >= spoken.at && at <= until)) return true;
  return lies(call, spoken, call.client.lostTurns);
}

function lies(
  { scenario, tape }: SimulatedCall,
  spoken: Utterance,
  turns: readonly { readonly fromMs: number; readonly toMs: number }[],
): boolean {
  const ms = (sample: number) => (sample * 1000) / tape.rateHz;
  // A provider that takes the turns says that one begins when it has heard some of it.
  const placedMs = scenario.upstreams.every(({ kind }) => kind === "server") ? PLACED_SLACK_MS : 0;
  return turns.some(({ fromMs, toMs }) => fromMs - placedMs <= ms(spoken.from) && toMs >= ms(spoken.to));
}

/** It took no part while that was said, or not yet while it was made a turn. */
function absent({ plans, time }: SimulatedCall, { name }: Provider, { at, endedAt }: Utterance): boolean {
  return plans.missed(name, at, (endedAt ?? time.now) + TOLD_WITHIN_MS);
}

/** Its transcriber was lost after the end of the turn, and before it had found that: the client was told so. */
function wordless(call: SimulatedCall, { kind }: Provider, spoken: Utterance): boolean {
  return kind === "transcriber" && lies(call, spoken, call.client.wordlessTurns);
}

/** Every word is in a turn of the provider, or somebody was told. */
function spokenReached(call: SimulatedCall, provider: Provider): void {
  const { checks } = call;
  const heard = provider.turns.flatMap((turn) => turn.runs).sort((a, b) => a.from - b.from);
  const turns = [...heard, ...toldInWords(call, provider)].sort((a, b) => a.from - b.from);
  const { utterances } = call.client.caller;
  toldInVain(
    call,
    provider,
    utterances.reduce((sum, spoken) => sum + gap(spoken, heard), 0),
  );
  for (const spoken of utterances) {
    checks.count("utterances");
    const missing = gap(spoken, turns);
    const ms = (missing * 1000) / call.tape.rateHz;
    if (missing === 0) checks.count("utterances delivered");
    else if (named(call, spoken) || ms <= (call.client.told.missedBy.get(provider.name) ?? 0))
      checks.count("utterances named");
    else if (
      [unknowable, unmissed, unreached, wordless, absent].some((excused) => excused(call, provider, spoken))
    )
      checks.count("utterances nobody could know of");
    else if (
      ms <= (FREEZES.some((fault) => call.checks.struck.has(fault)) ? NOISE_MS : STRAY_MS) &&
      halts(call)
    )
      checks.count("utterances but for a stray end");
    else if (takenForEcho(call, spoken)) checks.count("utterances taken for an echo");
    // Who mutes the microphone at once has said no word.
    else if (lengthMs(call, spoken) <= STRAY_MS) checks.count("utterances muted at once");
    else {
      checks.fail(
        "spoken-lost",
        `${provider.name} never got ${ms.toFixed(0)} ms of what was said at ${spoken.at} ms`,
      );
    }
  }
}

/** Who is told turns heard them all, and the client was told the contrary. What a later connection has in words was not heard. */
function toldInVain(
  { checks, client, scenario }: SimulatedCall,
  { name, kind, turns }: Provider,
  missing: number,
): void {
  // Of a turn that is heard again, or of a buffer that is the client's own, the beginning may be silence that is not kept.
  if (kind !== "turns" || scenario.manual || scenario.eager || !client.told.missedBy.has(name)) return;
  checks.count("told of what never arrived");
  // One connection came in the middle of a long turn, and a later one was told it from its beginning.
  const later = turns.some(({ call, runs: [first] }) =>
    turns.some(
      ({ call: other, runs }) =>
        other !== call && first && runs.some(({ from, to }) => from < first.from && to > first.from),
    ),
  );
  // Some connection had to answer without it, and a later one was told it in words.
  const lacking = turns.some(({ runs, after }) =>
    client.caller.utterances.some(
      (spoken) => spoken.from >= after && spoken.to <= (runs.at(-1)?.to ?? 0) && gap(spoken, runs) > 0,
    ),
  );
  if (missing === 0 && !later && !lacking)
    checks.fail("spoken-lost", `${name} got every word, and the client was told that it did not`);
}

/** The clock ends turns in it: seconds come at once, or the microphone is muted in mid-word. */
function halts({ checks, client }: SimulatedCall): boolean {
  return ["caller.mute", ...FREEZES].some((fault) => checks.struck.has(fault)) || client.habits.burstMs > 0;
}

/** A short sound that stops as the agent does follows it as an echo would; a plain client is not told what it was taken for. */
function takenForEcho(call: SimulatedCall, spoken: Utterance): boolean {
  if (call.client.extended || !spoken.over || lengthMs(call, spoken) >= SURE_MS) return false;
  const until = (spoken.endedAt ?? call.time.now) + NOTICED_MS;
  return call.checks.echoes.some((at) => at >= spoken.at && at <= until);
}

function lengthMs({ tape }: SimulatedCall, { from, to }: Utterance): number {
  return ((to - from) * 1000) / tape.rateHz;
}

/** Turns of which a connection that was not there for them was told the words (SPEC L65). */
function toldInWords(
  { client, scenario, tape }: SimulatedCall,
  { keepsIds, calls }: Provider,
): readonly Run[] {
  const sample = (ms: number) => Math.round((ms * tape.rateHz) / 1000);
  return calls.flatMap(({ items, greetedAt }): readonly Run[] => {
    if (items.toldInWords.size === 0) return [];
    // One that is not told names is told all that was before its time; and no name tells where a push-to-talk turn was.
    if (!keepsIds || scenario.manual)
      return client.caller.utterances.filter(({ endedAt }) => (endedAt ?? Infinity) < (greetedAt ?? 0));
    return (
      [...items.toldInWords]
        .map((id) => client.turns.get(id))
        .filter((turn) => turn !== undefined && turn.toMs !== Infinity)
        // A provider that takes the turns says that one begins when it has heard some of it.
        .map((turn) => ({ from: sample((turn?.fromMs ?? 0) - PLACED_SLACK_MS), to: sample(turn?.toMs ?? 0) }))
    );
  });
}

/** A provider vanished that takes the turns, and the caller hung up before its silence could tell; or one that nobody asks. */
function unknowable(call: SimulatedCall, provider: Provider, spoken: Utterance): boolean {
  const { firstOutputMs = 0 } = call.scenario.limits;
  const waitsMs = meaningMs(call.scenario);
  const noticedBy =
    goesOnUntil(call, spoken, waitsMs) + waitsMs + firstOutputMs + NOTICED_MS + 5000 * Number(call.unsteady);
  const vanished = provider.calls.some((one) => one.holed);
  // Nothing need be heard of one that is asked only when another is late, or by its turn.
  const idle = call.scenario.planChanges !== undefined || (call.scenario.strategy?.name ?? "race") !== "race";
  if (vanished && idle) return true;
  return provider.kind === "server" && vanished && noticedBy > (call.hungUpAt ?? Infinity);
}

/** One that decides by meaning may take what follows within so long for the same turn: it owes nothing before. */
function goesOnUntil(call: SimulatedCall, spoken: Utterance, withinMs: number): number {
  let until = spoken.endedAt ?? call.time.now;
  let pausedMs = 0;
  for (const { at, endedAt } of call.client.caller.utterances) {
    if (at <= until || at > until + withinMs || pausedMs > PAUSES_FOR_ONE_TURN * withinMs) continue;
    pausedMs += at - until;
    until = endedAt ?? call.time.now;
  }
  return until;
}

/** It could not be reached from then on, which had been told before: the same loss is told once (SPEC L51). */
function unreached({ client }: SimulatedCall, { kind, calls }: Provider, spoken: Utterance): boolean {
  // One that dies as soon as it is greeted was there, and of no use; of a turn that is over the next one hears nothing.
  const endedAt = spoken.endedAt ?? Infinity;
  const there = calls.some(
    ({ greetedAt, openedAt, closedAt }) =>
      greetedAt !== null &&
      !(kind === "transcriber" && openedAt > endedAt) &&
      (closedAt ?? Infinity) > spoken.at &&
      (closedAt ?? Infinity) - greetedAt > DIES_AT_ONCE_MS,
  );
  return !there && client.named.some(({ what }) => what.startsWith("error upstream_"));
}

/**
 * That a transcriber vanished shows in what it says nothing of: in two seconds of speech, and so long after them. What the client
 * commits itself may have been silence (SPEC L82).
 */
function unmissed(
  { client, checks, scenario, hungUpAt, tape }: SimulatedCall,
  { kind, calls }: Provider,
  spoken: Utterance,
): boolean {
  const holed = calls.findIndex((one) => one.holed);
  if (kind !== "transcriber" || holed < 0) return false;
  if (scenario.manual) return true;
  const { firstOutputMs = 0 } = scenario.limits;
  // Hung up as quiet it says nothing ever, and the next connection hears what comes.
  const parked = (checks.figures.get("metric_sessions_parked") ?? 0) > 0;
  const next = parked ? (calls[holed + 1]?.openedAt ?? Infinity) : Infinity;
  const turnsEndBy = (hungUpAt ?? Infinity) - waitsLongerMs(scenario);
  const noticeable = Math.min(next, turnsEndBy - firstOutputMs - NOTICED_MS);
  const after = client.caller.utterances.filter(
    ({ at, endedAt }) => at >= spoken.at && (endedAt ?? Infinity) < noticeable,
  );
  const saidMs = after.reduce((sum, { from, to }) => sum + ((to - from) * 1000) / tape.rateHz, 0);
  const told = client.named.some(({ at, what }) => at >= spoken.at && what === "error upstream_timeout");
  return told || saidMs < WORDLESS_MS;
}

/** Samples of `spoken` that are in none of the runs, which are in order. */
function gap(spoken: Utterance, runs: readonly Run[]): number {
  let missing = 0;
  let at = spoken.from;
  for (const run of runs) {
    if (run.to <= at) continue;
    if (run.from >= spoken.to) break;
    missing += Math.max(0, run.from - at);
    at = Math.max(at, run.to);
  }
  return missing + Math.max(0, spoken.to - at);
}

/** A turn has an answer, at least an announced one. */
function answered(call: SimulatedCall): void {
  const { client, checks, scenario } = call;
  if (!scenario.upstreams.some((upstream) => upstream.kind !== "echo")) return;
  client.caller.utterances.forEach((spoken, index) => {
    const { endedAt } = spoken;
    if (endedAt === null || named(call, spoken)) return;
    // A transcriber that hears it all has nothing to say to it.
    const providers = [...call.providers.values()].filter(
      ({ name, kind }) => name !== SHADOW && kind !== "transcriber",
    );
    if (providers.some((provider) => unknowable(call, provider, spoken))) return;
    if (providers.every((provider) => unreached(call, provider, spoken))) return;
    const until = client.caller.utterances[index + 1]?.at ?? Infinity;
    // One that takes the turns is waited for until it is asked.
    const server = scenario.upstreams.some((upstream) => upstream.kind === "server");
    const slow = scenario.faults.includes("provider.slow_first");
    const mute = slow || checks.struck.has("provider.mute") || vanished(providers);
    // Of several that are one voice nobody is announced before one is heard, and who says nothing is waited for as long as that.
    const waits = (server && mute) || (scenario.strategy !== null && scenario.faults.some(ofProvider));
    const judged = judgedMs(scenario);
    // Whom a hedge asks next is asked when what was typed meanwhile is judged, and may be slow as well.
    const asked = (waits || judged > 0 ? (scenario.limits.firstOutputMs ?? 0) : 0) + judged;
    const within =
      ANSWERED_WITHIN_MS +
      asked +
      slackMs(call) +
      waitsLongerMs(call.scenario) +
      5000 * Number(call.unsteady);
    // What was said while the line was down arrives when it is up again.
    const down = client.line.outages.filter(({ from, to }) => from <= endedAt + within && to >= spoken.at);
    const by = reached(call, spoken.at, Math.max(endedAt, ...down.map(({ to }) => to)), within) + within;
    const last = call.hungUpAt ?? Infinity;
    if (client.dialogue.busyAt(endedAt)) return owed(call, spoken, within);
    if (until < by || last < by) return;
    if (!client.dialogue.announced.some((at) => at >= spoken.at && at <= by)) {
      checks.fail("turn-unanswered", `what was said until ${endedAt} ms was never answered`);
    }
  });
}

function ofProvider(fault: string): boolean {
  return fault.startsWith("provider.");
}

/** What became a turn while an answer ran that may not be interrupted has its answer after that one. */
function owed(call: SimulatedCall, spoken: Utterance, withinMs: number): void {
  const { client, checks, scenario, unsteady, hungUpAt } = call;
  if (!scenario.faults.includes("client.no_interruption") || scenario.upstreams.length > 1) return;
  if (scenario.manual || scenario.eager || unsteady) return;
  for (const { kind, turns } of call.providers.values()) {
    const turn = turns.find(({ runs }) => runs.some(({ from, to }) => from < spoken.to && to >= spoken.to));
    if (kind !== "turns" || turn === undefined) continue;
    const by = client.dialogue.freeAfter(turn.at) + withinMs;
    const next = client.caller.utterances.find(({ at }) => at > spoken.at)?.at ?? Infinity;
    if (next < by || (hungUpAt ?? Infinity) < by) continue;
    checks.count("answers owed");
    // Announced to the client, perhaps, before the provider has the turn.
    if (!client.dialogue.announced.some((at) => at >= (spoken.endedAt ?? turn.at) && at <= by))
      checks.fail(
        "turn-unanswered",
        `what was said until ${spoken.endedAt} ms over an answer was never answered`,
      );
  }
}

/** A black hole has one of those that take the turns. */
function vanished(providers: readonly Provider[]): boolean {
  return providers.some(({ kind, calls }) => kind === "server" && calls.some(({ holed }) => holed));
}

/** When the last of the connections was there that a turn was still waiting for: who dies on the way is dialled again. */
function reached(call: SimulatedCall, from: number, until: number, within: number): number {
  const opened = [...call.providers.values()]
    .flatMap(({ calls }) => calls.map(({ openedAt }) => openedAt))
    .filter((at) => at >= from)
    .sort((a, b) => a - b);
  // One that never becomes ready is waited for as long as a dial may take.
  const { readyMs = 0, redialMostMs = 0 } = call.scenario.limits;
  const most = Math.max(within, readyMs + redialMostMs);
  return opened.reduce((last, at) => (at > last && at <= last + most ? at : last), until);
}

/** What is remembered of an answer is what was heard of it. */
function history(call: SimulatedCall, snapshot: SessionSnapshot): void {
  const { checks, client, scenario } = call;
  for (const entry of snapshot.conversation.entries) {
    if (entry.origin === null || entry.item.type !== "message") continue;
    if (scenario.upstreams[entry.origin]?.kind === "echo") continue;
    const { id } = entry.item;
    const item = client.player.items.get(id);
    if (entry.growing) checks.fail("history", `${id} still grows`);
    if (!item) continue;
    const cut = client.truncated.has(id);
    const remembered = entry.truncatedMs ?? entry.playedMs ?? entry.audioMs;
    checks.count("items heard");
    // Who claims to speak and cannot be heard was not heard.
    if (call.silentVoices) continue;
    if (!cut && entry.truncatedMs === null) {
      const more = entry.audioMs - item.receivedMs;
      // Who has said where it is is taken to have played on for so long, and then it was gone (SPEC B14).
      const most = item.abandoned ? PLAYS_ON_MS : 0.01;
      if (item.forgotten ? more > most : Math.abs(more) > most)
        checks.fail("history", `${id} has ${entry.audioMs} ms, and ${item.receivedMs} ms were received`);
      continue;
    }
    checks.count("items cut");
    // Two agents that sound in turns, piece by piece, out of one player that cannot tell them apart.
    if (scenario.dialect === "realtime" && client.dialogue.agents.size > 1) continue;
    // A plain client that does not say where it stopped, or of what it threw away: the relay works it out.
    const placed = entry.truncatedMs === null;
    if (call.unsteady || (placed && scenario.faults.includes("client.no_interruption"))) continue;
    // With its cancel a plain client's playback is over (SPEC B16): what it plays all the same it would have to truncate.
    const ends = placed ? [item.playedMs, ...item.cancelledMs] : [item.playedMs];
    const apart = Math.min(...ends.map((ms) => Math.abs(ms - remembered)));
    // Of a player that stood still nobody knows that it plays on until it says so.
    const saysMs = scenario.faults.includes("client.player_stalls") ? SAYS_EVERY_MS : 0;
    if (apart > HEARD_SLACK_MS + slackMs(call) + saysMs + (placed ? PLACED_SLACK_MS : 0)) {
      checks.fail(
        "history",
        `${id} is remembered for ${remembered.toFixed(0)} ms, and ${item.playedMs.toFixed(0)} ms were heard`,
      );
    }
  }
}
