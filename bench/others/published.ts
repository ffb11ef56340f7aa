/**
 * What others publish of their systems, by the same definitions. Their calls are not ours: their users are a simulator's
 * voices in telephone calls of several minutes. Directions, not decimals.
 */

export interface Published {
  readonly system: string;
  readonly yield_rate: number;
  readonly backchannels: number;
  readonly vocal_tics: number;
  readonly non_directed: number;
  readonly response_rate: number;
  readonly agent_interrupts: number;
  readonly response_s: number;
  readonly yield_s: number;
}

/** `interaction_metrics.overall` of sierra-research/tau2-bench, web/leaderboard/public/submissions, at a2c0247 (2026-08-18). */
export const TAU_VOICE_SOURCE =
  "sierra-research/tau2-bench web/leaderboard/public/submissions/*/submission.json, a2c0247 (2026-08-18)";

type Figures = readonly [number, number, number, number, number, number, number, number];

const ROWS: Readonly<Record<string, Figures>> = {
  "gpt-realtime-1.0": [0.998, 0.044, 0.052, 0.13, 0.978, 0.123, 1.533, 0.414],
  "gpt-realtime-1.5": [1, 0.019, 0.053, 0.097, 0.999, 0.135, 1.389, 0.419],
  "gpt-realtime-2 minimal": [0.999, 0.019, 0.063, 0.168, 0.998, 0.187, 1.44, 0.62],
  "gemini-live-2.5-flash": [0.564, 0.849, 0.339, 0.446, 0.806, 0.206, 1.429, 0.859],
  "gemini-3.1-flash-live minimal": [0.522, 0.897, 0.513, 0.27, 0.97, 0.098, 1.639, 0.822],
  "gemini-3.1-flash-live high": [0.499, 0.941, 0.617, 0.431, 0.847, 0.189, 3.15, 0.856],
  "grok-voice-fast-1.0": [0.752, 0.928, 0.584, 0.212, 0.913, 0.843, 1.149, 1.153],
  "grok-voice-think-fast-1.0": [0.938, 0.662, 0.6, 0.284, 1, 0.197, 1.214, 1.374],
  "grok-voice-think-fast-2.0": [0.97, 0.472, 0.329, 0.277, 1, 0.107, 1.708, 0.937],
  "LiveKit cascade": [0.988, 0.667, 0.489, 0.577, 0.791, 0.644, 4.237, 0.87],
  "Pine Voice preview": [0.455, 0.971, 0.532, 0.492, 0.927, 0.469, 2.137, 1.127],
  "qwen3.5-omni-plus-realtime": [0.902, 0.84, 0.364, 0.145, 0.992, 0.361, 1.698, 0.933],
};

export const TAU_VOICE: readonly Published[] = Object.entries(ROWS).map(([system, figures]) => {
  const [yields, backchannels, tics, directed, responses, interrupts, response, stop] = figures;
  return {
    system,
    yield_rate: yields,
    backchannels,
    vocal_tics: tics,
    non_directed: directed,
    response_rate: responses,
    agent_interrupts: interrupts,
    response_s: response,
    yield_s: stop,
  };
});

/** Best turn-taking score of EVA's leaderboard (ServiceNow/eva, website, 2026-08). */
export const EVA_RECORD = 0.882;
/** Of hotato's own calls, what a hosted platform with its defaults passes (attenlabs/hotato, corpus/vapi-defaults). */
export const HOTATO_RECORD = { calls: "9 of 15", meetings: "7 of 13 (the people themselves)" } as const;
