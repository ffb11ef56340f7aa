/** Deepgram's Nova, in the words of the types of `@deepgram/sdk` 5.13. */
import { expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { TranscriberUpstream } from "../../src/upstreams/transcribers/transcriber.ts";

const connected = (): TranscriberUpstream => {
  const upstream = createUpstream({
    adapter: "deepgram-nova",
    headers: { Authorization: "Token k" },
  }) as TranscriberUpstream;
  upstream.greet();
  expect(upstream.channels?.effects()).toEqual([{ type: "wait", what: "ready", ms: 0 }]);
  expect(upstream.channels?.waited("ready")).toEqual([{ type: "ready" }]);
  return upstream;
};
const results = (transcript: string, is_final: boolean, more: JsonObject = {}): string =>
  JSON.stringify({
    type: "Results",
    channel_index: [0, 1],
    start: 0,
    duration: 1,
    is_final,
    speech_final: false,
    channel: { alternatives: [{ transcript, confidence: 1, words: [] }] },
    ...more,
  });

test("[U276] is dialled as its own clients dial it, and asks for words as they grow", () => {
  const { url, headers } = connected().request();
  expect(url).toBe(
    "https://api.deepgram.com/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true&smart_format=true&model=nova-3",
  );
  expect(headers).toEqual({ Authorization: "Token k" });
});

test("[U276] tells a phrase until it is final, and the next one as another; what is silent is none", () => {
  const upstream = connected();
  const events = [
    results("Good", false),
    results("Good day", false),
    results("Good day.", true),
    results("", true),
    JSON.stringify({ type: "UtteranceEnd", channel: [0], last_word_end: 1 }),
    results("Bye", false),
    results("Bye.", true, { from_finalize: true, speech_final: true }),
  ].flatMap((message) => upstream.decode(message));
  expect(events.filter(({ type }) => type === "input.transcript.completed")).toMatchObject([
    { transcript: "Good day." },
    { transcript: "Bye." },
  ]);
  expect(upstream.held).toBe(0);
});

test("[U276] is told that a turn is over and kept awake in its own words; what it complains of is told", () => {
  const upstream = connected();
  expect(upstream.finish()).toEqual(['{"type":"Finalize"}']);
  expect(upstream.capabilities.keepaliveMs).toBe(4000);
  expect(upstream.encode({ type: "keepalive" })).toEqual(['{"type":"KeepAlive"}']);
  expect(upstream.decode('{"type":"Error","code":"DATA-0000","description":"no audio"}')).toMatchObject([
    { type: "error", fatal: true, error: { code: "DATA-0000" } },
  ]);
});
