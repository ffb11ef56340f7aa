/** The judges of the benchmark `delivery` on calls of which it is known what went wrong. */
import { describe, expect, it } from "vitest";
import type { ResumingClient } from "../../bench/delivery/client.ts";
import { Speaker } from "../../bench/delivery/speaker.ts";
import { Answers, traceSpeech, type HeardConnection } from "../../bench/delivery/trace.ts";
import { answerAudio } from "../../bench/delivery/voice.ts";
import { bytesOf } from "../../bench/delivery/watermark.ts";

const NOTHING = { lost: 0, twice: 0, foreign: 0, disordered: 0 };
const TURN = 4800;

/** A caller with four turns of 200 ms. */
function caller(): Speaker {
  const nobody = { speak() {}, say() {} } as unknown as ResumingClient;
  const speaker = new Speaker(nobody, 5);
  for (let turn = 0; turn < 4; turn += 1) {
    speaker.said += TURN;
    speaker.commit();
  }
  return speaker;
}

/** Turn `n` as it was said, from its `from`-th sample on. */
const turn = (speaker: Speaker, n: number, from = 0): Uint8Array =>
  bytesOf(speaker.words(n * TURN + from, (n + 1) * TURN));

describe("what several connections heard of a caller", () => {
  const speaker = caller();
  /** Numbers are turns by their sound. */
  const heard = (...connections: readonly (readonly (number | string | Uint8Array)[])[]): HeardConnection[] =>
    connections.map((told, index) => ({
      heard: told.map((one) => (typeof one === "number" ? turn(speaker, one) : one)),
      wordsOf: (n) => `${index}/${n}`,
    }));

  it("is everything when each goes on where the one before ended", () => {
    expect(traceSpeech(speaker, heard([0, 1], [2, 3]))).toMatchObject({ ...NOTHING, fromTurn: 0, shared: 0 });
  });

  it("is told of turns that two of them heard", () => {
    expect(traceSpeech(speaker, heard([0, 1], [1, 2, 3]))).toMatchObject({ ...NOTHING, shared: 1 });
  });

  it("lacks a turn that none of them heard", () => {
    expect(traceSpeech(speaker, heard([0], [2, 3]))).toMatchObject({ lost: TURN, twice: 0 });
    expect(traceSpeech(speaker, heard([0, 1], [2]))).toMatchObject({ lost: TURN, twice: 0 });
  });

  it("lacks what is missing within a turn, wherever it is", () => {
    expect(traceSpeech(speaker, heard([turn(speaker, 0, 240), 1]))).toMatchObject({ lost: 240 + 2 * TURN });
    const cut = turn(speaker, 1).subarray(0, 2 * (TURN - 100));
    expect(traceSpeech(speaker, heard([0, cut, 2, 3]))).toMatchObject({ lost: 100, foreign: 0 });
  });

  it("has twice what one of them heard again", () => {
    expect(traceSpeech(speaker, heard([0, 1, 1, 2], [3]))).toMatchObject({ twice: TURN });
  });

  it("is what one of them was told by its words in the place of its sound, whoever came in between", () => {
    // The second waits from turn 1 on, is told that by its sound, and the next when it had words; a third was never used.
    expect(traceSpeech(speaker, heard([0, 1, 2], [1, "0/3", 3]))).toMatchObject({ ...NOTHING, shared: 1 });
    expect(traceSpeech(speaker, heard([0, 1, 2], [1], [1, "0/3", 3]))).toMatchObject(NOTHING);
    expect(traceSpeech(speaker, heard([0, 1, 2], [1, 3]))).toMatchObject({ lost: TURN });
    expect(traceSpeech(speaker, heard([0, 1], ["0/1", "0/2", 3]))).toMatchObject({ lost: TURN });
    expect(traceSpeech(speaker, heard([0, 1, 2], ["0/2", "0/1", 3]))).toMatchObject({ disordered: 1 });
  });

  it("says from which turn on a successor heard anything", () => {
    expect(traceSpeech(speaker, heard([2, 3]))).toMatchObject({ ...NOTHING, fromTurn: 2, samples: 2 * TURN });
  });
});

describe("what a listener heard of an answer", () => {
  const source = { who: 1, connection: 2, index: 3 };
  const said = answerAudio(7, 1, 2, 3, 1000);
  const answers = new Answers(7).add({ who: 0, connection: 0, index: 0 }).add(source);
  const heard = (...chunks: readonly Int16Array[]) =>
    answers.trace({
      id: "",
      ordinal: 1,
      createdAt: 0,
      doneAt: null,
      status: "",
      firstAt: null,
      call: null,
      chunks: chunks.map(bytesOf),
      bytes: 0,
    });

  it("is traced to who said it, whole or broken off", () => {
    expect(heard(said)).toMatchObject({ source, exact: true, difference: NOTHING });
    expect(heard(said.subarray(0, 300))).toMatchObject({ source, exact: true, samples: 300 });
  });

  it("is not exact with a hole, a repetition, or another's voice", () => {
    const other = answerAudio(7, 0, 0, 0, 200);
    expect(heard(said.subarray(0, 300), said.subarray(310))).toMatchObject({ exact: false });
    expect(heard(said.subarray(0, 300), said.subarray(200))).toMatchObject({
      exact: false,
      difference: { twice: 100 },
    });
    expect(heard(said.subarray(0, 300), other)).toMatchObject({ exact: false, difference: { foreign: 200 } });
  });

  it("is nobody's when nobody said it", () => {
    expect(heard(answerAudio(8, 1, 2, 3, 50))).toMatchObject({ source: null, exact: false });
  });
});
