/** A cascade whose stages are models of Workers AI, run by a binding: what they are asked, and what is made of what comes. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { ChannelEffect, JsonObject } from "../../src/upstreams/upstream.ts";
import { Led, TRANSCRIBED } from "./cascade/led.ts";
import { begins, closed, data, DONE, head, sound, waited } from "./cascade/scripted-stages.ts";
import { cut, event, spoken, wavFile, withPart, WORKERS_AI, written } from "./cascade/workers-ai-wire.ts";
import { chunk, CONFIG } from "./connection.ts";

const led = (config = CONFIG): Led => new Led(config, WORKERS_AI);
/** A turn's answer as far as its text: `Good day.` waits for its sound. */
function asked(call = led()): Led {
  call.turn("Hello.");
  call.hear(written("Good day."));
  return call;
}

const FLUX = { adapter: "workers-ai-flux", binding: "AI" };

describe("the transcriber", () => {
  const turn = (name: string, transcript: string, turn_index = 0): string =>
    JSON.stringify({ request_id: "r", sequence_id: 1, event: name, turn_index, transcript, words: [] });

  it("[U131] is asked by the binding for a socket, in text only, and is ready when that is open", () => {
    const flux = createUpstream({ ...FLUX, settings: { query: { keyterm: "Ann" } } });
    expect(flux.request()).toEqual({
      url: "binding:AI/@cf/deepgram/flux",
      headers: {},
      protocols: [],
      run: {
        binding: "AI",
        model: "@cf/deepgram/flux",
        inputs: { encoding: "linear16", sample_rate: "16000", keyterm: "Ann" },
        gives: "socket",
      },
    });
    expect(flux.channels?.effects()).toEqual([]);
    expect(flux.greet({ ...CONFIG, kind: "transcription" })).toEqual([]);
    const wait: ChannelEffect = { type: "wait", what: "ready", ms: 0 };
    expect([flux.channels?.effects(), flux.channels?.effects()]).toEqual([[wait], []]);
    expect(flux.channels?.waited("ready")).toEqual([{ type: "ready" }]);
    expect(flux.channels?.waited("ready")).toEqual([]);
    const cascade = createUpstream(WORKERS_AI);
    expect(cascade.request()).toEqual(createUpstream(FLUX).request());
    cascade.greet(CONFIG);
    expect(cascade.channels?.effects()).toEqual([{ type: "wait", what: "owed", ms: 0 }]);
    expect(cascade.channels?.waited("owed")).toEqual([{ type: "ready" }]);
  });

  it("[U131] tells the words of all its events, and keeps those that its end does not repeat", () => {
    const flux = createUpstream(FLUX);
    flux.greet({ ...CONFIG, kind: "transcription" });
    const heard = [
      '{"type":"Connected","request_id":"r","sequence_id":0}',
      turn("StartOfTurn", ""),
      turn("Update", "Good"),
      turn("EagerEndOfTurn", "Good day"),
      turn("TurnResumed", "Good day to"),
      turn("EndOfTurn", ""),
      turn("EndOfTurn", "", 1),
      JSON.stringify({ type: "TurnInfo", event: "EndOfTurn", turn_index: 2, transcript: "Bye." }),
    ].flatMap((message) => flux.decode(message));
    const deltas = heard.flatMap((one) => (one.type === "input.transcript.delta" ? [one.delta] : []));
    expect(deltas).toEqual(["Good", " day", " to", "Bye."]);
    const ends = heard.flatMap((one) => (one.type === "input.transcript.completed" ? [one.transcript] : []));
    expect(ends).toEqual(["Good day to", "Bye."]);
  });

  it("[U131] hears silence where nothing is said, in its own pieces, and is lost by its own word", () => {
    const flux = createUpstream(FLUX);
    expect(flux.capabilities.keepaliveMs).toBe(5000);
    flux.encode({ type: "audio", chunk: chunk(new Uint8Array(640).fill(1)) });
    const [piece, ...more] = flux.encode({ type: "keepalive" });
    expect(more).toEqual([]);
    expect(piece).toEqual(Uint8Array.from([...new Uint8Array(640).fill(1), ...new Uint8Array(1920)]));
    const lost = flux.decode('{"type":"Error","code":"NET-0001","description":"no audio"}');
    expect(lost).toMatchObject([{ type: "error", fatal: true, error: { message: "no audio" } }]);
  });
});

describe("the text model", () => {
  it("[U132] is asked for a stream in Cloudflare's names, with the whole conversation and a length", () => {
    const tool = { type: "function", name: "book", strict: true };
    const call = new Led(
      { ...CONFIG, tools: [tool] },
      withPart("text", { settings: { body: { top_k: 5 } } }),
    );
    call.turn("Hello.");
    expect(call.stages.last("text")).toMatchObject({ url: expect.stringContaining("binding:AI/@cf/meta/") });
    expect(call.stages.last("text").body).toEqual({
      max_tokens: 2048,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hello." },
      ],
      stream: true,
      tools: [
        {
          type: "function",
          function: {
            name: "book",
            description: "",
            parameters: { type: "object", properties: {} },
            strict: true,
          },
        },
      ],
      tool_choice: "auto",
      top_k: 5,
    });
    call.hear([...written("Good day."), ...spoken(sound(100))]);
    call.respond("R2", { max_output_tokens: 7 });
    expect(call.stages.last("text").body["max_tokens"]).toBe(7);
  });

  it("[U132] is read in its own events, a piece that is a number too, and its tokens are told", () => {
    const call = led(TRANSCRIBED);
    call.turn("How many?");
    call.hear([
      begins(),
      data("text", event({ response: "It is " }) + event({ response: 7 }) + event({ response: "." })),
      data("text", event({ response: "", usage: { prompt_tokens: 3, completion_tokens: 2 } }) + DONE),
      ...spoken(sound(100), [999]),
    ]);
    expect(call.told).toBe("It is 7.");
    expect(call.audio()).toEqual(sound(100));
    expect(call.of("response.done")).toMatchObject([
      { status: "completed", usage: { input_tokens: 3, output_tokens: 2, speech_characters: 8 } },
    ]);
  });

  it("[U132] is read in chunks of chat completions as well, and thoughts are nobody's", () => {
    const call = led();
    const delta = (members: JsonObject): string => event({ choices: [{ index: 0, delta: members }] });
    call.turn("Hello.");
    call.hear([
      begins(),
      data("text", delta({ reasoning_content: "Hm." }) + delta({ content: "Good day." }) + DONE),
      ...spoken(sound(20)),
    ]);
    expect(call.told).toBe("Good day.");
  });

  it("[U132] calls that are whole and have no number are told one by one, with their arguments as text", () => {
    const call = led();
    call.turn("Book both.");
    const calls = ["Monday", "Friday"].map((day) => ({ name: "book", arguments: { day } }));
    call.hear([begins(), data("text", event({ response: "", tool_calls: calls }) + DONE)]);
    const started = call.of("item.started");
    expect(started).toMatchObject([
      { kind: "function_call", name: "book" },
      { kind: "function_call", name: "book" },
    ]);
    expect(call.of("item.done").map((one) => one.arguments)).toEqual([
      '{"day":"Monday"}',
      '{"day":"Friday"}',
    ]);
    expect(new Set(started.map((one) => ("callId" in one ? one.callId : ""))).size).toBe(2);
  });

  it.each([
    [
      429,
      { internalCode: 3036, name: "x", description: "used up your daily free allocation" },
      "insufficient_quota",
    ],
    [400, { errors: [{ code: 5007, message: "No such model @cf/x or task" }] }, "model_not_found"],
    [403, { internalCode: 5035, description: "needs the Workers Paid plan" }, "permission_denied"],
    [429, { errors: [{ code: 3099, message: "slow down" }] }, "rate_limit_exceeded"],
  ])("[U135] a refusal with HTTP %i of %j is %s", (status, body, code) => {
    const call = led();
    call.turn("Hello.");
    call.hear([head("text", status, "application/json"), data("text", JSON.stringify(body)), closed("text")]);
    expect(call.faults).toEqual([code]);
    expect(call.stages.requests.filter(({ stage }) => stage === "text")).toHaveLength(1);
    const told = "errors" in body ? body.errors[0]?.message : body.description;
    expect(call.of("response.done")[0]?.error?.message).toContain(told);
  });

  it("[U135] one that has no room is asked once more, whatever its status says", () => {
    const call = led();
    call.turn("Hello.");
    const full = JSON.stringify({ internalCode: 3040, description: "No more data centers" });
    for (const _ of [1, 2])
      call.hear([head("text", 429, "application/json"), data("text", full), closed("text")]);
    expect(call.stages.requests.filter(({ stage }) => stage === "text")).toHaveLength(2);
    expect(call.faults).toEqual(["server_error"]);
  });

  it("[U135] an error in a stream, or in place of one, is one", () => {
    const call = led();
    const error = { errors: [{ code: 5007, message: "gone" }] };
    call.turn("Hello.");
    call.hear([begins(), data("text", event(error))]);
    call.turn("Hello?", "R2");
    call.hear([head("text", 200, "application/json"), data("text", JSON.stringify(error)), closed("text")]);
    expect(call.faults).toEqual(["model_not_found", "model_not_found"]);
  });
});

describe("the synthesiser", () => {
  it("[U133] is asked for a WAV file of 16-bit samples, in the voice of the configuration and no client's", () => {
    const call = asked(new Led({ ...CONFIG, voice: "marin" }, WORKERS_AI));
    const file = { encoding: "linear16", container: "wav", sample_rate: 24_000 };
    expect(call.stages.last("speech").body).toEqual({ text: "Good day.", ...file });
    const settings = { voice: "thalia", rate: 16_000, body: { bit_rate: 7 } };
    const other = asked(new Led(CONFIG, withPart("speech", { settings })));
    expect(other.stages.last("speech").body).toEqual({
      text: "Good day.",
      speaker: "thalia",
      ...file,
      sample_rate: 16_000,
      bit_rate: 7,
    });
    expect(other.upstream.capabilities.output).toEqual({ type: "audio/pcm", rate: 16_000 });
  });

  it("[U133] what is heard are the samples behind the front of the file, however it is cut, and no more of them than it has", () => {
    const list = Uint8Array.from([...new TextEncoder().encode("LIST"), 3, 0, 0, 0, 1, 2, 3, 0]);
    const plain = wavFile(sound(5));
    const listed = new Uint8Array(plain.length + list.length * 2);
    listed.set(plain.subarray(0, 36));
    listed.set(list, 36);
    listed.set(plain.subarray(36), 36 + list.length);
    listed.set(list, 36 + list.length + plain.length - 36);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
        fc.constantFrom("audio/wav", "audio/mpeg", ""),
        fc.boolean(),
        (sizes, type, moves) => {
          const call = asked();
          call.hear([head("speech", 200, type)]);
          for (const piece of cut(listed, sizes)) {
            call.hear([piece]);
            if (moves) call.moved(WORKERS_AI);
          }
          call.hear([closed("speech")]);
          expect(call.audio()).toEqual(sound(5));
          expect(call.of("response.done")).toMatchObject([{ status: "completed" }]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("[U133] raw samples are taken where their type says that they are", () => {
    const call = asked();
    call.hear([head("speech", 200, "audio/l16"), ...cut(sound(50), [333]), closed("speech")]);
    expect(call.audio()).toEqual(sound(50));
  });

  it.each([
    ["MP3", "audio/mpeg", Uint8Array.of(0xff, 0xfb, 0x90, 0x64, 0, 0), /no PCM/],
    ["MP3 with a tag", "audio/mpeg", new TextEncoder().encode("ID3\u0004"), /no PCM/],
    ["samples of another rate", "audio/wav", wavFile(sound(5), { rate: 16_000 }), /other samples/],
    [
      "a front without end",
      "audio/wav",
      new TextEncoder().encode(`RIFF0000WAVE${"x".repeat(5000)}`),
      /other samples/,
    ],
    ["a front without samples", "audio/wav", wavFile(new Uint8Array()).subarray(0, 40), /without a sample/],
  ])(
    "[U133] %s is asked for once more, then it is a failure, and no byte of it is heard",
    (_, type, bytes, why) => {
      const call = asked();
      const answer = [head("speech", 200, type), ...cut(bytes, [3, 50]), closed("speech")];
      call.hear(answer);
      expect(call.stages.requests.filter(({ stage }) => stage === "speech")).toHaveLength(2);
      call.hear(answer);
      expect(call.audio()).toHaveLength(0);
      const [done] = call.of("response.done");
      expect(done).toMatchObject({ status: "failed", error: { code: "upstream_protocol_error" } });
      expect(done?.error?.message).toMatch(why);
    },
  );

  it("[U133] JSON under 200 is what it says", () => {
    const call = asked();
    const body = JSON.stringify({ errors: [{ code: 3036, message: "used up" }] });
    call.hear([head("speech", 200, "application/json"), data("speech", body), closed("speech")]);
    expect(call.faults).toEqual(["insufficient_quota"]);
  });
});

describe("what is configured", () => {
  it.each([
    ["parts.transcriber.binding: expected the name", withPart("transcriber", { binding: undefined })],
    ["parts.text.binding: expected the name", withPart("text", { binding: "" })],
    ["parts.text.model: expected a model's name", withPart("text", { model: undefined })],
    ["parts.speech.url: a model that a binding runs", withPart("speech", { url: "https://x.example" })],
    ["parts.speech.headers: a model that a binding runs", withPart("speech", { headers: {} })],
    ["parts.text.binding: this adapter dials", withPart("text", { adapter: "chat-completions" })],
    ["parts.transcriber.binding: this adapter dials", withPart("transcriber", { adapter: "deepgram-flux" })],
    ["parts.speech.settings.socket", withPart("speech", { settings: { socket: 1 } })],
    [
      "parts.speech.settings.socket: belongs to workers-ai-aura",
      withPart("speech", {
        adapter: "openai-speech",
        binding: undefined,
        url: "https://x.example",
        settings: { socket: true },
      }),
    ],
    [
      "parts.speech.settings.voice: Deepgram's voices are models",
      withPart("speech", {
        adapter: "deepgram-speak",
        binding: undefined,
        url: "wss://x.example",
        settings: { voice: "x" },
      }),
    ],
  ])("[U130] what is wrong with a part is told with its path: %s", (message, options) => {
    expect(() => createUpstream(options)).toThrow(message);
  });

  it("[U130] answers are cancelled at every stage", () => {
    const call = led();
    call.turn("Hello.");
    call.hear([begins(), data("text", event({ response: "Good day. And" }))]);
    const [text, speech] = ["text", "speech"].map((stage) => call.stages.last(stage as "text").channel);
    call.send({ type: "cancel", responseId: "R1" });
    expect(call.stages.given).toEqual([text, speech]);
    call.hear([waited("owed")]);
    expect(call.of("response.done")).toMatchObject([{ status: "cancelled" }]);
  });
});
