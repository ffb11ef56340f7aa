/** What a provider told that an answer cost, which never ended. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { Call } from "../support/call.ts";
import { CASCADE, chunk, DONE, USAGE } from "../upstreams/cascade/scripted-stages.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function asked(options: JsonObject | typeof CASCADE, hello: string): Call {
  const upstreams = [{ name: "speaker", options: options as typeof CASCADE }];
  const call = new Call({ connect: false, createUpstream, upstreams });
  call.connect("realtime");
  call.input({ type: "open", peer: "up0.1" });
  call.input({ type: "message", peer: "up0.1", data: hello });
  const content = [{ type: "input_text", text: "Hello." }];
  call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  call.client({ type: "response.create" });
  return call;
}

/** Its text is written, and some of its sound has come. */
function cascade(): Call {
  const call = asked(CASCADE, '{"type":"Connected","request_id":"r","sequence_id":0}');
  const peer = (stage: string): string => {
    const dials = call.actions.flatMap((action) => (action.type === "dial" ? [action.peer] : []));
    return dials.findLast((one) => one.includes(`/${stage}.`)) ?? "";
  };
  const text = peer("text");
  call.input({ type: "open", peer: text, head: { status: 200, type: "text/event-stream" } });
  call.input({
    type: "message",
    peer: text,
    data: bytes(chunk({ content: "Good day to you." }) + chunk({}, "stop") + USAGE + DONE),
  });
  const speech = peer("speech");
  call.input({ type: "open", peer: speech, head: { status: 200, type: "audio/pcm" } });
  call.input({ type: "message", peer: speech, data: new Uint8Array(9600).fill(9) });
  return call;
}

function gemini(): Call {
  const call = asked({ adapter: "gemini-live", model: "gemini-2.5-flash" }, '{"setupComplete":{}}');
  const inlineData = { mimeType: "audio/pcm;rate=24000", data: new Uint8Array(9600).fill(9).toBase64() };
  const said = {
    serverContent: { modelTurn: { parts: [{ inlineData }] } },
    usageMetadata: { promptTokenCount: 12, responseTokenCount: 5 },
  };
  call.input({ type: "message", peer: "up0.1", data: JSON.stringify(said) });
  return call;
}

const USED = { input_tokens: 12, output_tokens: 5, total_tokens: 17 };
const breaks = (call: Call, peer: string): void => {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
};

describe("what an answer cost that never ended", () => {
  test.each([
    [
      "a stage of a cascade",
      cascade,
      (call: Call) => breaks(call, [...call.open].find((peer) => peer.includes("/speech")) ?? ""),
    ],
    ["a cascade's transcriber", cascade, (call: Call) => breaks(call, "up0.1")],
    ["Gemini's socket", gemini, (call: Call) => breaks(call, "up0.1")],
  ] as const)("[U304] is counted once, where it was told before %s broke off", (_, begin, lose) => {
    const call = begin();
    expect(call.session.state().usage).toEqual({});
    lose(call);
    expect(call.session.state().usage).toMatchObject(USED);
    call.advance(3000);
    expect(call.session.state().usage).toMatchObject(USED);
  });

  test.each([cascade, gemini])("[U304] is counted when the session ends in it", (begin) => {
    const call = begin();
    call.session.terminate(call.now);
    expect(call.session.state().usage).toMatchObject(USED);
  });
});
