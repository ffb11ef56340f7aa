/** Gemini Live against a server that refuses what Google's would refuse. */
import { expect, test } from "vitest";

import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { objectAt, objectsAt } from "../../src/upstreams/json.ts";
import type { Item, UpstreamConfig, UpstreamEvent } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection, orderFaults } from "./connection.ts";
import { ScriptedGemini } from "./scripted-gemini.ts";

const RESPOND = { params: {}, outOfBand: false } as const;
const TOOL = {
  type: "function",
  name: "book",
  description: "Books a table.",
  parameters: {
    type: "object",
    additionalProperties: false,
    $schema: "x",
    properties: {
      seats: { type: "integer", minimum: 1 },
      note: { type: ["string", "null"] },
      size: { const: "big" },
    },
    required: ["seats"],
  },
};

function live(settings: JsonObject = {}, config: Partial<UpstreamConfig> = {}, model = "gemini-2.5-flash") {
  const server = new ScriptedGemini();
  const upstream = createUpstream({
    adapter: "gemini-live",
    model,
    headers: { "x-goog-api-key": "AIzaSyNoRealKey-0123456789abcdefghijk" },
    settings,
  });
  return { server, upstream, connection: new Connection(upstream, server, { ...CONFIG, ...config }) };
}

const say = (text: string): Item => ({
  id: `item_${text}`,
  type: "message",
  role: "user",
  content: [{ type: "input_text", text }],
});
const kinds = (server: ScriptedGemini): string[] =>
  server.received.flatMap((event) => {
    const input = objectAt(event, "realtimeInput");
    return input === null ? Object.keys(event) : Object.keys(input);
  });
const types = (events: readonly UpstreamEvent[]): string[] => events.map(({ type }) => type);

function speak(connection: Connection, itemId: string, bytes = 640): void {
  connection.send({ type: "audio", chunk: chunk(new Uint8Array(bytes)) });
  connection.send({ type: "audio", chunk: chunk(new Uint8Array(bytes)) });
  connection.send({ type: "commit", itemId });
}

test("[U90] begins with the session's configuration in Google's words, and is ready when that was taken", () => {
  const { server, connection } = live({}, { tools: [TOOL], voice: "alloy", maxOutputTokens: 100 });
  expect(types(connection.events)).toEqual(["ready"]);
  expect(server.setup).toMatchObject({
    model: "models/gemini-2.5-flash",
    generationConfig: { responseModalities: ["AUDIO"], maxOutputTokens: 100 },
    systemInstruction: { parts: [{ text: CONFIG.instructions }] },
    realtimeInputConfig: { automaticActivityDetection: { disabled: true } },
    outputAudioTranscription: {},
  });
  // A voice of OpenAI's would end the session, and so would a member that Google's schema does not have.
  expect(objectAt(server.setup, "generationConfig")?.["speechConfig"]).toBeUndefined();
  expect(objectsAt(server.setup, "tools")[0]?.["functionDeclarations"]).toEqual([
    {
      name: "book",
      description: "Books a table.",
      parameters: {
        type: "OBJECT",
        properties: {
          seats: { type: "INTEGER", minimum: 1 },
          note: { type: "STRING", nullable: true },
          size: { type: "STRING", enum: ["big"] },
        },
        required: ["seats"],
      },
    },
  ]);
});

test("[U90] the key travels in the query as Google's clients send it, and in no message", () => {
  const { upstream } = live();
  const { url, headers } = upstream.request();
  expect(url).toMatch(/v1beta\.GenerativeService\.BidiGenerateContent\?key=AIza/);
  expect(headers).toEqual({});
  const fault = upstream.closed(1007, "API key not valid: AIzaSyNoRealKey-0123456789abcdefghijk");
  expect(fault?.code).toBe("upstream_unauthorized");
  expect(JSON.stringify(fault)).not.toContain("NoRealKey");
  expect(upstream.closed(1011, "RESOURCE_EXHAUSTED")?.code).toBe("upstream_closed");
  expect(upstream.closed(1008, "You exceeded your current quota")?.code).toBe("upstream_rate_limited");
});

test("[U91] a turn is one activity, whose end asks for the answer; without an ask there is none", () => {
  const { server, connection } = live();
  speak(connection, "turn_1");
  expect(server.asked).toBe(0);
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  expect(kinds(server)).toEqual(["setup", "activityStart", "audio", "audio", "activityEnd"]);
  expect(server.turns.map(({ length }) => length)).toEqual([1280]);
  connection.hear([...server.audio(new Uint8Array(100), [100]), ...server.end({ promptTokenCount: 7 })]);
  expect(connection.of("response.done")).toMatchObject([{ status: "completed", usage: { input_tokens: 7 } }]);
  expect(server.refused).toEqual([]);
});

test("[U91] what is written is told with the ask, or before the turn that follows it", () => {
  const { server, connection } = live();
  connection.send({ type: "item", item: say("One."), previousItemId: null });
  connection.send({ type: "item", item: { ...say("Two."), role: "assistant" }, previousItemId: null });
  expect(kinds(server)).toEqual(["setup"]);
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  expect(server.received.at(-1)).toEqual({
    clientContent: {
      turns: [
        { role: "user", parts: [{ text: "One." }] },
        { role: "model", parts: [{ text: "Two." }] },
      ],
      turnComplete: true,
    },
  });
  connection.hear(server.end());
  connection.send({ type: "item", item: say("Three."), previousItemId: null });
  speak(connection, "turn_1");
  expect(kinds(server).slice(2)).toEqual(["clientContent", "activityStart", "audio", "audio"]);
  expect(server.refused).toEqual([]);
});

test("[U92] a tool's result waits for the ask, and a call without one is answered too", () => {
  const { server, connection } = live({}, { tools: [TOOL] });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  const functionCalls = [
    { id: "call_1", name: "book", args: { seats: 2 } },
    { id: "call_2", name: "book", args: {} },
  ];
  const events = connection.hear([server.say({ toolCall: { functionCalls } })]);
  expect(types(events).at(-1)).toBe("response.done");
  expect(connection.of("item.done").map((event) => event.arguments)).toEqual(['{"seats":2}', "{}"]);
  const output = { id: "out_1", type: "function_call_output", call_id: "call_1", output: '{"booked":true}' };
  connection.send({ type: "item", item: output, previousItemId: null });
  expect(kinds(server)).not.toContain("toolResponse");
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  expect(server.received.at(-1)).toEqual({
    toolResponse: {
      functionResponses: [
        { id: "call_1", name: "book", response: { booked: true } },
        {
          id: "call_2",
          name: "book",
          response: { error: "There is no result yet. It is told when there is one." },
        },
      ],
    },
  });
  connection.hear([...server.audio(new Uint8Array(10), [10]), ...server.end()]);
  expect(connection.of("response.done").map(({ status }) => status)).toEqual(["completed", "completed"]);
  expect(server.refused).toEqual([]);
});

test("[U92] a result that comes after another answer was asked for is told in words, once", () => {
  for (const model of ["gemini-2.5-flash-native-audio", "gemini-3.1-flash-live"]) {
    const { server, connection } = live({}, { tools: [TOOL] }, model);
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    connection.hear([server.say({ toolCall: { functionCalls: [{ id: "c", name: "book", args: {} }] } })]);
    speak(connection, "turn_1");
    connection.send({ type: "respond", responseId: "R2", options: RESPOND });
    connection.hear([...server.audio(new Uint8Array(10), [10]), ...server.end()]);
    const output = { id: "out_1", type: "function_call_output", call_id: "c", output: "booked" };
    connection.send({ type: "item", item: output, previousItemId: null });
    connection.send({ type: "respond", responseId: "R3", options: RESPOND });
    const told = JSON.stringify(server.received);
    expect(told).not.toMatch(/toolResponse|functionResponse/);
    expect(told.split("The result of the call of book has come: booked")).toHaveLength(2);
    expect(server.refused).toEqual([]);
  }
});

test("[U92] a call that the provider took back is answered no more", () => {
  const { server, connection } = live();
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.hear([
    server.say({ toolCall: { functionCalls: [{ id: "call_1", name: "book", args: {} }] } }),
    server.say({ toolCallCancellation: { ids: ["call_1"] } }),
  ]);
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  expect(kinds(server).at(-1)).toBe("clientContent");
});

test("[S91] neither deep nor endless arguments are followed", () => {
  const { server, connection } = live();
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  const call = (args: string) => `{"toolCall":{"functionCalls":[{"id":"c","name":"book","args":${args}}]}}`;
  expect(connection.hear([call(`{"a":${"[".repeat(64)}${"]".repeat(64)}}`)])).toMatchObject([
    { type: "error", fatal: false, error: { code: "upstream_protocol_error" } },
  ]);
  connection.hear([call(`{"a":"${"x".repeat(2_000_000)}"}`)]);
  expect(connection.of("item.done")).toMatchObject([{ status: "incomplete" }]);
  expect(connection.of("item.done")[0]?.arguments).toBeUndefined();
  expect(server.refused).toEqual([]);
});

test("[U93] what comes of an answer that was given up is nobody's, and the next one is whole", () => {
  const { server, connection } = live();
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.hear(server.audio(new Uint8Array(4).fill(1), [4]));
  connection.send({ type: "cancel", responseId: "R1" });
  speak(connection, "turn_1");
  connection.hear(server.audio(new Uint8Array(4).fill(2), [4]));
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  connection.hear([
    ...server.audio(new Uint8Array(4).fill(3), [4]),
    server.content({ interrupted: true }),
    server.content({ turnComplete: true }),
    ...server.audio(new Uint8Array(4).fill(9), [4]),
    ...server.end(),
  ]);
  expect([...connection.audio()]).toEqual([1, 1, 1, 1, 9, 9, 9, 9]);
  expect(connection.of("response.done").map(({ status }) => status)).toEqual(["cancelled", "completed"]);
  expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2"]);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U93] an interrupted answer whose end is never told does not keep the next one open", () => {
  const { server, connection } = live();
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.hear([...server.audio(new Uint8Array(4), [4]), server.content({ interrupted: true })]);
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  connection.hear([...server.audio(new Uint8Array(6), [6]), ...server.end()]);
  expect(connection.of("response.done").map(({ status }) => status)).toEqual(["cancelled", "completed"]);
});

test("[U93] one answer at a time: the next is asked for when the one before has ended", () => {
  const { server, connection } = live();
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.send({ type: "item", item: say("More."), previousItemId: null });
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  connection.send({ type: "respond", responseId: "R3", options: RESPOND });
  connection.send({ type: "cancel", responseId: "R3" });
  expect(server.asked).toBe(1);
  connection.hear([...server.audio(new Uint8Array(4), [4]), ...server.end()]);
  expect(server.asked).toBe(2);
  connection.hear(server.end());
  expect(connection.of("response.done").map(({ status }) => status)).toEqual([
    "cancelled",
    "completed",
    "completed",
  ]);
});

test("[U94] an answer whose end is late is over when nothing more is said, and what it cost is not lost", () => {
  const { server, connection, upstream } = live();
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.hear([...server.audio(new Uint8Array(4), [4]), server.content({ generationComplete: true })]);
  expect(upstream.held).toBeGreaterThan(0);
  expect(types(upstream.settle?.() ?? [])).toEqual(["item.done", "response.done"]);
  expect(upstream.held).toBe(0);
  connection.hear([server.content({ turnComplete: true }, { usageMetadata: { promptTokenCount: 5 } })]);
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  connection.hear([...server.audio(new Uint8Array(4), [4]), ...server.end({ promptTokenCount: 6 })]);
  expect(connection.of("response.done").at(-1)).toMatchObject({ usage: { input_tokens: 11 } });
});

test("[U95] where the provider takes the turns, its words and answers say where they begin and end", () => {
  const { server, connection } = live({ turns: "server" }, { transcription: { model: "any" } });
  connection.send({ type: "audio", chunk: chunk(new Uint8Array(640)) });
  const events = connection.hear([
    server.content({ inputTranscription: { text: " Good" } }),
    server.content({ inputTranscription: { text: " day." } }),
    server.content({ outputTranscription: { text: "Hello." } }),
    ...server.audio(new Uint8Array(4), [4]),
    server.content({ interrupted: true }),
    server.content({ turnComplete: true }),
  ]);
  expect(types(events)).toEqual([
    "speech",
    "speech",
    "committed",
    "input.transcript.delta",
    "response.started",
    "item.started",
    "transcript",
    "audio",
    "interrupted",
    "input.transcript.completed",
    "item.done",
    "response.done",
  ]);
  expect(connection.of("input.transcript.completed")).toMatchObject([
    { itemId: "heard_1", transcript: "Good day." },
  ]);
  expect(connection.of("response.started")).toMatchObject([{ answers: null }]);
  expect(kinds(server)).toEqual(["setup", "audio"]);
  expect(server.refused).toEqual([]);
});

test("[U95] the caller's words belong to their turn, also when they come before it has a name", () => {
  const { server, connection, upstream } = live({}, { transcription: { model: "any" } });
  connection.send({ type: "audio", chunk: chunk(new Uint8Array(640)) });
  connection.hear([server.content({ inputTranscription: { text: "Good" } })]);
  connection.send({ type: "commit", itemId: "turn_1" });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.hear([server.content({ inputTranscription: { text: " day." } })]);
  const before = upstream.held;
  connection.hear([server.content({ inputTranscription: { text: " Sir." } })]);
  expect(upstream.held).not.toBe(before);
  expect(upstream.settle?.()).toMatchObject([{ itemId: "turn_1", transcript: "Good day. Sir." }]);
  expect(connection.of("input.transcript.delta").map(({ delta }) => delta)).toEqual([
    "Good",
    " day.",
    " Sir.",
  ]);
});

test("[U96] what can change in mid-call is told, and what cannot is named", () => {
  const later = { ...CONFIG, instructions: "Be long.", voice: "Puck" };
  const old = live();
  old.connection.send({ type: "configure", config: later });
  old.connection.hear([old.server.content({})]);
  expect(old.connection.of("unconfigured")).toMatchObject([{ fields: ["voice", "instructions"] }]);
  expect(kinds(old.server)).toEqual(["setup"]);
  const fresh = live({}, {}, "gemini-3.8-flash-live");
  fresh.connection.send({
    type: "configure",
    config: { ...CONFIG, instructions: "Be long.", tools: [TOOL] },
  });
  const update = objectAt(fresh.server.received.at(-1) ?? null, "contextUpdate");
  expect(update?.["systemInstruction"]).toMatchObject({ parts: [{ text: "Be long." }] });
  expect(isJsonObject(update?.["tools"])).toBe(true);
  expect(fresh.server.refused).toEqual([]);
});

test("[U97] the provider's own end is told ahead, and a format that it states is followed", () => {
  const { server, connection, upstream } = live();
  connection.hear([server.say({ goAway: { timeLeft: "9.5s" } })]);
  expect(connection.of("expiring")).toEqual([{ type: "expiring", inMs: 9500 }]);
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  const blob = (data: string) => ({ inlineData: { mimeType: "audio/pcm;rate=16000", data } });
  const parts = [blob("AQIDBAU="), blob("BgcI")];
  connection.hear([server.content({ modelTurn: { parts } })]);
  expect(upstream.capabilities.output).toEqual({ type: "audio/pcm", rate: 16_000 });
  expect([...connection.audio()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("[U97] thoughts are neither said nor written", () => {
  const { server, connection } = live();
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  const parts = [{ text: "**Considering**", thought: true }];
  expect(connection.hear([server.content({ modelTurn: { parts } })])).toEqual([]);
});

test("[U1] a wrong option is refused by name", () => {
  const make = (options: object) => () => createUpstream({ adapter: "gemini-live", model: "m", ...options });
  expect(make({ model: "" })).toThrow("model: expected a model's name.");
  expect(make({ url: "ftp://x" })).toThrow("url: expected");
  expect(make({ url: "wss://user:pass@host/x" })).toThrow("url: credentials belong in headers");
  expect(make({ settings: { turns: "none" } })).toThrow("settings.turns: expected");
  expect(make({ settings: { setup: [] } })).toThrow("settings.setup: expected");
  expect(make({ headers: { Host: "x" } })).toThrow("headers.Host: belongs to the handshake.");
});

const generated = { serverContent: { generationComplete: true } };
const calledAndSpeaking = () => {
  const { server, connection } = live();
  connection.send({ type: "item", item: say("Find one."), previousItemId: null });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  const call = { id: "call_1", name: "book", args: {} };
  const heard = connection.hear([
    server.say({ toolCall: { functionCalls: [call] } }),
    server.say({ serverContent: { outputTranscription: { text: "I am looking." } } }),
    ...server.audio(Uint8Array.of(1, 2), [2]),
  ]);
  return { server, connection, heard };
};
const result: Item = { id: "out", type: "function_call_output", call_id: "call_1", output: "{}" };

test("[U271] what is said while a function runs is an answer of its own, and over when it is generated", () => {
  const { server, connection, heard } = calledAndSpeaking();
  const [called, spoken] = heard.filter(({ type }) => type === "response.started");
  expect(called).toMatchObject({ answers: "R1" });
  expect(spoken).toMatchObject({ answers: null, goesOn: true });
  expect(heard).toContainEqual(expect.objectContaining({ type: "transcript", delta: "I am looking." }));
  expect(heard).toContainEqual(expect.objectContaining({ type: "audio" }));
  expect(connection.hear([server.say(generated)])).toContainEqual(
    expect.objectContaining({ type: "response.done", status: "completed" }),
  );
});

test.each(["interrupted", "complete"])(
  "[U271] that it is %s after the result was told ends no answer to the result",
  (how) => {
    const { server, connection } = calledAndSpeaking();
    connection.hear([server.say(generated)]);
    connection.send({ type: "item", item: result, previousItemId: null });
    connection.send({ type: "respond", responseId: "R2", options: RESPOND });
    if (how === "interrupted") connection.hear([server.say({ serverContent: { interrupted: true } })]);
    connection.hear([server.say({ serverContent: { turnComplete: true } })]);
    expect(connection.of("response.done")).toHaveLength(2);
    const [started] = connection
      .hear(server.audio(Uint8Array.of(3, 4), [2]))
      .filter(({ type }) => type === "response.started");
    expect(started).toMatchObject({ answers: "R2" });
    connection.hear([server.say(generated), server.say({ serverContent: { turnComplete: true } })]);
    expect(connection.of("response.done")).toHaveLength(3);
    expect(orderFaults(connection.events)).toEqual([]);
  },
);

test("[U272] the caller's speech is known by either name of its activity", () => {
  for (const name of ["type", "voiceActivityType"]) {
    const { server, connection } = live({ turns: "server" });
    const heard = connection.hear([server.say({ voiceActivity: { [name]: "ACTIVITY_START" } })]);
    expect(heard).toEqual([{ type: "speech", state: "started" }]);
  }
});
