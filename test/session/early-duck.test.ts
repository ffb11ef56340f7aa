/** Agents that go on quieter before the detector is sure of a voice, and for a while after a word that was dismissed. */
import { describe, expect, test } from "vitest";

import { EarlyDuck } from "../../src/session/floor/early-duck.ts";
import { loadKernels } from "../support/kernels.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { say } from "../support/say.ts";
import { concat, seeded, silence } from "../support/signal.ts";

const NEURAL: CallOptions = { detector: "auto", kernels: loadKernels() };
const STORY =
  "Once upon a time there was a lighthouse keeper who lived alone on a small island far out in the sea.";
/** How loud a noise the words are said in: the detector is half sure at best, or nearly as sure as it needs to be. */
const HALF_SURE = 12_000;
const SURE_LATE = 8000;

/** The caller has asked, and the agent is a second into its answer. */
async function telling(ducks: boolean): Promise<Call> {
  const call = new Call({ ...NEURAL, dialect: "duplex.v1" });
  if (ducks) call.client({ type: "session.update", session: { relay: { player: { duck: true } } } });
  call.speak(concat(silence(600), await say("Please tell me a long story about the sea."), silence(900)));
  call.answer((await say(STORY, { voice: "slt" })).subarray(0, 24 * 5000), STORY);
  call.speak(silence(1200));
  return call;
}

async function inNoise(amplitude: number): Promise<Int16Array> {
  const random = seeded(3);
  const word = await say("Operator.");
  const noisy = word.map((value) =>
    Math.max(-32_768, Math.min(32_767, value + amplitude * (2 * random() - 1))),
  );
  return concat(noisy, silence(1500));
}

/** What a client is told of a sound, and when. */
function toldOf(call: Call, sound: Int16Array): { readonly decision: unknown; readonly ms: number }[] {
  const told: { decision: unknown; ms: number }[] = [];
  const from = call.now;
  for (let at = 0; at < sound.length; at += 480) {
    const before = call.events.length;
    call.append(sound.subarray(at, at + 480));
    call.advance(20);
    for (const { type, ...event } of call.events.slice(before))
      if (type === "overlap.decision") told.push({ decision: event["decision"], ms: call.now - from });
  }
  return told;
}

const namesOf = (told: ReturnType<typeof toldOf>) => told.map(({ decision }) => decision);

describe("a sound over an agent of which the detector is not sure yet", () => {
  test("[F140] makes an agent quieter that goes on, a tenth of a second and more before one stands still", async () => {
    const sound = await inNoise(SURE_LATE);
    const ducked = toldOf(await telling(true), sound);
    const held = toldOf(await telling(false), sound);
    expect(ducked[0]?.decision).toBe("duck");
    expect(held[0]?.decision).toBe("hold");
    expect(held[0]?.ms).toBeGreaterThanOrEqual((ducked[0]?.ms ?? Infinity) + 100);
  });

  test("[F140] of which nothing comes is told to be noise 0.3 s later, and nothing where the agent would stand still", async () => {
    const sound = await inNoise(HALF_SURE);
    expect(namesOf(toldOf(await telling(true), sound))).toEqual(["duck", "noise"]);
    expect(toldOf(await telling(false), sound)).toEqual([]);
  });

  test("[F140] is forgotten when agents may not be interrupted any more, or the client sends nothing", async () => {
    const sound = await inNoise(HALF_SURE);
    const whole = toldOf(await telling(true), sound);
    const until = sound.subarray(0, ((whole[0]?.ms ?? 0) + 40) * 24);
    const call = await telling(true);
    expect(namesOf(toldOf(call, until))).toEqual(["duck"]);
    call.advance(2500);
    expect(call.last("overlap.decision")["decision"]).toBe("noise");
    const other = await telling(true);
    toldOf(other, until);
    const turn_detection = { type: "server_vad", interrupt_response: false };
    other.client({ type: "session.update", session: { audio: { input: { turn_detection } } } });
    other.speak(silence(60));
    expect(other.last("overlap.decision")["decision"]).toBe("noise");
  });

  test("[F140] another life of the session goes on where it was", async () => {
    const sound = await inNoise(HALF_SURE);
    const [first] = toldOf(await telling(true), sound);
    const at = ((first?.ms ?? 0) + 40) * 24;
    const call = await telling(true);
    toldOf(call, sound.subarray(0, at));
    call.hibernate();
    expect(namesOf(toldOf(call, sound.subarray(at)))).toEqual(["noise"]);
  });

  test("[F141] a dismissed word keeps it quieter until half a second after its end", async () => {
    const sound = concat((await say("Operator.")).subarray(0, 24 * 450), silence(2000));
    const ducked = toldOf(await telling(true), sound);
    const held = toldOf(await telling(false), sound);
    expect(namesOf(ducked)).toEqual(["duck", "backchannel"]);
    expect(namesOf(held)).toEqual(["hold", "backchannel"]);
    expect(ducked[1]?.ms).toBeGreaterThan((held[1]?.ms ?? Infinity) + 100);
    expect(ducked[1]?.ms).toBeGreaterThan(450 + 350);
    expect(ducked[1]?.ms).toBeLessThan(450 + 700);
  });

  test("[F142] three guesses in a row of which nothing came are the last until the caller has interrupted", () => {
    const early = new EarlyDuck();
    const guess = (): boolean => {
      const guessed = [1, 1].map((sure) => early.hop(sure, 16, true)).includes(true);
      for (let hop = 0; hop < 30; hop += 1) early.hop(0, 16, true);
      expect(early.on).toBe(false);
      return guessed;
    };
    expect([guess(), guess(), guess(), guess()]).toEqual([true, true, true, false]);
    const restored = new EarlyDuck();
    restored.restore(early.snapshot().early);
    expect([1, 1].map((sure) => restored.hop(sure, 16, true))).toEqual([false, false]);
    early.stop(true);
    expect(guess()).toBe(true);
  });

  test("[F140] nothing softer than the caller, or that may be an echo, is guessed at", () => {
    const early = new EarlyDuck();
    expect([1, 1, 1].map((sure) => early.hop(sure, 16, false))).toEqual([false, false, false]);
    expect([1, 0, 1].map((sure) => early.hop(sure, 16, true))).toEqual([false, false, true]);
  });
});
