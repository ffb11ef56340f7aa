/** At which lags an echo is still possible: what the microphone did not hear, and what was too loud to be one. */
import { describe, expect, test } from "vitest";

import { EchoLags } from "../../src/session/floor/echo-lags.ts";

const QUIET_DB = -66;

interface Heard {
  /** Level of what is played, and of what the microphone hears, in the frame. */
  readonly played: (frame: number) => number;
  readonly heard: (frame: number) => number;
}

function lagsAfter(frames: number, { played, heard }: Heard): EchoLags {
  const lags = new EchoLags();
  for (let frame = 0; frame < frames; frame += 1) lags.hear(frame, heard(frame), played(frame));
  return lags;
}

const AGENT_FROM = 64;
/** An agent that speaks with a swell four times a second. */
const agent = (frame: number): number =>
  frame < AGENT_FROM ? -75 : -20 + 6 * Math.sin((frame * 2 * Math.PI) / 16);
const quiet = (): number => QUIET_DB;

describe("lags of an echo", () => {
  test("[F90] none is possible before anything sounded", () => {
    expect(lagsAfter(AGENT_FROM, { played: agent, heard: quiet }).possible).toBe(false);
    expect(lagsAfter(AGENT_FROM + 2, { played: agent, heard: quiet }).possible).toBe(true);
  });

  test("[F90] in a quiet room all are excluded after seven tenths of a second of an agent, and not after half of one", () => {
    expect(lagsAfter(AGENT_FROM + 31, { played: agent, heard: quiet }).possible).toBe(true);
    expect(lagsAfter(AGENT_FROM + 44, { played: agent, heard: quiet }).possible).toBe(false);
  });

  test.each([0, 10, 20, 33])("[F90] an echo %i frames late and 20 dB below is never excluded", (late) => {
    const heard = (frame: number): number => Math.max(QUIET_DB, agent(frame - late) - 20);
    for (const frames of [45, 100, 400]) {
      expect(lagsAfter(AGENT_FROM + late + frames, { played: agent, heard }).possible).toBe(true);
    }
  });

  test("[F91] a sound that began before the agent did is no echo of it", () => {
    const heard = (frame: number): number => (frame < AGENT_FROM - 5 ? QUIET_DB : -24);
    const call = { played: agent, heard };
    expect(lagsAfter(AGENT_FROM + 10, call).possible).toBe(false);
  });

  test("[F91] what comes after a pause of it is judged anew", () => {
    const heard = (frame: number): number =>
      frame < AGENT_FROM - 5 || frame > AGENT_FROM + 2 ? QUIET_DB : -24;
    expect(lagsAfter(AGENT_FROM + 4, { played: agent, heard }).possible).toBe(false);
    expect(lagsAfter(AGENT_FROM + 16, { played: agent, heard }).possible).toBe(true);
  });

  test("[F90] a restored one goes on as the one that was kept", () => {
    const call = { played: agent, heard: quiet };
    const kept = lagsAfter(AGENT_FROM + 31, call);
    const restored = new EchoLags();
    restored.restore(kept.snapshot());
    for (let frame = AGENT_FROM + 31; frame < AGENT_FROM + 60; frame += 1) {
      for (const lags of [kept, restored]) lags.hear(frame, QUIET_DB, agent(frame));
      expect(restored.possible).toBe(kept.possible);
      expect(restored.snapshot()).toEqual(kept.snapshot());
    }
  });

  test("[F90] frames that nobody looked at say nothing", () => {
    const lags = lagsAfter(AGENT_FROM, { played: agent, heard: quiet });
    lags.hear(AGENT_FROM + 500, -24, -20);
    for (let frame = 1; frame < 5; frame += 1) lags.hear(AGENT_FROM + 500 + frame, -24, -20);
    expect(lags.possible).toBe(true);
  });
});
