/**
 * The interaction panel of τ-voice (tau2-bench, docs/interaction-metrics.md), the turn-taking score of EVA
 * (docs/metrics/turn_taking.md) and the timings of Full-Duplex-Bench, made anew from what their documents say.
 */
import { spread } from "../turns/figures.ts";
import { saidUntil, spanOf, type Moment } from "./tracks.ts";

const TICK_MS = 200;
const NO_YIELD_MS = 2000;
const SELECTIVE_MS = 1000;

/** The panel knows moments by the tick that they fall into. */
const tick = (ms: number): number => Math.floor(ms / TICK_MS) * TICK_MS;
const share = (part: number, whole: number): number | null =>
  whole === 0 ? null : Math.round((1000 * part) / whole) / 1000;

function yieldMs({ agent, sound }: Moment): number {
  const until = saidUntil(agent, sound.from);
  return until === null ? 0 : Math.max(0, tick(until + TICK_MS - 1) - tick(sound.from));
}

/** End of the caller's question to the agent's first sound after it; null: none. */
function answerMs({ played, agent }: Moment): number | null {
  const [question] = played.caller.cues;
  if (!question) return null;
  const end = spanOf(question).to;
  const first = agent.find(({ from }) => from >= end);
  return first ? first.from - end : null;
}

function interruptsOf({ played, agent }: Moment): number {
  const [question] = played.caller.cues;
  if (!question) return 0;
  const { from, to } = spanOf(question);
  return agent.filter((span) => span.from > from && span.from < to).length;
}

export type Kind = "request" | "backchannel" | "tic" | "elsewhere";

export function panelOf(moments: readonly Moment[], kindOf: (moment: Moment) => Kind | null) {
  const of = (kind: Kind): readonly Moment[] => moments.filter((moment) => kindOf(moment) === kind);
  const requests = of("request");
  const yielded = requests.filter((moment) => yieldMs(moment) <= NO_YIELD_MS);
  const selective = (kind: Kind): number | null =>
    share(of(kind).filter((moment) => yieldMs(moment) > SELECTIVE_MS).length, of(kind).length);
  const answers = moments.map(answerMs).filter((ms) => ms !== null);
  const mean = (values: readonly number[]): number | null =>
    values.length === 0 ? null : Math.round(values.reduce((sum, ms) => sum + ms, 0) / values.length) / 1000;
  return {
    L_R_s: mean(answers),
    L_Y_s: mean(yielded.map(yieldMs)),
    R_R: share(answers.length, moments.length),
    R_Y: share(yielded.length, requests.length),
    I_A: share(
      moments.reduce((sum, moment) => sum + interruptsOf(moment), 0),
      moments.length,
    ),
    S_BC: selective("backchannel"),
    S_VT: selective("tic"),
    S_ND: selective("elsewhere"),
    cases: {
      requests: requests.length,
      backchannels: of("backchannel").length,
      tics: of("tic").length,
      elsewhere: of("elsewhere").length,
    },
  };
}

/** EVA's curve of delays: 0 at -.5 s, 1 from .5 to 2 s, 0 from 3.5 s on. */
function delayScore(ms: number): number {
  if (ms <= -500 || ms >= 3500) return 0;
  if (ms < 500) return (ms + 500) / 1000;
  return ms <= 2000 ? 1 : (3500 - ms) / 1500;
}

const YIELD_HARD_MS = 2000;

/** Mean over all turns: the question's answer, and how fast the agent gave way to what was an interruption. */
export function evaOf(moments: readonly Moment[], isRequest: (moment: Moment) => boolean): number {
  const scores = moments.flatMap((moment) => {
    const delay = answerMs(moment);
    const answer = delay === null ? [] : [delayScore(delay)];
    if (!isRequest(moment)) return answer;
    const until = saidUntil(moment.agent, moment.sound.from) ?? moment.sound.from;
    return [...answer, Math.max(0, 1 - (until - moment.sound.from) / YIELD_HARD_MS)];
  });
  return (
    Math.round((1000 * scores.reduce((sum, score) => sum + score, 0)) / Math.max(1, scores.length)) / 1000
  );
}

/** Stop: onset to the agent's last sound. Response: end of the interruption to the agent's next. */
export function fullDuplexOf(moments: readonly Moment[], kindOf: (moment: Moment) => Kind | null) {
  const requests = moments.filter((moment) => kindOf(moment) === "request");
  const listeners = moments.filter((moment) => kindOf(moment) === "backchannel");
  const stopped = (moment: Moment): number | null => {
    const until = saidUntil(moment.agent, moment.sound.from);
    return until === null ? null : until - moment.sound.from;
  };
  const responded = ({ agent, sound }: Moment): number | null => {
    const next = agent.find(({ from }) => from >= sound.to);
    return next ? next.from - sound.to : null;
  };
  const takesOver = (moment: Moment): boolean => moment.agent.some(({ from }) => from > moment.sound.to);
  return {
    turn_taking: { latency_ms: spread(moments.map(answerMs)) },
    interruption: {
      takeover_rate: share(requests.filter(takesOver).length, requests.length),
      stop_ms: spread(requests.map(stopped)),
      response_ms: spread(requests.map(responded)),
    },
    backchannel_takeover_rate: share(listeners.filter(takesOver).length, listeners.length),
  };
}
