/** A transcriber beside upstreams whose turns the client takes itself. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAR = { name: "ear", options: { adapter: "wire", model: "scribe", settings: { turns: "server" } } };
const DONE = "conversation.item.input_audio_transcription.completed";
const turnDetection = (turn_detection: JsonObject | null) => ({ audio: { input: { turn_detection } } });

const beside = (session = {}) => new Call({ dialect: "duplex.v1", transcriber: EAR, session });
const manual = () => beside(turnDetection(null));
const SAID = concat(voice(1500), silence(300));

const delta = (call: Call, text: string, itemId: string) =>
  call.upstream({ type: "input.transcript.delta", itemId, delta: text }, "up1.1");
const completed = (call: Call, transcript: string, itemId: string) =>
  call.upstream({ type: "input.transcript.completed", itemId, transcript, usage: null }, "up1.1");

function commits(call: Call): string {
  call.client({ type: "input_audio_buffer.commit" });
  return String(call.last("input_audio_buffer.committed")["item_id"]);
}

/** Words of the items of the conversation, as they are known. */
function known(call: Call): readonly unknown[] {
  const { entries } = call.session.snapshot().conversation;
  return entries.map(({ item }) => (item["content"] as readonly JsonObject[])[0]?.["transcript"]);
}

describe("words of a turn that the client commits", () => {
  test("[L82] are not missed where nobody heard whether anything was said: a transcriber that has nothing to say to silence stays", () => {
    const limits = { firstOutputMs: 4000 };
    const call = new Call({ dialect: "duplex.v1", transcriber: EAR, session: turnDetection(null), limits });
    call.speak(silence(3000));
    commits(call);
    call.speak(silence(8000));
    expect(call.open.has("up1.1")).toBe(true);
    expect(call.types()).not.toContain("error");
  });

  // B103
  test("[B103] that come before it does are that turn's, and not the last one's", () => {
    const call = manual();
    call.speak(SAID);
    delta(call, "One", "s1");
    const first = commits(call);
    completed(call, "One.", "s1");
    expect(call.last(DONE)).toMatchObject({ item_id: first, transcript: "One." });
    call.advance(5000);
    call.speak(SAID);
    delta(call, "Two", "s2");
    completed(call, "Two.", "s2");
    const second = commits(call);
    expect(call.last(DONE)).toMatchObject({ item_id: second, transcript: "Two." });
    expect(known(call)).toEqual(["One.", "Two."]);
  });

  // B103
  test("[B103] that come when it has, and the client speaks on, are its own while they are awaited", () => {
    const call = manual();
    call.speak(SAID);
    commits(call);
    call.speak(voice(300));
    completed(call, "One.", "s1");
    call.speak(SAID);
    completed(call, "Two.", "s2");
    commits(call);
    expect(known(call)).toEqual(["One.", "Two."]);
  });

  // B104
  test.each(["cleared", "detected from now on"])("[B104] are nobody's when they are %s", (how) => {
    const call = manual();
    call.speak(SAID);
    commits(call);
    completed(call, "Zero.", "s0");
    call.speak(SAID);
    completed(call, "One.", "s1");
    if (how === "cleared") call.client({ type: "input_audio_buffer.clear" });
    else call.client({ type: "session.update", session: turnDetection({ type: "server_vad" }) });
    call.speak(concat(silence(600), SAID, silence(900)));
    if (how === "cleared") commits(call);
    completed(call, "Two.", "s2");
    expect(known(call)).toEqual(["Zero.", "Two."]);
  });

  // B105
  test("[B105] are the turn's that began by detection and goes on in the client's hands", () => {
    const call = beside();
    call.speak(concat(silence(600), voice(1000)));
    delta(call, "One", "s1");
    call.client({ type: "session.update", session: turnDetection(null) });
    call.speak(SAID);
    const item = commits(call);
    completed(call, "One two.", "s1");
    expect(call.last(DONE)).toMatchObject({ item_id: item, transcript: "One two." });
  });
});
