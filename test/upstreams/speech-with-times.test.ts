/** Synthesisers that say when each word is spoken, over sockets that refuse what the providers would refuse. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { ScriptedCartesia, ScriptedElevenLabsSpeech } from "./cascade/scripted-speech.ts";
import { SpeechCall } from "./cascade/speech-call.ts";
import { WORKERS_AI } from "./cascade/workers-ai-wire.ts";

interface Subject {
  readonly name: string;
  readonly part: UpstreamOptions;
  readonly server: () => { receive(data: string): readonly string[]; readonly received: JsonObject[] };
  readonly url: string;
  readonly error: string;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: "cartesia",
    part: {
      adapter: "cartesia",
      model: "sonic-3",
      headers: { "X-API-Key": "k" },
      settings: { voice: "694f9389" },
    },
    server: () => new ScriptedCartesia(),
    url: "https://api.cartesia.ai/tts/websocket",
    error: '{"type":"error","title":"Payment Required","message":"no credit","status_code":402,"done":true}',
  },
  {
    name: "elevenlabs",
    part: {
      adapter: "elevenlabs",
      model: "eleven_flash_v2_5",
      headers: { "xi-api-key": "k" },
      settings: { voice: "Rachel/1" },
    },
    server: () => new ScriptedElevenLabsSpeech(),
    url: "https://api.elevenlabs.io/v1/text-to-speech/Rachel%2F1/stream-input?model_id=eleven_flash_v2_5&output_format=pcm_24000&auto_mode=true",
    error: '{"message":"no credit","error":"insufficient_quota","code":1008}',
  },
];

const optionsOf = (part: UpstreamOptions): UpstreamOptions => ({
  ...WORKERS_AI,
  parts: { ...WORKERS_AI.parts, speech: part },
});

/** Opens the channel, and plays the server until it has said `most` messages. */
function play(call: SpeechCall, server: ReturnType<Subject["server"]>, most = Infinity): void {
  const { channel } = call;
  call.take(call.upstream.channels?.opened(channel, null));
  const sent = call.effects.flatMap((one) =>
    one.type === "send" && one.channel === channel ? [one.data] : [],
  );
  const said = sent.flatMap((data) => server.receive(String(data)));
  for (const message of said.slice(0, most)) call.say(message);
}

describe.each(SUBJECTS)("$name", ({ part, server, url, error }) => {
  test("[U274] is dialled, takes what it is told, and is heard to its end, text by text", () => {
    const call = new SpeechCall(optionsOf(part));
    const { request } = call.opened.at(-1)?.opening ?? {};
    expect(request?.url).toBe(url);
    expect(request?.headers).toMatchObject(part.headers ?? {});
    play(call, server());
    play(call, server());
    expect(call.ends).toMatchObject([{ status: "completed" }]);
    const words = call.events.flatMap((one) => (one.type === "transcript" ? [one.delta] : []));
    expect(words.join("")).toBe("Good day. And more.");
    // A blank at the end may be spoken as well.
    expect(call.heard.length / 48).toBeGreaterThanOrEqual("Good day.And more.".length);
    const closed = call.effects.flatMap((one) => (one.type === "close" ? [one.channel] : []));
    expect(closed.filter((channel) => channel.startsWith("speech"))).toHaveLength(2);
  });

  test("[U275] what was heard of a text is known by the times of its words", () => {
    const call = new SpeechCall(optionsOf(part));
    play(call, server());
    play(call, server());
    const { item } = call.events.find(({ type }) => type === "item.started") as unknown as { item: string };
    const first = call.events.filter((one) => one.type === "audio").slice(0, 2);
    const firstMs = first.reduce((sum, one) => sum + (one.type === "audio" ? one.bytes.length / 48 : 0), 0);
    // 'Good' is over at 4 ms, 'day.' at 9; of the second text 'And' at 3.
    for (const [ms, heard] of [
      [firstMs + 4, "Good day. And"],
      [6, "Good"],
    ] as const) {
      call.upstream.encode({ type: "truncate", itemId: item, contentIndex: 0, audioEndMs: ms });
      expect(told(call)).toBe(heard);
    }
  });

  test("[U274] that is cut is closed, and nothing of it is heard afterwards", () => {
    const call = new SpeechCall(optionsOf(part));
    play(call, server(), 1);
    const { channel } = call;
    const heard = call.heard.length;
    call.upstream.encode({ type: "cancel", responseId: "R1" });
    call.take();
    expect(call.effects).toContainEqual({ type: "close", channel });
    call.take(call.upstream.channels?.data(channel, '{"type":"done"}'));
    expect(call.heard).toHaveLength(heard);
  });

  test("[U274] that complains, breaks off or says nonsense is a failure with its reason", () => {
    const complaining = new SpeechCall(optionsOf(part));
    play(complaining, server(), 0);
    complaining.say(error);
    expect(complaining.ends).toMatchObject([{ status: "failed", error: { code: "insufficient_quota" } }]);
    const mad = new SpeechCall(optionsOf(part));
    play(mad, server(), 0);
    mad.say(part.adapter === "cartesia" ? '{"type":"chunk","data":"%%"}' : '{"audio":"%%"}');
    expect(mad.ends).toMatchObject([{ status: "failed", error: { code: "upstream_protocol_error" } }]);
    const silent = new SpeechCall(optionsOf(part));
    for (const _ of [1, 2]) {
      play(silent, server(), 0);
      silent.say('{"type":"done","isFinal":true}');
    }
    expect(silent.ends).toMatchObject([{ status: "failed", error: { code: "upstream_protocol_error" } }]);
  });

  test("[U274] needs a voice of the provider's", () => {
    expect(() => createUpstream(optionsOf({ ...part, settings: {} }))).toThrow(
      /parts\.speech\.settings\.voice/,
    );
  });

  test("[U275] goes on in another object where it was", () => {
    const call = new SpeechCall(optionsOf(part));
    play(call, server(), 1);
    const snapshot: JsonObject = JSON.parse(JSON.stringify(call.upstream.snapshot()));
    const again = createUpstream(optionsOf(part));
    again.restore(snapshot);
    expect(again.snapshot()).toEqual(snapshot);
  });
});

/** What the text model would be told of the answer. */
function told(call: SpeechCall): string | undefined {
  return /"kind":"said","text":"([^"]*)"/.exec(JSON.stringify(call.upstream.snapshot()))?.[1];
}
