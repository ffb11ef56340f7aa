import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
/** A provider whose connections live for ten seconds: rolled over from 7.5 s on, by force at 9.5 s. */
const SHORT = { name: "wire", options: { adapter: "wire", settings: { maxSessionMs: 10_000 } } };
const STANDBY = { ...WIRE, standby: true, fallback: [{ adapter: "wire" }] };

const dialled = (call: Call): string[] =>
  call.actions.flatMap((action) => (action.type === "dial" ? [action.peer] : []));

function lose(call: Call, peer: string, code = 1006): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code, reason: "" });
}

function say(call: Call, text: string): void {
  const item: JsonObject = { type: "message", role: "user", content: [{ type: "input_text", text }] };
  call.client({ type: "conversation.item.create", item });
}

describe("rollover", () => {
  test("[L22] before a provider's cap a successor is dialled, told the conversation, and takes over at a gap", () => {
    const call = new Call({ upstreams: [SHORT], dialect: "duplex.v1" });
    say(call, "one");
    call.advance(7400);
    expect(dialled(call)).toEqual(["up0.1"]);
    call.advance(200);
    expect(dialled(call)).toEqual(["up0.1", "up0.2"]);
    expect(call.open.has("up0.1")).toBe(true);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "item"]);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("relay.upstream")).toMatchObject({ status: "ready", cause: "rollover" });
    call.speak(TURN);
    expect(call.commandTypes("up0.2")).toEqual(["greet", "item", "audio", "commit", "respond"]);
    expect(call.types()).not.toContain("error");
  });

  test("[L23] a rollover waits until the turn is answered, and the answer was heard to its end", () => {
    const long = { name: "wire", options: { adapter: "wire", settings: { maxSessionMs: 20_000 } } };
    const call = new Call({ upstreams: [long], dialect: "duplex.v1" });
    call.advance(14_500);
    call.speak(TURN.subarray(0, 24 * 1200));
    call.accept("up0.2");
    expect(call.open.has("up0.1")).toBe(true);
    call.speak(TURN.subarray(24 * 1200));
    expect(call.commandTypes("up0.1").slice(-2)).toEqual(["commit", "respond"]);
    call.answer(voice(1000), "Yes.");
    expect(call.open.has("up0.1")).toBe(true);
    call.advance(900);
    expect(call.open.has("up0.1")).toBe(true);
    call.advance(600);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.types()).not.toContain("error");
    // What was said while it waited is told when it takes over: the turn as sound, the answer as words.
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "item"]);
    expect(call.commands("up0.2").at(-1)).toMatchObject({ item: { role: "assistant" } });
  });

  test("[L24] a provider that announces its end is rolled over at once, and in mid-answer if there is no gap", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.beginAnswer();
    call.upstream({ type: "expiring", inMs: 8000 });
    call.accept("up0.2");
    const audio = new Uint8Array(voice(2000).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    call.advance(7000);
    expect(call.open.has("up0.1")).toBe(true);
    call.advance(700);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_expired" } },
    });
    // The next one is asked to go on where the listener was.
    expect(call.commandTypes("up0.2").at(-1)).toBe("respond");
    call.answer(voice(200), "And so on.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L25] a duplex upstream is rolled over without a sample lost or heard twice", () => {
    const duplex = {
      name: "wire",
      options: { adapter: "wire", settings: { turns: "none", maxSessionMs: 10_000 } },
    };
    const call = new Call({ upstreams: [duplex], session: { audio: { input: { turn_detection: null } } } });
    const spoken = concat(voice(9000), silence(1000));
    const half = spoken.length / 2;
    call.speak(spoken.subarray(0, half));
    call.advance(3000);
    call.accept("up0.2");
    call.speak(spoken.subarray(half));
    const heard = [...call.heard("up0.1"), ...call.heard("up0.2")];
    expect(call.heard("up0.2").length).toBeGreaterThan(0);
    expect(Uint8Array.from(heard)).toEqual(new Uint8Array(spoken.buffer));
  });

  test("[L26] a successor that cannot be had is tried again, and the call goes on meanwhile", () => {
    const call = new Call({ upstreams: [SHORT], dialect: "duplex.v1" });
    call.advance(7600);
    lose(call, "up0.2");
    expect(call.types()).not.toContain("error");
    call.speak(TURN.subarray(0, 24 * 600));
    call.advance(500);
    expect(dialled(call)).toEqual(["up0.1", "up0.2", "up0.3"]);
    expect(call.open.has("up0.1")).toBe(true);
  });
});

describe("standby", () => {
  test("[L27] a standby is kept configured and takes over at once: the unanswered turn is heard and asked again", () => {
    const call = new Call({ upstreams: [STANDBY], dialect: "duplex.v1" });
    expect(dialled(call)).toEqual(["up0.1", "up0.2"]);
    call.accept("up0.2");
    call.speak(TURN);
    const first = call.heard();
    lose(call, "up0.1");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "respond"]);
    expect(call.heard("up0.2")).toEqual(first);
    expect(call.last("relay.upstream")).toMatchObject({ status: "ready", cause: "failover" });
    call.answer(voice(200), "Yes.", "up0.2");
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    // And another one is warmed for the next time.
    expect(dialled(call)).toEqual(["up0.1", "up0.2", "up0.3"]);
  });

  test("[L28] a standby that has been told what then changed is told the change", () => {
    const call = new Call({ upstreams: [STANDBY], dialect: "duplex.v1" });
    say(call, "one");
    call.client({ type: "response.create" });
    call.answer(voice(3000), "A very long answer that goes on and on.");
    call.advance(3000);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "item", "item"]);
    say(call, "two");
    const { item } = call.commands("up0.2")[1] as { item: JsonObject };
    call.client({ type: "conversation.item.delete", item_id: item["id"] ?? "" });
    lose(call, "up0.1");
    expect(call.commandTypes("up0.2").slice(3)).toEqual(["delete", "item"]);
    expect(call.commands("up0.2").at(-1)).toMatchObject({ item: { content: [{ text: "two" }] } });
  });

  test("[L28] so is one whose provider knows no truncation: what it was told in words is told anew", () => {
    const settings = { truncate: false };
    const upstream = {
      ...STANDBY,
      options: { adapter: "wire", settings },
      fallback: [{ adapter: "wire", settings }],
    };
    const call = new Call({ upstreams: [upstream] });
    say(call, "one");
    call.client({ type: "response.create" });
    call.answer(voice(3000), "A very long answer that goes on and on.");
    const item_id = String(call.last("response.output_audio.done")["item_id"]);
    call.accept("up0.2");
    lose(call, "up0.1");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "item", "item"]);
    call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 1000 });
    expect(call.commandTypes("up0.2").slice(3)).toEqual(["delete", "item"]);
    const told = JSON.stringify(call.commands("up0.2").at(-1));
    expect(told).toContain("A very");
    expect(told).not.toContain("on and on");
  });

  test("[L29] a lost standby is dialled again, ever less often; nobody waits for it", () => {
    const call = new Call({ upstreams: [STANDBY], dialect: "duplex.v1" });
    lose(call, "up0.2");
    call.advance(1000);
    lose(call, "up0.3");
    call.advance(1900);
    expect(dialled(call)).toHaveLength(3);
    call.advance(200);
    expect(dialled(call)).toHaveLength(4);
    expect(call.types()).not.toContain("error");
  });

  test("[L30] the open time of every connection is counted once, and every one is hung up with the session", () => {
    const call = new Call({ upstreams: [STANDBY], dialect: "realtime" });
    call.accept("up0.2");
    call.advance(1000);
    lose(call, "client", 1000);
    expect([...call.open]).toEqual([]);
    const opened = call.actions.flatMap((action) =>
      action.type === "metric" && action.name === "upstream_open_ms" ? [action.value] : [],
    );
    expect(opened).toEqual([1000, 1000]);
  });
});
