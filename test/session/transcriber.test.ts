import { describe, expect, test } from "vitest";

import { Context } from "../../src/session/context.ts";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import { TurnEnd } from "../../src/session/turn-end/turn-end.ts";
import { WAITS } from "../../src/session/state/waits.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAR = { name: "ear", options: { adapter: "wire", model: "scribe", settings: { turns: "server" } } };
const TURN = concat(silence(600), voice(1200), silence(900));
const TRANSCRIPTION = "conversation.item.input_audio_transcription";

function transcribed(options: CallOptions = {}): Call {
  return new Call({ dialect: "duplex.v1", transcriber: EAR, ...options });
}

const delta = (call: Call, text: string, key = "s1") =>
  call.upstream({ type: "input.transcript.delta", itemId: key, delta: text }, "up1.1");
const completed = (call: Call, transcript: string, key = "s1") =>
  call.upstream({ type: "input.transcript.completed", itemId: key, transcript, usage: null }, "up1.1");

/** An agent that has been speaking for a while, and a caller who has been heard before. */
function overlapped(options: CallOptions = {}): Call {
  const call = transcribed(options);
  call.speak(TURN);
  call.answer(voice(9000, 24_000, 3), "A long answer.");
  call.speak(silence(1000));
  call.clearEvents();
  return call;
}

const decisions = (call: Call) =>
  call.events.filter((event) => event.type === "overlap.decision").map((event) => event["decision"]);

describe("a transcriber", () => {
  test("[J1] hears everything, is asked for nothing, and is told of its own session alone", () => {
    const call = transcribed();
    call.speak(TURN);
    call.client({ type: "response.cancel" });
    const item = { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] };
    call.client({ type: "conversation.item.create", item });
    expect(call.commandTypes("up1.1")).toEqual(["greet", "audio"]);
    expect(call.heard("up1.1")).toEqual(new Uint8Array(TURN.buffer));
    expect(call.commands("up1.1")[0]).toMatchObject({
      config: {
        kind: "transcription",
        transcription: { model: "scribe" },
        turnDetection: { type: "server_vad" },
      },
    });
    expect(call.commands("up0.1")[0]).toMatchObject({
      config: { kind: "conversation", transcription: null },
    });
  });

  test.each([true, false])("[L82] that says nothing of what is said is left (says anything: %s)", (says) => {
    const call = transcribed({ transcriber: { ...EAR, fallback: [EAR.options] } });
    for (let turn = 0; turn < 2; turn += 1) {
      call.speak(concat(silence(600), voice(500), silence(900)));
      call.upstream({ type: "rate_limits", rateLimits: [] });
    }
    call.speak(silence(1000));
    expect(call.open.has("up1.1")).toBe(true);
    if (says) call.upstream({ type: "speech", state: "started" }, "up1.1");
    call.speak(silence(2500));
    expect(call.open.has("up1.1")).toBe(says);
    expect(call.open.has("up1.2")).toBe(!says);
  });

  test("[L82] one that says nothing of a silence that the client commits is not", () => {
    const call = transcribed({ transcriber: { ...EAR, fallback: [EAR.options] } });
    call.speak(silence(3000));
    call.client({ type: "input_audio_buffer.commit" });
    call.speak(silence(5000));
    expect(call.open.has("up1.1")).toBe(true);
  });

  test("[L82] one that hears no more of a client that is gone is not", () => {
    const call = transcribed({ transcriber: { ...EAR, fallback: [EAR.options] } });
    call.speak(concat(silence(600), voice(2500), silence(800)));
    expect(call.types()).toContain("input_audio_buffer.committed");
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(10_000);
    expect(call.open.has("up1.1")).toBe(true);
  });

  test("[L84] lost in mid-turn, the next connection hears the turn from its beginning", () => {
    const call = transcribed();
    const spoken = voice(1500);
    call.speak(concat(silence(600), spoken.subarray(0, 24 * 700)));
    delta(call, "Half of a");
    call.open.delete("up1.1");
    call.input({ type: "close", peer: "up1.1", code: 1006, reason: "" });
    call.advance(300);
    call.accept("up1.2");
    call.speak(concat(spoken.subarray(24 * 700), silence(900)));
    expect(Buffer.from(call.heard("up1.2")).toString("hex")).toContain(
      Buffer.from(new Uint8Array(spoken.buffer)).toString("hex"),
    );
    call.upstream(
      { type: "input.transcript.completed", itemId: "s2", transcript: "All.", usage: null },
      "up1.2",
    );
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "All." });
  });

  test("[J72] gives a word over an agent that was dismissed its words when it proves to be a turn, and no other turn", () => {
    const call = overlapped();
    call.speak(concat(silence(2000), voice(500, 24_000, 5), silence(700)));
    expect(decisions(call).at(-1)).not.toBe("interrupt");
    completed(call, "Tomorrow.", "s9");
    call.speak(silence(12_000));
    const { item_id, transcript } = call.last(`${TRANSCRIPTION}.completed`);
    expect(transcript).toBe("Tomorrow.");
    expect(item_id).toBe(call.last("input_audio_buffer.committed")["item_id"]);
    expect(call.types().filter((type) => type === `${TRANSCRIPTION}.completed`)).toHaveLength(1);
  });

  test.each([
    // Then the turn begins with it (F31).
    [0, "Mhm. Wait, stop."],
    [1000, "Wait, stop."],
  ])(
    "[R80] over an agent, a dismissed word is none of the turn that interrupts later (by %i ms more than a breath)",
    (laterMs, said) => {
      const call = overlapped();
      call.speak(concat(voice(300, 24_000, 5), silence(700)));
      completed(call, "Mhm.", "s8");
      call.speak(concat(silence(laterMs), voice(600, 24_000, 6)));
      delta(call, "Wait", "s9");
      call.speak(concat(voice(600, 24_000, 6), silence(900)));
      completed(call, "Wait, stop.", "s9");
      expect(decisions(call)).toContain("interrupt");
      expect(call.last(`${TRANSCRIPTION}.completed`)["transcript"]).toBe(said);
    },
  );

  test.each([
    ["nothing", null, `${TRANSCRIPTION}.failed`],
    ["some words", "Half of a", `${TRANSCRIPTION}.completed`],
  ])("[J70] lost when it had said %s of a turn that is over, it leaves it so", (_, said, type) => {
    const call = transcribed();
    call.speak(TURN);
    if (said !== null) delta(call, said);
    call.hibernate();
    call.open.delete("up1.1");
    call.input({ type: "close", peer: "up1.1", code: 1006, reason: "" });
    const itemId = call.last("input_audio_buffer.committed")["item_id"];
    expect(call.last(type)).toMatchObject({
      item_id: itemId,
      ...(said === null ? {} : { transcript: said }),
    });
    call.advance(10_000);
    const ends = [`${TRANSCRIPTION}.failed`, `${TRANSCRIPTION}.completed`];
    expect(call.types().filter((one) => ends.includes(one))).toEqual([type]);
  });

  test.each([true, false])(
    "[J71] hears that a turn is over which the client commits (there by then: %s)",
    (there) => {
      const call = transcribed({ session: { audio: { input: { turn_detection: null } } } });
      if (!there) {
        call.open.delete("up1.1");
        call.input({ type: "close", peer: "up1.1", code: 1006, reason: "" });
        // Every dial is in vain, until the client has said all.
        call.advance(5000);
      }
      const said = voice(900);
      call.speak(said);
      call.client({ type: "input_audio_buffer.commit" });
      const peer = () => [...call.open].find((one) => one.startsWith("up1")) ?? "";
      if (!there) {
        call.open.delete(peer());
        call.input({ type: "close", peer: peer(), code: 0, reason: "" });
        for (let at = 0; at < 20 && peer() === ""; at += 1) call.advance(500);
        call.advance(1500);
        call.accept(peer());
      }
      const heard = Buffer.from(call.heard(peer())).toString("hex");
      expect(heard).toContain(Buffer.from(new Uint8Array(said.buffer)).toString("hex"));
      expect(heard.endsWith("00".repeat(48 * 800))).toBe(true);
    },
  );

  test("[J71] nor is it left with a turn that the relay ended sooner than it does, when the client sends no more", () => {
    const turn = { type: "server_vad", silence_duration_ms: 200 };
    const session = { audio: { input: { turn_detection: turn } } };
    const call = transcribed({ session, limits: { parkMs: 1000 } });
    call.speak(concat(silence(500), voice(900), silence(340)));
    expect(call.types()).toContain("input_audio_buffer.committed");
    call.answer(voice(100));
    const before = call.heard("up1.1").length;
    call.advance(1500);
    expect(call.open.has("up1.1")).toBe(true);
    const padded = Buffer.from(call.heard("up1.1").subarray(before)).toString("hex");
    expect(padded).toBe("00".repeat(48 * 700));
    completed(call, "All of it.");
    call.advance(3000);
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "All of it." });
    expect([...call.open]).toEqual(["client"]);
  });

  test("[J70] lost before it was ready to hear the turn, it leaves it to the next connection", () => {
    const call = transcribed();
    call.open.delete("up1.1");
    call.input({ type: "close", peer: "up1.1", code: 1006, reason: "" });
    call.speak(TURN);
    call.advance(1000);
    call.open.delete("up1.2");
    call.input({ type: "close", peer: "up1.2", code: 0, reason: "" });
    expect(call.types()).not.toContain(`${TRANSCRIPTION}.failed`);
  });

  test("[L110] lost while a sound over an agent is judged, the next connection hears that from its beginning", () => {
    const call = transcribed();
    call.speak(TURN);
    call.answer(voice(8000, 24_000, 11));
    call.speak(silence(1000));
    const spoken = voice(1500, 24_000, 5);
    call.speak(spoken.subarray(0, 24 * 200));
    expect(call.session.snapshot().floor.overlap).not.toBeNull();
    call.open.delete("up1.1");
    call.input({ type: "close", peer: "up1.1", code: 1006, reason: "" });
    call.advance(300);
    call.accept("up1.2");
    call.speak(concat(spoken.subarray(24 * 200), silence(900)));
    expect(Buffer.from(call.heard("up1.2")).toString("hex")).toContain(
      Buffer.from(new Uint8Array(spoken.buffer)).toString("hex"),
    );
    // What was dismissed is not heard again.
    call.clearEvents();
    call.answer(voice(8000, 24_000, 11));
    call.speak(concat(silence(1000), voice(200), silence(1500)));
    expect(call.session.snapshot().turns.unmadeTicks).toBeNull();
  });

  test("[J2] gives the caller's turn its words, when the turn is in the conversation and all are there", () => {
    const call = transcribed();
    call.speak(TURN.subarray(0, 24 * 1500));
    delta(call, "Where is ");
    delta(call, "the station?");
    completed(call, "Where is the station?");
    expect(call.types()).not.toContain(`${TRANSCRIPTION}.delta`);
    call.speak(TURN.subarray(24 * 1500));
    const committed = call.last("input_audio_buffer.committed");
    expect(call.last(`${TRANSCRIPTION}.delta`)).toMatchObject({ delta: "Where is the station?" });
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({
      item_id: committed["item_id"],
      transcript: "Where is the station?",
    });
    // Another connection is told the turn in words.
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(300);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "item", "respond"]);
  });

  test("[J3] words that come after the turn was closed are the turn's; more of them follow in another completion", () => {
    const call = transcribed();
    call.speak(TURN);
    delta(call, "One", "a");
    expect(call.last(`${TRANSCRIPTION}.delta`)).toMatchObject({ delta: "One" });
    completed(call, "One.", "a");
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "One." });
    completed(call, "Two.", "b");
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "One. Two." });
  });

  test("[J4] that does not finish is not waited for longer than three seconds", () => {
    const call = transcribed();
    call.speak(TURN.subarray(0, 24 * 1500));
    delta(call, "Half a");
    call.speak(TURN.subarray(24 * 1500));
    call.client({ type: "session.heartbeat" });
    call.advance(2500);
    expect(call.types()).not.toContain(`${TRANSCRIPTION}.completed`);
    call.client({ type: "session.heartbeat" });
    call.advance(600);
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Half a" });
  });

  test("[J5] whose words over an agent are more than 'mhm' interrupts at once, and they are the turn's", () => {
    const call = overlapped();
    call.speak(voice(250));
    expect(decisions(call)).toEqual(["hold"]);
    delta(call, "Wait, stop");
    expect(decisions(call)).toEqual(["hold", "interrupt"]);
    completed(call, "Wait, stop.");
    call.speak(concat(voice(300), silence(900)));
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Wait, stop." });
    // Without its words the same sound is none yet.
    const silent = overlapped();
    silent.speak(voice(250));
    expect(decisions(silent)).toEqual(["hold"]);
  });

  test("[J6] that hears only 'yeah, right' keeps length from deciding, for twice as long", () => {
    const call = overlapped();
    call.speak(voice(300));
    delta(call, "Yeah, right");
    call.speak(voice(700));
    expect(decisions(call)).toEqual(["hold"]);
    call.speak(voice(900));
    expect(decisions(call)).toEqual(["hold", "interrupt"]);
  });

  test("[J7] words that end a sentence shorten the wait of semantic_vad, words that do not lengthen it", () => {
    const waited = (text: string | null) => {
      const call = transcribed({
        session: { audio: { input: { turn_detection: { type: "semantic_vad", eagerness: "medium" } } } },
      });
      call.speak(concat(silence(600), voice(1200), silence(200)));
      if (text !== null) delta(call, text);
      for (let ms = 200; ms < 4000; ms += 20) {
        if (call.types().includes("input_audio_buffer.committed")) return ms;
        call.speak(silence(20));
      }
      return Infinity;
    };
    const unknown = waited(null);
    expect(waited("Where is the station?")).toBeLessThan(unknown - 200);
    expect(waited("Station")).toBe(unknown);
  });

  test("[J7] of a voice of which nothing else is known the words decide", () => {
    const wait = (text: string | null) => {
      const end = new TurnEnd(new Context(DEFAULT_LIMITS, "x", 0), {});
      if (text !== null) end.words(text);
      return end.waitMs("medium");
    };
    expect(wait("Where is the station?")).toBeLessThan(wait(null) - 300);
    expect(wait("I would like to go to the")).toBe(WAITS.medium.mostMs);
  });

  test("[J8] that is lost is told, dialled again, and ends nothing", () => {
    const call = transcribed();
    call.open.delete("up1.1");
    call.input({ type: "close", peer: "up1.1", code: 1006, reason: "" });
    expect(call.last("relay.upstream")).toMatchObject({ upstream: "ear", status: "closed" });
    call.speak(TURN);
    expect(call.open.has("up1.2")).toBe(true);
    call.answer(voice(200), "Yes?");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[J11] that failed all its dials is tried again after a minute", () => {
    const call = transcribed({ dialect: "realtime" });
    let peer = "up1.1";
    for (let dial = 1; call.open.has(peer); peer = `up1.${(dial += 1)}`) {
      call.open.delete(peer);
      call.input({ type: "close", peer, code: 0, reason: "HTTP 500" });
      call.advance(8500);
    }
    expect(peer).toBe("up1.7");
    expect(call.session.state().upstreams.at(-1)).toMatchObject({ name: "ear", status: "closed" });
    for (let ms = 8500; ms < 60_500 && !call.open.has("up1.7"); ms += 500) call.advance(500);
    expect(call.open.has("up1.7")).toBe(true);
    call.accept("up1.7");
    call.speak(TURN);
    const words = { type: "input.transcript.completed", transcript: "Back.", usage: null } as const;
    call.upstream({ ...words, itemId: "s1" }, "up1.7");
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Back." });
  });

  test("[J11] and with the next speech", () => {
    const call = transcribed({ dialect: "realtime" });
    let peer = "up1.1";
    for (let dial = 1; call.open.has(peer); peer = `up1.${(dial += 1)}`) {
      call.open.delete(peer);
      call.input({ type: "close", peer, code: 0, reason: "HTTP 500" });
      call.advance(8500);
    }
    expect(call.open.has("up1.7")).toBe(false);
    call.speak(TURN);
    expect(call.open.has("up1.7")).toBe(true);
    call.accept("up1.7");
    call.speak(silence(20));
    const heard = new Int16Array(call.heard("up1.7").buffer);
    expect(heard.subarray(-TURN.length - 480)).toEqual(concat(TURN, silence(20)));
  });

  test("[J12] whose words begin after the turn was closed and do not end is waited for no longer", () => {
    const call = transcribed({ dialect: "realtime" });
    call.speak(TURN);
    call.advance(1000);
    delta(call, "Half a");
    call.advance(2900);
    expect(call.types()).not.toContain(`${TRANSCRIPTION}.completed`);
    call.advance(200);
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Half a" });
  });

  test("[J12] and goes on all the same: its words are told once", () => {
    const call = transcribed({ dialect: "realtime" });
    call.speak(TURN);
    delta(call, "Half a");
    call.advance(3100);
    delta(call, " sentence.");
    completed(call, "Half a sentence.");
    const deltas = call.events.flatMap((event) =>
      event.type === `${TRANSCRIPTION}.delta` ? [event["delta"]] : [],
    );
    expect(deltas.join("")).toBe("Half a sentence.");
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Half a sentence." });
    completed(call, "Another.", "s2");
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({
      transcript: "Half a sentence. Another.",
    });
  });

  test("[J9] goes on in another isolate with what it has heard so far", () => {
    const call = transcribed();
    call.speak(TURN.subarray(0, 24 * 1500));
    delta(call, "Remember ");
    call.hibernate();
    delta(call, "me");
    call.speak(TURN.subarray(24 * 1500));
    completed(call, "Remember me.");
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Remember me." });
  });
});
