/**
 * Calls that go from one connection of their provider to the next every few seconds, while the caller speaks without a
 * pause and is answered again and again. In one of them nobody knows the words of what was said.
 */
import { seededRandom } from "../../demo/ids.ts";
import { ResumingClient } from "./client.ts";
import { Listener } from "./listener.ts";
import { missedBy, type PartOptions, type PartResult } from "./part.ts";
import { sessionOf, within } from "./scene.ts";
import { sleep, Speaker } from "./speaker.ts";
import { spread, sum } from "./spread.ts";
import { openStage, type Stage } from "./stage.ts";
import { Answers, traceSpeech, type TracedSpeech } from "./trace.ts";
import type { Answer, MarkedVoice } from "./voice.ts";

const TARGETS = {
  silence_inserted_samples: 0,
  caller_samples_lost: 0,
  caller_samples_twice: 0,
  broken_answers: 0,
};
const CALLS = 4;
const ROLLOVERS = 20;
const ROLLOVERS_FULL = 50;
const STAGGER_MS = 800;
/** Of this call nobody knows the words: each connection is told all that was said from the beginning, by its sound. */
const WORDLESS = CALLS - 1;
/** From the end of an answer, as it was heard, to the caller's next demand. */
const PAUSE_MS = 220;
const LAST_TURN_MS = 300;
const PER_MS = 24;
/** Between two answers of one connection: more than it can give in its time. */
const ANSWERS_OF_ONE = 16;

interface Rolled {
  readonly rollovers: number;
  /** Samples for which the loudspeaker had nothing in the middle of an answer. */
  readonly inserted: number;
  /** Of the demands, what the listener waited beyond the provider's own first audio. */
  readonly waitsMs: readonly number[];
  /** The same, of the first demand after each rollover. */
  readonly waitsAfterMs: readonly number[];
  readonly speech: TracedSpeech;
  readonly heardWrong: number;
  readonly answers: number;
  readonly broken: number;
  readonly lateMs: number;
  readonly faults: readonly string[];
}

export async function rollover({ seed, full, few, say }: PartOptions): Promise<PartResult> {
  const count = few ?? (full ? ROLLOVERS_FULL : ROLLOVERS);
  const stage = await openStage();
  const played: Played[] = [];
  const failures: string[] = [];
  const one = async (_: unknown, n: number): Promise<void> => {
    await sleep(n * STAGGER_MS);
    const name = `rollover ${n}`;
    try {
      played.push(await play(stage, name, seed + 2000 + n, count, n === WORDLESS));
    } catch (error) {
      failures.push(`${name}: ${String(error)}`);
    }
    say(failures.at(-1) ?? `${name}: ${played.at(-1)?.rollovers} rollovers`);
  };
  try {
    await Promise.all(Array.from({ length: CALLS }, one));
  } finally {
    await stage.close();
  }
  return resultOf(played.map(judge), failures, count);
}

async function play(
  stage: Stage,
  name: string,
  seed: number,
  count: number,
  wordless: boolean,
): Promise<Played> {
  const random = seededRandom(seed);
  const answers = Array.from({ length: ANSWERS_OF_ONE }, () => ({
    firstAudioMs: 40 + 40 * random(),
    lengthMs: 300 + 200 * random(),
    pace: 4,
  }));
  stage.first.expect(name, { seed, answers, wordless });
  const client = await ResumingClient.open(stage.relay, "rolling", sessionOf(name, false));
  const listener = new Listener(client);
  const speaker = new Speaker(client, seed);
  const rollovers = (): number =>
    client.events.filter(({ type, cause }) => type === "relay.upstream" && cause === "rollover").length;
  try {
    const speaking = speaker.run();
    await within(client, () => listener.upstream.some(({ status }) => status === "ready"), "the provider");
    while (rollovers() < count) await demand(client, listener, speaker, PAUSE_MS);
    await demand(client, listener, speaker, LAST_TURN_MS);
    // While the caller speaks there is always something that is not acknowledged.
    speaker.stop();
    await speaking;
    await within(client, () => client.acknowledged >= client.sent - 1, "the acknowledgement of everything");
    return { voices: stage.first.voices(name), client, listener, speaker, seed, rollovers: rollovers() };
  } finally {
    speaker.stop();
    await client.hangUp();
  }
}

/** One turn, and its answer heard to the end. */
async function demand(
  client: ResumingClient,
  listener: Listener,
  speaker: Speaker,
  pauseMs: number,
): Promise<void> {
  await sleep(pauseMs);
  const count = listener.answers.length + 1;
  speaker.commit();
  await within(client, () => listener.answers.length >= count && listener.active.length === 0, "an answer");
  await sleep(Math.max(0, listener.dryAt - performance.now()));
}

interface Played {
  readonly voices: readonly MarkedVoice[];
  readonly client: ResumingClient;
  readonly listener: Listener;
  readonly speaker: Speaker;
  readonly seed: number;
  readonly rollovers: number;
}

/** Compares both ends; not while other calls are under way, which it would hold up. */
function judge({ voices, client, listener, speaker, seed, rollovers }: Played): Rolled {
  const said = new Answers(seed).addAll(voices);
  let heardWrong = 0;
  const waits: { readonly ms: number; readonly first: boolean }[] = [];
  let before = 0;
  for (const answer of listener.answers) {
    const { source, exact, samples } = said.trace(answer);
    const given: Answer | undefined = voices[source?.connection ?? -1]?.answers[source?.index ?? -1];
    if (!exact || given === undefined || samples !== given.length) heardWrong += 1;
    if (answer.firstAt === null || given?.firstAt == null) continue;
    const ms = answer.firstAt - answer.createdAt - (given.firstAt - given.askedAt);
    waits.push({ ms, first: (source?.connection ?? 0) > before });
    before = source?.connection ?? 0;
  }
  return {
    rollovers,
    inserted: Math.round(listener.starvedMs * PER_MS),
    waitsMs: waits.map(({ ms }) => ms),
    waitsAfterMs: waits.flatMap(({ ms, first }) => (first ? [ms] : [])),
    speech: traceSpeech(speaker, voices),
    heardWrong,
    answers: listener.answers.length,
    broken: listener.answers.filter(({ status }) => status !== "completed").length,
    lateMs: Math.max(...speaker.lateMs),
    faults: [...voices.flatMap(({ faults }) => faults), ...listener.errors, ...closedOf(client)],
  };
}

/** The relay gave a connection up: that is not what a rollover is. */
function closedOf(client: ResumingClient): string[] {
  return client.events.flatMap(({ type, status, code }) =>
    type === "relay.upstream" && status === "closed" ? [`closed: ${JSON.stringify(code)}`] : [],
  );
}

function resultOf(rolled: readonly Rolled[], failures: readonly string[], count: number): PartResult {
  const speech = rolled.map((one) => one.speech);
  const figures = {
    calls: rolled.length,
    consecutive_rollovers: Math.min(...rolled.map(({ rollovers }) => rollovers)),
    rollovers: sum(rolled.map(({ rollovers }) => rollovers)),
    silence_inserted_samples: sum(rolled.map(({ inserted }) => inserted)),
    answers: sum(rolled.map(({ answers }) => answers)),
    broken_answers: sum(rolled.map(({ broken }) => broken)),
    answers_heard_otherwise: sum(rolled.map(({ heardWrong }) => heardWrong)),
    wait_over_provider_ms: spread(rolled.flatMap(({ waitsMs }) => waitsMs)),
    wait_over_provider_after_rollover_ms: spread(rolled.flatMap(({ waitsAfterMs }) => waitsAfterMs)),
    caller_to_provider: {
      samples: sum(speech.map(({ samples }) => samples)),
      lost: sum(speech.map(({ lost }) => lost)),
      twice: sum(speech.map(({ twice }) => twice)),
      foreign_or_disordered: sum(speech.map(({ foreign, disordered }) => foreign + disordered)),
      /** Turns of which a successor was told by their sound, since they had no words yet. */
      turns_told_to_successors: sum(speech.map(({ shared }) => shared)),
    },
    caller_late_ms: spread(rolled.map(({ lateMs }) => lateMs)),
    faults: rolled.flatMap(({ faults }) => faults),
    failures,
  };
  const { caller_to_provider: up, wait_over_provider_after_rollover_ms: wait } = figures;
  const missed = missedBy([
    ["rollovers fewer than wanted", rolled.length < CALLS ? count : count - figures.consecutive_rollovers, 0],
    ["samples of silence inserted", figures.silence_inserted_samples, TARGETS.silence_inserted_samples],
    ["broken answers", figures.broken_answers, TARGETS.broken_answers],
    ["answers heard otherwise than said", figures.answers_heard_otherwise, 0],
    ["samples of callers lost", up.lost, TARGETS.caller_samples_lost],
    ["samples of callers heard twice", up.twice, TARGETS.caller_samples_twice],
    ["samples of callers foreign or out of order", up.foreign_or_disordered, 0],
    ["faults", figures.faults.length, 0],
    ["failed calls", failures.length, 0],
  ]);
  const table = {
    kind: "table" as const,
    title: `${figures.rollovers} rollovers in ${figures.calls} calls that never fall silent`,
    head: ["what", "p50", "p95", "max", "count"],
    rows: [
      ["answer beyond the provider's first audio, ms", ...Object.values(figures.wait_over_provider_ms)],
      ["the same, first after a rollover, ms", ...Object.values(wait)],
      ["samples of silence inserted", "–", "–", figures.silence_inserted_samples, figures.answers],
      ["samples of callers lost or twice", "–", "–", up.lost + up.twice, up.samples],
    ].map((row) => row.map((value) => value ?? "–")),
  };
  return { figures, targets: TARGETS, missed, panels: [table] };
}
