import { describe, expect, test } from "vitest";

import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const FALLBACK = { ...WIRE, fallback: [{ adapter: "wire" }] };

function lose(call: Call, peer: string): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
}

describe("an upstream is lost", () => {
  test("[L15] an unanswered turn is not: the next connection hears it, sample for sample, and is asked again", () => {
    const call = new Call();
    call.speak(TURN);
    const first = call.heard();
    lose(call, "up0.1");
    expect(call.types()).not.toContain("response.done");
    call.advance(300);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "respond"]);
    expect(call.heard("up0.2")).toEqual(first);
    call.answer(voice(200), "Yes.", "up0.2");
    const dones = call.events.filter((event) => event.type === "response.done");
    expect(dones).toHaveLength(1);
    expect(dones[0]?.["response"]).toMatchObject({ status: "completed" });
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
  });

  test("[L36] a turn whose audio is not kept is named; the caller's words are kept longest", () => {
    const limits = { archiveBytes: 10 * 32_768, wordlessBytes: 10 * 32_768 };
    const call = new Call({ limits }); // The history has about half of it.
    call.speak(TURN);
    call.answer(voice(8000));
    // The answer alone is more than the archive takes: the turn is still there.
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    expect(call.heard("up0.2").length).toBeGreaterThan(48 * 1200);
    expect(JSON.stringify(call.events)).not.toContain('"audio_lost"');
    call.speak(TURN);
    call.speak(TURN);
    call.clearEvents();
    lose(call, "up0.2");
    // The second in a row that answered nothing: dialled after twice the wait.
    call.advance(600);
    const lost = call.events.filter((event) => JSON.stringify(event).includes('"audio_lost"'));
    expect(lost).toHaveLength(1);
    expect(lost[0]?.["error"]).toMatchObject({
      message: expect.stringMatching(/ms of what was said .*item_/),
    });
  });

  test("[L16] with a fallback the next in order is dialled at once", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.speak(TURN);
    lose(call, "up0.1");
    call.advance(1);
    expect(call.actions.filter((action) => action.type === "dial")).toHaveLength(2);
    call.accept("up0.2");
    call.answer(voice(200), "Yes.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L17] with a fallback an upstream that says nothing for two seconds is left for it", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    call.advance(1900);
    expect(call.open.has("up0.1")).toBe(true);
    call.advance(200);
    expect(call.open.has("up0.1")).toBe(false);
    call.accept("up0.2");
    call.answer(voice(200), "Here.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L18] an answer that stands still two seconds after it ran dry is left for the fallback, not sooner", () => {
    const call = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    call.beginAnswer();
    const audio = new Uint8Array(voice(3000).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    call.advance(4500);
    expect(call.open.has("up0.1")).toBe(true);
    call.advance(1000);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
  });

  test("[L19] after an answer that broke off the next connection is asked to go on, not to begin again", () => {
    const call = new Call({ session: { instructions: "Be kind." } });
    call.speak(TURN);
    call.beginAnswer();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Once upon" });
    const audio = new Uint8Array(voice(500).slice().buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    lose(call, "up0.1");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
    call.advance(300);
    call.accept("up0.2");
    const respond = call.commands("up0.2").at(-1);
    expect(respond).toMatchObject({
      type: "respond",
      options: { params: { instructions: expect.stringMatching(/^Be kind\.\n.*do not repeat/s) } },
    });
    expect(call.types().at(-1)).toBe("response.created");
  });

  test("[L19] it is asked when all that there was of the answer has been heard, and is told that", () => {
    const call = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1" });
    call.speak(TURN);
    call.beginAnswer();
    const audio = new Uint8Array(voice(2000).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Once upon" });
    lose(call, "up0.1");
    call.advance(100);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit"]);
    call.advance(2000);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
    const [told, respond] = call.commands("up0.2").slice(-2);
    expect(told).toMatchObject({ type: "item", item: { content: [{ text: "Once upon" }] } });
    expect(respond).toMatchObject({
      options: { params: { instructions: expect.stringContaining("do not repeat") } },
    });
    call.answer(voice(200), "a time.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L19] but not when the caller interrupted what there was", () => {
    const call = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1" });
    call.speak(TURN);
    call.beginAnswer();
    const audio = new Uint8Array(voice(4000).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    lose(call, "up0.1");
    call.advance(100);
    call.accept("up0.2");
    call.client({ type: "output_audio_buffer.clear" });
    call.advance(5000);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "cancelled" });
    expect(call.commandTypes("up0.2")).not.toContain("respond");
  });

  test("[L20] what the upstream had finished saying is said to its end, though it is gone", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const story = voice(3000);
    call.client({ type: "response.create" });
    call.answer(story);
    lose(call, "up0.1");
    call.advance(4000);
    expect(Uint8Array.from(call.frames.flatMap((one) => [...one.payload]))).toEqual(
      new Uint8Array(story.buffer),
    );
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L21] the next connection is told of an interrupted answer what was heard, cut between words", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(voice(8000), "one two three four five six seven eight nine ten eleven twelve");
    call.advance(2000);
    call.client({ type: "output_audio_buffer.clear" });
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    const told = call.commands("up0.2").find((command) => command.type === "item");
    const words = (told?.type === "item" ? JSON.stringify(told.item) : "").match(/"text":"([^"]*)"/)?.[1];
    expect(words).toMatch(/^one( \w+)*$/);
    expect("one two three four".startsWith(words ?? "x")).toBe(true);
  });
});
