import { describe, expect, test } from "vitest";

import type { Action } from "../../src/session/io.ts";
import { Call } from "../support/call.ts";
import { concat, silence, sung } from "../support/signal.ts";

const SESSION = { audio: { input: { turn_detection: { type: "semantic_vad" } } } };
/** A voice that tells nothing by its pitch. */
const SPEECH = sung(1000, 120, 120);
const MODEL = { adapter: "http", url: "https://turns.example", headers: {} } as const;

type Consult = Extract<Action, { type: "consult" }>;

/** A call whose model answers `probability` after `lateMs`, `most` times; null: it fails; undefined: never. */
function callWith(probability: number | null | undefined, lateMs = 80, session = SESSION, most = Infinity) {
  const call = new Call({ session, endOfTurn: MODEL, cadence: false });
  const due: { readonly at: number; readonly id: number }[] = [];
  let seen = 0;
  /** Speaks in 20 ms frames, so that answers come when they are due. */
  const speak = (samples: Int16Array) => {
    for (let at = 0; at < samples.length; at += 480) {
      call.speak(samples.subarray(at, at + 480));
      for (; seen < call.actions.length; seen += 1) {
        const action = call.actions[seen];
        if (action?.type === "consult" && action.id <= most)
          due.push({ at: call.now + lateMs, id: action.id });
      }
      const answered = due.filter((question) => question.at <= call.now);
      for (const { id } of answered) {
        due.shift();
        if (probability !== undefined) call.input({ type: "consulted", id, probability });
      }
    }
  };
  const consults = () => call.actions.filter((action): action is Consult => action.type === "consult");
  const metric = (name: string) =>
    call.actions.filter((action) => action.type === "metric" && action.name === name).length;
  const ends = () =>
    call.events
      .filter((event) => event.type === "input_audio_buffer.speech_stopped")
      .map((event) => Number(event["audio_end_ms"]));
  return { call, speak, consults, metric, ends };
}

/** Silence after which the first turn was taken to be over. */
function waited(probability: number | null | undefined, lateMs?: number): number {
  const { speak, ends } = callWith(probability, lateMs);
  speak(concat(silence(600), SPEECH, silence(2500)));
  return (ends()[0] ?? 0) - 1600;
}

describe("a remote end-of-turn model", () => {
  test("[Q20] is asked once per silence, with the turn's audio at 16 kHz and at most eight seconds of it", () => {
    const { speak, consults, ends } = callWith(0.5);
    speak(concat(silence(600), SPEECH, silence(500), SPEECH, silence(2500)));
    expect(ends()).toHaveLength(1);
    const lengths = consults().map(({ samples }) => samples.length / 16);
    expect(lengths).toHaveLength(2);
    // The pre-roll, the word, and the silence that made it a candidate.
    expect(Math.abs((lengths[0] ?? 0) - 1500)).toBeLessThan(150);
    expect(Math.abs((lengths[1] ?? 0) - 3000)).toBeLessThan(150);
    speak(concat(...Array.from({ length: 12 }, () => SPEECH), silence(2500)));
    expect((consults().at(-1)?.samples.length ?? 0) / 16).toBe(8000);
  });

  test("[Q21] shortens or lengthens the wait within the bounds; in doubt, failing or late it changes nothing", () => {
    const without = waited(undefined);
    expect(waited(0.95)).toBeLessThan(without - 300);
    expect(waited(0.05)).toBeGreaterThan(without + 150);
    for (const [probability, lateMs] of [
      [0.5, 80],
      [null, 80],
      [0.95, 300],
      [0.05, 300],
      [7, 80],
      [Number.NaN, 80],
    ] as const) {
      expect(waited(probability, lateMs)).toBe(without);
    }
  });

  test("[Q22] a verdict about a silence that has ended is not one about the next", () => {
    const { speak, ends, consults } = callWith(0.95, 200, SESSION, 1);
    // Speech goes on before the answer comes.
    speak(concat(silence(600), SPEECH, silence(240), SPEECH, silence(200)));
    expect(consults()).toHaveLength(1);
    speak(silence(2500));
    expect(ends()[0] ?? 0).toBeGreaterThan(600 + 1000 + 240 + 1000 + 700);
  });

  test("[Q23] three questions in a row without an answer in time, and it is left alone for a while, then longer", () => {
    const { speak, consults, metric, call } = callWith(null);
    const turn = concat(SPEECH, silence(2500));
    for (let turns = 0; turns < 5; turns += 1) speak(turn);
    expect(consults()).toHaveLength(3);
    expect([metric("consult_failures"), metric("consult_rests")]).toEqual([3, 1]);
    call.now += 10_000;
    for (let turns = 0; turns < 5; turns += 1) speak(turn);
    expect(consults()).toHaveLength(6);
    call.now += 5000;
    speak(turn);
    expect(consults()).toHaveLength(6);
    call.now += 10_000;
    speak(turn);
    expect(consults()).toHaveLength(7);
  });

  test("[Q23] one that is never heard of again is asked again after five seconds", () => {
    const { speak, consults, metric } = callWith(undefined);
    const turn = concat(SPEECH, silence(1900));
    speak(concat(turn, turn, turn));
    expect(consults()).toHaveLength(2);
    expect(metric("consult_late")).toBe(2);
  });

  test("[Q24] is not asked under server_vad", () => {
    const serverVad = { audio: { input: { turn_detection: { type: "server_vad" } } } };
    const { speak, consults, ends } = callWith(0.95, 80, serverVad);
    speak(concat(silence(600), SPEECH, silence(1500)));
    expect(ends()).toHaveLength(1);
    expect(consults()).toHaveLength(0);
  });
});
