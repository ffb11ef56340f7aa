/** Deepgram's Voice Agent against a server that refuses what its documentation refuses. */
import { expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Item, UpstreamConfig, UpstreamEvent } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection, orderFaults } from "./connection.ts";
import { ScriptedDeepgramAgent } from "./scripted-deepgram-agent.ts";

const KEY = "Token 0123456789abcdef0123456789abcdef01234567";
const RESPOND = { params: {}, outOfBand: false } as const;
const TOOL = {
  type: "function",
  name: "book",
  description: "Books a table.",
  parameters: { type: "object", properties: { seats: { type: "integer" } } },
};

function agent(settings: JsonObject = {}, config: Partial<UpstreamConfig> = {}, model?: string) {
  const server = new ScriptedDeepgramAgent();
  const upstream = createUpstream({
    adapter: "deepgram-agent",
    headers: { Authorization: KEY },
    settings,
    ...(model === undefined ? {} : { model }),
  });
  const connection = new Connection(upstream, server, {
    ...CONFIG,
    transcription: { model: "any" },
    ...config,
  });
  return { server, upstream, connection };
}

const types = (events: readonly UpstreamEvent[]): string[] => events.map(({ type }) => type);
const bytes = (length: number, value = 1) => new Uint8Array(length).fill(value);
const message = (role: string, text: string): Item => ({
  id: `item_${text}`,
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text }],
});
const ask = (connection: Connection, responseId: string) =>
  connection.send({ type: "respond", responseId, options: RESPOND });
const write = (connection: Connection, role: string, text: string) =>
  connection.send({ type: "item", item: message(role, text), previousItemId: null });
const kinds = (server: ScriptedDeepgramAgent) => server.received.map((event) => textAt(event, "type"));

function speak(connection: Connection, itemId: string, length = 64): void {
  connection.send({ type: "audio", chunk: chunk(bytes(length)) });
  connection.send({ type: "commit", itemId });
}

test("[U162] begins with its settings, and is ready when they are applied; the key travels in the header", () => {
  const { server, connection, upstream } = agent({}, { tools: [TOOL], voice: "alloy" }, "gpt-5-mini");
  expect(upstream.request()).toEqual({
    url: "https://agent.deepgram.com/v1/agent/converse",
    headers: { Authorization: KEY },
    protocols: [],
  });
  expect(types(connection.events)).toEqual(["ready"]);
  expect(objectAt(server.settings, "agent")).toEqual({
    listen: {
      provider: {
        type: "deepgram",
        version: "v2",
        model: "flux-general-en",
        eot_threshold: 1,
        eot_timeout_ms: 60_000,
      },
    },
    think: {
      provider: { type: "open_ai", model: "gpt-5-mini" },
      prompt: CONFIG.instructions,
      functions: [{ name: "book", description: "Books a table.", parameters: TOOL.parameters }],
    },
    speak: { provider: { type: "deepgram", model: "aura-2-thalia-en" } },
  });
  expect(JSON.stringify(upstream.closed(1011, `bad ${KEY}`))).not.toContain("0123456789abcdef");
  const wrong = () => createUpstream({ adapter: "deepgram-agent", settings: { turns: "none" } });
  expect(wrong).toThrow(/^settings\.turns: /);
});

test("[U162] what a session asks for and an agent has not is named, and what can change changes in mid-call", () => {
  const odd = {
    modality: "text",
    maxOutputTokens: 9,
    toolChoice: "required",
    voice: "kai",
    speed: 4,
  } as const;
  const { connection } = agent({}, odd);
  expect(connection.of("unconfigured").map(({ fields }) => fields)).toEqual([
    ["modality", "maxOutputTokens", "toolChoice", "voice", "speed"],
  ]);
  const own = agent(
    { settings: { tags: ["a"], agent: { greeting: "Hi." } } },
    { voice: "aura-2-zeus-en", speed: 1.2 },
  );
  expect(objectAt(objectAt(own.server.settings, "agent"), "speak")).toEqual({
    provider: { type: "deepgram", model: "aura-2-zeus-en", speed: 1.2 },
  });
  expect(own.server.settings).toMatchObject({ tags: ["a"], agent: { greeting: "Hi." } });
  const { server } = own;
  const config = { ...CONFIG, instructions: "Be kind.", tools: [TOOL], modality: "text" } as const;
  own.connection.send({ type: "configure", config });
  expect(server.received.slice(1)).toMatchObject([
    { type: "UpdateThink", think: { prompt: "Be kind.", functions: [{ name: "book" }] } },
    { type: "UpdateSpeak", speak: { provider: { model: "aura-2-thalia-en" } } },
  ]);
  expect(own.connection.of("unconfigured").map(({ fields }) => fields)).toEqual([["modality"]]);
  // What has to be told does not wait for a message that may not come.
  own.connection.send({ type: "configure", config: { ...config, maxOutputTokens: 9 } });
  expect(own.upstream.held).toBeGreaterThan(0);
  expect(own.upstream.settle?.()).toEqual([{ type: "unconfigured", fields: ["maxOutputTokens"] }]);
  expect(server.refused).toEqual([]);
});

test("[U163] where the relay takes the turns it ends them: without an ask there is no answer, and the words are the turn's", () => {
  const { server, connection } = agent();
  speak(connection, "turn_1");
  expect(server.asked).toBe(0);
  ask(connection, "R1");
  expect(server.turns.map(({ length }) => length)).toEqual([64]);
  const told = connection.hear([
    server.user("I would like"),
    server.user("a table."),
    server.agent("For how many?"),
    server.agent("And when?"),
    ...server.audio(bytes(6), [3, 1]),
    server.done(),
  ]);
  expect(types(told)).toEqual([
    "input.transcript.delta",
    "input.transcript.delta",
    "input.transcript.completed",
    "response.started",
    "item.started",
    "transcript",
    "transcript",
    "audio",
    "audio",
    "audio",
    "item.done",
    "response.done",
  ]);
  expect(connection.of("input.transcript.completed")).toMatchObject([
    { itemId: "turn_1", transcript: "I would like a table." },
  ]);
  expect(connection.of("transcript").map(({ delta }) => delta)).toEqual(["For how many?", " And when?"]);
  expect(connection.of("response.started")).toMatchObject([{ answers: "R1" }]);
  expect(connection.audio()).toEqual(bytes(6));
  // What it says by itself is nobody's.
  expect(
    connection.hear([server.agent("Are you there?"), ...server.audio(bytes(2), [2]), server.done()]),
  ).toEqual([]);
  expect(server.refused).toEqual([]);
});

test("[U163] where it takes the turns they are told, and its interruptions", () => {
  const { server, connection } = agent({ turns: "server" });
  expect(JSON.stringify(server.settings)).not.toContain("eot_");
  connection.send({ type: "audio", chunk: chunk(bytes(4)) });
  const told = connection.hear([
    server.userStarted(),
    server.user("A table."),
    server.agent("When?"),
    ...server.audio(bytes(2), [2]),
  ]);
  expect(types(told)).toEqual([
    "interrupted",
    "speech",
    "speech",
    "committed",
    "input.transcript.completed",
    "response.started",
    "item.started",
    "transcript",
    "audio",
  ]);
  const cut = connection.hear([server.userStarted()]);
  expect(types(cut)).toEqual(["interrupted", "item.done", "response.done", "speech"]);
  expect(connection.of("response.done")).toMatchObject([{ status: "cancelled", reason: "turn_detected" }]);
  ask(connection, "R1");
  connection.hear([server.user("Now."), ...server.audio(bytes(2), [2]), server.done()]);
  expect(connection.of("response.started").at(-1)).toMatchObject({ answers: "R1" });
  expect(server.of("ForceEndTurn")).toEqual([]);
  expect(server.refused).toEqual([]);
});

test("[U164] what is written is asked for when nobody speaks, its echo is no turn, and an ask for nothing fails", () => {
  const { server, connection, upstream } = agent();
  write(connection, "user", "Hello.");
  ask(connection, "R1");
  write(connection, "user", "And?");
  ask(connection, "R2");
  connection.hear([server.agent("Hi."), ...server.audio(bytes(2), [2])]);
  connection.send({ type: "cancel", responseId: "R1" });
  connection.hear(server.audio(bytes(2, 7), [2]));
  expect(server.of("InjectUserMessage")).toHaveLength(1);
  connection.hear([server.done(), server.agent("Yes."), ...server.audio(bytes(2, 2), [2]), server.done()]);
  expect(server.of("InjectUserMessage").map((event) => event["content"])).toEqual(["Hello.", "And?"]);
  expect([...connection.audio()]).toEqual([1, 1, 2, 2]);
  ask(connection, "R3");
  expect(upstream.settle?.()).toMatchObject([
    { type: "response.started", answers: "R3" },
    { type: "response.done", status: "failed", error: { code: "unsupported" } },
  ]);
  // An answer with instructions of its own is asked for with them.
  const options = { params: { instructions: "Greet the caller." }, outOfBand: false };
  connection.send({ type: "respond", responseId: "R4", options });
  expect(server.received.at(-1)).toEqual({ type: "InjectUserMessage", content: "Greet the caller." });
  connection.send({ type: "commit", itemId: "turn_1" });
  connection.hear([server.user("I said this.")]);
  expect(connection.of("input.transcript.delta").map(({ delta }) => delta)).toEqual(["I said this."]);
  expect(server.refused).toEqual([]);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U165] a text that is too long to be told takes the place of nothing that was said", () => {
  const { server, connection } = agent();
  write(connection, "user", "I am Ann.");
  write(connection, "assistant", "Hello Ann.");
  write(connection, "user", "x".repeat(300_000));
  write(connection, "user", "Are you there?");
  ask(connection, "R1");
  connection.hear([server.user("Hello?")]);
  expect(connection.of("refused")).toMatchObject([{ what: "item" }]);
  expect(JSON.stringify(server.received.find(({ type }) => type === "UpdateThink"))).toContain(
    "You said: Hello Ann.",
  );
});

test("[U164] what a call of a former connection gave is said to the agent when it is asked to go on", () => {
  const { server, connection } = agent();
  const call = { id: "x", type: "function_call", name: "get_weather", call_id: "c1", arguments: "{}" };
  connection.send({ type: "item", item: call, previousItemId: null });
  const returned = { id: "y", type: "function_call_output", call_id: "c1", output: "snow" };
  connection.send({ type: "item", item: returned, previousItemId: null });
  ask(connection, "R1");
  expect(kinds(server)).toEqual(["Settings", "UpdateThink", "InjectUserMessage"]);
  expect(server.received.at(-1)).toEqual({ type: "InjectUserMessage", content: "The call returned: snow" });
  expect(connection.of("response.done")).toEqual([]);
});

test("[U165] of a conversation that is long the end is told, and nothing of it is refused", () => {
  const { server, connection } = agent();
  for (let n = 0; n < 1000; n += 1) write(connection, n % 2 === 0 ? "user" : "assistant", `Number ${n}.`);
  write(connection, "user", "Are you there?");
  ask(connection, "R1");
  connection.hear([]);
  expect(connection.of("refused")).toEqual([]);
  const prompt = JSON.stringify(server.received.find(({ type }) => type === "UpdateThink"));
  expect(prompt).toContain("The user said: Number 998.\\nYou said: Number 999.");
  expect(server.received.at(-1)).toEqual({ type: "InjectUserMessage", content: "Are you there?" });
});

test("[U164] a text that is refused because somebody speaks ends its answer", () => {
  const { server, connection } = agent();
  connection.hear([server.userStarted()]);
  write(connection, "user", "Hello.");
  ask(connection, "R1");
  expect(connection.of("response.done")).toMatchObject([
    { status: "failed", error: { code: "injection_refused", message: "The user is speaking." } },
  ]);
});

test("[U165] what was said before is in the prompt from the next turn on, and stays there", () => {
  const { server, connection } = agent();
  write(connection, "user", "I am Ann.");
  write(connection, "assistant", "Hello Ann.");
  expect(kinds(server)).toEqual(["Settings"]);
  speak(connection, "turn_1");
  speak(connection, "turn_1");
  const prompt = `${CONFIG.instructions}\n\nWhat was said before in this call:\nThe user said: I am Ann.\nYou said: Hello Ann.`;
  expect(server.of("UpdateThink")).toMatchObject([{ think: { prompt, provider: { type: "open_ai" } } }]);
  connection.send({ type: "configure", config: { ...CONFIG, instructions: "Be kind." } });
  expect(objectAt(server.received.at(-1) ?? null, "think")?.["prompt"]).toBe(
    prompt.replace(CONFIG.instructions, "Be kind."),
  );
  write(connection, "user", "x".repeat(40_000));
  ask(connection, "R1");
  const think = objectAt(server.of("UpdateThink").at(-1) ?? null, "think");
  expect(textAt(think, "prompt")?.length).toBeLessThan(17_000);
  const sound = { id: "s", type: "message", role: "user", content: [{ type: "input_audio", audio: "AAAA" }] };
  connection.send({ type: "item", item: sound, previousItemId: null });
  expect(connection.hear([server.done()])[0]).toMatchObject({ type: "refused", what: "item", id: "s" });
  expect(server.refused).toEqual([]);
});

test("[U166] functions are calls of one answer; results go with the ask, and one that was taken back is not told", () => {
  const { server, connection } = agent({}, { tools: [TOOL] });
  speak(connection, "turn_1");
  ask(connection, "R1");
  connection.hear([server.call("lookup", "own", "{}", { client_side: false })]);
  expect(connection.of("response.started")).toEqual([]);
  connection.hear([server.call("book", "call_1", '{"seats":2}')]);
  expect(connection.of("item.started")).toMatchObject([
    { kind: "function_call", name: "book", callId: "call_1" },
  ]);
  expect(connection.of("item.done")).toMatchObject([{ arguments: '{"seats":2}' }]);
  expect(connection.of("response.done")).toMatchObject([{ status: "completed" }]);
  const output: Item = { id: "o", type: "function_call_output", call_id: "call_1", output: '{"ok":true}' };
  connection.send({ type: "item", item: output, previousItemId: null });
  ask(connection, "R2");
  expect(server.received.at(-1)).toEqual({
    type: "FunctionCallResponse",
    id: "call_1",
    name: "book",
    content: '{"ok":true}',
  });
  // What was still to be said before the call ends no answer to its result.
  connection.hear([server.done(), server.call("book", "call_2", "{}"), server.cancelled("book", "call_2")]);
  speak(connection, "turn_2");
  ask(connection, "R3");
  expect(server.of("FunctionCallResponse")).toHaveLength(1);
  expect(server.of("ForceEndTurn")).toHaveLength(2);
  connection.send({ type: "cancel", responseId: "R3" });
  expect(connection.hear([server.call("book", "call_3", "{}")]).at(-1)).toMatchObject({ type: "reply" });
  expect(server.of("FunctionCallResponse").at(-1)).toMatchObject({ id: "call_3" });
  expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2", "R3"]);
});

test("[U166] no function runs on half of its arguments, or without any where it takes none", () => {
  const { server, connection } = agent({}, { tools: [TOOL], transcription: null });
  speak(connection, "turn_1");
  ask(connection, "R1");
  connection.hear([server.user("Now."), server.call("book", "call_1", '{"seats":')]);
  expect(connection.of("item.done")).toMatchObject([{ status: "incomplete" }]);
  expect(connection.of("item.done")[0]?.arguments).toBeUndefined();
  // Also where no client asked for words: another connection would know nothing of the turn.
  expect(connection.of("input.transcript.completed")).toMatchObject([{ transcript: "Now." }]);
  ask(connection, "R2");
  expect(server.of("FunctionCallResponse")).toMatchObject([
    { id: "call_1", content: "There is no result yet. It is told when there is one." },
  ]);
  connection.hear([server.call("book", "call_2", "")]);
  expect(connection.of("item.done").at(-1)).toMatchObject({ status: "completed", arguments: "{}" });
});

test("[U167] of an answer that was given up nothing is heard, and the caller's next turn ends it", () => {
  const { server, connection } = agent();
  speak(connection, "turn_1");
  ask(connection, "R1");
  connection.hear(server.audio(bytes(3, 1), [3]));
  connection.send({ type: "cancel", responseId: "R1" });
  connection.hear(server.audio(bytes(3, 7), [3]));
  connection.send({ type: "audio", chunk: chunk(bytes(2)) });
  connection.hear([server.userStarted()]);
  connection.send({ type: "commit", itemId: "turn_2" });
  ask(connection, "R2");
  expect(server.asked).toBe(2);
  connection.hear([...server.audio(bytes(4, 9), [1, 3]), server.done()]);
  expect([...connection.audio()]).toEqual([1, 1, 9, 9, 9, 9]);
  expect(connection.of("response.done").map(({ status }) => status)).toEqual(["cancelled", "completed"]);
  expect(server.refused).toEqual([]);
});

test("[U168] an error ends the connection, a warning nothing; a silent provider's answer ends when no more comes", () => {
  const { server, connection, upstream } = agent();
  const error = JSON.stringify({ type: "Error", code: "CLIENT_MESSAGE_TIMEOUT", description: "Too long." });
  connection.hear([server.warning("THINK_REQUEST_FAILED"), error]);
  expect(connection.of("error").map(({ fatal, error: { code } }) => [code, fatal])).toEqual([
    ["think_request_failed", false],
    ["client_message_timeout", true],
  ]);
  connection.send({ type: "keepalive" });
  expect(server.received.at(-1)).toEqual({ type: "KeepAlive" });
  expect(upstream.capabilities).toMatchObject({
    keepaliveMs: 5000,
    maxSessionMs: 7_200_000,
    turns: "client",
  });
  speak(connection, "turn_1");
  ask(connection, "R1");
  connection.hear([server.user("Hi."), server.agent("Hello.")]);
  const held = upstream.held;
  connection.hear(server.audio(bytes(2), [2]));
  expect(upstream.held).not.toBe(held);
  expect(types(upstream.settle?.() ?? [])).toEqual(["item.done", "response.done"]);
  expect(upstream.held).toBe(0);
  expect(upstream.closed(0, "HTTP 402")?.code).toBe("insufficient_quota");
  expect(upstream.closed(0, "HTTP 401")?.code).toBe("upstream_unauthorized");
  expect(upstream.closed(1000, "")).toBeNull();
});
