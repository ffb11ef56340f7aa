/** Session objects that die in the middle of calls, and the calls that go on. */
import { seededRandom } from "../../demo/ids.ts";
import type { Panel } from "../report.ts";
import type { ResumingClient } from "./client.ts";
import { DEATHS, playDeath, type DeathCase, type DeathMoment, type Died, type Kill } from "./death-call.ts";
import { missedBy, type PartOptions, type PartResult } from "./part.ts";
import { sleep } from "./speaker.ts";
import { spread, sum, type Spread } from "./spread.ts";
import { abortObject, openStage, type Stage } from "./stage.ts";
import { Together } from "./together.ts";

const TARGETS = {
  /** Over the provider's own first audio. */
  goes_on_ms: 1000,
  caller_samples_lost: 0,
  caller_samples_twice: 0,
  numbers_missing_unnamed: 0,
  failed_calls: 0,
};
const PARALLEL = 6;
const STAGGER_MS = 90;
const CASES = 24;
const CASES_FULL = 48;
const MOMENTS: readonly DeathMoment[] = ["sentence", "answer", "tool call"];

export async function death({ seed, full, few, say }: PartOptions): Promise<PartResult> {
  const stage = await openStage();
  const died: (() => Died)[] = [];
  const failures: string[] = [];
  try {
    const cases = draw(seed, few ?? (full ? CASES_FULL : CASES));
    for (const round of roundsOf(cases)) {
      await playRound(stage, round, died, failures);
      say(`${round[0]?.kind}: ${died.length + failures.length} of ${cases.length}`);
    }
  } finally {
    await stage.close();
  }
  for (const failure of failures) say(failure);
  return resultOf(
    died.map((judge) => judge()),
    failures,
  );
}

function draw(seed: number, count: number): DeathCase[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, n) => {
    const moment = MOMENTS[n % MOMENTS.length] ?? "sentence";
    const words = () => ({
      firstAudioMs: 50 + 200 * random(),
      lengthMs: moment === "answer" ? 3000 : 800 + 700 * random(),
      pace: 2,
    });
    const call = { ...words(), tool: true };
    return {
      name: `death ${n}`,
      seed: seed + 1000 + n,
      kind: DEATHS[Math.floor(n / MOMENTS.length) % DEATHS.length] ?? "aborted",
      moment,
      turnMs: 800 + 2500 * random(),
      // The tool is at work for 700 ms.
      afterMs: moment === "answer" ? 100 + 900 * random() : 600 * random(),
      answers: moment === "tool call" ? [call, words()] : [words()],
    };
  });
}

/** A process that is killed takes all of its calls with it. */
function roundsOf(cases: readonly DeathCase[]): DeathCase[][] {
  const rounds: DeathCase[][] = [];
  for (const group of Map.groupBy(cases, ({ kind }) => kind).values())
    for (let at = 0; at < group.length; at += PARALLEL) rounds.push(group.slice(at, at + PARALLEL));
  return rounds;
}

async function playRound(
  stage: Stage,
  round: readonly DeathCase[],
  died: (() => Died)[],
  failures: string[],
): Promise<void> {
  const killing = new Together(round.length, async () => {
    process.kill(stage.relay.worker.pid(), "SIGKILL");
  });
  const one = async (what: DeathCase, n: number): Promise<void> => {
    await sleep(n * STAGGER_MS);
    try {
      died.push(await playDeath(stage, what, killOf(stage, killing)));
    } catch (error) {
      if (what.kind === "killed") killing.leave();
      failures.push(`${what.name} (${what.kind}, ${what.moment}): ${String(error)}`);
    }
  };
  await Promise.all(round.map(one));
}

function killOf({ relay }: Stage, killing: Together): Kill {
  return async (client: ResumingClient, { kind }) => {
    if (kind === "killed") await killing.arrive();
    else await abortObject(relay, client.id);
  };
}

type Figures = ReturnType<typeof figuresOf>;

/** Beyond what the provider takes by itself; in mid-sentence, until it hears the caller again. */
function goesOnMs({ soundMs, providerMs, readyMs, case: { moment } }: Died): number | null {
  if (moment === "sentence") return readyMs;
  return soundMs === null || providerMs === null ? null : Math.max(0, soundMs - providerMs);
}

function figuresOf(died: readonly Died[], failures: readonly string[]) {
  const by = (key: "kind" | "moment") =>
    Object.fromEntries(
      [...Map.groupBy(died, (one) => one.case[key])].map(([name, group]) => [
        name,
        { count: group.length, goes_on_ms: spread(group.map(goesOnMs)) },
      ]),
    );
  const heard = died.flatMap(({ answers }) => answers);
  return {
    deaths: died.length,
    by_kind: by("kind"),
    by_moment: by("moment"),
    process_down_ms: spread(died.map(({ downMs, case: { kind } }) => (kind === "killed" ? downMs : null))),
    verdict_ms: spread(died.map(({ verdictMs }) => verdictMs)),
    provider_ready_ms: spread(died.map(({ readyMs }) => readyMs)),
    provider_first_audio_ms: spread(died.map(({ providerMs }) => providerMs)),
    goes_on_ms: spread(died.map(goesOnMs)),
    verdicts: Object.fromEntries(
      [...Map.groupBy(died, ({ resumption }) => resumption.verdict)].map(([name, { length }]) => [
        name,
        length,
      ]),
    ),
    numbers_missing_unnamed: sum(died.map(({ silentlyMissing }) => silentlyMissing)),
    numbers_twice: sum(died.map(({ repeated }) => repeated)),
    caller_to_provider: {
      samples: sum(died.map(({ speech }) => speech.samples)),
      lost: sum(died.map(lostOf)),
      twice: sum(died.map(({ speech }) => speech.twice)),
      foreign_or_disordered: sum(died.map(({ speech }) => speech.foreign + speech.disordered)),
    },
    listener: {
      samples: sum(heard.map(({ samples }) => samples)),
      twice: sum(heard.map(({ difference }) => difference.twice)),
      lost_within: sum(heard.map(({ difference }) => difference.lost)),
      foreign_or_disordered: sum(
        heard.map(({ difference: { foreign, disordered } }) => foreign + disordered),
      ),
    },
    tool_calls_made_again: sum(died.map(({ toolCalls }) => Math.max(0, toolCalls - 1))),
    caller_late_ms: spread(died.flatMap(({ lateMs }) => lateMs)),
    faults: died.flatMap(({ case: { name }, faults }) => faults.map((fault) => `${name}: ${fault}`)),
    failures,
  };
}

/** A turn that was not answered and that the provider did not hear again is lost with all that follows. */
function lostOf({ speech, answered }: Died): number {
  return speech.lost + (speech.fromTurn > answered ? speech.samples : 0);
}

function resultOf(died: readonly Died[], failures: readonly string[]): PartResult {
  const figures = figuresOf(died, failures);
  const { caller_to_provider: up, listener: down } = figures;
  const missed = missedBy([
    ["ms until the call went on, over the provider's own", figures.goes_on_ms.max, TARGETS.goes_on_ms],
    ["samples of callers lost", up.lost, TARGETS.caller_samples_lost],
    ["samples of callers heard twice", up.twice, TARGETS.caller_samples_twice],
    ["samples of callers foreign or out of order", up.foreign_or_disordered, 0],
    ["samples heard twice by listeners", down.twice, 0],
    ["samples missing within what listeners heard", down.lost_within, 0],
    ["samples foreign or out of order at listeners", down.foreign_or_disordered, 0],
    [
      "numbers missing that no verdict named",
      figures.numbers_missing_unnamed,
      TARGETS.numbers_missing_unnamed,
    ],
    ["numbers twice", figures.numbers_twice, 0],
    ["verdicts that a session is lost", figures.verdicts["lost"] ?? 0, 0],
    ["faults", figures.faults.length, 0],
    ["failed calls", failures.length, TARGETS.failed_calls],
  ]);
  return { figures, targets: TARGETS, missed, panels: panelsOf(figures) };
}

function panelsOf(figures: Figures): Panel[] {
  const row = (name: string, { p50, p95, max, count }: Spread) => [
    name,
    p50 ?? "–",
    p95 ?? "–",
    max ?? "–",
    count,
  ];
  return [
    {
      kind: "table",
      title: `${figures.deaths} deaths of session objects: milliseconds`,
      head: ["what", "p50", "p95", "max", "count"],
      rows: [
        row("without a process (killed)", figures.process_down_ms),
        row("to the verdict", figures.verdict_ms),
        row("to the provider being ready again", figures.provider_ready_ms),
        row("to the call going on, over the provider's first audio", figures.goes_on_ms),
      ],
    },
  ];
}
