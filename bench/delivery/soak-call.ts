/** One long call, in which the client loses its connection now and then, and providers fail. */
import { ResumingClient } from "./client.ts";
import { Listener } from "./listener.ts";
import { comeBack, sessionOf, within } from "./scene.ts";
import { sleep, Speaker } from "./speaker.ts";
import type { Stage } from "./stage.ts";
import { Answers } from "./trace.ts";
import { bytesOf, sha256 } from "./watermark.ts";

export interface SoakCase {
  readonly name: string;
  readonly seed: number;
  readonly route: string;
  readonly random: () => number;
  readonly endAt: number;
  /** Nothing is lost on purpose. */
  readonly peace: boolean;
}

export interface Soaked {
  readonly name: string;
  readonly turns: number;
  /** Turns that no provider heard as they were said. */
  readonly lostTurns: number;
  /** Turns that a connection heard twice, or that nobody said. */
  readonly oddTurns: number;
  readonly answers: number;
  readonly failedAnswers: number;
  /** Answers of which something else was heard than their samples from the first on. */
  readonly wrongAnswers: number;
  readonly verdicts: readonly string[];
  readonly strikes: Readonly<Record<string, number>>;
  readonly connections: number;
  readonly missingNumbers: number;
  readonly faults: readonly string[];
}

const TURN_SAMPLES = 2 * 24_000;
const LONGEST_GAP_MS = 5000;
/** Between two faults of a call. */
const LEAST_PEACE_MS = 10_000;
const MORE_PEACE_MS = 25_000;
const SETTLE_MS = 12_000;

/** @returns what compares both ends: not to be called while other calls are under way. */
export async function playSoak(stage: Stage, what: SoakCase): Promise<() => Soaked> {
  const { name, seed, random } = what;
  const answers = Array.from({ length: 64 }, () => ({
    firstAudioMs: 50 + 200 * random(),
    lengthMs: 600 + 2400 * random(),
    pace: 2,
  }));
  for (const provider of [stage.first, stage.second]) provider.expect(name, { seed, answers });
  const client = await ResumingClient.open(stage.relay, what.route, sessionOf(name, false));
  const listener = new Listener(client);
  const speaker = new Speaker(client, seed);
  const strikes: Record<string, number> = {};
  const verdicts: string[] = [];
  const answering = (): boolean =>
    listener.active.length > 0 || listener.answers.length < speaker.turns.length;
  let last = false;
  speaker.onFrame = () => {
    if (!last && speaker.open >= TURN_SAMPLES && !answering()) speaker.commit();
  };
  try {
    const speaking = speaker.run();
    for (;;) {
      const peaceMs = LEAST_PEACE_MS + MORE_PEACE_MS * random();
      if (what.peace || performance.now() + peaceMs + SETTLE_MS > what.endAt) break;
      await sleep(peaceMs);
      const kind = await strike(stage, what, client, verdicts);
      strikes[kind] = (strikes[kind] ?? 0) + 1;
    }
    await sleep(Math.max(0, what.endAt - performance.now()));
    last = true;
    await within(client, () => !answering(), "the last answer");
    await sleep(500);
    speaker.stop();
    await speaking;
    return () => judge(stage, what, { client, listener, speaker, strikes, verdicts });
  } finally {
    speaker.stop();
    await client.hangUp();
  }
}

async function strike(
  stage: Stage,
  { name, random }: SoakCase,
  client: ResumingClient,
  verdicts: string[],
): Promise<string> {
  const serving = [stage.first, stage.second].filter((provider) => provider.serves(name));
  const provider = serving[Math.floor(random() * serving.length)];
  const kind = Math.floor(random() * 4);
  if (provider === undefined || kind <= 1) {
    client.terminate();
    await sleep(LONGEST_GAP_MS * random());
    verdicts.push((await comeBack(client)).resumption.verdict);
    return "client lost";
  }
  if (kind === 2) provider.reset(name);
  else provider.stall(name);
  return kind === 2 ? "provider reset" : "provider stalled";
}

interface Played {
  readonly client: ResumingClient;
  readonly listener: Listener;
  readonly speaker: Speaker;
  readonly strikes: Readonly<Record<string, number>>;
  readonly verdicts: readonly string[];
}

function judge(stage: Stage, { name, seed }: SoakCase, played: Played): Soaked {
  const { client, listener, speaker, strikes, verdicts } = played;
  const voices = [...stage.first.voices(name), ...stage.second.voices(name)];
  const places = new Map(
    speaker.turns.map((to, n) => [sha256(bytesOf(speaker.words(speaker.turns[n - 1] ?? 0, to))), n]),
  );
  const heard = new Set<number>();
  let oddTurns = 0;
  for (const { turns } of voices) {
    let before = -1;
    for (const turn of turns) {
      const place = places.get(sha256(turn)) ?? -1;
      if (place <= before) oddTurns += 1;
      else before = place;
      heard.add(place);
    }
  }
  const said = new Answers(seed).addAll(voices);
  const wrong = listener.answers.filter((answer) => !said.trace(answer).exact);
  return {
    name,
    turns: speaker.turns.length,
    lostTurns: speaker.turns.filter((_, n) => !heard.has(n)).length,
    oddTurns,
    answers: listener.answers.length,
    failedAnswers: listener.answers.filter(({ status }) => status !== "completed").length,
    wrongAnswers: wrong.length,
    verdicts,
    strikes,
    connections: voices.length,
    missingNumbers: client.received - new Set(client.numbers).size,
    faults: voices.flatMap(({ faults }) => faults),
  };
}
