/** The floor on audio as other people's clients send it: gated, in long pieces, ducked, far ahead of the listener. */
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
const scaled = (samples: Int16Array, db: number) => samples.map((value) => value * 10 ** (db / 20));

/** Sound with gaps: `onMs` of it, then `offMs` of a quiet room, from the same moment on. */
function gated(samples: Int16Array, onMs: number, offMs: number): Int16Array {
  const room = silence(samples.length / 24, 24_000, 3);
  const period = 24 * (onMs + offMs);
  return samples.map((value, at) => (at % period < 24 * onMs ? value : (room[at] ?? 0)));
}

async function story(call: Call, ms = 9000): Promise<void> {
  const words = await say(
    "Once upon a time there was a lighthouse keeper who lived alone on a small island far out in the sea, " +
      "and every evening he climbed the long stairs to light the lamp for the ships that came from far away.",
    { voice: "slt" },
  );
  call.answer(words.subarray(0, 24 * ms), "Once upon a time.");
}

/** The caller has spoken for a while, and the agent is a second into a long answer. */
async function telling(dialect: "realtime" | "duplex.v1", options: CallOptions = NEURAL): Promise<Call> {
  const call = new Call({ ...options, dialect });
  const question = await say(
    "Please tell me a long story about the sea and about the people who live there.",
  );
  call.speak(concat(silence(600), question, silence(900)));
  await story(call);
  call.speak(silence(1000));
  return call;
}

describe("a gated microphone", () => {
  test.each([900, 1100, 3000])(
    "[F25] after %i ms without audio a sound is judged like any other",
    async (gapMs) => {
      const call = await telling("duplex.v1", {});
      call.client({ type: "session.heartbeat" });
      call.advance(gapMs);
      call.speak(concat(silence(100), voice(150), silence(100)));
      call.client({ type: "session.heartbeat" });
      call.advance(2500);
      expect(decisions(call)).toEqual(["hold", "noise"]);
      expect(count(call, "input_audio_buffer.speech_started")).toBe(1);
    },
  );

  test("[F25] a burst after a stall of the line is late, and its words are a turn", async () => {
    const call = await telling("duplex.v1", {});
    call.client({ type: "session.heartbeat" });
    call.advance(2500);
    const words = concat(silence(1000), voice(400), silence(1100));
    for (let at = 0; at < words.length; at += 480) call.append(words.subarray(at, at + 480));
    expect(decisions(call)).toEqual([]);
    expect(count(call, "input_audio_buffer.committed")).toBe(2);
  });
});

describe("a client that sends in long pieces", () => {
  test.each([400, 500, 980, 1000, 1500, 2000])(
    "[F26] of %i ms: the agent's echo does not cut it",
    async (pieceMs) => {
      for (const [echoDb, lateMs] of [
        [-12, 150],
        [-18, 80],
      ] as const) {
        const call = new Call({ ...NEURAL, dialect: "duplex.v1" });
        call.speak(concat(silence(600), await say("What is the weather like today?"), silence(900)));
        await story(call);
        new Room(call, { echoDb, lateMs, pieceMs }).speak(silence(8000));
        expect(decisions(call)).not.toContain("interrupt");
        expect(count(call, "input_audio_buffer.committed")).toBe(1);
      }
    },
  );

  test("[F26] its caller interrupts all the same", async () => {
    const call = new Call({ ...NEURAL, dialect: "duplex.v1" });
    call.speak(concat(silence(600), await say("What is the weather like today?"), silence(900)));
    await story(call);
    const room = new Room(call, { echoDb: -12, lateMs: 150, pieceMs: 1000 });
    room.speak(silence(4000));
    room.speak(concat(await say("No, stop that, I would rather hear about something else."), silence(1000)));
    expect(decisions(call)).toContain("interrupt");
  });
});

describe("speech in pieces", () => {
  const speech = () =>
    say("What is the weather like today in Berlin, and how will it be tomorrow and the day after?");

  test.each([
    [150, 300, 0],
    [250, 300, -6],
    [150, 200, -10],
    [400, 300, -10],
    [150, 300, -14],
    [400, 300, -14],
  ])(
    "[F27] of %i ms, with gaps of %i, %i dB down, interrupts within two seconds and a half",
    async (on, off, db) => {
      const call = await telling("duplex.v1");
      const from = call.now;
      const words = scaled(await speech(), db);
      let interruptedMs = Infinity;
      const sound = gated(words.subarray(0, 24 * 4500), on, off);
      for (let at = 0; at < sound.length; at += 480) {
        call.speak(sound.subarray(at, at + 480));
        if (interruptedMs === Infinity && decisions(call).includes("interrupt"))
          interruptedMs = call.now - from;
      }
      expect(interruptedMs).toBeLessThan(2500);
      // The turn has its first words.
      const started = Number(call.last("input_audio_buffer.speech_started")["audio_start_ms"]);
      expect(call.session.snapshot().audioReceivedMs - started).toBeGreaterThan(4000);
    },
  );

  test.each([1, 2])("[F28] %i coughs or words of a listener do not", async (times) => {
    for (const sound of [voice(150), voice(350, 24_000, 6), await say("Yeah.")]) {
      const call = await telling("duplex.v1");
      for (let time = 0; time < times; time += 1) call.speak(concat(sound, silence(700)));
      call.speak(silence(2000));
      expect(decisions(call)).not.toContain("interrupt");
      expect(count(call, "input_audio_buffer.committed")).toBe(1);
    }
  });
});

describe("a word that was dismissed", () => {
  /** An agent's question that ends at `call.now` plus what is returned. */
  async function asked(): Promise<{ readonly call: Call; readonly leftMs: number }> {
    const call = new Call({ ...NEURAL, dialect: "duplex.v1" });
    call.speak(concat(silence(600), await say("Please book me a table for tonight."), silence(900)));
    const question = await say(
      "There is a table for two at half past seven tonight, shall I book it for you?",
      {
        voice: "slt",
      },
    );
    call.answer(question, "Shall I book it for you?");
    return { call, leftMs: question.length / 24 };
  }

  test.each([-1000, -800, -600, -400, -200, 0, 200])(
    "[F29] 'yes' %i ms from the question's end is the answer to it",
    async (atMs) => {
      for (const word of ["Yes.", "No.", "Okay."]) {
        const { call, leftMs } = await asked();
        const yes = await say(word);
        const ends = yes.length / 24;
        call.speak(silence(Math.round((leftMs + atMs - ends) / 20) * 20));
        call.speak(concat(yes, silence(3500)));
        expect(count(call, "input_audio_buffer.committed")).toBe(2);
        expect(count(call, "response.created")).toBe(2);
        expect(call.commandTypes().slice(-2)).toEqual(["commit", "respond"]);
        // The question was heard to its end unless the word came after it had all been sent.
        const item_id = String(call.last("input_audio_buffer.committed")["item_id"]);
        call.client({ type: "conversation.item.retrieve", item_id });
        const item = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
        const heardMs = Uint8Array.fromBase64(item.content[0]?.audio ?? "").length / 48;
        expect(heardMs).toBeGreaterThan(ends * 0.8);
      }
    },
  );

  test("[F30] said earlier it was 'mhm', and nothing", async () => {
    const { call, leftMs } = await asked();
    call.speak(concat(silence(1000), await say("Yeah.")));
    call.speak(silence(leftMs));
    call.speak(silence(3000));
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });

  test("[F31] with more of it right after the agent, both are one turn", async () => {
    const { call, leftMs } = await asked();
    const yes = await say("Yes.");
    call.speak(silence(Math.round((leftMs - 500 - yes.length / 24) / 20) * 20));
    call.speak(concat(yes, silence(700), await say("At half past seven is fine."), silence(1200)));
    expect(count(call, "input_audio_buffer.committed")).toBe(2);
    const started = Number(call.last("input_audio_buffer.speech_started")["audio_start_ms"]);
    const stopped = Number(call.last("input_audio_buffer.speech_stopped")["audio_end_ms"]);
    expect(stopped - started).toBeGreaterThan(yes.length / 24 + 700 + 1200);
  });

  test("[F29] not while the client is away, nor after it cleared its buffer", async () => {
    for (const how of ["away", "clear"]) {
      const { call, leftMs } = await asked();
      call.speak(silence(Math.round((leftMs - 800) / 20) * 20));
      call.speak(concat((await say("Yes.")).subarray(0, 24 * 400), silence(340)));
      if (how === "clear") call.client({ type: "input_audio_buffer.clear" });
      else {
        call.open.delete("client");
        call.input({ type: "close", peer: "client", code: 1006, reason: "" });
      }
      call.advance(15_000);
      expect(count(call, "input_audio_buffer.committed")).toBe(1);
    }
  });
});

describe("a plain client, which is sent everything at once", () => {
  test.each([
    [-6, 80],
    [-12, 150],
    [-12, 300],
    [-20, 150],
  ])("[F32] is not cut by its own echo %i dB down, %i ms late", async (echoDb, lateMs) => {
    const call = new Call({ ...NEURAL, dialect: "realtime" });
    call.speak(concat(silence(600), await say("What is the weather like today?"), silence(900)));
    await story(call);
    const room = new Room(call, { echoDb, lateMs, pieceMs: 20 });
    room.speak(silence(7000));
    expect(count(call, "input_audio_buffer.speech_started")).toBe(1);
    const from = call.now;
    room.speak(scaled(await say("No, please stop that now."), -3));
    room.speak(silence(1200));
    expect(count(call, "input_audio_buffer.speech_started")).toBe(2);
    expect(call.now - from).toBeGreaterThan(0);
  });

  test("[F32] nor in the answer after one that it cut", async () => {
    const call = new Call({ ...NEURAL, dialect: "realtime" });
    call.speak(concat(silence(600), await say("What is the weather like today?"), silence(900)));
    await story(call);
    const room = new Room(call, { echoDb: -12, lateMs: 120, pieceMs: 20 });
    room.speak(silence(3000));
    room.speak(concat(await say("No, tell me something else, please."), silence(200)));
    room.cut();
    // As such clients do.
    const item_id = String(
      call.events.findLast(({ type }) => type === "response.output_audio.delta")?.["item_id"],
    );
    call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 5000 });
    room.speak(silence(1000));
    const before = count(call, "input_audio_buffer.speech_started");
    await story(call);
    room.speak(silence(7000));
    expect(count(call, "input_audio_buffer.speech_started")).toBe(before);
  });
});
