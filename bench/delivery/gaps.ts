/** Calls whose clients lose their connection at random moments, for up to half a minute, and come back. */
import { seededRandom } from "../../demo/ids.ts";
import { startRelay } from "../../tools/relay/relay.ts";
import type { Panel } from "../report.ts";
import { play, type Gap, type GapCall, type PlayedCall } from "./call.ts";
import { figuresOf, missedOf, TARGETS, type Figures } from "./figures.ts";
import { judge, type Judgement } from "./judge.ts";
import { CutLine } from "./line.ts";
import type { PartOptions, PartResult } from "./part.ts";
import { ProviderServer } from "./provider.ts";
import { sleep } from "./speaker.ts";
import type { MarkedVoice } from "./voice.ts";

/** A second short of the relay's window of 30 s after it noticed. */
const LONGEST_MS = 29_000;
const SHORT_MS = 5000;
/** Longer gaps are this share of an ordinary run, and all of a full one. */
const LONG_SHARE = 0.2;
const HOLE_SHARE = 0.2;
const TAKEOVER_SHARE = 0.1;
/** Of every second call, in each direction: a round trip of 40 ms. */
const DELAY_MS = 20;
const STAGGER_MS = 137;
const GAPS = 60;
const GAPS_FULL = 200;
const PARALLEL = 10;
const PARALLEL_FULL = 20;

interface Plan {
  readonly seed: number;
  readonly gaps: number;
  readonly parallel: number;
  readonly full: boolean;
}

export async function gaps({ seed, full, few, say }: PartOptions): Promise<PartResult> {
  const count = few ?? (full ? GAPS_FULL : GAPS);
  const plan: Plan = { seed, gaps: count, parallel: Math.min(count, full ? PARALLEL_FULL : PARALLEL), full };
  const { played, judgements, failures } = await playAll(draw(plan), say);
  const figures = figuresOf(played, judgements, failures);
  return {
    figures: {
      seed,
      parallel: plan.parallel,
      full,
      gap_distribution: full
        ? `uniform 0 to ${LONGEST_MS} ms`
        : `${100 - LONG_SHARE * 100} % uniform 0 to ${SHORT_MS} ms, ${LONG_SHARE * 100} % uniform 0 to ${LONGEST_MS} ms`,
      delay_ms_each_way: [0, DELAY_MS],
      ...figures,
    },
    targets: TARGETS,
    missed: missedOf(figures),
    panels: panelsOf(figures),
  };
}

/** The calls, all of them from the seed. */
function draw({ seed, gaps, parallel, full }: Plan): GapCall[] {
  const random = seededRandom(seed);
  return Array.from({ length: parallel }, (_, n) => ({
    name: `delivery call ${n}`,
    seed: seed + n,
    delayMs: n % 2 === 0 ? 0 : DELAY_MS,
    gaps: Array.from({ length: Math.floor((gaps + n) / parallel) }, () => drawGap(random, full)),
    answers: Array.from({ length: 40 }, () => ({
      firstAudioMs: 50 + 200 * random(),
      lengthMs: Math.round(1000 + 4000 * random()),
      pace: 2,
    })),
  }));
}

function drawGap(random: () => number, full: boolean): Gap {
  const long = full || random() < LONG_SHARE;
  const kind = random();
  return {
    afterMs: 200 + 2800 * random(),
    gapMs: (long ? LONGEST_MS : SHORT_MS) * random(),
    kind: kind < HOLE_SHARE ? "hole" : kind < HOLE_SHARE + TAKEOVER_SHARE ? "takeover" : "terminate",
  };
}

interface Played {
  readonly played: PlayedCall[];
  readonly judgements: Judgement[];
  readonly failures: string[];
}

async function playAll(calls: readonly GapCall[], say: (line: string) => void): Promise<Played> {
  const provider = new ProviderServer();
  const relay = await startRelay({ demoUrl: (await provider.listen()).url });
  const result: Played = { played: [], judgements: [], failures: [] };
  const voices: MarkedVoice[] = [];
  const one = async (call: GapCall, n: number): Promise<void> => {
    await sleep(n * STAGGER_MS);
    const line = await CutLine.open(relay.port, call.delayMs);
    try {
      provider.expect(call.name, { seed: call.seed, answers: call.answers });
      const played = await play(call, relay, line);
      const voice = provider.voices(call.name)[0];
      if (voice === undefined) throw new Error("the provider never met this call");
      result.played.push(played);
      voices.push(voice);
      say(`${call.name}: ${played.gaps.length} gaps, ${played.turns.length} turns`);
    } catch (error) {
      const failure = `${call.name}: ${error instanceof Error ? error.message : String(error)}`;
      result.failures.push(failure);
      say(failure);
    } finally {
      await line.close();
    }
  };
  try {
    await Promise.all(calls.map(one));
  } finally {
    await relay.close();
    await provider.stop();
  }
  // Not while other calls are under way, which it would hold up.
  for (const [n, played] of result.played.entries()) {
    const voice = voices[n];
    if (voice !== undefined) result.judgements.push(judge(played, voice));
  }
  return result;
}

function panelsOf(figures: Figures): Panel[] {
  const { caller_to_provider: up, provider_to_caller: down, resume_ms: resume, half_open_ms: half } = figures;
  const row = (name: string, { p50, p95, max, count }: Figures["resume_ms"]["dial"]) => [
    name,
    p50 ?? "–",
    p95 ?? "–",
    max ?? "–",
    count,
  ];
  const { count, total_s, in_mid_answer } = figures.gaps;
  return [
    {
      kind: "table",
      title: `${count} gaps of clients, ${total_s} s of them, ${in_mid_answer} in mid-answer: samples, by hash at both ends`,
      head: ["way", "said", "lost", "twice", "equal hashes"],
      rows: [
        ["caller to provider", up.samples, up.lost, up.twice, `${up.equal_hashes} of ${up.streams}`],
        [
          "provider to caller",
          down.samples,
          down.lost,
          down.twice,
          `${down.equal_hashes} of ${down.streams}`,
        ],
      ],
    },
    {
      kind: "table",
      title: "Gaps: milliseconds",
      head: ["what", "p50", "p95", "max", "count"],
      rows: [
        row("round trip of the line", resume.round_trip),
        row("dial (TCP and upgrade)", resume.dial),
        row("verdict over one round trip", resume.verdict_over_round_trip),
        row("the same, measured on time", resume.verdict_over_round_trip_on_time),
        row("verdict over a ping in the same moment", resume.verdict_over_ping_alongside),
        row("first replayed over one round trip", resume.first_replayed_over_round_trip),
        row("last replayed over one round trip", resume.last_replayed_over_round_trip),
        row("half open: relay closed (4008)", half.relay_closed_4008),
        row("half open: client noticed", half.client_noticed),
      ],
    },
  ];
}
