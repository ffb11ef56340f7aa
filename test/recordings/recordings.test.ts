/** Real sockets as the yardstick: what a provider said reaches the client, and what the relay says is taken. */
import { describe, expect, test } from "vitest";

import { differences } from "./compare.ts";
import { FIXTURES } from "./fixtures.ts";
import { GEMINI } from "./gemini-fixtures.ts";
import { playGemini } from "./gemini.ts";
import { play } from "./player.ts";

describe.each(FIXTURES)("$name", ({ profile, steps }) => {
  test("[Z40] what the recorded provider said is what the client is told, and the relay asks what its client asked", () => {
    const { said, told, refused } = play(steps, { profile });
    expect(refused).toEqual([]);
    expect(said.answers.length).toBeGreaterThan(0);
    expect(differences(said, told)).toEqual([]);
  });
});

test("[Z40] the comparison sees a word, a status, a sample and an answer that did not arrive", () => {
  const [spoken] = FIXTURES;
  const { said } = play(spoken?.steps ?? [], { profile: "openai" });
  const without = (type: string) => {
    const steps = (spoken?.steps ?? []).filter(({ event }) => event["type"] !== type);
    return differences(said, play(steps, { profile: "openai" }).told);
  };
  expect(without("response.output_audio.delta").join()).toContain(".audio");
  expect(without("input_audio_buffer.committed").join()).toContain("turns[0].buffer");
  expect(without("response.done").join()).toContain("answers[0].usage");
  expect(without("conversation.item.input_audio_transcription.completed").join()).toContain("turns[0].words");
});

describe.each(GEMINI)("$name", ({ steps, asked }) => {
  test("[Z40] what a recorded socket of Gemini Live said is what the client is told, and the relay asks what its client asked", () => {
    const { said, told, sent } = playGemini(steps);
    expect(said.audio).not.toBe("");
    expect(told).toEqual(said);
    expect(sent.map((event) => Object.keys(event)[0])).toEqual(asked);
  });
});
