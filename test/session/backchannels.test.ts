/** Backchannels of the relay's own: when a caller who tells something long hears one, and what it must never do. */
import { describe, expect, test } from "vitest";

import type { BackchannelPlan } from "../../src/session/state/sounds.ts";
import { byType } from "../support/answering.ts";
import { Call, type CallOptions, type Received } from "../support/call.ts";
import { Listener } from "../support/listener.ts";
import { concat, seeded, voice } from "../support/signal.ts";

const MHM = { rateHz: 24_000, samples: voice(300, 24_000, 77) };
const PLAN: BackchannelPlan = { afterMs: 4000, everyMs: 5000, sounds: [MHM] };
const HEADSET = { echoGain: 0, echoLateMs: 0 };
const SPEAKER = { echoGain: 1 / 3, echoLateMs: 120 };
const STORY = voice(5000, 24_000, 9);
/** A room that is not quite silent. */
const room = (ms: number, seed = 3) => {
  const random = seeded(seed);
  return Int16Array.from({ length: 24 * ms }, () => Math.round((random() - 0.5) * 12));
};

const kinds = (event: Received) =>
  ((event["response"] as Received)["metadata"] as Received | null)?.["relay"];
const nods = (call: Call, type = "response.created") =>
  byType(call, type).filter((event) => kinds(event) === "backchannel");
const committed = (call: Call) => byType(call, "input_audio_buffer.committed").length;

/** A call in which an agent has spoken, so that it is known whether this caller's microphone hears it. */
function spoken(where = HEADSET, options: CallOptions = {}): { call: Call; caller: Listener } {
  const call = new Call({ dialect: "duplex.v1", backchannels: PLAN, ...options });
  const caller = new Listener(call, where);
  caller.speak(concat(room(300), voice(900), room(1500)));
  call.answer(STORY);
  caller.speak(room(7000));
  call.clearEvents();
  return { call, caller };
}

/** So many seconds of telling, with a breath of 300 ms after each. */
const telling = (seconds: number, seed = 20) =>
  concat(...Array.from({ length: seconds }, (_, at) => concat(voice(700, 24_000, seed + at), room(300, at))));

const SLOW = { audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 900 } } } };
/** Told for so long that it is due at the silence that ends the turn. */
const LAST = concat(telling(3), voice(700, 24_000, 60), room(3000));

describe("when it is heard", () => {
  test("[X420] at a short pause of a caller who tells for long, beside the conversation", () => {
    const { call, caller } = spoken();
    caller.speak(telling(3));
    expect(nods(call)).toEqual([]);
    caller.speak(telling(3));
    const [created] = nods(call);
    expect(created?.["response"]).toMatchObject({ conversation_id: null, relay: { upstream: "relay" } });
    caller.speak(voice(700, 24_000, 50));
    expect(nods(call, "response.done")).toHaveLength(1);
    expect(committed(call)).toBe(0);
  });

  test("[X420] never more often than `everyMs` from the end of one, over turns too", () => {
    const { call, caller } = spoken();
    caller.speak(telling(20));
    expect(nods(call).length).toBeGreaterThanOrEqual(2);
    expect(nods(call).length).toBeLessThanOrEqual(3);
  });

  test("[X421] none for a plain client, in a session in text, or where the client takes the turns", () => {
    const manual = { audio: { input: { turn_detection: null } } };
    for (const options of [
      { dialect: "realtime" },
      { session: { output_modalities: ["text"] } },
      { session: manual },
    ] as const) {
      const call = new Call({ dialect: "duplex.v1", backchannels: PLAN, ...options });
      call.speak(telling(8));
      expect(nods(call)).toEqual([]);
    }
  });

  test("[X421] none before it is known whether the microphone hears the loudspeaker", () => {
    const call = new Call({ dialect: "duplex.v1", backchannels: PLAN });
    new Listener(call, HEADSET).speak(telling(8));
    expect(nods(call)).toEqual([]);
  });

  test("[X421] none while an answer is asked for in advance", () => {
    const { call, caller } = spoken(HEADSET, { session: { relay: { eager_ms: 150 } } });
    caller.speak(telling(8));
    expect(call.commandTypes().filter((type) => type === "respond").length).toBeGreaterThan(2);
    expect(nods(call)).toEqual([]);
  });
});

describe("what it never does", () => {
  test("[X422] it is in no history, and no model hears of it", () => {
    const { call, caller } = spoken();
    const told = () => call.commandTypes().filter((type) => type !== "audio");
    const before = told();
    const entries = call.session.snapshot().conversation.entries.length;
    caller.speak(telling(6));
    expect(nods(call)).toHaveLength(1);
    expect(call.session.snapshot().conversation.entries).toHaveLength(entries);
    expect(told()).toEqual(before);
  });

  test("[X423] it stops when the caller goes on: nothing more of it is sent", () => {
    const { call, caller } = spoken(HEADSET, {
      backchannels: { ...PLAN, sounds: [{ rateHz: 24_000, samples: voice(900, 24_000, 77) }] },
    });
    caller.speak(telling(6));
    expect(nods(call)).toHaveLength(1);
    expect(nods(call, "response.done")).toHaveLength(1);
    const ms = call.frames.reduce((sum, { payload }) => sum + payload.byteLength / 48, 0);
    // What a pause of 300 ms has left behind its first 200, the lead, the slope, and a hop that the detector needs.
    expect(ms).toBeLessThan(220);
    expect(nods(call, "response.done")[0]).toMatchObject({ response: { status: "cancelled" } });
    expect(call.types()).not.toContain("overlap.decision");
  });

  test.each([
    ["a headset", HEADSET],
    ["a loudspeaker", SPEAKER],
  ])("[X424] it ends and begins no turn, and puts the end of none off: with %s", (_, where) => {
    const ends = [PLAN, undefined].map((backchannels) => {
      const { call, caller } = spoken(where, { session: SLOW });
      if (backchannels === undefined) return plain(where);
      caller.speak(LAST);
      expect(nods(call)).toHaveLength(1);
      return { turns: committed(call), at: byType(call, "input_audio_buffer.speech_stopped").map(endMs) };
    });
    expect(ends[0]).toEqual(ends[1]);
  });
});

const endMs = (event: Received) => Number(event["audio_end_ms"]);

function plain(where: typeof HEADSET) {
  const call = new Call({ dialect: "duplex.v1", session: SLOW });
  const caller = new Listener(call, where);
  caller.speak(concat(room(300), voice(900), room(1500)));
  call.answer(STORY);
  caller.speak(room(7000));
  call.clearEvents();
  caller.speak(LAST);
  return { turns: committed(call), at: byType(call, "input_audio_buffer.speech_stopped").map(endMs) };
}
