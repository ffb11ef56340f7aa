/** ElevenLabs' agents against a server that refuses what their documentation does not have. */
import { expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { Item, UpstreamConfig, UpstreamEvent } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection, orderFaults } from "./connection.ts";
import { type AgentOfTest, ScriptedElevenLabs } from "./scripted-elevenlabs.ts";

const KEY = "sk_0123456789abcdef0123456789abcdef";
const RESPOND = { params: {}, outOfBand: false } as const;
const QUIET = { ...CONFIG, instructions: "" };
const TOOL = { type: "function", name: "book", parameters: { type: "object" } };

function agent(of: AgentOfTest = {}, settings: JsonObject = {}, config: Partial<UpstreamConfig> = {}) {
  const server = new ScriptedElevenLabs(of);
  const upstream = createUpstream({
    adapter: "elevenlabs-agents",
    model: "agent_7101k5zvyjhmfg983brhmhkd98n6",
    headers: { "xi-api-key": KEY },
    settings,
  });
  return { server, upstream, connection: new Connection(upstream, server, { ...QUIET, ...config }) };
}

const types = (events: readonly UpstreamEvent[]): string[] => events.map(({ type }) => type);
const message = (role: string, text: string): Item => ({
  id: `item_${text}`,
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text }],
});
const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value);

test("[U150] is dialled as ElevenLabs' client dials it, with the agent's id for a model, and the key in no message", () => {
  const { upstream, server } = agent();
  expect(upstream.request()).toEqual({
    url: "https://api.elevenlabs.io/v1/convai/conversation?agent_id=agent_7101k5zvyjhmfg983brhmhkd98n6",
    headers: { "xi-api-key": KEY },
    protocols: ["convai"],
  });
  expect(JSON.stringify(server.received)).not.toContain("sk_");
  expect(JSON.stringify(upstream.closed(1008, `Invalid API key ${KEY}`))).not.toContain(KEY);
  const wrong = (settings: JsonObject, model = "agent_1") =>
    createUpstream({ adapter: "elevenlabs-agents", model, settings });
  expect(() => wrong({}, "")).toThrow(/^model: /);
  expect(() => wrong({ overrides: ["tools"] })).toThrow(/^settings\.overrides\.0: /);
  expect(() => wrong({ turns: "client" })).toThrow(/^settings\.turns: /);
});

test("[U151] an agent is told what it allows, and what it does not is named; nothing changes in mid-call", () => {
  const config = {
    instructions: "Be kind.",
    voice: "v_1",
    speed: 1.1,
    tools: [TOOL],
    modality: "text",
  } as const;
  const all = agent(
    { allows: ["agent.prompt.prompt", "tts.voice_id", "tts.speed", "conversation.text_only"] },
    {
      overrides: ["instructions", "voice", "speed", "text"],
      initiation: { dynamic_variables: { caller: "Ann" }, user_id: "u_1" },
    },
    config,
  );
  expect(all.server.initiation).toEqual({
    type: "conversation_initiation_client_data",
    conversation_config_override: {
      agent: { prompt: { prompt: "Be kind." } },
      tts: { voice_id: "v_1", speed: 1.1 },
      conversation: { text_only: true },
    },
    dynamic_variables: { caller: "Ann" },
    user_id: "u_1",
  });
  expect(all.connection.of("unconfigured").map(({ fields }) => fields)).toEqual([["tools"]]);

  const none = agent({}, {}, { ...config, maxOutputTokens: 100, toolChoice: "none" });
  expect(none.server.initiation).toEqual({ type: "conversation_initiation_client_data" });
  expect(types(none.connection.events)).toEqual(["unconfigured", "ready"]);
  expect(none.connection.of("unconfigured")[0]?.fields).toEqual([
    "instructions",
    "voice",
    "speed",
    "modality",
    "tools",
    "toolChoice",
    "maxOutputTokens",
  ]);

  const { connection, server } = agent();
  connection.send({ type: "configure", config: { ...QUIET, voice: "alloy", instructions: "Be rude." } });
  expect(connection.hear([server.ping(1)])[0]).toEqual({
    type: "unconfigured",
    fields: ["instructions", "voice"],
  });
  expect(server.received).toHaveLength(2);
  expect(server.refused).toEqual([]);
});

test("[U151] an override that the agent's settings do not allow ends the connection", () => {
  const { connection, server, upstream } = agent({}, { overrides: ["voice"] }, { voice: "v_1" });
  expect(connection.of("error")).toMatchObject([{ fatal: true, error: { code: "permission_denied" } }]);
  expect(connection.of("ready")).toEqual([]);
  expect(upstream.closed(server.closed?.code ?? 0, server.closed?.reason ?? "")?.code).toBe(
    "upstream_policy",
  );
});

test("[U152] the formats are those that the conversation begins with", () => {
  const g711 = agent({ input: "ulaw_8000", output: "pcm_22050" });
  expect(g711.upstream.capabilities.input).toEqual({ type: "audio/pcmu" });
  expect(g711.upstream.capabilities.output).toEqual({ type: "audio/pcm", rate: 22_050 });
  g711.connection.send({ type: "audio", chunk: chunk(bytes(3)) });
  expect(g711.server.heard).toHaveLength(3);
  expect(g711.server.refused).toEqual([]);
  const other = agent({ input: "pcm_44100" });
  expect(other.connection.of("error")).toMatchObject([
    { fatal: true, error: { code: "upstream_format_unsupported" } },
  ]);
  expect(other.connection.of("ready")).toEqual([]);
});

test("[U153] a turn of the caller's is what the agent says it heard, and ends where it answers", () => {
  const { connection, server } = agent();
  const told = connection.hear([
    server.tentative("I would"),
    server.tentative("I would like"),
    server.transcript("I would like a table."),
    server.words("Of course."),
    ...server.audio(bytes(8), [3]),
    server.complete(),
  ]);
  expect(types(told)).toEqual([
    "speech",
    "speech",
    "committed",
    "input.transcript.completed",
    "response.started",
    "item.started",
    "transcript",
    "audio",
    "audio",
    "audio",
    "item.done",
    "response.done",
  ]);
  expect(told[3]).toMatchObject({ transcript: "I would like a table.", itemId: "heard_1" });
  expect(connection.of("response.started")).toMatchObject([{ answers: null }]);
  expect(connection.of("transcript")).toMatchObject([{ delta: "Of course." }]);
  // An agent whose `client_events` have no transcripts has ended the turn as well when it answers.
  const silent = connection.hear([server.tentative("And"), ...server.audio(bytes(2), [2])]);
  expect(types(silent).slice(0, 4)).toEqual(["speech", "speech", "committed", "response.started"]);
});

test("[U154] an interruption ends the answer, and what is older than it is not played; what has its number is the next answer", () => {
  const { connection, server } = agent();
  connection.hear([
    server.transcript("Go on."),
    server.words("A long story."),
    ...server.audio(bytes(4, 1), [2]),
  ]);
  const old = server.eventId;
  const cut = connection.hear([server.interruption(), ...server.audio(bytes(2, 7), [2], old)]);
  expect(types(cut)).toEqual(["interrupted", "item.done", "response.done", "speech"]);
  expect(connection.of("response.done")).toMatchObject([{ status: "cancelled", reason: "turn_detected" }]);
  const next = connection.hear([
    server.words("Yes?", server.eventId),
    ...server.audio(bytes(2, 9), [2]),
    server.complete(),
  ]);
  expect(connection.audio()).toEqual(Uint8Array.of(1, 1, 1, 1, 9, 9));
  expect(types(next).at(-1)).toBe("response.done");
  // The listener may still hear what the agent has long said.
  expect(types(connection.hear([server.interruption()]))).toEqual(["interrupted", "speech"]);
});

test("[U154] words of the caller over an answer cut nothing that the agent does not cut, and the next number is another answer", () => {
  const { connection, server } = agent();
  connection.hear([
    server.transcript("Go on."),
    server.words("A long story."),
    ...server.audio(bytes(2, 1), [2]),
  ]);
  const old = server.eventId;
  const over = connection.hear([server.tentative("Mhm"), server.transcript("Mhm.")]);
  expect(types(over)).toEqual(["committed", "input.transcript.completed"]);
  connection.hear([
    ...server.audio(bytes(2, 1), [2], old),
    ...server.audio(bytes(2, 2), [2]),
    server.complete(),
  ]);
  const done = connection.of("response.done");
  expect(done.map(({ status }) => status)).toEqual(["completed", "completed"]);
  expect(connection.audio(done[0]?.response)).toEqual(bytes(4, 1));
  expect(connection.audio(done[1]?.response)).toEqual(bytes(2, 2));
});

test("[U154] what is written interrupts what is still being heard, and is no speech", () => {
  const { connection, server } = agent();
  connection.hear([server.words("A story."), ...server.audio(bytes(2), [2]), server.complete()]);
  connection.send({ type: "item", item: message("user", "Which day is it?"), previousItemId: null });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  const told = connection.hear([
    server.interruption(),
    server.words("Monday."),
    ...server.audio(bytes(2), [2]),
  ]);
  expect(types(told)).toEqual(["response.started", "item.started", "transcript", "audio"]);
  expect(told[0]).toMatchObject({ answers: "R1" });
});

test("[U155] an answer without an end is over when no more is said of it, and what is said again is no other message", () => {
  const { connection, server, upstream } = agent();
  expect(upstream.held).toBe(0);
  connection.hear([server.words("One."), server.words("One."), ...server.audio(bytes(2), [2])]);
  const held = upstream.held;
  connection.hear([server.words("Two."), ...server.audio(bytes(2), [2])]);
  expect(upstream.held).not.toBe(held);
  expect(connection.of("item.started")).toHaveLength(2);
  expect(types(upstream.settle?.() ?? [])).toEqual(["item.done", "response.done"]);
  expect(upstream.held).toBe(0);
});

test("[U155] words are told with the sound that they are of, where it says so, and all of them at the end", () => {
  const { connection, server } = agent();
  const deltas = () => connection.of("transcript").map(({ delta }) => delta);
  connection.hear([
    server.words("One two three."),
    server.aligned(bytes(2), "One "),
    server.aligned(bytes(2), "two "),
  ]);
  expect(deltas()).toEqual(["One ", "two "]);
  expect(types(connection.events).slice(-2)).toEqual(["transcript", "audio"]);
  connection.hear([server.complete()]);
  expect(deltas().join("")).toBe("One two three.");
  // What was not spoken when the caller interrupts was not said.
  connection.hear([server.words("Four five six."), server.aligned(bytes(2), "Four "), server.interruption()]);
  expect(deltas().slice(3)).toEqual(["Four "]);
  // Spoken otherwise than written, it is told as it is spoken.
  connection.hear([server.aligned(bytes(2), "seventeen"), server.words("17"), server.complete()]);
  expect(deltas().slice(4)).toEqual(["seventeen"]);
});

test("[U156] what a call of a former connection gave is said to the agent when it is asked to go on", () => {
  const { connection, server } = agent();
  const tell = (item: Item) => connection.send({ type: "item", item, previousItemId: null });
  const call = { id: "x", type: "function_call", name: "get_weather", call_id: "c1", arguments: "{}" };
  tell(call);
  tell({ id: "y", type: "function_call_output", call_id: "c1", output: "sun" });
  connection.send({ type: "item", item: message("assistant", "Sun."), previousItemId: null });
  tell({ ...call, call_id: "c2" });
  tell({ id: "z", type: "function_call_output", call_id: "c2", output: "snow" });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  expect(server.received.slice(1)).toEqual([
    { type: "contextual_update", text: "You called get_weather with {}" },
    { type: "contextual_update", text: "The call returned: sun\nYou said: Sun." },
    { type: "contextual_update", text: "You called get_weather with {}" },
    { type: "user_message", text: "The call returned: snow" },
  ]);
});

test("[U156] what a user writes waits for the ask and is said to the agent; everything else is context, and interrupts nobody", () => {
  const { connection, server } = agent();
  connection.send({ type: "item", item: message("user", "My name is Ann."), previousItemId: null });
  expect(server.received).toHaveLength(1);
  connection.send({ type: "item", item: message("assistant", "Hello Ann."), previousItemId: null });
  connection.send({ type: "item", item: message("system", "It is Monday."), previousItemId: null });
  connection.send({ type: "item", item: message("user", "What day is it?"), previousItemId: null });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  expect(server.received.slice(1)).toEqual([
    { type: "contextual_update", text: "The user said: My name is Ann.\nYou said: Hello Ann." },
    { type: "contextual_update", text: "It is Monday." },
    { type: "user_message", text: "What day is it?" },
  ]);
  connection.hear([server.words("Monday."), ...server.audio(bytes(2), [2]), server.complete()]);
  expect(connection.of("response.started")).toMatchObject([{ answers: "R1" }]);
  // What the caller says goes before what was written and not asked.
  connection.send({ type: "item", item: message("user", "Never mind."), previousItemId: null });
  connection.hear([server.transcript("Goodbye.")]);
  expect(server.received.at(-1)).toEqual({ type: "contextual_update", text: "The user said: Never mind." });
  // An answer with instructions of its own is asked for with them.
  const options = { params: { instructions: "Greet the caller." }, outOfBand: false };
  connection.send({ type: "respond", responseId: "R2", options });
  expect(server.received.at(-1)).toEqual({ type: "user_message", text: "Greet the caller." });
  const sound = { id: "s", type: "message", role: "user", content: [{ type: "input_audio", audio: "AAAA" }] };
  connection.send({ type: "item", item: sound, previousItemId: null });
  expect(connection.hear([server.ping(1)])[0]).toMatchObject({ type: "refused", what: "item", id: "s" });
  expect(server.refused).toEqual([]);
});

test("[U157] a client tool is a call that ends the answer; its result goes with the ask, an error where there is none", () => {
  const { connection, server } = agent();
  connection.hear([server.words("One moment."), ...server.audio(bytes(2), [2])]);
  connection.hear([server.toolCall("book", "call_1", { seats: 2 })]);
  expect(connection.of("item.started").at(-1)).toMatchObject({
    kind: "function_call",
    name: "book",
    callId: "call_1",
  });
  expect(connection.of("item.done").at(-1)).toMatchObject({ status: "completed", arguments: '{"seats":2}' });
  expect(connection.of("response.done")).toHaveLength(1);
  const output: Item = { id: "o", type: "function_call_output", call_id: "call_1", output: '{"ok":true}' };
  connection.send({ type: "item", item: output, previousItemId: null });
  expect(server.of("client_tool_result")).toEqual([]);
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  expect(server.of("client_tool_result")).toEqual([
    { type: "client_tool_result", tool_call_id: "call_1", result: '{"ok":true}', is_error: false },
  ]);
  connection.hear([server.words("Done."), server.toolCall("book", "call_2", {})]);
  expect(connection.of("response.started").at(-1)).toMatchObject({ answers: "R1" });
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  expect(server.of("client_tool_result").at(-1)).toMatchObject({ tool_call_id: "call_2", is_error: true });
  // It comes all the same, and the agent is asked what it makes of it.
  server.eventId += 1;
  connection.hear([server.words("It takes a while."), ...server.audio(bytes(2), [2])]);
  connection.hear([server.complete(), server.complete()]);
  const late: Item = { id: "p", type: "function_call_output", call_id: "call_2", output: "booked" };
  connection.send({ type: "item", item: late, previousItemId: null });
  connection.send({ type: "respond", responseId: "R3", options: RESPOND });
  expect(server.received.at(-1)).toEqual({
    type: "user_message",
    text: "The result of the call of book has come: booked",
  });
  expect(server.of("client_tool_result")).toHaveLength(2);
  expect(server.refused).toEqual([]);
});

test("[U158] what comes of an answer that was given up is nobody's, its call is answered, and the next answer is whole", () => {
  const { connection, server } = agent();
  connection.send({ type: "item", item: message("user", "Hi."), previousItemId: null });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.hear(server.audio(bytes(2, 1), [2]));
  connection.send({ type: "cancel", responseId: "R1" });
  connection.hear([...server.audio(bytes(2, 1), [2]), server.toolCall("book", "call_1", {})]);
  expect(server.of("client_tool_result")).toMatchObject([{ tool_call_id: "call_1", is_error: true }]);
  connection.send({ type: "item", item: message("user", "Again."), previousItemId: null });
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  server.eventId += 1;
  connection.hear([server.words("Hello."), ...server.audio(bytes(2, 2), [2]), server.complete()]);
  expect([...connection.audio()]).toEqual([1, 1, 2, 2]);
  expect(connection.of("response.done").map(({ status }) => status)).toEqual(["cancelled", "completed"]);
  expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2"]);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U159] a written conversation is told as text, in pieces where they come", () => {
  const of = { allows: ["conversation.text_only"] };
  const { connection, server } = agent(of, { overrides: ["text"] }, { modality: "text" });
  const part = (type: string, text: string) =>
    JSON.stringify({ type: "agent_chat_response_part", text_response_part: { type, text, event_id: 1 } });
  connection.hear([part("start", ""), part("delta", "Good "), part("delta", "day."), part("stop", "")]);
  expect(connection.of("response.done")).toEqual([]);
  connection.hear([server.words("Good day. Sir?"), server.words("Whole.", 2)]);
  expect(connection.of("text").map(({ delta }) => delta)).toEqual(["Good ", "day.", " Sir?", "Whole."]);
  expect(connection.of("response.done").map(({ status }) => status)).toEqual(["completed", "completed"]);
  // In a spoken one the words come whole.
  const spoken = agent();
  spoken.connection.hear([
    part("delta", "Good "),
    spoken.server.words("Good day."),
    ...spoken.server.audio(bytes(2), [2]),
  ]);
  expect(spoken.connection.of("transcript").map(({ delta }) => delta)).toEqual(["Good day."]);
});

test("[U160] pings are answered, and a client that sends no audio is there", () => {
  const { connection, server, upstream } = agent();
  connection.hear([server.ping(3), server.ping(4)]);
  expect(server.unanswered).toBe(0);
  expect(upstream.capabilities.keepaliveMs).toBe(30_000);
  connection.send({ type: "keepalive" });
  expect(server.received.at(-1)).toEqual({ type: "user_activity" });
  expect(server.refused).toEqual([]);
});

test("[L400] pings and scores of detection say only that it is there", () => {
  const { connection, server } = agent();
  const scored = JSON.stringify({ type: "vad_score", vad_score_event: { vad_score: 0.9 } });
  expect(types(connection.hear([server.ping(3)]))).toEqual(["reply", "alive"]);
  expect(types(connection.hear([scored]))).toEqual(["alive"]);
});

test("[U161] a failure of the model ends the answer, an expired conversation or a wrong setting the connection", () => {
  const { connection, server, upstream } = agent();
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connection.hear([server.error("llm_timeout")]);
  expect(connection.of("response.done")).toMatchObject([
    { status: "failed", error: { code: "llm_timeout" } },
  ]);
  expect(connection.of("error")).toEqual([]);
  connection.hear([
    server.error("mcp_tool_error"),
    server.error("max_duration_exceeded"),
    server.error("missing_dynamic_variable"),
  ]);
  expect(connection.of("error").map(({ fatal, error }) => [error.code, fatal])).toEqual([
    ["mcp_tool_error", false],
    ["session_expired", true],
    ["missing_dynamic_variable", true],
  ]);
  const closes: readonly (readonly [number, string, string | undefined])[] = [
    [1000, "", undefined],
    [1011, "Internal error", "upstream_closed"],
    [1008, "You have reached your quota limit", "upstream_rate_limited"],
    [1008, "Invalid signature", "upstream_unauthorized"],
    [1008, "The AI agent you are trying to reach does not exist.", "upstream_not_found"],
    [1002, "Maximum duration exceeded", "session_expired"],
    [0, "HTTP 403", "upstream_unauthorized"],
  ];
  for (const [code, reason, meant] of closes) expect(upstream.closed(code, reason)?.code).toBe(meant);
});
