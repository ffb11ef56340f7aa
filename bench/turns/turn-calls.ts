/** Calls of several turns, by fluent, fast and hesitant speakers, with and without eager answers. */
import { Draw, headphones, SEMANTIC_VAD, SERVER_VAD, withTurnDetection } from "./draw.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { CallScript, Cue, Group } from "./script.ts";
import { CALLER_DB, hesitant, spoken, type Speaker } from "./sounds.ts";
import { FLUENT, HALTING, SPEAKERS } from "./words.ts";

/** A model that takes this long to its first audio, and one that takes no time: then only the relay's wait is left. */
const MODEL_MS = 300;
const INSTANT_MS = 10;
const EAGER_MS = 150;
const TURNS_PER_CALL = 4;

interface TurnsCall {
  /** Calls of one series are the same but for their session. */
  readonly series: number;
  readonly label: string;
  readonly group: Group;
  readonly session: JsonObject;
  readonly firstAudioMs: number;
  readonly turn: (
    draw: Draw,
    speaker: Speaker,
    turn: number,
    habit: number,
  ) => Omit<Cue, "after" | "afterMs">;
  readonly stretch?: number;
}

/** Several turns of one speaker, each after the answer to the one before. */
export function turnsCall(what: TurnsCall, index: number, seed: number): CallScript {
  const draw = new Draw(seed);
  const base = draw.of(SPEAKERS, index);
  const speaker = { ...base, stretch: base.stretch * (what.stretch ?? 1) };
  const habit = draw.around(500, 0.35, 330, 900);
  const cues = Array.from({ length: TURNS_PER_CALL }, (_, turn) => ({
    ...what.turn(draw, speaker, turn + index, habit),
    after: turn === 0 ? ("ready" as const) : ("quiet" as const),
    afterMs: draw.between(300, 700),
  }));
  return {
    id: `${what.label}-${index}`,
    seed,
    group: what.group,
    session: what.session,
    cues,
    answers: [{ firstAudioMs: what.firstAudioMs, lengthMs: 700, pace: 4 }],
    endsWith: "answer_heard",
    acks: true,
    prebufferMs: 0,
    room: headphones(draw, index),
  };
}

function fluentTurn(draw: Draw, speaker: Speaker, turn: number): Omit<Cue, "after" | "afterMs"> {
  const text = draw.of(FLUENT, turn * 5 + 1);
  return { kind: "turn", label: text, sound: spoken(text, speaker, CALLER_DB), pauses: [] };
}

function haltingTurn(pause: (draw: Draw, habit: number) => number) {
  return (draw: Draw, speaker: Speaker, turn: number, habit: number): Omit<Cue, "after" | "afterMs"> => {
    const text = draw.of(HALTING, turn * 3);
    const said = hesitant(spoken(text, speaker, CALLER_DB), [pause(draw, habit), pause(draw, habit)]);
    return { kind: "turn", label: text, sound: said.samples, pauses: said.pauses };
  };
}

/**
 * Pauses within turns: each speaker has a habit, a median between 330 and 900 ms, and varies around it, from 300 to
 * 1200 ms (pauses of spontaneous speech are log-normal: Campione & Véronis, 2002).
 */
const hesitantTurn = haltingTurn((draw, habit) => draw.around(habit, 0.25, 300, 1200));
/** Long enough for an eager question, too short for the end of a turn. */
const wavering = haltingTurn((draw) => draw.between(EAGER_MS + 80, 440));

const eager = (on: boolean) => withTurnDetection(SERVER_VAD, on ? { eager_ms: EAGER_MS } : {});

export const TURNS_CALLS: readonly (TurnsCall & { readonly calls: number })[] = [
  {
    series: 0,
    label: "hesitant",
    group: "turns",
    calls: 12,
    session: withTurnDetection(SEMANTIC_VAD),
    firstAudioMs: INSTANT_MS,
    turn: hesitantTurn,
  },
  {
    series: 1,
    label: "normal",
    group: "turns",
    calls: 8,
    session: withTurnDetection(SEMANTIC_VAD),
    firstAudioMs: INSTANT_MS,
    turn: fluentTurn,
  },
  {
    series: 2,
    label: "fast",
    group: "turns",
    calls: 8,
    session: withTurnDetection(SEMANTIC_VAD),
    firstAudioMs: INSTANT_MS,
    turn: fluentTurn,
    stretch: 0.75,
  },
  ...([true, false] as const).flatMap((on) => [
    {
      series: 3,
      label: on ? "eager" : "not-eager",
      group: on ? ("eager_on" as const) : ("eager_off" as const),
      calls: 6,
      session: eager(on),
      firstAudioMs: MODEL_MS,
      turn: fluentTurn,
    },
    {
      series: 4,
      label: on ? "eager-wavering" : "not-eager-wavering",
      group: on ? ("eager_on" as const) : ("eager_off" as const),
      calls: 6,
      session: eager(on),
      firstAudioMs: MODEL_MS,
      turn: wavering,
    },
  ]),
];
