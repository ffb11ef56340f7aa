/** Audio time is not wall time: what only audio moves is moved by the clock when no audio comes. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const SPEECH = concat(silence(600), voice(1200));
const samplesOf = (bytes: Uint8Array) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
const turnDetection = (turn_detection: JsonObject | null): JsonObject => ({
  audio: { input: { turn_detection } },
});
const kind = (turns: string) => [{ name: "wire", options: { adapter: "wire", settings: { turns } } }];
const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;

/** Time passes in which the client only beats. */
function beats(call: Call, seconds: number): void {
  for (let at = 0; at < seconds; at += 1) {
    call.client({ type: "session.heartbeat" });
    call.advance(1000);
  }
}

describe("a client that stops sending in mid-speech", () => {
  test("[M70] and goes on where the clock ended its turn is heard, though an agent answers already", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const rest = voice(300, 24_000, 3);
    call.speak(SPEECH);
    for (let at = 0; at < 2; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
    }
    call.answer(voice(4000, 24_000, 11));
    call.advance(500);
    for (let at = 0; at < rest.length; at += 480) call.append(rest.subarray(at, at + 480));
    call.speak(silence(900));
    expect(count(call, "input_audio_buffer.committed")).toBe(2);
    const heard = Buffer.from(call.heard()).toString("hex");
    expect(heard).toContain(Buffer.from(rest.slice().buffer).toString("hex"));
  });

  test.each([
    ["server_vad", { type: "server_vad" }, 500],
    ["server_vad with a long silence", { type: "server_vad", silence_duration_ms: 2000 }, 2000],
    ["semantic_vad", { type: "semantic_vad", eagerness: "low" }, 2000],
  ])("[M10] has its turn ended by the clock under %s", (_, turn, silenceMs) => {
    const call = new Call({ session: turnDetection(turn) });
    call.speak(SPEECH);
    call.advance(silenceMs + 500);
    expect(call.types()).not.toContain("input_audio_buffer.speech_stopped");
    call.advance(600);
    expect(call.types().slice(-6)).toEqual([
      "input_audio_buffer.speech_started",
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      "response.created",
    ]);
    // All that was said, to its last sample, and nothing else.
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
    expect(call.last("input_audio_buffer.speech_stopped")["audio_end_ms"]).toBe(1800);
    const heard = samplesOf(call.heard());
    expect(heard.subarray(heard.length - 24 * 1200)).toEqual(SPEECH.subarray(24 * 600));
    call.advance(120_000);
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });

  test("[M10] and sends again has another turn", () => {
    const call = new Call();
    call.speak(SPEECH);
    call.advance(20_000);
    call.speak(concat(voice(900), silence(900)));
    expect(count(call, "input_audio_buffer.speech_started")).toBe(2);
    expect(count(call, "input_audio_buffer.committed")).toBe(2);
    expect(call.last("input_audio_buffer.speech_started")["audio_start_ms"]).toBe(1800);
  });

  test("[M10] with eager_ms its answer is the one that was asked for in advance", () => {
    const call = new Call({ session: { relay: { eager_ms: 150 } } });
    call.speak(concat(SPEECH, silence(300)));
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
    call.advance(1600);
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
    expect(count(call, "response.created")).toBe(1);
  });

  test("[M10] over duplex.v1 as soon as it is known that the line is not dead", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.client({ type: "session.heartbeat" });
    call.speak(SPEECH);
    call.advance(2000);
    // Nothing at all came: it may be a hole in the network, and a sentence goes on across a gap.
    expect(call.types()).not.toContain("input_audio_buffer.speech_stopped");
    beats(call, 1);
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });

  test("[M10] is parked like any other", () => {
    const call = new Call({ limits: { parkMs: 20_000 } });
    call.speak(SPEECH);
    call.advance(2000);
    call.answer(voice(300));
    call.advance(45_000);
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[M11] a client that is away has not stopped sending: one turn, across a gap of any length", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
    call.speak(SPEECH);
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(20_000);
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received: 3 });
    call.speak(concat(voice(500), silence(900)));
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
    // And one that is back and says nothing more has.
    call.speak(voice(800));
    beats(call, 3);
    expect(count(call, "input_audio_buffer.committed")).toBe(2);
  });

  test("[M12] a client that sends in long pieces has not stopped between two of them", () => {
    const call = new Call({ session: turnDetection({ type: "server_vad", silence_duration_ms: 200 }) });
    call.speak(concat(silence(600), voice(6000), silence(1800)), 24 * 1400, 1400);
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });

  test("[M13] a provider that takes the turns is given the silence that ends its turn", () => {
    const call = new Call({ upstreams: kind("server") });
    call.speak(SPEECH);
    call.upstream({ type: "speech", state: "started" });
    call.advance(2000);
    const heard = samplesOf(call.heard());
    expect(heard.subarray(0, SPEECH.length)).toEqual(SPEECH);
    const padded = heard.subarray(SPEECH.length);
    expect(padded.length).toBeGreaterThanOrEqual(24 * 500);
    expect(padded.every((sample) => sample === 0)).toBe(true);
    call.upstream({ type: "speech", state: "stopped" });
    call.upstream({ type: "committed", item: "theirs" });
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
    const before = call.heard().length;
    call.advance(30_000);
    expect(call.heard().length).toBe(before);
    // What is said later follows at once.
    call.speak(voice(300));
    expect(samplesOf(call.heard().slice(before))).toEqual(voice(300));
  });

  test("[M13] and one that does not end it all the same has it ended by the relay", () => {
    const call = new Call({ upstreams: kind("server") });
    call.speak(SPEECH);
    call.upstream({ type: "speech", state: "started" });
    call.advance(10_000);
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
    expect(call.session.state().turns).toBe(1);
  });

  test("[M13] one that heard the end and makes nothing of it keeps nothing open", () => {
    const call = new Call({ upstreams: kind("server"), limits: { firstOutputMs: 5000, parkMs: 20_000 } });
    call.speak(concat(SPEECH, silence(800)));
    call.upstream({ type: "speech", state: "started" });
    call.upstream({ type: "speech", state: "stopped" });
    call.advance(50_000);
    expect(count(call, "input_audio_buffer.committed")).toBe(0);
    expect(call.open.has("up0.1")).toBe(false);
  });

  test.each(["none", "ear"])("[M13] so is one that hears everything (%s)", (who) => {
    const ear = { name: "ear", options: { adapter: "wire" } };
    const call = new Call(who === "ear" ? { transcriber: ear } : { upstreams: kind("none") });
    const peer = who === "ear" ? "up1.1" : "up0.1";
    call.speak(SPEECH);
    call.advance(3000);
    const heard = samplesOf(call.heard(peer));
    expect(heard.subarray(0, SPEECH.length)).toEqual(SPEECH);
    expect(heard.length).toBeGreaterThanOrEqual(SPEECH.length + 24 * 500);
  });

  test("[M13] micro-turns go on whole, and with silence", () => {
    const call = new Call({
      dialect: "duplex.v1",
      upstreams: kind("none"),
      session: turnDetection({ type: "duplex", frame_ms: 200 }),
    });
    const spoken = concat(silence(600), voice(1290));
    call.speak(spoken);
    beats(call, 4);
    call.speak(voice(610));
    const lengths = call.commands().flatMap((one) => (one.type === "audio" ? [one.audio] : []));
    const bytes = samplesOf(call.heard());
    expect(bytes.subarray(0, spoken.length)).toEqual(spoken);
    expect(lengths.length).toBeGreaterThan(12);
    expect(bytes.length % (24 * 200)).toBe(0);
    expect(bytes.subarray(bytes.length - 24 * 600)).toEqual(voice(610).subarray(0, 24 * 600));
  });
});

describe("idle_timeout_ms", () => {
  const session = turnDetection({ type: "server_vad", idle_timeout_ms: 5000 });
  const commits = (call: Call) => call.commandTypes().filter((type) => type === "commit").length;

  /** Milliseconds of audio between one commit and the next. */
  function committedMs(call: Call): readonly number[] {
    const lengths: number[] = [];
    let ms = 0;
    for (const command of call.commands()) {
      if (command.type === "audio") ms += Uint8Array.fromBase64(command.audio).length / 48;
      if (command.type !== "commit") continue;
      lengths.push(ms);
      ms = 0;
    }
    return lengths;
  }

  test.each([0, 30, 99])("[M14] of a client that has sent %i ms is no commit of less than 100", (sentMs) => {
    const call = new Call({ session });
    call.client({ type: "response.create" });
    call.answer(voice(300));
    if (sentMs > 0) call.append(silence(sentMs));
    call.advance(5400);
    expect(count(call, "input_audio_buffer.timeout_triggered")).toBe(1);
    expect(committedMs(call)).toEqual([100]);
    expect(count(call, "response.created")).toBe(2);
    call.answer(voice(300));
    call.advance(5400);
    expect(count(call, "input_audio_buffer.timeout_triggered")).toBe(2);
    expect(committedMs(call)).toEqual([100, 100]);
    const { audio_start_ms, audio_end_ms } = call.last("input_audio_buffer.timeout_triggered");
    expect(Number(audio_end_ms) - Number(audio_start_ms)).toBe(100);
  });

  test("[M42] does not run from an answer that the caller interrupted", () => {
    const call = new Call({
      session: turnDetection({ type: "server_vad", idle_timeout_ms: 5000, create_response: false }),
    });
    call.speak(silence(600));
    call.client({ type: "response.create" });
    call.answer(voice(9000));
    call.client({ type: "response.create" });
    call.beginAnswer();
    // The agent's own voice would be its echo.
    call.speak(concat(voice(1200, 24_000, 9), silence(1500)));
    expect(call.last("response.done")["response"]).toMatchObject({ status: "cancelled" });
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
    for (let ms = 0; ms < 20_000; ms += 1000) call.speak(silence(1000));
    expect(count(call, "input_audio_buffer.timeout_triggered")).toBe(0);
  });

  test("[M43] what is committed of it begins after the answer", () => {
    const call = new Call({ session });
    call.append(silence(2000));
    call.client({ type: "response.create" });
    call.answer(voice(300));
    call.append(silence(400));
    call.advance(5400);
    expect(committedMs(call)).toEqual([400]);
    expect(call.last("input_audio_buffer.timeout_triggered")).toMatchObject({
      audio_start_ms: 2000,
      audio_end_ms: 2400,
    });
  });

  test("[M15] stands still while the client is away, and begins anew when it is back", () => {
    const call = new Call({ session, dialect: "duplex.v1" });
    const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
    call.client({ type: "response.create" });
    call.answer(voice(300));
    call.advance(1000);
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(15_000);
    expect(commits(call)).toBe(0);
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received: 3 });
    beats(call, 4);
    expect(commits(call)).toBe(0);
    beats(call, 2);
    expect(commits(call)).toBe(1);
  });
});

describe("a turn without a pause", () => {
  test("[M16] is committed in parts, without a sample lost, and answered once, at its end", () => {
    const call = new Call({ limits: { turnMs: 5000 } });
    const spoken = concat(silence(600), voice(12_000), silence(900));
    call.speak(spoken);
    expect(count(call, "input_audio_buffer.speech_started")).toBe(3);
    expect(count(call, "input_audio_buffer.committed")).toBe(3);
    expect(call.commandTypes()).toEqual([
      "greet",
      "audio",
      "commit",
      "audio",
      "commit",
      "audio",
      "commit",
      "respond",
    ]);
    const started = Number(
      call.events.find(({ type }) => type.endsWith("speech_started"))?.["audio_start_ms"],
    );
    const heard = samplesOf(call.heard());
    expect(heard).toEqual(spoken.subarray(24 * started, 24 * started + heard.length));
    const edges = call.events.filter(({ type }) => /speech_st/.test(type));
    expect(edges[1]?.["audio_end_ms"]).toBe(edges[2]?.["audio_start_ms"]);
    expect(edges[1]?.["item_id"]).not.toBe(edges[2]?.["item_id"]);
    const items = call.session.snapshot().conversation.entries.map(({ item }) => item.id);
    expect(new Set(items).size).toBe(3);
  });

  test("[M17] what of it has left the history when its upstream is lost is told to a plain client too", () => {
    const call = new Call({ limits: { inputHistoryMs: 5000 } });
    call.speak(concat(silence(600), voice(9000)));
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(260);
    call.accept("up0.2");
    const error = call.events.findLast(({ type }) => type === "error")?.["error"];
    expect(error).toMatchObject({ code: "audio_lost", message: expect.stringMatching(/^wire: 4\d\d\d ms/) });
  });
});

describe("an upstream that pauses reading", () => {
  const manual = turnDetection(null);
  const burst = (call: Call, ms: number) => {
    const spoken = voice(ms);
    for (let at = 0; at < spoken.length; at += 24 * 100) call.append(spoken.subarray(at, at + 24 * 100));
    return spoken;
  };
  const paused = (call: Call, bytes: number) => call.input({ type: "buffered", peer: "up0.1", bytes });

  test("[M18] for a second gets a burst of 40 s whole", () => {
    const call = new Call({ session: manual });
    call.append(voice(100));
    paused(call, 2_000_000);
    const spoken = burst(call, 40_000);
    call.advance(1000);
    paused(call, 0);
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.types()).not.toContain("error");
    expect(samplesOf(call.heard())).toEqual(concat(voice(100), spoken));
  });

  test("[M18] is given up when it has taken nothing for seconds by the clock, and not while it takes a little", () => {
    const call = new Call({ session: manual, dialect: "duplex.v1" });
    for (let second = 0; second < 12; second += 1) {
      paused(call, 2_000_000 - 1000 * second);
      call.speak(voice(1000));
    }
    expect(call.open.has("up0.1")).toBe(true);
    for (let second = 0; second < 7; second += 1) {
      paused(call, 1_900_000);
      call.speak(voice(1000));
    }
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("error")["error"]).toMatchObject({ code: "upstream_congested" });
  });

  test("[M18] what cannot be kept for it is told", () => {
    const call = new Call({ session: manual, limits: { backlogBytes: 48 * 5000 } });
    call.append(voice(100));
    paused(call, 2_000_000);
    burst(call, 60_000);
    call.advance(1000);
    paused(call, 0);
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.last("error")["error"]).toMatchObject({ code: "audio_lost" });
    const lostMs = Number(/(\d+) ms/.exec(JSON.stringify(call.last("error")))?.[1]);
    expect(call.heard().length / 48 + lostMs).toBeCloseTo(60_100, -1);
  });
});
