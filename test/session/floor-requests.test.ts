/** Short sounds over an agent: requests and listeners by their shape, and echoes as loud as what was played. */
import { describe, expect, test } from "vitest";

import { loadKernels } from "../support/kernels.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { Room } from "../support/room.ts";
import { say } from "../support/say.ts";
import { concat, silence, voice } from "../support/signal.ts";

const NEURAL: CallOptions = { detector: "auto", kernels: loadKernels() };
const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;
const decisions = (call: Call) =>
  call.events.filter((event) => event.type === "overlap.decision").map((event) => event["decision"]);

const STORY =
  "Once upon a time there was a lighthouse keeper who lived alone on a small island far out in the sea, " +
  "and every evening he climbed the long stairs to light the lamp for the ships that came from far away.";

/** The caller has spoken for a while, and the agent is a second and a half into a long answer. */
async function telling(duck = false, session = {}): Promise<Call> {
  const call = new Call({ ...NEURAL, dialect: "duplex.v1", session });
  if (duck) call.client({ type: "session.update", session: { relay: { player: { duck: true } } } });
  const question = await say(
    "Please tell me a long story about the sea and about the people who live there.",
  );
  call.speak(concat(silence(600), question, silence(900)));
  call.answer((await say(STORY, { voice: "slt" })).subarray(0, 24 * 9000), STORY);
  call.speak(silence(1500));
  return call;
}

describe("a short sound over an agent", () => {
  test("[F80] a request is one though it is short: a turn when it is over", async () => {
    const call = await telling();
    call.speak(await say("Operator."));
    // Longer speech is decided on while it lasts.
    expect(decisions(call)).toEqual(["hold"]);
    call.speak(silence(400));
    expect(decisions(call)).toEqual(["hold", "interrupt"]);
    call.speak(silence(600));
    expect(count(call, "input_audio_buffer.committed")).toBe(2);
  });

  test("[M80] it is over as well where the silence that ends turns is shorter than what ends a sound", async () => {
    const turn_detection = { type: "server_vad", silence_duration_ms: 200 };
    const call = await telling(false, { audio: { input: { turn_detection } } });
    const before = count(call, "input_audio_buffer.committed");
    call.speak(await say("Operator."));
    call.speak(silence(1500));
    expect(decisions(call)).toEqual(["hold", "interrupt"]);
    expect(count(call, "input_audio_buffer.committed")).toBe(before + 1);
  });

  test("[F81] one colour of voice again and again is a listener", async () => {
    const call = await telling();
    const mhm = voice(300, 24_000, 6);
    for (let time = 0; time < 4; time += 1) call.speak(concat(mhm, silence(340)));
    call.speak(silence(1500));
    expect(decisions(call)).not.toContain("interrupt");
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });

  test("[F93] the same word again and again is a listener, though it has colours", async () => {
    const call = await telling();
    const yeah = await say("Yeah.");
    for (let time = 0; time < 3; time += 1) call.speak(concat(yeah, silence(160)));
    call.speak(silence(1500));
    expect(decisions(call)).not.toContain("interrupt");
  });

  test("[F130] it is held against how loud the caller's words were, not against how the last of them faded", async () => {
    const heard = async (text: string, gain: number): Promise<unknown> => {
      const call = new Call({ ...NEURAL, dialect: "duplex.v1" });
      const question = await say("Please tell me a long story about the sea and the people who live there.");
      // The last two thirds of a second are 10 dB softer.
      const soft = question.map((value, at) => (at < question.length - 24 * 650 ? value : value * 0.32));
      call.speak(concat(silence(600), soft, silence(900)));
      call.answer((await say(STORY, { voice: "slt" })).subarray(0, 24 * 9000), STORY);
      call.speak(silence(1500));
      call.speak((await say(text)).map((value) => value * gain));
      call.speak(silence(1500));
      return decisions(call).at(-1);
    };
    expect(await heard("I see.", 0.5)).toBe("backchannel");
    expect(await heard("Operator.", 1)).toBe("interrupt");
  });

  test("[F82] what may become a request is waited for twice as long where the agent goes on quieter", async () => {
    const waited = async (duck: boolean): Promise<number> => {
      const call = await telling(duck);
      call.speak(concat(await say("Okay."), silence(100)));
      const from = call.now;
      while (!decisions(call).includes("backchannel") && call.now - from < 2000) call.speak(silence(20));
      return call.now - from;
    };
    expect(await waited(true)).toBeGreaterThan((await waited(false)) + 100);
  });
});

describe("an echo as loud as what was played", () => {
  test.each([80, 150, 300])("[F83] %i ms late does not cut the agent once it is known", async (lateMs) => {
    const call = new Call({ ...NEURAL, dialect: "duplex.v1" });
    call.speak(concat(silence(600), await say("What is the weather like today?"), silence(900)));
    call.answer((await say(STORY, { voice: "slt" })).subarray(0, 24 * 9000), STORY);
    new Room(call, { echoDb: 0, lateMs, pieceMs: 20 }).speak(silence(8000));
    expect(decisions(call)).not.toContain("interrupt");
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });
});

describe("a sound that may be an echo of which nothing is known", () => {
  /** An agent begins its answer. */
  async function begun(): Promise<Call> {
    const call = new Call({ ...NEURAL, dialect: "duplex.v1" });
    call.speak(concat(silence(600), await say("What is the weather like today?"), silence(900)));
    call.answer((await say(STORY, { voice: "slt" })).subarray(0, 24 * 9000), STORY);
    return call;
  }

  test.each([
    [-6, 150],
    [-6, 300],
    [0, 300],
    [-12, 500],
  ])(
    "[F92] does not hold the agent while it rises and falls with it: %i dB, %i ms late",
    async (echoDb, lateMs) => {
      const call = await begun();
      new Room(call, { echoDb, lateMs, pieceMs: 20 }).speak(silence(5000));
      expect(decisions(call)).not.toContain("hold");
    },
  );

  test("[F92] holds it within less than a third of a second when it is like nothing that was played", async () => {
    const call = await begun();
    call.speak(silence(200));
    const words = await say("Never mind, I have changed my mind about all of it.");
    let saidMs = 0;
    for (; saidMs < 600 && decisions(call).length === 0; saidMs += 20)
      call.speak(words.subarray(saidMs * 24, (saidMs + 20) * 24));
    expect(decisions(call)).toEqual(["hold"]);
    const silentMs = words.findIndex((value) => Math.abs(value) > 1000) / 24;
    expect(saidMs - silentMs).toBeLessThan(340);
  });
});
