/** What the connection that serves is told of items of before its time: when they end, are cut, deleted, get words. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const WORDS = "one two three four five six seven eight nine ten eleven twelve";
const STANDBY = { ...WIRE, standby: true, fallback: [{ adapter: "wire" }] };

function lose(call: Call, peer: string): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
}

/** The words of each item that the connection has by now, in its order, as it was commanded. */
function knows(call: Call, peer: string): readonly string[] {
  const items: { id: string; words: string }[] = [];
  for (const command of call.commands(peer)) {
    if (command.type === "commit") items.push({ id: command.itemId, words: "(sound)" });
    else if (command.type === "delete") {
      const at = items.findIndex(({ id }) => id === command.itemId);
      expect(at, `${command.itemId} is deleted and was not there`).toBeGreaterThanOrEqual(0);
      items.splice(at, 1);
    } else if (command.type === "item") {
      const { item, previousItemId } = command;
      expect(items.map(({ id }) => id)).not.toContain(item.id);
      const before = items.findIndex(({ id }) => id === previousItemId);
      if (previousItemId !== null && previousItemId !== "root") expect(before).toBeGreaterThanOrEqual(0);
      const at = previousItemId === null ? items.length : before + 1;
      const parts = (item["content"] ?? []) as { text: string }[];
      const words = item.type === "message" ? parts.map(({ text }) => text).join(" ") : item.type;
      items.splice(at, 0, { id: item.id, words });
    }
  }
  return items.map(({ words }) => words);
}

const toldItems = (call: Call, peer: string) =>
  call.commands(peer).filter(({ type }) => type === "item").length;

function say(call: Call, text: string): void {
  const item: JsonObject = { type: "message", role: "user", content: [{ type: "input_text", text }] };
  call.client({ type: "conversation.item.create", item });
}

describe("an answer that is still being heard when its connection is replaced", () => {
  test("[L53] is told when it has ended: once, whole, at its place", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(voice(6000), WORDS);
    call.advance(1000);
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    expect(knows(call, "up0.2")).toEqual(["(sound)"]);
    say(call, "typed meanwhile");
    call.client({ type: "session.heartbeat" });
    call.advance(4000);
    call.client({ type: "session.heartbeat" });
    call.advance(2000);
    expect(knows(call, "up0.2")).toEqual(["(sound)", WORDS, "typed meanwhile"]);
    expect(toldItems(call, "up0.2")).toBe(2);
  });

  test("[L53] before the next question is asked, in the same call as that", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(voice(3000), WORDS);
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    call.client({ type: "session.heartbeat" });
    call.advance(2600);
    call.speak(TURN);
    expect(call.commandTypes("up0.2").slice(0, 4)).toEqual(["greet", "audio", "commit", "item"]);
    expect(call.commandTypes("up0.2").at(-1)).toBe("respond");
    expect(knows(call, "up0.2")).toEqual(["(sound)", WORDS, "(sound)"]);
  });

  test("[L54] and is interrupted after that: what was heard is told, and no cancel", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.beginAnswer();
    const audio = new Uint8Array(voice(6000).buffer).toBase64();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: WORDS });
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    call.advance(1000);
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    call.client({ type: "output_audio_buffer.clear" });
    const entry = call.session.snapshot().conversation.entries.at(-1);
    expect(entry?.heardText).toMatch(/^one/);
    expect(knows(call, "up0.2")).toEqual(["(sound)", entry?.heardText]);
    expect(call.commandTypes("up0.2")).not.toContain("cancel");
    expect(call.commandTypes("up0.2")).not.toContain("truncate");
  });

  test("[L54] and of which nothing was heard is not told at all", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(voice(6000), WORDS);
    lose(call, "up0.1");
    call.client({ type: "output_audio_buffer.clear" });
    call.advance(300);
    call.accept("up0.2");
    call.advance(100);
    expect(knows(call, "up0.2")).toEqual(["(sound)"]);
  });

  test("[L54] by a plain client that truncates what was told whole: told anew, as far as it was heard", () => {
    const call = new Call();
    call.speak(TURN);
    call.answer(voice(6000), WORDS);
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    expect(knows(call, "up0.2")).toEqual(["(sound)", WORDS]);
    say(call, "typed");
    const id = call.last("response.output_item.done")["item"] as { id: string };
    const cut = (ms: number) =>
      call.client({ type: "conversation.item.truncate", item_id: id.id, content_index: 0, audio_end_ms: ms });
    cut(2000);
    expect(knows(call, "up0.2")).toEqual(["(sound)", "one two three four", "typed"]);
    cut(0);
    expect(knows(call, "up0.2")).toEqual(["(sound)", "typed"]);
    expect(call.commandTypes("up0.2")).not.toContain("truncate");
    // What this connection makes is truncated there.
    call.client({ type: "response.create" });
    call.answer(voice(1000), "Mine.", "up0.2");
  });

  test("[L54] by a plain client's caller: what can have been heard is told in its place", () => {
    const call = new Call();
    call.speak(TURN);
    call.answer(voice(8000), WORDS);
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    expect(knows(call, "up0.2")).toEqual(["(sound)", WORDS]);
    call.advance(2000);
    call.speak(TURN);
    const [, told = ""] = knows(call, "up0.2");
    expect(told).toMatch(/^one( \w+)*$/);
    expect(told.length).toBeLessThan(WORDS.length / 2);
    expect(knows(call, "up0.2")).toHaveLength(3);
  });

  test("[L53] and a standby takes over in the middle of it", () => {
    const call = new Call({ upstreams: [STANDBY], dialect: "duplex.v1" });
    call.accept("up0.2");
    call.speak(TURN);
    call.answer(voice(6000), WORDS);
    call.advance(1000);
    lose(call, "up0.1");
    expect(call.last("relay.upstream")).toMatchObject({ status: "ready", cause: "failover" });
    call.client({ type: "session.heartbeat" });
    call.advance(4000);
    call.client({ type: "session.heartbeat" });
    call.advance(3000);
    expect(knows(call, "up0.2")).toEqual(["(sound)", WORDS]);
    expect(toldItems(call, "up0.2")).toBe(1);
  });

  test("[L53] and it is rolled over by force in the middle of it", () => {
    const short = { name: "wire", options: { adapter: "wire", settings: { maxSessionMs: 10_000 } } };
    const call = new Call({ upstreams: [short], dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(voice(9000), WORDS);
    for (let at = 0; at < 12; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
      if (call.open.has("up0.2") && !call.sent.has("up0.2")) call.accept("up0.2");
    }
    expect(call.open.has("up0.1")).toBe(false);
    expect(knows(call, "up0.2")).toEqual(["(sound)", WORDS]);
    expect(toldItems(call, "up0.2")).toBe(1);
  });

  test("[P2] goes on in another isolate", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(voice(3000), WORDS);
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    call.hibernate();
    call.client({ type: "session.heartbeat" });
    call.advance(3500);
    expect(knows(call, "up0.2")).toEqual(["(sound)", WORDS]);
  });
});

describe("what a connection was told of", () => {
  test("[L62] is deleted there with the item, and only there where it was told", () => {
    const call = new Call();
    say(call, "first");
    say(call, "second");
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    const [{ item }] = call.events.filter(({ type }) => type === "conversation.item.done") as never as [
      { item: { id: string } },
    ];
    call.client({ type: "conversation.item.delete", item_id: item.id });
    expect(knows(call, "up0.2")).toEqual(["second"]);
  });

  test("[L62] is told anew when the caller's words change that it was told as text", () => {
    const ear = { name: "ear", options: { adapter: "wire" } };
    const call = new Call({ transcriber: ear });
    const complete = (transcript: string, key: string) =>
      call.upstream({ type: "input.transcript.completed", itemId: key, transcript, usage: null }, "up1.1");
    call.speak(TURN);
    complete("One.", "a");
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    expect(knows(call, "up0.2")).toEqual(["One."]);
    complete("Two.", "b");
    expect(knows(call, "up0.2")).toEqual(["One. Two."]);
  });

  test("[L55] is its own upstream's: answers and calls of another are not told as its own", () => {
    const two = ["a", "b"].map((name) => ({ name, options: { adapter: "wire" } }));
    const call = new Call({ upstreams: two });
    call.speak(TURN);
    call.answer(voice(200), "Answer of A.", "up0.1");
    call.beginAnswer("up1.1");
    const called = { response: "r", item: "c" };
    call.upstream(
      { type: "item.started", ...called, kind: "function_call", name: "f", callId: "c1" },
      "up1.1",
    );
    call.upstream({ type: "item.done", ...called, status: "completed", arguments: "{}" }, "up1.1");
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Answer of B." }, "up1.1");
    call.finishAnswer("up1.1");
    const output = { type: "function_call_output", call_id: "c1", output: "{}" };
    call.client({ type: "conversation.item.create", item: output });
    for (const peer of ["up0.1", "up1.1"]) lose(call, peer);
    call.advance(300);
    for (const peer of ["up0.2", "up1.2"]) call.accept(peer);
    expect(knows(call, "up0.2")).toEqual(["(sound)", "Answer of A."]);
    expect(knows(call, "up1.2")).toEqual([
      "(sound)",
      "Answer of B.",
      "function_call",
      "function_call_output",
    ]);
  });

  test("[L56] is no call that broke off in its arguments, and not what was given back for it", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.beginAnswer();
    const called = { response: "r", item: "c" };
    call.upstream({ type: "item.started", ...called, kind: "function_call", name: "f", callId: "c1" });
    call.upstream({ type: "arguments", ...called, delta: '{"city":"Pa' });
    call.client({ type: "response.cancel" });
    const output = { type: "function_call_output", call_id: "c1", output: "{}" };
    call.client({ type: "conversation.item.create", item: output });
    lose(call, "up0.1");
    call.advance(300);
    call.accept("up0.2");
    expect(knows(call, "up0.2")).toEqual([]);
  });
});
