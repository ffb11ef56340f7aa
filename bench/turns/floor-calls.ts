/** Calls in which one sound falls over the agent's answer. */
import { Draw, headphones, loudspeaker, roughRoom, SERVER_VAD, withTurnDetection } from "./draw.ts";
import type { AnswerScript, CallScript, Cue, CueKind, Room } from "./script.ts";
import {
  CALLER_DB,
  cough,
  hiss,
  hum,
  knock,
  noiseOf,
  scaled,
  silence,
  spoken,
  typing,
  type Samples,
  type Speaker,
} from "./sounds.ts";
import { BACKCHANNELS, ELSEWHERE, FLUENT, INTERRUPTIONS, QUESTIONS, SPEAKERS } from "./words.ts";

function cue(kind: CueKind, label: string, sound: Samples, after: Cue["after"], afterMs: number): Cue {
  return { kind, label, sound, pauses: [], after, afterMs };
}

function question(draw: Draw, speaker: Speaker): Cue {
  const text = draw.of(QUESTIONS);
  return cue("turn", text, spoken(text, speaker, CALLER_DB), "ready", draw.between(300, 500));
}

interface FloorCall {
  /** How many of them make the suite. */
  readonly calls: number;
  readonly kind: CueKind;
  readonly label: string;
  readonly sound: (
    draw: Draw,
    speaker: Speaker,
    index: number,
  ) => { readonly label: string; readonly sound: Samples };
  readonly room?: (draw: Draw, index: number) => Room;
  readonly answer?: (draw: Draw) => AnswerScript;
  /** Into the answer; null: so that it overlaps the answer's end. */
  readonly afterMs?: (draw: Draw) => number;
}

/** A question, an answer, and one sound over it. */
export function floorCall(what: FloorCall, index: number, seed: number): CallScript {
  const draw = new Draw(seed);
  const speaker = draw.of(SPEAKERS, index);
  const yields = what.kind === "interruption" || what.kind === "overlap";
  const answer = what.answer?.(draw) ?? {
    firstAudioMs: 150,
    lengthMs: yields ? 8000 : draw.between(4000, 5000),
    pace: draw.of([1.5, 4, 20]),
  };
  const { label, sound } = what.sound(draw, speaker, index);
  const second = cue(what.kind, label, sound, "audible", what.afterMs?.(draw) ?? draw.between(700, 1900));
  return {
    id: `${what.label}-${index}`,
    seed,
    group: what.room === roughRoom ? "rooms" : "floor",
    session: withTurnDetection(SERVER_VAD),
    cues: [question(draw, speaker), second],
    answers: [answer],
    endsWith: yields ? "answer_begun" : "answer_heard",
    acks: (index ^ (index >> 2)) % 2 === 0,
    prebufferMs: draw.between(0, 80),
    room: what.room?.(draw, index) ?? headphones(draw, index),
  };
}

const say = (draw: Draw, speaker: Speaker, texts: readonly string[], index: number, db = CALLER_DB) => {
  const text = draw.of(texts, Math.floor(index / SPEAKERS.length) * 3 + index);
  return { label: text, sound: spoken(text, speaker, db) };
};

function noises(draw: Draw, index: number): { readonly label: string; readonly sound: Samples } {
  const db = draw.between(-34, -20);
  const ms = draw.between(300, 1800);
  switch (index % 5) {
    case 0:
      return { label: "click", sound: knock(draw.random, db) };
    case 1:
      return { label: "typing", sound: noiseOf("lk-keyboard-typing", draw.random, ms, db - 8) };
    case 2:
      return { label: "keys", sound: typing(draw.random, ms, db) };
    case 3:
      return { label: "hiss", sound: hiss(draw.random, ms, db) };
    default:
      return {
        label: "gust",
        sound: noiseOf(draw.of(["wind", "rain", "pink"] as const), draw.random, ms, db),
      };
  }
}

export const FLOOR_CALLS = {
  interruption: {
    calls: 40,
    kind: "interruption",
    label: "interruption",
    sound: (draw, speaker, index) => say(draw, speaker, INTERRUPTIONS, index),
  },
  interruptionOverEcho: {
    calls: 12,
    kind: "interruption",
    label: "interruption-over-echo",
    sound: (draw, speaker, index) => say(draw, speaker, INTERRUPTIONS, index),
    room: loudspeaker,
    afterMs: (draw) => draw.between(1500, 2500),
  },
  overlap: {
    calls: 16,
    kind: "overlap",
    label: "overlap",
    sound: (draw, speaker, index) => say(draw, speaker, FLUENT.slice(0, 9), index),
    answer: () => ({ firstAudioMs: 150, lengthMs: 2000, pace: 4 }),
    afterMs: (draw) => draw.between(1450, 1900),
  },
  backchannel: {
    calls: 24,
    kind: "backchannel",
    label: "backchannel",
    sound: (draw, speaker, index) => {
      const db = CALLER_DB - draw.between(0, 6);
      if (index % 3 === 0) return { label: "mhm", sound: hum(draw.random, draw.between(95, 220), db) };
      return say(draw, speaker, BACKCHANNELS.slice(1), index, db);
    },
  },
  cough: {
    calls: 20,
    kind: "cough",
    label: "cough",
    sound: (draw) => ({ label: "cough", sound: cough(draw.random, draw.between(-28, -18)) }),
  },
  noise: {
    calls: 20,
    kind: "noise",
    label: "noise",
    sound: (draw, _, index) => noises(draw, index),
  },
  echo: {
    calls: 24,
    kind: "echo",
    label: "echo",
    sound: () => ({ label: "echo", sound: silence(20) }),
    room: loudspeaker,
    answer: (draw) => ({
      firstAudioMs: 150,
      lengthMs: draw.between(5000, 6000),
      pace: draw.of([1.5, 4, 20]),
    }),
    afterMs: () => 20,
  },
  background: {
    calls: 20,
    kind: "background",
    label: "background",
    sound: (draw, speaker, index) => {
      const other = draw.of(SPEAKERS, index + 3);
      const { label, sound } = say(draw, other.voice === speaker.voice ? speaker : other, ELSEWHERE, index);
      return { label, sound: scaled(sound, draw.between(-25, -15)) };
    },
    answer: (draw) => ({ firstAudioMs: 150, lengthMs: 6500, pace: draw.of([1.5, 4, 20]) }),
    afterMs: (draw) => draw.between(600, 1200),
  },
} as const satisfies Readonly<Record<string, FloorCall>>;

/** The same over loudspeakers that are not as tame as the suite's: shown apart. */
export const ROUGH_CALLS = {
  interruption: {
    ...FLOOR_CALLS.interruptionOverEcho,
    calls: 24,
    label: "interruption-in-rough-room",
    room: roughRoom,
  },
  echo: { ...FLOOR_CALLS.echo, calls: 24, label: "echo-in-rough-room", room: roughRoom },
} as const satisfies Readonly<Record<string, FloorCall>>;
