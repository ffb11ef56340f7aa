/** A cascade: what its stages are asked, in which order it says what they say, and what becomes of a turn. */
import { describe, expect, it } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { chunk as audio, CONFIG, orderFaults } from "./connection.ts";
import { Led, nameOf, TRANSCRIBED } from "./cascade/led.ts";
import {
  begins,
  CASCADE,
  called,
  chunk,
  closed,
  data,
  DONE,
  head,
  KEYS,
  sound,
  spoken,
  USAGE,
  waited,
  writes,
  written,
} from "./cascade/scripted-stages.ts";

describe("what is asked", () => {
  it("[U110] the text model is asked when the turn's words have come, with the conversation; each stage with its own key", () => {
    const call = new Led({ ...TRANSCRIBED, maxOutputTokens: 90 });
    call.say(160);
    call.send({ type: "commit", itemId: "turn" });
    call.respond("R1");
    expect(call.stages.requests).toEqual([]);
    const told = call.hear(call.stages.words("Good day."));
    expect(told).toContainEqual({
      type: "input.transcript.completed",
      itemId: "turn",
      transcript: "Good day.",
      usage: null,
    });
    const { url, headers, body } = call.stages.last("text");
    expect([url, headers]).toEqual([
      "https://text.example/v1/chat/completions",
      { "Content-Type": "application/json", Authorization: KEYS.text },
    ]);
    expect(body).toEqual({
      model: "writer-1",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Good day." },
      ],
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 90,
    });
    call.hear(written("Hello."));
    expect(call.stages.last("speech")).toMatchObject({
      headers: { Authorization: KEYS.speech },
      body: { model: "speaker-1", input: "Hello.", voice: "alloy", response_format: "pcm" },
    });
  });

  it("[U110] settings of a stage go over what it is asked; a voice of the configuration over the client's", () => {
    const parts = {
      ...CASCADE.parts,
      text: {
        ...CASCADE.parts?.["text"],
        adapter: "chat-completions",
        settings: { body: { temperature: 0.2 } },
      },
      speech: {
        ...CASCADE.parts?.["speech"],
        adapter: "openai-speech",
        settings: { voice: "kokoro", rate: 16_000, body: { lang: "de" } },
      },
    };
    const call = new Led({ ...CONFIG, voice: "marin", speed: 1.5 }, { ...CASCADE, parts });
    expect(call.upstream.capabilities.output).toEqual({ type: "audio/pcm", rate: 16_000 });
    call.turn("Hi.");
    call.hear(written("Hello."));
    expect(call.stages.last("text").body).toMatchObject({ temperature: 0.2 });
    expect(call.stages.last("speech").body).toMatchObject({ voice: "kokoro", speed: 1.5, lang: "de" });
  });

  it("[U110] sentences are spoken while the model goes on; what has come by then is spoken together", () => {
    const call = new Led();
    call.turn("Go on.");
    call.hear([begins(), writes("Dr. Smith has"), writes(" 3.5 dogs. "), writes("He")]);
    expect(call.stages.last("speech").body["input"]).toBe("Dr. Smith has 3.5 dogs.");
    call.hear([writes(" likes them. They bark. So"), ...spoken(sound(40)).slice(0, -1)]);
    expect(call.stages.requests.filter(({ stage }) => stage === "speech")).toHaveLength(1);
    expect(call.told).toBe("Dr. Smith has 3.5 dogs. ");
    call.hear([closed("speech")]);
    expect(call.stages.last("speech").body["input"]).toBe("He likes them. They bark.");
    call.hear([writes(" it is."), data("text", DONE), ...spoken(sound(20)), ...spoken(sound(10))]);
    expect(call.told).toBe("Dr. Smith has 3.5 dogs. He likes them. They bark. So it is.");
    expect(call.audio()).toEqual(Uint8Array.from([...sound(40), ...sound(20), ...sound(10)]));
    expect(call.of("response.done")).toMatchObject([{ status: "completed" }]);
    expect(orderFaults(call.events)).toEqual([]);
  });

  it("[U110] what cannot be spoken is shown and not spoken, and a text answer is not spoken at all", () => {
    const call = new Led();
    call.turn("Hm?");
    call.hear(written("… ", "👍"));
    expect(call.told).toBe("… 👍");
    expect(call.stages.requests.map(({ stage }) => stage)).toEqual(["text"]);
    call.respond("R2", { output_modalities: ["text"] });
    call.hear(written("Written ", "only."));
    expect(call.of("text").map(({ delta }) => delta)).toEqual(["Written ", "only."]);
    expect(call.stages.requests.map(({ stage }) => stage)).toEqual(["text", "text"]);
    expect(call.of("response.done")).toHaveLength(2);
  });
});

describe("what is heard", () => {
  it("[U330] what is said before the words of a turn have come belongs to the next one, sample by sample", () => {
    const call = new Led(TRANSCRIBED);
    call.say(160);
    call.send({ type: "commit", itemId: "first" });
    const heard = call.stages.heard.length;
    call.send({ type: "audio", chunk: audio(new Uint8Array(2560).fill(7)) });
    call.send({ type: "commit", itemId: "second" });
    expect(call.stages.heard.length).toBe(heard);
    call.hear(call.stages.words("One."));
    expect(call.stages.heard.slice(heard, heard + 2560).every((byte) => byte === 7)).toBe(true);
    call.hear(call.stages.words("Two."));
    const words = call.of("input.transcript.completed");
    expect(words).toMatchObject([
      { itemId: "first", transcript: "One." },
      { itemId: "second", transcript: "Two." },
    ]);
  });

  it("[U114] words that do not come in time are not waited for: the turn has those that came, or none, which the model is told", () => {
    const call = new Led(TRANSCRIBED);
    call.say(160);
    call.send({ type: "commit", itemId: "turn" });
    call.respond("R1");
    expect(call.stages.waits.get("words")).toBe(1200);
    call.hear([call.stages.update("Good"), waited("words")]);
    expect(call.of("input.transcript.completed")).toMatchObject([{ transcript: "Good" }]);
    expect(call.messages.at(-1)).toEqual({ role: "user", content: "Good" });
    call.hear(written("Yes?"));
    call.hear(spoken(sound(10)));
    // Its end comes after all, and is nobody's.
    call.hear(call.stages.words("Good day."));
    call.send({ type: "commit", itemId: "noise" });
    call.respond("R2");
    call.hear([waited("words")]);
    expect(call.messages.at(-1)).toEqual({ role: "user", content: "[inaudible]" });
    expect(call.of("input.transcript.completed")).toHaveLength(2);
  });

  it("[U114] turns that wait in a row share the time, and an answer waits for all of them no longer than that", () => {
    const call = new Led(TRANSCRIBED);
    for (const itemId of ["first", "second", "third"]) {
      call.say(160);
      call.send({ type: "commit", itemId });
    }
    call.respond("R1");
    const waits: unknown[] = [];
    while (call.stages.requests.length === 0 && waits.length < 9) {
      waits.push(call.stages.waits.get("words"));
      call.hear([waited("words")]);
    }
    expect(waits).toEqual([300, 300, 600]);
    // The next one has its own.
    call.hear(written("Yes?"));
    call.hear(spoken(sound(10)));
    call.say(160);
    call.send({ type: "commit", itemId: "fourth" });
    expect(call.stages.waits.get("words")).toBe(1200);
  });

  it("[U114] a turn of which all seems to be told waits shortly, one that was none leaves no words behind", () => {
    const call = new Led(TRANSCRIBED);
    call.say(160);
    call.hear(call.stages.words("That was nothing."));
    call.send({ type: "clear" });
    call.say(160);
    call.hear(call.stages.words("Hello."));
    call.send({ type: "commit", itemId: "turn" });
    expect(call.stages.waits.get("words")).toBe(300);
    call.hear([waited("words")]);
    expect(call.of("input.transcript.completed")).toMatchObject([{ itemId: "turn", transcript: "Hello." }]);
    // Without a key of the client's for transcripts nobody is told.
    const silent = new Led();
    silent.turn("Hello.");
    expect(silent.of("input.transcript.completed")).toEqual([]);
    expect(silent.messages.at(-1)).toMatchObject({ content: "Hello." });
  });

  it.each([
    ["assemblyai", '{"type":"ForceEndpoint"}'],
    ["elevenlabs-scribe", '"commit":true'],
  ])("[U331] %s is told where a turn ends", (adapter, said) => {
    const sent: string[] = [];
    const parts = { ...CASCADE.parts, transcriber: { adapter } };
    const upstream = createUpstream({ adapter: "cascade", parts });
    upstream.greet(CONFIG);
    upstream.encode({ type: "audio", chunk: audio(new Uint8Array(640)) });
    for (const message of upstream.encode({ type: "commit", itemId: "turn" }))
      if (typeof message === "string") sent.push(message);
    expect(sent.at(-1)).toContain(said);
  });

  it("[U331] a transcriber that would hang up in a long silence hears a piece of it", () => {
    const call = new Led();
    expect(call.upstream.capabilities.keepaliveMs).toBe(5000);
    call.send({ type: "keepalive" });
    expect(call.stages.heard).toEqual(Array.from({ length: 2560 }, () => 0));
  });
});

describe("what is remembered", () => {
  it("[U111] an answer that is cancelled asks nothing more of any stage, and is over", () => {
    const call = new Led();
    call.turn("Go on.");
    call.hear([begins(), writes("One. Two. Three."), head("speech", 200, "audio/pcm")]);
    const text = call.stages.last("text").channel;
    const speech = call.stages.last("speech").channel;
    call.send({ type: "cancel", responseId: "R1" });
    expect(call.stages.given).toEqual([text, speech]);
    expect(call.stages.waits.get("owed")).toBe(0);
    call.hear([waited("owed"), data("speech", sound(10)), writes(" Four."), closed("text")]);
    expect(call.audio().length).toBe(0);
    expect(call.of("response.done")).toMatchObject([{ status: "cancelled" }]);
    expect(call.stages.requests).toHaveLength(2);
    expect(orderFaults(call.events)).toEqual([]);
  });

  it("[U111] of an answer that was cut the model is told what was heard: sentences by their times, one in proportion", () => {
    const heardOf = (ms: number): unknown => {
      const call = new Led();
      call.turn("Go on.");
      call.hear([begins(), writes("Hello there. What a fine day it is. And")]);
      // One request each: the second sentence has not come when the first is spoken.
      call.hear(spoken(sound(1000)));
      call.hear([data("text", DONE), ...spoken(sound(1000))]);
      const item = call.of("item.started")[0]?.item ?? "";
      call.send({ type: "truncate", itemId: nameOf(item), contentIndex: 0, audioEndMs: ms });
      call.user("Next.");
      call.respond("R2");
      expect(call.stages.refused).toEqual([]);
      return call.messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
    };
    const all = "Hello there. What a fine day it is. And";
    expect(heardOf(5000)).toEqual([all]);
    expect(heardOf(1000)).toEqual(["Hello there. What a fine day it is."]);
    expect(heardOf(600)).toEqual(["Hello there. What a"]);
    expect(heardOf(100)).toEqual([]);
    expect(heardOf(0)).toEqual([]);
  });

  it("[U115] calls are told as whole items when all before them is said, and go back with their results", () => {
    const call = new Led();
    call.turn("What time is it?");
    call.hear(called("get_time", "call_1", '{"zone":"UTC"}'));
    expect(call.of("item.started")).toMatchObject([
      { kind: "function_call", name: "get_time", callId: "call_1" },
    ]);
    expect(call.of("item.done")).toMatchObject([{ status: "completed", arguments: '{"zone":"UTC"}' }]);
    const result = { id: "out", type: "function_call_output", call_id: "call_1", output: "12:00" };
    call.send({ type: "item", item: result, previousItemId: null });
    call.respond("R2");
    expect(call.messages.slice(2)).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "get_time", arguments: '{"zone":"UTC"}' } },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "12:00" },
    ]);
  });

  it("[U115] a call without a result gets an error, a result without its call goes, and words before a call are of one message with it", () => {
    const call = new Led();
    call.turn("Do it.");
    const [begin = "", ...calls] = called("act", "call_1", "{}");
    call.hear([begin, writes("Just a moment. "), ...calls, ...spoken(sound(10))]);
    const lost = { id: "lost", type: "function_call_output", call_id: "call_9", output: "?" };
    call.send({ type: "item", item: lost, previousItemId: null });
    call.user("Well?");
    call.respond("R2");
    expect(call.messages.slice(2)).toMatchObject([
      { role: "assistant", content: "Just a moment. ", tool_calls: [{ id: "call_1" }] },
      { role: "tool", tool_call_id: "call_1", content: '{"error":"The application gave no result."}' },
      { role: "user", content: "Well?" },
    ]);
    expect(call.stages.refused).toEqual([]);
  });

  it("[U115] tools and their choice are spelled as chat completions spell them", () => {
    const parameters = { type: "object", properties: {} };
    const tools = [{ type: "function", name: "act", description: "Acts.", parameters }, { type: "mcp" }];
    const call = new Led({ ...CONFIG, tools, toolChoice: { type: "function", name: "act" } });
    call.turn("Do it.");
    expect(call.stages.last("text").body).toMatchObject({
      tools: [{ type: "function", function: { name: "act", description: "Acts.", parameters } }],
      tool_choice: { type: "function", function: { name: "act" } },
    });
    call.hear(written("No."));
    call.hear(spoken(sound(10)));
    call.respond("R2", { tools: [], instructions: "Sing." });
    expect(call.stages.last("text").body["tools"]).toBeUndefined();
    expect(call.messages[0]).toEqual({ role: "system", content: "Sing." });
  });

  it("[U116] items are placed and deleted as the session says; audio in an item is refused by name", () => {
    const call = new Led();
    call.user("Second.", "b");
    call.user("First.", "a", "root");
    call.user("Between.", "c", "a");
    call.user("Gone.", "d");
    call.send({ type: "delete", itemId: "d" });
    const content = [{ type: "input_audio", audio: "AAAA" }];
    const item = { id: "e", type: "message", role: "user", content } as const;
    call.send({ type: "item", item, previousItemId: null, cause: "event_1" });
    call.hear([waited("owed")]);
    expect(call.of("refused")).toMatchObject([{ what: "item", id: "e", cause: "event_1" }]);
    call.respond("R1");
    expect(call.messages.slice(1).map(({ content: told }) => told)).toEqual([
      "First.",
      "Between.",
      "Second.",
    ]);
  });

  it("[U116] an answer out of band is told its own input, and leaves nothing in the conversation", () => {
    const call = new Led();
    call.user("Hello.", "a");
    const input = [
      { type: "item_reference", id: "a" },
      { type: "message", role: "user", content: [{ type: "input_text", text: "In French?" }] },
    ];
    call.respond("R1", { input, output_modalities: ["text"] }, true);
    expect(call.messages.slice(1)).toMatchObject([{ content: "Hello." }, { content: "In French?" }]);
    call.hear(written("Bonjour."));
    call.respond("R2");
    expect(call.messages.slice(1)).toMatchObject([{ content: "Hello." }]);
  });

  it("[U117] what an answer cost is told in the session's shape, with the characters that were spoken", () => {
    const call = new Led();
    call.turn("Hi.");
    call.hear([
      begins(),
      writes("Hello."),
      data("text", chunk({}, "stop") + USAGE + DONE),
      ...spoken(sound(10)),
    ]);
    expect(call.of("response.done")[0]?.usage).toEqual({
      total_tokens: 17,
      input_tokens: 12,
      output_tokens: 5,
      input_token_details: { text_tokens: 12, cached_tokens: 0 },
      output_token_details: { text_tokens: 5 },
      speech_characters: 6,
    });
  });

  it("[U117] an answer that hit its limit or a filter is incomplete and says why", () => {
    for (const [finish, reason] of [
      ["length", "max_output_tokens"],
      ["content_filter", "content_filter"],
    ] as const) {
      const call = new Led();
      call.turn("Hi.");
      call.hear([begins(), writes("Hel"), data("text", chunk({}, finish) + DONE), ...spoken(sound(10))]);
      expect(call.of("response.done")).toMatchObject([{ status: "incomplete", reason }]);
    }
  });
});

describe("what is configured", () => {
  const { parts } = CASCADE;
  const text = { adapter: "chat-completions", url: "https://x.example" };
  const speech = { adapter: "openai-speech", model: "m" };
  const transcriber = { adapter: "deepgram-flux", settings: { x: 1 } };
  it.each([
    ["parts.transcriber: expected a part.", { parts: {} }],
    ["parts.ear: expected one of transcriber, text, speech.", { parts: { ...parts, ear: { adapter: "x" } } }],
    [
      "parts.text.adapter: expected one of chat-completions, workers-ai.",
      { parts: { ...parts, text: { adapter: "x" } } },
    ],
    ["parts.text.model: expected a model's name.", { parts: { ...parts, text } }],
    ["parts.speech.url: expected an absolute", { parts: { ...parts, speech: { ...speech, url: "tts" } } }],
    [
      "parts.speech.settings.rate: expected >=8000",
      { parts: { ...parts, speech: { ...speech, settings: { rate: 7 } } } },
    ],
    [
      "parts.speech.settings.body: expected Object",
      { parts: { ...parts, speech: { ...speech, settings: { body: 7 } } } },
    ],
    ["parts.transcriber.settings", { parts: { ...parts, transcriber } }],
    ["settings.wordsMs: expected >=100", { settings: { wordsMs: 1 } }],
  ])("[U118] what is wrong with a part is told with its path: %s", (message, wrong) => {
    expect(() => createUpstream({ ...CASCADE, ...wrong })).toThrow(message);
  });
});
