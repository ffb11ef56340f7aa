/** What a run of calls with gaps shows, and which targets it missed. */
import type { PlayedCall, PlayedGap } from "./call.ts";
import type { Judgement } from "./judge.ts";
import { fixed, spread, sum } from "./spread.ts";

/** A round trip is the line's own; what the relay may add to it. */
export const TARGETS = {
  samples_lost: 0,
  samples_twice: 0,
  samples_foreign_or_disordered: 0,
  messages_lost_twice_or_disordered: 0,
  verdicts_other_than_resumed: 0,
  failed_calls: 0,
  resume_over_round_trip_ms: 50,
  half_open_ms: 5000,
};

/** A frame of the measuring process that is not later than this is on time. */
const ON_TIME_MS = 5;

export type Figures = ReturnType<typeof figuresOf>;

export function figuresOf(
  played: readonly PlayedCall[],
  judgements: readonly Judgement[],
  failures: readonly string[],
) {
  const gaps = played.flatMap((call) => call.gaps);
  const of = (kind: PlayedGap["gap"]["kind"]): PlayedGap[] => gaps.filter(({ gap }) => gap.kind === kind);
  const over = (ms: number | null, { roundTripMs }: PlayedGap): number | null =>
    ms === null ? null : ms - roundTripMs;
  const holes = gaps.flatMap(({ closed, ...rest }) => (closed === null ? [] : [{ ...rest, closed }]));
  return {
    gaps: {
      count: gaps.length,
      terminated: of("terminate").length,
      black_holes: of("hole").length,
      taken_over: of("takeover").length,
      in_mid_answer: gaps.filter(({ midAnswer }) => midAnswer).length,
      length_ms: spread(gaps.map(({ gapMs }) => gapMs)),
      total_s: Math.round(sum(gaps.map(({ gapMs }) => gapMs)) / 1000),
    },
    caller_to_provider: directionOf(judgements.map(({ up }) => up)),
    provider_to_caller: directionOf(judgements.map(({ down }) => down)),
    messages: {
      received: sum(judgements.map(({ messages }) => messages.received)),
      lost: sum(judgements.map(({ messages }) => messages.lost)),
      twice: sum(judgements.map(({ messages }) => messages.twice)),
      disordered: sum(judgements.map(({ messages }) => messages.disordered)),
      replayed_by_relay: sum(gaps.map(({ resumption }) => resumption.replayed)),
      sent_again_by_client: sum(gaps.map(({ resumption }) => resumption.resent)),
    },
    resume_ms: {
      round_trip: spread(gaps.map(({ roundTripMs }) => roundTripMs)),
      dial: spread(gaps.map(({ resumption }) => resumption.dialMs)),
      verdict: spread(gaps.map(({ resumption }) => resumption.verdictMs)),
      verdict_over_round_trip: spread(gaps.map((gap) => over(gap.resumption.verdictMs, gap))),
      ping_alongside: spread(gaps.map(({ resumption }) => resumption.alongsideMs)),
      verdict_over_ping_alongside: spread(
        gaps.map(({ resumption }) => resumption.verdictMs - resumption.alongsideMs),
      ),
      /** Of the resumes during which the measuring process was itself on time. */
      verdict_over_round_trip_on_time: spread(
        gaps.map((gap) => (gap.lateMs <= ON_TIME_MS ? over(gap.resumption.verdictMs, gap) : null)),
      ),
      first_replayed_over_round_trip: spread(gaps.map((gap) => over(gap.resumption.firstReplayedMs, gap))),
      last_replayed_over_round_trip: spread(gaps.map((gap) => over(gap.resumption.lastReplayedMs, gap))),
      verdict_within_target_percent: share(gaps.map((gap) => over(gap.resumption.verdictMs, gap))),
    },
    half_open_ms: {
      relay_closed_4008: spread(holes.map(({ closed }) => (closed.code === 4008 ? closed.afterMs : null))),
      client_noticed: spread(holes.map(({ noticedMs }) => noticedMs)),
      closed_4001: holes.filter(({ closed }) => closed.code === 4001).length,
    },
    verdicts: counts(gaps.map(({ resumption }) => resumption.verdict)),
    faults: judgements.flatMap(({ faults }) => faults),
    failures,
    client_late_ms: spread(played.flatMap(({ lateMs }) => lateMs)),
  };
}

function share(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return fixed(
    (100 * known.filter((value) => value <= TARGETS.resume_over_round_trip_ms).length) / known.length,
  );
}

function counts(names: readonly string[]): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of names) found[name] = (found[name] ?? 0) + 1;
  return found;
}

function directionOf(streams: readonly Judgement["up"][]) {
  return {
    streams: streams.length,
    samples: sum(streams.map(({ samples }) => samples)),
    equal_hashes: streams.filter(({ equal }) => equal).length,
    lost: sum(streams.map(({ lost }) => lost)),
    twice: sum(streams.map(({ twice }) => twice)),
    foreign: sum(streams.map(({ foreign }) => foreign)),
    disordered: sum(streams.map(({ disordered }) => disordered)),
    /** Turns, or answers, that ended where they ought to. */
    parts: sum(streams.map(({ parts }) => parts)),
    parts_wrong: sum(streams.map(({ partsWrong }) => partsWrong)),
  };
}

export function missedOf(figures: Figures): string[] {
  const { caller_to_provider: up, provider_to_caller: down, messages, resume_ms: resume } = figures;
  const others = figures.gaps.count - (figures.verdicts["resumed"] ?? 0);
  const checks: readonly (readonly [string, number | null, number])[] = [
    ["samples lost", up.lost + down.lost, TARGETS.samples_lost],
    ["samples heard twice", up.twice + down.twice, TARGETS.samples_twice],
    [
      "samples that are foreign or out of order",
      up.foreign + down.foreign + up.disordered + down.disordered,
      TARGETS.samples_foreign_or_disordered,
    ],
    ["turns and answers with wrong ends", up.parts_wrong + down.parts_wrong, 0],
    [
      "messages lost, twice or out of order",
      messages.lost + messages.twice + messages.disordered,
      TARGETS.messages_lost_twice_or_disordered,
    ],
    ["verdicts other than resumed", others, TARGETS.verdicts_other_than_resumed],
    ["failed calls", figures.failures.length, TARGETS.failed_calls],
    ["faults that the provider saw, or errors", figures.faults.length, 0],
    [
      "ms of a verdict over one round trip",
      resume.verdict_over_round_trip.max,
      TARGETS.resume_over_round_trip_ms,
    ],
    [
      "ms of the first replayed message over one round trip",
      resume.first_replayed_over_round_trip.max,
      TARGETS.resume_over_round_trip_ms,
    ],
    [
      "ms until the relay closed a half-open connection",
      figures.half_open_ms.relay_closed_4008.max,
      TARGETS.half_open_ms,
    ],
  ];
  return checks.flatMap(([what, figure, most]) =>
    figure !== null && figure > most ? [`${what}: ${figure}, at most ${most}`] : [],
  );
}
