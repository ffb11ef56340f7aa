/** Plans of upstreams that differ in who takes the turns. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const samplesOf = (bytes: Uint8Array) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
const kind = (name: string, turns: string): PlannedUpstream => ({
  name,
  options: { adapter: "wire", settings: { turns } },
});
const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;

describe("a turn-based upstream and one that takes the turns", () => {
  test.each([
    ["client", "server"],
    ["server", "client"],
  ])("[M24] (%s, %s): the first gets turns and is asked, the other hears everything and is not", (a, b) => {
    const call = new Call({ upstreams: [kind("one", a), kind("two", b)], dialect: "duplex.v1" });
    const [based, taking] = a === "client" ? ["up0.1", "up1.1"] : ["up1.1", "up0.1"];
    call.speak(TURN);
    expect(call.commandTypes(based)).toEqual(["greet", "audio", "commit", "respond"]);
    expect(call.heard(based).length).toBeLessThan(48 * 2200);
    expect(call.commandTypes(taking)).toEqual(["greet", "audio"]);
    expect(samplesOf(call.heard(taking))).toEqual(TURN);
    // What that one makes of it is its own affair: one turn, one item.
    for (const state of ["started", "stopped"] as const) call.upstream({ type: "speech", state }, taking);
    call.upstream({ type: "committed", item: "theirs" }, taking);
    expect(count(call, "input_audio_buffer.speech_started")).toBe(1);
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
    expect(call.session.snapshot().conversation.entries.length).toBe(1);
    // Both answers are heard.
    call.answer(voice(300), "One.", based);
    call.upstream({ type: "response.started", response: "own", answers: null }, taking);
    call.upstream({ type: "item.started", response: "own", item: "own", kind: "message" }, taking);
    call.upstream({ type: "transcript", response: "own", item: "own", delta: "Two." }, taking);
    expect(count(call, "response.created")).toBe(2);
  });

  test("[M24] the one that takes the turns is asked where it owes an answer", () => {
    const upstreams = [kind("one", "client"), kind("two", "server")];
    const call = new Call({ upstreams, dialect: "duplex.v1", limits: { firstOutputMs: 3000 } });
    call.speak(TURN);
    call.answer(voice(200), "One.");
    call.upstream({ type: "committed", item: "theirs" }, "up1.1");
    call.speak(silence(4000));
    expect(call.commandTypes("up1.1")).toContain("respond");
  });

  test.each([true, false])(
    "[L81] the one that takes the turns and says nothing to seconds of speech is left (answers follow: %s)",
    (create_response) => {
      const upstreams = [kind("one", "client"), kind("two", "server")];
      const session = { audio: { input: { turn_detection: { type: "server_vad", create_response } } } };
      const limits = { firstOutputMs: 3000 };
      const call = new Call({ upstreams, session, dialect: "duplex.v1", limits });
      call.speak(concat(silence(600), voice(2000), silence(900)));
      if (create_response) call.answer(voice(200), "One.");
      call.speak(silence(1500));
      call.upstream({ type: "rate_limits", rateLimits: [] }, "up0.1");
      call.speak(silence(2500));
      expect(call.open.has("up1.1")).toBe(!create_response);
    },
  );

  test("[L81] not for what it made a turn of before it became one here, when the agent had ended", () => {
    const upstreams = [kind("one", "client"), kind("two", "server")];
    const call = new Call({ upstreams, dialect: "duplex.v1", limits: { firstOutputMs: 3000 } });
    call.speak(TURN);
    call.answer(voice(2500, 24_000, 11), "One.");
    call.speak(concat(silence(1200), voice(560, 24_000, 8), silence(300)));
    for (const state of ["started", "stopped"] as const) call.upstream({ type: "speech", state }, "up1.1");
    call.upstream({ type: "committed", item: "theirs" }, "up1.1");
    call.speak(silence(3000));
    expect(call.types().filter((type) => type === "input_audio_buffer.committed")).toHaveLength(2);
    call.answer(voice(200), "Two.");
    call.speak(silence(6000));
    expect(call.open.has("up1.1")).toBe(true);
  });

  test("[M24] what it announced while nobody decided here is not announced again as a turn", () => {
    const upstreams = [kind("one", "server"), kind("two", "client")];
    const call = new Call({ upstreams, dialect: "duplex.v1" });
    const detection = (turn_detection: JsonObject | null) =>
      call.client({ type: "session.update", session: { audio: { input: { turn_detection } } } });
    detection(null);
    call.upstream({ type: "speech", state: "started" });
    detection({ type: "server_vad" });
    call.speak(TURN);
    const started = call.events.filter(({ type }) => type === "input_audio_buffer.speech_started");
    expect(started.length).toBe(2);
    expect(started[0]?.["item_id"]).not.toBe(started[1]?.["item_id"]);
  });

  test.each([true, false])(
    "[L65] a new connection of it cannot be told a turn without words (words: %s)",
    (words) => {
      const upstreams = [kind("one", "client"), kind("two", "server")];
      const call = new Call({ upstreams, dialect: "duplex.v1" });
      call.speak(TURN);
      const itemId = String(call.last("input_audio_buffer.committed")["item_id"]);
      if (words)
        call.upstream({ type: "input.transcript.completed", itemId, transcript: "Hi.", usage: null });
      call.open.delete("up1.1");
      call.input({ type: "close", peer: "up1.1", code: 1006, reason: "" });
      call.advance(5000);
      const lost = call.events.filter(({ type }) => type === "error").map(({ error }) => error);
      const named = expect.objectContaining({ code: "audio_lost", message: expect.stringContaining(itemId) });
      expect(lost.some((error) => JSON.stringify(error).includes("audio_lost"))).toBe(!words);
      if (!words) expect(lost).toContainEqual(named);
    },
  );

  test("[M25] its words are those of the caller's turn", () => {
    const upstreams = [kind("one", "server"), kind("two", "client")];
    const call = new Call({ upstreams, dialect: "duplex.v1" });
    call.speak(TURN);
    call.upstream({ type: "committed", item: "theirs" });
    call.upstream({ type: "input.transcript.completed", itemId: "theirs", transcript: "Hi.", usage: null });
    const item_id = call.last("input_audio_buffer.committed")["item_id"];
    expect(call.last("conversation.item.input_audio_transcription.completed")).toMatchObject({
      item_id,
      transcript: "Hi.",
    });
  });

  test.each(["none", "server"])("[M26] after parking, speech wakes all, from its onset (%s)", (other) => {
    const call = new Call({
      upstreams: [kind("one", "client"), kind("two", other)],
      dialect: "duplex.v1",
      limits: { parkMs: 20_000 },
    });
    call.speak(silence(21_000));
    expect([...call.open]).toEqual(["client"]);
    const speech = concat(silence(400), voice(1200));
    call.speak(speech);
    expect([...call.open].sort()).toEqual(["client", "up0.2", "up1.2"]);
    for (const peer of ["up0.2", "up1.2"]) call.accept(peer);
    call.speak(silence(900));
    for (const peer of ["up0.2", "up1.2"]) {
      const heard = samplesOf(call.heard(peer));
      expect(Buffer.from(heard.buffer).includes(Buffer.from(voice(1200).buffer))).toBe(true);
      expect(heard.length).toBeLessThan(24 * 3000);
    }
    expect(call.types()).not.toContain("relay.audio_dropped");
  });
});

describe("the name of a turn", () => {
  const item = (id: string) => ({
    type: "message" as const,
    id,
    role: "user",
    content: [{ type: "input_text", text: "mine" }],
  });

  test("[M27] that was announced cannot be an item of the client's", () => {
    const call = new Call();
    call.speak(concat(silence(600), voice(900)));
    const id = String(call.last("input_audio_buffer.speech_started")["item_id"]);
    call.client({ type: "conversation.item.create", item: item(id), event_id: "mine" });
    expect(call.last("error")["error"]).toMatchObject({
      code: "item_create_duplicate_item_id",
      event_id: "mine",
      param: "item.id",
    });
    call.speak(silence(900));
    expect(call.last("input_audio_buffer.committed")["item_id"]).toBe(id);
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
  });

  test.each(["client", "server"])("[M27] that was guessed beforehand is not the turn's (%s)", (turns) => {
    const call = new Call({ upstreams: [kind("one", turns)] });
    const guessed = call.session.snapshot().turns.item.id;
    call.client({ type: "conversation.item.create", item: item(guessed) });
    call.speak(TURN);
    if (turns === "server") call.upstream({ type: "committed", item: "theirs" });
    expect(call.last("input_audio_buffer.committed")["item_id"]).not.toBe(guessed);
    call.client({ type: "input_audio_buffer.clear" });
    call.client({ type: "conversation.item.create", item: item(call.session.snapshot().turns.item.id) });
    call.speak(silence(300));
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.types()).not.toContain("error");
  });
});
