import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { Listener } from "../support/listener.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const STORY = voice(8000, 24_000, 11);

/** A duplex.v1 call in which the agent is one second into an eight-second answer that the upstream sent at once. */
function telling(dialect: "realtime" | "duplex.v1" = "duplex.v1"): Call {
  const call = new Call({ dialect });
  call.speak(TURN);
  call.answer(STORY, "A long story with many words in it.");
  call.speak(silence(1000));
  return call;
}

function heard(call: Call): Uint8Array {
  return Uint8Array.from(call.frames.flatMap((one) => [...one.payload]));
}

const decisions = (call: Call) =>
  call.events.filter((event) => event.type === "overlap.decision").map((event) => event["decision"]);

describe("the floor", () => {
  test("[F1] at most the lead is ahead of a duplex.v1 listener, and the answer still comes whole", () => {
    const call = telling();
    const ms = heard(call).length / 48;
    expect(ms).toBeGreaterThan(1300);
    expect(ms).toBeLessThan(1500);
    call.speak(silence(8000));
    expect(heard(call)).toEqual(new Uint8Array(STORY.buffer));
    expect(call.types().filter((type) => type === "response.done").length).toBe(1);
  });

  test("[F2] a plain OpenAI client gets audio as fast as the upstream sends it, unless it asks for a lead", () => {
    const call = telling("realtime");
    expect(call.types()).toContain("response.done");
    const paced = new Call({ session: { relay: { lead_ms: 100 } } });
    paced.client({ type: "response.create" });
    paced.answer(STORY);
    expect(paced.types()).not.toContain("response.done");
    paced.advance(9000);
    expect(paced.types()).toContain("response.done");
  });

  test("[F3] a sound over the agent holds it in the same call; not one sample passes while it is judged", () => {
    const call = telling();
    call.clearEvents();
    const cough = voice(400);
    let before = -1;
    for (let at = 0; at < cough.length; at += 480) {
      call.append(cough.subarray(at, at + 480));
      if (before < 0 && decisions(call).includes("hold")) before = call.frames.length;
      call.advance(20);
    }
    expect(before).toBeGreaterThanOrEqual(0);
    expect(call.frames.length).toBe(before);
    expect(call.types()).toEqual(["overlap.decision"]);
  });

  test("[F4] a sound too short for an interruption is dismissed: no turn, and the answer goes on gapless", () => {
    const call = telling();
    call.speak(concat(voice(300), silence(8000)));
    expect(decisions(call)).toEqual(["hold", "backchannel"]);
    expect(call.types().filter((type) => type === "input_audio_buffer.speech_started").length).toBe(1);
    expect(heard(call)).toEqual(new Uint8Array(STORY.buffer));
    expect(call.types()).not.toContain("conversation.item.truncated");
  });

  test("[F5] speech that lasts is an interruption: cut, flushed, truncated where the listener was", () => {
    const call = telling();
    call.speak(concat(voice(1200), silence(900)));
    expect(decisions(call)).toEqual(["hold", "interrupt"]);
    const types = call.types();
    // Nothing is ahead of it, not even the word of the decision.
    expect(types.indexOf("output_audio_buffer.cleared")).toBe(types.lastIndexOf("overlap.decision") - 1);
    const endMs = Number(call.last("conversation.item.truncated")["audio_end_ms"]);
    expect(endMs).toBeGreaterThan(1000);
    expect(endMs).toBeLessThan(1200);
    expect(heard(call).length / 48).toBeLessThan(1700);
    expect(call.commandTypes().slice(-5)).toEqual(
      ["cancel", "truncate", "audio", "commit", "respond"].sort(byPlace(call)),
    );
  });

  test("[F6] the turn that interrupts has all of its words: it begins before the sound", () => {
    const call = telling();
    const words = voice(1200, 24_000, 21);
    call.speak(concat(words, silence(900)));
    const item = call.last("input_audio_buffer.committed")["item_id"];
    call.client({ type: "conversation.item.retrieve", item_id: String(item) });
    const got = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    const audio = Uint8Array.fromBase64(got.content[0]?.audio ?? "");
    expect(audio.toHex()).toContain(new Uint8Array(words.buffer).toHex());
  });

  test.each([80, 300])(
    "[F7] the agent's own echo, %i ms late, never cuts it and at most holds it briefly",
    (lateMs) => {
      const call = new Call({ dialect: "duplex.v1" });
      call.speak(TURN);
      call.answer(STORY);
      // The loudspeaker's sound at the microphone, 10 dB down, over the room's noise.
      new Listener(call, { echoGain: 1 / 3, echoLateMs: lateMs }).speak(silence(10_000));
      expect(decisions(call)).toContain("echo");
      expect(decisions(call)).not.toContain("interrupt");
      expect(call.types().filter((type) => type === "input_audio_buffer.committed").length).toBe(1);
      expect(heard(call)).toEqual(new Uint8Array(STORY.buffer));
    },
  );

  test("[F12] the caller's voice over the agent's echo is still an interruption", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(STORY);
    const words = voice(1500, 24_000, 31);
    const listener = new Listener(call, { echoGain: 1 / 4, echoLateMs: 100 });
    listener.speak(silence(3000));
    expect(decisions(call)).not.toContain("interrupt");
    listener.speak(concat(words, silence(900)));
    expect(decisions(call)).toContain("interrupt");
  });

  test("[F13] an agent's first words are not held by their own echo: it is found, and not one sample waits", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(STORY);
    new Listener(call, { echoGain: 1 / 3, echoLateMs: 120 }).speak(silence(10_000));
    expect(decisions(call)).toEqual(["echo"]);
    expect(heard(call)).toEqual(new Uint8Array(STORY.buffer));
  });

  test("[F13] a caller who speaks into an agent's first words is held for a quarter of a second later", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(STORY);
    const words = voice(1200, 24_000, 21);
    const before = heard(call).length / 48;
    call.speak(concat(silence(100), words, silence(900)));
    expect(decisions(call)).toEqual(["hold", "interrupt"]);
    const endMs = Number(call.last("conversation.item.truncated")["audio_end_ms"]);
    expect(before).toBeLessThan(500);
    expect(endMs).toBeGreaterThan(340);
    expect(endMs).toBeLessThan(500);
  });

  test("[F14] someone much quieter than the caller does not hold the agent; the caller then does", () => {
    const call = telling();
    const far = voice(1500, 24_000, 41).map((value) => value / 10);
    call.speak(concat(far, silence(400)));
    expect(decisions(call)).toEqual([]);
    call.speak(concat(voice(1200), silence(900)));
    expect(decisions(call)).toEqual(["hold", "interrupt"]);
  });

  test("[F8] a held agent is released when the client stops sending: no state is for ever", () => {
    const call = telling();
    call.speak(voice(300));
    expect(decisions(call)).toEqual(["hold"]);
    call.advance(2000);
    expect(decisions(call)).toEqual(["hold", "noise"]);
    call.advance(9000);
    expect(heard(call)).toEqual(new Uint8Array(STORY.buffer));
  });

  test("[F9] with interrupt_response false nothing is held or cut", () => {
    const call = telling();
    call.client({
      type: "session.update",
      session: { audio: { input: { turn_detection: { interrupt_response: false } } } },
    });
    call.speak(concat(voice(1200), silence(7000)));
    expect(decisions(call)).toEqual([]);
    expect(heard(call)).toEqual(new Uint8Array(STORY.buffer));
  });

  test("[F10] a word while the agent ends is a turn and no backchannel", () => {
    const call = telling();
    call.speak(silence(6900));
    call.speak(concat(voice(400), silence(900)));
    expect(call.types().filter((type) => type === "input_audio_buffer.committed").length).toBe(2);
  });

  test("[F11] a tool call does not wait for the sentence before it to be heard", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    call.beginAnswer();
    const audio = new Uint8Array(STORY.buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    const item = { response: "r", item: "f" };
    call.upstream({ type: "item.started", ...item, kind: "function_call", name: "get_time", callId: "c" });
    call.upstream({ type: "item.done", status: "completed", ...item, arguments: "{}" });
    expect(call.last("response.output_item.done")["item"]).toMatchObject({ name: "get_time" });
  });
});

/** The order in which the upstream got them. */
function byPlace(call: Call) {
  const types = call.commandTypes().slice(-5);
  return (a: string, b: string) => types.indexOf(a) - types.indexOf(b);
}

describe("late audio", () => {
  test("[F15] what was said while the connection was lost is a turn, whatever the agent was saying", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
    call.speak(concat(silence(600), voice(1000), silence(900)));
    call.answer(voice(8000, 24_000, 5), "A long answer.");
    call.speak(silence(1000));
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(3000);
    call.clearEvents();
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received: 0 });
    // Three seconds of talk arrive at once, and the agent goes on where it stood still.
    call.append(concat(silence(500), voice(800), silence(1700)));
    expect(call.types()).not.toContain("overlap.decision");
    expect(call.types()).toContain("input_audio_buffer.committed");
    // From then on it is live again: a short sound over the next answer is judged as ever.
    call.answer(voice(8000, 24_000, 6), "Another one.");
    call.speak(silence(2000));
    call.clearEvents();
    call.speak(voice(120));
    expect(call.last("overlap.decision")["decision"]).toBe("hold");
  });
});
