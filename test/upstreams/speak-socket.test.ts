/** A cascade whose synthesiser speaks over a socket of Deepgram's dialect. */
import { describe, expect, it } from "vitest";

import type { UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { SpeechCall } from "./cascade/speech-call.ts";
import { withPart, WORKERS_AI } from "./cascade/workers-ai-wire.ts";

describe("a synthesiser over a socket", () => {
  const DEEPGRAM = {
    adapter: "deepgram-speak",
    model: "aura-2-thalia-en",
    headers: { Authorization: "Token k" },
  };
  const options: UpstreamOptions = {
    ...WORKERS_AI,
    parts: { ...WORKERS_AI.parts, speech: { ...DEEPGRAM, url: "wss://api.deepgram.com/v1/speak" } },
  };
  it("[U138] is dialled with its key, told a text, and heard until it says that this was all", () => {
    const call = new SpeechCall(options);
    expect(call.opened.at(-1)?.opening.request).toEqual({
      url: "https://api.deepgram.com/v1/speak?model=aura-2-thalia-en&encoding=linear16&sample_rate=24000",
      headers: { Authorization: "Token k" },
      protocols: [],
    });
    const first = call.channel;
    call.take(call.upstream.channels?.opened(first, null));
    expect(call.effects.filter(({ type }) => type === "send")).toEqual([
      { type: "send", channel: first, data: '{"type":"Speak","text":"Good day."}' },
      { type: "send", channel: first, data: '{"type":"Flush"}' },
    ]);
    for (const message of [
      '{"type":"Metadata"}',
      Uint8Array.of(1, 2, 3),
      Uint8Array.of(4),
      '{"type":"Warning"}',
    ])
      call.say(message);
    call.say('{"type":"Flushed","sequence_id":0}');
    expect(call.effects).toContainEqual({ type: "close", channel: first });
    expect(call.channel).not.toBe(first);
    call.take(call.upstream.channels?.opened(call.channel, null));
    call.say(Uint8Array.of(5, 6));
    call.say('{"type":"Flushed","sequence_id":0}');
    expect(call.heard).toEqual([1, 2, 3, 4, 5, 6]);
    expect(call.ends).toMatchObject([{ status: "completed" }]);
  });

  it("[U138] that closes before it, complains, or says nothing is a failure; a refused key is told as one", () => {
    const broken = new SpeechCall(options);
    broken.take(broken.upstream.channels?.opened(broken.channel, null));
    broken.take(broken.upstream.channels?.closed(broken.channel, 1000, ""));
    expect(broken.opened).toHaveLength(3);
    broken.take(broken.upstream.channels?.opened(broken.channel, null));
    broken.say('{"type":"Flushed"}');
    expect(broken.ends).toMatchObject([{ status: "failed", error: { code: "upstream_protocol_error" } }]);
    const refused = new SpeechCall(options);
    refused.take(refused.upstream.channels?.closed(refused.channel, 0, "HTTP 401"));
    expect(refused.ends).toMatchObject([{ status: "failed", error: { code: "authentication_error" } }]);
    const complaining = new SpeechCall(options);
    complaining.take(complaining.upstream.channels?.opened(complaining.channel, null));
    complaining.say('{"type":"Error","code":"insufficient_quota","message":"no credit"}');
    expect(complaining.ends).toMatchObject([{ error: { code: "insufficient_quota" } }]);
    expect(complaining.effects.at(-1)).toEqual({ type: "close", channel: complaining.channel });
    const mad = new SpeechCall(options);
    mad.say("Flushed");
    expect(mad.ends).toMatchObject([{ error: { code: "upstream_protocol_error" } }]);
  });

  it("[U138] is Workers AI's too, asked for what it gives where nothing is asked", () => {
    const settings = { socket: true, voice: "luna" };
    const call = new SpeechCall(withPart("speech", { model: "@cf/deepgram/aura-1", settings }));
    expect(call.opened.at(-1)?.opening.request.run).toEqual({
      binding: "AI",
      model: "@cf/deepgram/aura-1",
      inputs: { speaker: "luna" },
      gives: "socket",
    });
  });
});
