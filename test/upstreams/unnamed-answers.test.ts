/** Providers that name no answer, in the order in which their messages really come. */
import { expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Item, UpstreamConfig } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection, orderFaults } from "./connection.ts";
import { ScriptedDeepgramAgent } from "./scripted-deepgram-agent.ts";
import { ScriptedElevenLabs } from "./scripted-elevenlabs.ts";
import { ScriptedGemini } from "./scripted-gemini.ts";

const RESPOND = { params: {}, outOfBand: false } as const;
const ask = (connection: Connection, responseId: string) =>
  connection.send({ type: "respond", responseId, options: RESPOND });
const give = (connection: Connection, item: Item) =>
  connection.send({ type: "item", item, previousItemId: null });
const say = (text: string): Item => ({
  id: `item_${text}`,
  type: "message",
  role: "user",
  content: [{ type: "input_text", text }],
});
const result = (callId: string): Item => ({
  id: `of_${callId}`,
  type: "function_call_output",
  call_id: callId,
  output: '{"booked":true}',
});
const sound = (length: number, value = 1) => new Uint8Array(length).fill(value);
const ends = (connection: Connection) => connection.of("response.done").map(({ status }) => status);
const asked = (connection: Connection) => connection.of("response.started").map(({ answers }) => answers);

function gemini(settings: JsonObject = {}, config: Partial<UpstreamConfig> = {}, model = "gemini-2.5-flash") {
  const server = new ScriptedGemini();
  const upstream = createUpstream({ adapter: "gemini-live", model, settings });
  const spoken = (length: number, value = 1) => server.audio(sound(length, value), [length]);
  const call = (id: string) => server.say({ toolCall: { functionCalls: [{ id, name: "book", args: {} }] } });
  return {
    server,
    upstream,
    spoken,
    call,
    connection: new Connection(upstream, server, { ...CONFIG, ...config }),
  };
}

function deepgram(settings: JsonObject = {}) {
  const server = new ScriptedDeepgramAgent();
  const upstream = createUpstream({ adapter: "deepgram-agent", settings });
  return { server, upstream, connection: new Connection(upstream, server, CONFIG) };
}

function eleven() {
  const server = new ScriptedElevenLabs({});
  const upstream = createUpstream({ adapter: "elevenlabs-agents", model: "agent_1" });
  const connection = new Connection(upstream, server, { ...CONFIG, instructions: "" });
  return { server, upstream, connection };
}

test("[U210] what follows a call of Gemini's, and the end of its turn, is not the whole answer to the results", () => {
  const { connection, spoken, call, server, upstream } = gemini();
  ask(connection, "R1");
  connection.hear([...spoken(4, 1), call("c1")]);
  give(connection, result("c1"));
  ask(connection, "R2");
  connection.hear([...spoken(4, 2), ...server.end()]);
  expect(upstream.held).toBeGreaterThan(0);
  connection.hear([...spoken(4, 3), ...server.end()]);
  expect([...connection.audio()]).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
  expect(asked(connection)).toEqual(["R1", "R2"]);
  expect(ends(connection)).toEqual(["completed", "completed"]);
  expect(upstream.held).toBe(0);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U210] a turn of Gemini's that ends before the answer to its call has begun ends nothing else", () => {
  const { connection, spoken, call, server, upstream } = gemini();
  ask(connection, "R1");
  connection.hear([call("c1")]);
  give(connection, result("c1"));
  ask(connection, "R2");
  connection.hear(server.end());
  expect(ends(connection)).toEqual(["completed"]);
  connection.hear([server.content({ outputTranscription: { text: "Done." } }), ...spoken(4)]);
  expect(upstream.held).toBe(0);
  connection.hear(server.end());
  expect(connection.of("transcript").map(({ delta }) => delta)).toEqual(["Done."]);
  expect(ends(connection)).toEqual(["completed", "completed"]);
  // One that says nothing at all is over a while later.
  connection.hear([]);
  ask(connection, "R3");
  connection.hear([call("c2")]);
  give(connection, result("c2"));
  ask(connection, "R4");
  connection.hear(server.end());
  expect(upstream.settle?.().map(({ type }) => type)).toEqual(["response.started", "response.done"]);
});

test("[U210] the answer to a call that nothing was said before ends with its turn, as recorded sockets have it", () => {
  const { connection, spoken, call, server } = gemini();
  ask(connection, "R1");
  connection.hear([call("c1")]);
  give(connection, result("c1"));
  ask(connection, "R2");
  connection.hear([...spoken(4), ...server.end()]);
  expect(ends(connection)).toEqual(["completed", "completed"]);
});

test("[U210] what Gemini says between its call and the results holds those up no longer than until they are asked with", () => {
  const { connection, spoken, call, server } = gemini({ turns: "server" });
  connection.hear([...spoken(4), call("c1"), ...spoken(4)]);
  give(connection, result("c1"));
  ask(connection, "R2");
  expect(Object.keys(server.received.at(-1) ?? {})).toEqual(["toolResponse"]);
  connection.hear([...spoken(4), ...server.end()]);
  expect(ends(connection)).toEqual(["completed", "completed"]);
  expect(asked(connection)).toEqual([null, null, "R2"]);
});

test("[U210] Deepgram speaks on after a call, and the end of that is not the end of the answer to it", () => {
  const { connection, upstream } = deepgram();
  connection.send({ type: "audio", chunk: chunk(sound(64)) });
  connection.send({ type: "commit", itemId: "turn_1" });
  ask(connection, "R1");
  const functions = [{ id: "c1", name: "book", arguments: "{}", client_side: true }];
  connection.hear([sound(4, 1), JSON.stringify({ type: "FunctionCallRequest", functions })]);
  give(connection, result("c1"));
  ask(connection, "R2");
  connection.hear([sound(4, 2), '{"type":"AgentAudioDone"}', sound(4, 3), '{"type":"AgentAudioDone"}']);
  expect([...connection.audio()]).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
  expect(asked(connection)).toEqual(["R1", "R2"]);
  expect(ends(connection)).toEqual(["completed", "completed"]);
  expect(upstream.held).toBe(0);
});

test("[U210] an agent of ElevenLabs' speaks on after a call, and has the result at once all the same", () => {
  const { connection, server } = eleven();
  const piece = (id: number) =>
    JSON.stringify({
      type: "audio",
      audio_event: { event_id: id, audio_base_64: sound(4, id).toBase64() },
    });
  const call = { tool_name: "book", tool_call_id: "c1", parameters: {}, event_id: 1 };
  connection.hear([piece(1), JSON.stringify({ type: "client_tool_call", client_tool_call: call }), piece(1)]);
  give(connection, result("c1"));
  ask(connection, "R2");
  expect(textAt(server.received.at(-1) ?? {}, "type")).toBe("client_tool_result");
  connection.hear([piece(1), piece(2), '{"type":"agent_response_complete"}']);
  expect(asked(connection)).toEqual([null, null, "R2"]);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U211] words of what was said may come after it was generated, and are not lost", () => {
  const { connection, spoken, server } = gemini();
  ask(connection, "R1");
  connection.hear([
    server.content({ outputTranscription: { text: "Good" } }),
    ...spoken(4),
    server.content({ generationComplete: true }),
    server.content({ outputTranscription: { text: " day." } }),
    server.content({ turnComplete: true }),
  ]);
  expect(connection.of("transcript").map(({ delta }) => delta)).toEqual(["Good", " day."]);
  expect(ends(connection)).toEqual(["completed"]);
});

test("[U211] words of an answer that was interrupted are nobody's, and no other answer's", () => {
  const { connection, spoken, server } = gemini({ turns: "server" });
  connection.hear([
    ...spoken(4),
    server.content({ interrupted: true }),
    server.content({ outputTranscription: { text: " late" } }),
    server.content({ turnComplete: true }),
  ]);
  expect(asked(connection)).toEqual([null]);
  connection.hear([server.content({ outputTranscription: { text: "Yes?" } }), ...spoken(4), ...server.end()]);
  expect(connection.of("transcript").map(({ delta }) => delta)).toEqual(["Yes?"]);
  expect(ends(connection)).toEqual(["cancelled", "completed"]);
});

test("[U212] an answer that the provider began by itself is given up by the name that the session gave it", () => {
  const { connection, spoken, server } = gemini({ turns: "server" });
  connection.hear(spoken(4));
  connection.send({ type: "named", what: "response", key: "turn_1", id: "resp_1" });
  connection.send({ type: "cancel", responseId: "resp_1" });
  connection.hear(spoken(4));
  give(connection, say("And now?"));
  ask(connection, "R2");
  expect(objectAt(server.received.at(-1) ?? {}, "clientContent")).toMatchObject({ turnComplete: true });
  expect(ends(connection)).toEqual(["cancelled"]);
  expect(connection.audio()).toHaveLength(4);

  const two = eleven();
  const piece = { type: "audio", audio_event: { event_id: 1, audio_base_64: "AAAA" } };
  two.connection.hear([JSON.stringify(piece)]);
  two.connection.send({ type: "named", what: "response", key: "turn_1", id: "resp_1" });
  two.connection.send({ type: "cancel", responseId: "resp_1" });
  give(two.connection, say("And now?"));
  ask(two.connection, "R2");
  expect(two.server.received.at(-1)).toEqual({ type: "user_message", text: "And now?" });

  const three = deepgram({ turns: "server" });
  three.connection.hear([sound(4)]);
  three.connection.send({ type: "named", what: "response", key: "turn_1", id: "resp_1" });
  three.connection.send({ type: "cancel", responseId: "resp_1" });
  three.connection.hear([sound(4)]);
  expect(ends(three.connection)).toEqual(["cancelled"]);
  expect(three.connection.audio()).toHaveLength(4);
});

test("[U213] words of the caller that Gemini tells beside its answer are of the turn that it answers, and no other speech", () => {
  const { connection, spoken, server } = gemini({ turns: "server" }, { transcription: { model: "any" } });
  const heard = (text: string) => server.content({ inputTranscription: { text } });
  connection.send({ type: "audio", chunk: chunk(sound(640)) });
  connection.hear([heard(" Good"), ...spoken(4), heard(" day."), ...spoken(4), ...server.end()]);
  expect(connection.of("speech").map(({ state }) => state)).toEqual(["started", "stopped"]);
  expect(connection.of("committed")).toHaveLength(1);
  expect(connection.of("input.transcript.completed")).toMatchObject([{ transcript: "Good day." }]);
  // All of them may.
  connection.hear([...spoken(4), heard(" And now?"), ...server.end()]);
  expect(connection.of("speech")).toHaveLength(2);
  expect(connection.of("committed")).toHaveLength(2);
  expect(connection.of("input.transcript.completed").at(-1)).toMatchObject({
    itemId: "heard_2",
    transcript: "And now?",
  });
});

test("[U214] a call of an answer that was given up is answered as an error, and the next answer is whole", () => {
  const { connection, spoken, call, server } = gemini();
  ask(connection, "R1");
  connection.send({ type: "cancel", responseId: "R1" });
  connection.hear([call("c1")]);
  expect(server.received.at(-1)).toMatchObject({
    toolResponse: { functionResponses: [{ id: "c1", name: "book", response: { error: expect.anything() } }] },
  });
  connection.hear([...spoken(4, 1), ...server.end()]);
  ask(connection, "R2");
  connection.hear([...spoken(4, 2), ...server.end()]);
  expect([...connection.audio()]).toEqual([2, 2, 2, 2]);
  expect(ends(connection)).toEqual(["cancelled", "completed"]);
});

test("[U215] what a function returned is told under the function's name, and not at all where Gemini took the call back", () => {
  const before = gemini();
  const call = { id: "call", type: "function_call", call_id: "c1", name: "book", arguments: "{}" };
  give(before.connection, call);
  before.upstream.restore(before.upstream.snapshot());
  give(before.connection, result("c1"));
  ask(before.connection, "R1");
  expect(before.server.received.at(-1)).toMatchObject({
    clientContent: {
      turns: [
        { parts: [{ functionCall: { id: "c1", name: "book" } }] },
        { parts: [{ functionResponse: { id: "c1", name: "book" } }] },
      ],
    },
  });
  const back = gemini();
  ask(back.connection, "R1");
  back.connection.hear([back.call("c1"), back.server.say({ toolCallCancellation: { ids: ["c1"] } })]);
  give(back.connection, result("c1"));
  ask(back.connection, "R2");
  expect(back.server.received.at(-1)).toEqual({ clientContent: { turnComplete: true } });
});

const LATER = "gemini-3.1-flash-live-preview";
const inputs = (server: ScriptedGemini, from: number) =>
  server.received.slice(from).map((event) => objectAt(event, "realtimeInput") ?? event);

test("[U219] a model that takes contents as its history only is told it once, whole, and all else as inputs", () => {
  const { connection, server, spoken } = gemini({}, {}, LATER);
  expect(server.setup?.["historyConfig"]).toEqual({ initialHistoryInClientContent: true });
  give(connection, say("Good day."));
  give(connection, { ...say("Hello."), role: "assistant" });
  give(connection, say("And now?"));
  ask(connection, "R1");
  const text = (one: string) => ({ parts: [{ text: one }] });
  expect(inputs(server, 1)).toMatchObject([
    { clientContent: { turns: [text("Good day."), text("Hello.")], turnComplete: true } },
    { activityStart: {} },
    { text: "And now?" },
    { activityEnd: {} },
  ]);
  connection.hear([...spoken(4), ...server.end()]);
  // In mid-call: what is written with a turn, then by itself, then nothing at all.
  give(connection, { ...say("Be brief."), role: "system" });
  connection.send({ type: "audio", chunk: chunk(sound(640)) });
  connection.send({ type: "commit", itemId: "turn_1" });
  ask(connection, "R2");
  expect(inputs(server, 5)).toMatchObject([
    { activityStart: {} },
    { audio: {} },
    { text: "Be brief." },
    { activityEnd: {} },
  ]);
  connection.hear([...spoken(4), ...server.end()]);
  connection.upstream.restore(connection.upstream.snapshot());
  give(connection, say("Why?"));
  ask(connection, "R3");
  connection.hear([...spoken(4), ...server.end()]);
  ask(connection, "R4");
  expect(inputs(server, 10).filter((input) => "text" in input)).toEqual([{ text: "Why?" }, { text: "." }]);
  expect(server.refused).toEqual([]);
});

test("[U219] its history is told before the caller is heard, also where Gemini takes the turns", () => {
  for (const turns of ["client", "server"]) {
    const { connection, server } = gemini({ turns }, {}, LATER);
    give(connection, say("Good day."));
    give(connection, { ...say("Hello."), role: "assistant" });
    expect(server.received).toHaveLength(1);
    connection.send({ type: "audio", chunk: chunk(sound(640)) });
    expect(objectAt(server.received[1] ?? {}, "clientContent")).toMatchObject({ turnComplete: true });
    give(connection, say("And now?"));
    connection.send({ type: "audio", chunk: chunk(sound(640)) });
    ask(connection, "R1");
    const texts = inputs(server, 2).filter((input) => "text" in input);
    expect(texts).toEqual([{ text: "And now?" }]);
    expect(server.refused).toEqual([]);
  }
});
