/** Clients that say themselves what a turn is: when they talk, as far as what they send says it, and nobody else begins. */
import { describe, expect, test } from "vitest";

import { handsOn, minded, notes, steps, Thought } from "../support/background.ts";
import type { Call, CallOptions } from "../support/call.ts";
import { observed, own } from "../support/sentences.ts";
import { voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const SOUNDS = new Map([["ding", { rateHz: 24_000, samples: voice(200) }]]);
const DING = { type: "relay.say", sound: "ding" };

const manual = (options: CallOptions = {}) => observed({ session: MANUAL, sounds: SOUNDS, ...options });
const commit = (call: Call): void => call.client({ type: "input_audio_buffer.commit" });
/** A room in which nobody speaks: it is never digital silence. */
const room = (ms: number): Int16Array => {
  return Int16Array.from({ length: ms * 24 }, (_, n) => Math.round(20 * Math.sin(n * 1.7)));
};

describe("the background mind of a client that says itself what a turn is", () => {
  test("[X414] one that sends all the time is told at a moment in which nothing is heard of its caller", () => {
    const call = minded({}, { session: MANUAL });
    call.speak(voice(800));
    commit(call);
    call.speak(room(1500));
    handsOn(call, "Find a table for two.");
    call.speak(voice(1000));
    new Thought(call).says("At seven.");
    call.speak(voice(1000));
    expect(notes(call)).toEqual([]);
    call.speak(room(1500));
    expect(notes(call)).toHaveLength(1);
    expect(steps(call)).toContain("placed gap");
  });

  test("[X414] over the button nothing is told; what came after a commit and goes on no more is no button", () => {
    const call = minded({}, { session: MANUAL });
    call.speak(voice(800));
    commit(call);
    // What was on its way.
    call.speak(room(60));
    handsOn(call, "Find a table for two.");
    call.speak(voice(300));
    call.speak(room(2500));
    new Thought(call).says("At seven.");
    call.speak(room(500));
    expect(notes(call)).toEqual([]);
    call.advance(3000);
    expect(notes(call)).toHaveLength(1);
  });

  test("[X414] one that has sent for half a minute without a turn holds no button", () => {
    const call = minded({ staleMs: 120_000 }, { session: MANUAL });
    handsOn(call, "Find a table for two.");
    new Thought(call).says("At seven.");
    call.speak(room(29_000));
    expect(notes(call)).toEqual([]);
    call.speak(room(2500));
    expect(notes(call)).toHaveLength(1);
  });

  test("[X414] it goes on so in another isolate", () => {
    const call = minded({}, { session: MANUAL });
    call.speak(voice(800));
    commit(call);
    call.speak(room(1500));
    handsOn(call, "Find a table for two.");
    call.hibernate();
    call.speak(room(100));
    new Thought(call).says("At seven.");
    call.speak(room(1000));
    expect(notes(call)).toHaveLength(1);
  });
});

describe("the relay's own sounds over push to talk", () => {
  test("[X415] none is begun while the button is pressed, also none that interrupts", () => {
    for (const interrupt of [false, true]) {
      const { call, observer } = manual();
      call.speak(voice(400));
      observer.say({ ...DING, interrupt });
      call.speak(voice(400));
      call.speak(room(400));
      expect(own(call)).toEqual([]);
      commit(call);
      // The answer is asked for first.
      call.advance(300);
      expect(own(call)).toEqual([]);
      call.advance(5);
      expect(own(call)).toHaveLength(1);
    }
  });

  test("[X415] one that sends all the time hears it when its caller is silent", () => {
    const { call, observer } = manual();
    call.speak(voice(400));
    commit(call);
    call.speak(room(1500));
    call.speak(voice(400));
    observer.say(DING);
    call.speak(voice(400));
    expect(own(call)).toEqual([]);
    call.speak(room(1000));
    expect(own(call)).toHaveLength(1);
  });

  test("[X415] and no filler", () => {
    const fillers = { afterMs: 300, everyMs: 2000, most: 3, whileTool: true, sounds: [...SOUNDS.values()] };
    const { call } = manual({ fillers });
    call.client({ type: "response.create" });
    call.speak(voice(1000));
    expect(own(call, "filler")).toEqual([]);
    call.client({ type: "input_audio_buffer.clear" });
    call.advance(20);
    expect(own(call, "filler")).toHaveLength(1);
    call.speak(voice(150));
    expect(own(call, "filler", "response.done")).toMatchObject([{ status: "cancelled" }]);
  });
});
