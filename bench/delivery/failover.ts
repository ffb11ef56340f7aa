/** Providers that fail in the middle of calls, and the next ones to which the calls go on. */
import { seededRandom } from "../../demo/ids.ts";
import type { Panel } from "../report.ts";
import {
  KINDS,
  playFailover,
  type Failover,
  type FailoverCase,
  type Moment,
  type Strike,
} from "./failover-call.ts";
import { missedBy, type PartOptions, type PartResult } from "./part.ts";
import { sleep } from "./speaker.ts";
import { spread, sum, type Spread } from "./spread.ts";
import { openStage, type Stage } from "./stage.ts";
import { Together } from "./together.ts";

const TARGETS = {
  closed_noticed_ms: 100,
  stall_noticed_ms: 2000,
  silence_over_provider_ms: 500,
  silence_over_provider_warm_ms: 150,
  samples_lost: 0,
  samples_twice: 0,
};
const PARALLEL = 10;
const STAGGER_MS = 90;
/** Half of them with a warm standby. */
const CASES = 52;
const CASES_FULL = 104;

export async function failover({ seed, full, few, say }: PartOptions): Promise<PartResult> {
  const stage = await openStage();
  const played: (() => Failover)[] = [];
  const failures: string[] = [];
  try {
    const cases = draw(seed, few ?? (full ? CASES_FULL : CASES));
    for (const round of roundsOf(cases)) {
      await playRound(stage, round, played, failures);
      const done = played.length + failures.length;
      say(`${round[0]?.kind}, ${round[0]?.moment}: ${done} of ${cases.length}`);
    }
  } finally {
    await stage.close();
  }
  for (const failure of failures) say(failure);
  return resultOf(
    played.map((judge) => judge()),
    failures,
  );
}

const MOMENTS: readonly Moment[] = ["sentence", "asked", "answer"];

/** Every kind at every moment in turn; a provider that only falls silent is missed when something is due. */
function draw(seed: number, count: number): FailoverCase[] {
  const random = seededRandom(seed);
  const kinds = KINDS.flatMap((kind) => {
    const silent = kind === "stalled" || kind === "black hole";
    return MOMENTS.filter((moment) => !silent || moment !== "sentence").map((moment) => ({ kind, moment }));
  });
  return Array.from({ length: count }, (_, n) => {
    const { kind, moment } = kinds[Math.floor(n / 4) % kinds.length] ?? { kind: "reset", moment: "asked" };
    const warm = n % 4 >= 2;
    const plan = `${n % 2 === 0 ? "near" : "far"}${warm ? "-warm" : ""}`;
    return {
      name: `failover ${n}`,
      seed: seed + n,
      kind,
      moment,
      route: kind === "killed" ? `killed-${plan}` : plan,
      warm,
      turnMs: 800 + 1200 * random(),
      afterMs: moment === "asked" ? 50 + 500 * random() : 100 + 900 * random(),
      first: { firstAudioMs: moment === "asked" ? 900 : 150, lengthMs: 3500, pace: 2 },
      second: { firstAudioMs: 50 + 200 * random(), lengthMs: 800 + 700 * random(), pace: 2 },
    };
  });
}

/** Calls of one kind at once: a process that is killed takes all of its calls with it. */
function roundsOf(cases: readonly FailoverCase[]): FailoverCase[][] {
  const rounds: FailoverCase[][] = [];
  const groups = Map.groupBy(cases, ({ kind, moment }) =>
    kind === "killed" ? `killed ${moment}` : "others",
  );
  for (const group of groups.values())
    for (let at = 0; at < group.length; at += PARALLEL) rounds.push(group.slice(at, at + PARALLEL));
  return rounds;
}

async function playRound(
  stage: Stage,
  round: readonly FailoverCase[],
  played: (() => Failover)[],
  failures: string[],
): Promise<void> {
  const gathering = new Together(round.length, async () => {});
  const killing = new Together(round.length, () => stage.killed.kill());
  const one = async (what: FailoverCase, n: number): Promise<void> => {
    await sleep(n * STAGGER_MS);
    try {
      played.push(await playFailover(stage, what, strikeOf(stage, gathering, killing)));
    } catch (error) {
      if (what.kind === "killed") for (const group of [gathering, killing]) group.leave();
      failures.push(`${what.name} (${what.kind}, ${what.moment}, ${what.route}): ${String(error)}`);
    }
  };
  await Promise.all(round.map(one));
  if (round[0]?.kind === "killed") await stage.killed.start();
}

function strikeOf({ first, firstLine }: Stage, gathering: Together, killing: Together): Strike {
  return {
    async ready({ kind }) {
      if (kind === "killed") await gathering.arrive();
    },
    async now({ kind, name }) {
      const at = performance.now();
      if (kind === "killed") return killing.arrive();
      if (kind === "reset") first.reset(name);
      else if (kind === "closed") first.close(name, 1011);
      else if (kind === "stalled") first.stall(name);
      else firstLine.blackHole(first.fromPort(name));
      return at;
    },
  };
}

type Figures = ReturnType<typeof figuresOf>;

function figuresOf(played: readonly Failover[], failures: readonly string[]) {
  const silent = ({ case: { kind } }: Failover): boolean => kind === "stalled" || kind === "black hole";
  const closes = played.filter((one) => !silent(one));
  const stalls = played.filter(silent);
  const heard = played.flatMap(({ answers }) => answers);
  const warm = (one: Failover): boolean => one.case.warm;
  const byKind = Object.fromEntries(
    KINDS.map((kind) => {
      const of = played.filter((one) => one.case.kind === kind);
      const figures = {
        count: of.length,
        noticed_ms: spread(of.map(({ detectedMs }) => detectedMs)),
        silence_over_provider_ms: spread(of.map(over)),
      };
      return [kind, figures];
    }),
  );
  return {
    failovers: played.length,
    by_kind: byKind,
    closed_noticed_ms: spread(closes.map(({ detectedMs }) => detectedMs)),
    stall_noticed_ms: spread(stalls.map(({ detectedMs }) => detectedMs)),
    warm: played.filter(warm).length,
    ready_after_notice_ms: spread(played.filter((one) => !warm(one)).map(({ readyMs }) => readyMs)),
    ready_after_notice_warm_ms: spread(played.filter(warm).map(({ readyMs }) => readyMs)),
    silence_after_notice_ms: spread(played.map(({ silenceMs }) => silenceMs)),
    provider_first_audio_ms: spread(played.map(({ providerMs }) => providerMs)),
    silence_over_provider_ms: spread(played.filter((one) => !warm(one)).map(over)),
    silence_over_provider_warm_ms: spread(played.filter(warm).map(over)),
    caller_to_next_provider: {
      samples: sum(played.map(({ speech }) => speech.samples)),
      lost: sum(played.map(lostOf)),
      twice: sum(played.map(({ speech }) => speech.twice)),
      foreign_or_disordered: sum(played.map(({ speech }) => speech.foreign + speech.disordered)),
    },
    listener: {
      answers: heard.length,
      samples: sum(heard.map(({ samples }) => samples)),
      twice: sum(heard.map(({ difference }) => difference.twice)) + repeatedOf(played),
      lost_within: sum(heard.map(({ difference }) => difference.lost)),
      foreign_or_disordered: sum(
        heard.map(({ difference: { foreign, disordered } }) => foreign + disordered),
      ),
    },
    /** The longest silences, and what had happened. */
    slowest: played
      .toSorted((a, b) => (over(b) ?? 0) - (over(a) ?? 0))
      .slice(0, 8)
      .map((one) => `${one.case.kind}, ${one.case.moment}, ${one.case.route}: ${over(one)?.toFixed(0)} ms`),
    dials_of_next_provider: sum(played.map(({ dials }) => dials)),
    caller_late_ms: spread(played.flatMap(({ lateMs }) => lateMs)),
    faults: played.flatMap(({ case: { name }, faults }) => faults.map((fault) => `${name}: ${fault}`)),
    failures,
  };
}

/** Silence beyond what the next provider takes by itself. */
function over({ silenceMs, providerMs }: Failover): number | null {
  return silenceMs === null || providerMs === null ? null : Math.max(0, silenceMs - providerMs);
}

/** A turn that was not answered and that the next provider did not hear is lost with all that follows. */
function lostOf({ speech, answered }: Failover): number {
  return speech.lost + (speech.fromTurn > answered ? speech.samples : 0);
}

/** Samples of an answer that the listener got in two answers. */
function repeatedOf(played: readonly Failover[]): number {
  let twice = 0;
  for (const { answers } of played) {
    const seen = new Set<string>();
    for (const { source, samples } of answers) {
      if (source === null) continue;
      const name = `${source.who} ${source.connection} ${source.index}`;
      if (seen.has(name)) twice += samples;
      seen.add(name);
    }
  }
  return twice;
}

function resultOf(played: readonly Failover[], failures: readonly string[]): PartResult {
  const figures = figuresOf(played, failures);
  const { caller_to_next_provider: up, listener: down } = figures;
  const missed = missedBy([
    ["ms until a close was noticed", figures.closed_noticed_ms.max, TARGETS.closed_noticed_ms],
    ["ms until a silence was noticed", figures.stall_noticed_ms.max, TARGETS.stall_noticed_ms],
    [
      "ms of silence over the next provider's own",
      figures.silence_over_provider_ms.max,
      TARGETS.silence_over_provider_ms,
    ],
    [
      "ms of silence over a warm standby's own",
      figures.silence_over_provider_warm_ms.max,
      TARGETS.silence_over_provider_warm_ms,
    ],
    ["samples of callers lost", up.lost, TARGETS.samples_lost],
    ["samples of callers heard twice", up.twice, TARGETS.samples_twice],
    ["samples of callers foreign or out of order", up.foreign_or_disordered, 0],
    ["samples heard twice by listeners", down.twice, TARGETS.samples_twice],
    ["samples missing within what listeners heard", down.lost_within, TARGETS.samples_lost],
    ["samples foreign or out of order at listeners", down.foreign_or_disordered, 0],
    ["faults", figures.faults.length, 0],
    ["failed calls", failures.length, 0],
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
      title: `${figures.failovers} failures of providers: milliseconds`,
      head: ["what", "p50", "p95", "max", "count"],
      rows: [
        row("close to the client being told", figures.closed_noticed_ms),
        row("silence to the client being told", figures.stall_noticed_ms),
        row("from then to the next one being ready", figures.ready_after_notice_ms),
        row("the same with a warm standby", figures.ready_after_notice_warm_ms),
        row("silence at the listener from then on", figures.silence_after_notice_ms),
        row("the next provider's own first audio", figures.provider_first_audio_ms),
        row("silence beyond that", figures.silence_over_provider_ms),
        row("the same with a warm standby", figures.silence_over_provider_warm_ms),
      ],
    },
  ];
}
