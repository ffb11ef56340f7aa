/** vLLM-Omni's duplex sessions against a server that refuses what its source refuses. */
import { expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { UpstreamConfig, UpstreamEvent } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection, orderFaults } from "./connection.ts";
import { type DuplexServerOptions, ScriptedVllmDuplex } from "./scripted-vllm-duplex.ts";

const KEY = "Bearer sk-0123456789abcdef0123456789";
const TOOL = { type: "function", name: "book", parameters: { type: "object", properties: {} } };
const RESPOND = { params: {}, outOfBand: false } as const;

const make = (settings: JsonObject = {}) =>
  createUpstream({
    adapter: "vllm-omni-duplex",
    url: "ws://host:8099/v1/realtime",
    model: "openbmb/MiniCPM-o-4_5",
    headers: { Authorization: KEY },
    settings,
  });

function duplex(
  options: DuplexServerOptions = {},
  config: Partial<UpstreamConfig> = {},
  settings: JsonObject = {},
) {
  const server = new ScriptedVllmDuplex(options);
  const upstream = make(settings);
  return { server, upstream, connection: new Connection(upstream, server, { ...CONFIG, ...config }) };
}

const types = (events: readonly UpstreamEvent[]) => events.map(({ type }) => type);
const sound = (ms: number) => new Uint8Array(ms * 48).fill(0x21);
const message = (role: string, text: string) => ({
  id: `item_${text}`,
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text }],
});

test("[U231] opens with the whole session as its own client does, and is ready when it was created", () => {
  const settings = {
    session: { ref_audio: "data:audio/wav;base64,AA==", extra_body: { force_listen_count: 0 } },
  };
  const { server, connection, upstream } = duplex({}, { voice: "ann", tools: [TOOL] }, settings);
  expect(upstream.request()).toEqual({
    url: "http://host:8099/v1/realtime?duplex=1&model=openbmb%2FMiniCPM-o-4_5&autostart=0",
    headers: { Authorization: KEY },
    protocols: [],
  });
  expect(server.received).toEqual([
    {
      type: "session.update",
      session: {
        model: "openbmb/MiniCPM-o-4_5",
        modalities: ["audio", "text"],
        input_audio_format: "pcm16",
        output_audio_format: "pcm16",
        sample_rate_hz: 16_000,
        audio: { input: { sample_rate_hz: 16_000 }, output: { sample_rate_hz: 24_000 } },
        turn_detection: null,
        playback_commit_policy: "ack_only",
        extra_body: { auto_response: true, native_duplex: true, force_listen_count: 0 },
        instructions: "Be brief.",
        voice: "ann",
        tools: [TOOL],
        ref_audio: "data:audio/wav;base64,AA==",
      },
    },
  ]);
  expect(types(connection.events)).toEqual(["ready"]);
  expect(upstream.capabilities).toMatchObject({
    turns: "none",
    input: { rate: 16_000 },
    output: { rate: 24_000 },
  });
  connection.send({ type: "keepalive" });
  expect(server.of("session.heartbeat")).toHaveLength(1);
  expect(upstream.farewell).toEqual(['{"type":"session.close"}']);
  expect(JSON.stringify([server.received, upstream.snapshot()])).not.toContain("sk-0123");
  expect(server.refused).toEqual([]);
});

test("[U231] a session that the server refuses, or has no room for, ends the connection with its reason", () => {
  const { connection, server } = duplex({}, {}, { session: { turn_detection: { type: "semantic_vad" } } });
  expect(connection.of("error")).toMatchObject([
    { fatal: true, error: { code: "unsupported_turn_detection" } },
  ]);
  expect(server.session).toBeNull();
  const upstream = make();
  upstream.greet(CONFIG);
  const flat = '{"type":"error","error":"duplex session capacity reached","code":"duplex_session_busy"}';
  expect(upstream.decode(flat)).toMatchObject([
    { type: "error", fatal: true, error: { code: "duplex_session_busy" } },
  ]);
  const wrong = (options: object) => () => createUpstream({ adapter: "vllm-omni-duplex", ...options });
  expect(wrong({ url: "ws://host/" })).toThrow("model: expected");
  expect(wrong({ url: "host", model: "m" })).toThrow("url: expected");
  expect(
    wrong({ url: "ws://h", model: "m", settings: { input: { type: "audio/pcm", rate: 8000 } } }),
  ).toThrow("settings.input.rate: expected");
});

test("[U232] an answer that nobody asked for is told with its words, and one that gives way is cancelled", () => {
  const { server, connection } = duplex();
  const told = types(connection.hear(server.answers("r1", sound(100), [1001], "Good day.")));
  expect(told.filter((type) => type !== "reply")).toEqual([
    "response.started",
    "item.started",
    "audio",
    "transcript",
    ...Array.from({ length: 4 }, () => "audio"),
    "item.done",
    "response.done",
  ]);
  expect(connection.audio()).toEqual(sound(100));
  expect(connection.of("response.started")).toMatchObject([{ response: "r1", answers: null }]);
  connection.hear([...server.begins("r2"), ...server.unit("r2", sound(100)), ...server.givesWay()]);
  expect(connection.of("response.done").at(-1)).toMatchObject({
    response: "r2",
    status: "cancelled",
    reason: "turn_detected",
  });
  expect(types(connection.events)).not.toContain("passed");
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U232] a cancel names the answer, and nothing more of it is heard; one that has not begun is over at once", () => {
  const { server, connection } = duplex();
  connection.hear([...server.begins("r1"), ...server.unit("r1", sound(100))]);
  connection.send({ type: "named", what: "response", key: "r1", id: "resp_1" });
  const before = connection.of("audio").length;
  const late = server.unit("r1", sound(100));
  connection.send({ type: "cancel", responseId: "resp_1" });
  connection.hear(late);
  connection.send({ type: "cancel", responseId: "resp_1" });
  expect(server.of("response.cancel")).toMatchObject([{ response_id: "r1" }]);
  expect(connection.of("audio")).toHaveLength(before);
  expect(connection.of("response.done")).toMatchObject([{ response: "r1", status: "cancelled" }]);
  connection.send({ type: "audio", chunk: chunk(sound(20)) });
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  connection.send({ type: "cancel", responseId: "R2" });
  connection.hear([server.listens()]);
  expect(connection.of("response.started").at(-1)).toMatchObject({ answers: "R2" });
  expect(connection.of("response.done").at(-1)).toMatchObject({ status: "cancelled" });
  expect(server.refused).toEqual([]);
});

test("[U233] an ask is for what the caller said; the model may listen instead, and there may be nothing", () => {
  const { server, connection } = duplex();
  connection.send({ type: "respond", responseId: "R0", options: RESPOND, cause: "evt_1" });
  expect(connection.of("refused")).toMatchObject([{ what: "respond", id: "R0", cause: "evt_1" }]);
  expect(connection.of("response.done")).toMatchObject([
    { status: "failed", error: { code: "input_audio_buffer_empty" } },
  ]);
  server.refused.splice(0);
  connection.send({ type: "audio", chunk: chunk(sound(20)) });
  connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  expect(server.of("input_audio_buffer.commit").at(-1)).toMatchObject({ final: true, response_create: true });
  connection.hear(server.answers("r1", sound(100)));
  expect(connection.of("response.started").at(-1)).toEqual({
    type: "response.started",
    response: "r1",
    answers: "R1",
  });
  connection.send({ type: "audio", chunk: chunk(sound(20)) });
  connection.send({ type: "respond", responseId: "R2", options: RESPOND });
  connection.hear([server.listens()]);
  expect(connection.of("response.done").at(-1)).toMatchObject({
    status: "incomplete",
    reason: "model_listens",
  });
  expect(orderFaults(connection.events)).toEqual([]);
  expect(server.refused).toEqual([]);
});

test("[U234] items are history, calls are calls, and a result that is of no call of this session is words", () => {
  const { server, connection } = duplex({}, { tools: [TOOL] });
  const item = (one: JsonObject) =>
    connection.send({ type: "item", item: one as never, previousItemId: null, cause: "evt_c" });
  for (const role of ["user", "assistant", "developer", "system"]) item(message(role, `by ${role}`));
  item({ id: "i_a", type: "message", role: "user", content: [{ type: "input_audio", audio: "AAAA" }] });
  expect(connection.of("refused")).toEqual([]);
  connection.hear(server.calls("book", "call_1", '{"seats":2}'));
  expect(connection.of("refused")).toMatchObject([{ what: "item", id: "i_a", cause: "evt_c" }]);
  expect(connection.of("item.started")).toMatchObject([
    { kind: "function_call", name: "book", callId: "call_1" },
  ]);
  expect(connection.of("item.done")).toMatchObject([{ status: "completed", arguments: '{"seats":2}' }]);
  for (const id of ["call_1", "call_1", "call_0"])
    item({ id: `o_${id}`, type: "function_call_output", call_id: id, output: "done" });
  expect(
    server.open.history.map((item) => item["role"] ?? `${textAt(item, "type")} ${textAt(item, "call_id")}`),
  ).toEqual(["user", "assistant", "system", "system", "function_call_output call_1", "system", "system"]);
  connection.send({ type: "delete", itemId: "item_by user" });
  expect(server.open.history).toHaveLength(6);
  expect(server.refused).toEqual([]);
  connection.hear(server.calls("book", "call_2", '{"seats":'));
  expect(connection.of("item.done").at(-1)).toMatchObject({ status: "incomplete" });
});

test("[U235] a cut goes to its place where the provider can cut, and else it has what it was told was heard", () => {
  for (const cuts of [true, false]) {
    const { server, connection, upstream } = duplex({ cuts });
    connection.hear(server.answers("r1", sound(1000)));
    connection.send({ type: "named", what: "item", key: "item_r1", id: "item_7" });
    connection.write(upstream.heard?.("item_7", 300.5) ?? []);
    expect(server.remembered("r1")).toBe(300);
    connection.send({ type: "truncate", itemId: "item_7", contentIndex: 0, audioEndMs: 250.9 });
    expect(server.remembered("r1")).toBe(cuts ? 250 : 300);
    connection.send({ type: "truncate", itemId: "item_7", contentIndex: 0, audioEndMs: 5000 });
    expect(upstream.heard?.("item_of_another", 100)).toEqual([]);
    expect(server.refused).toEqual([]);
  }
});

test("[U239] events are acknowledged in time for its journal, and never past what is surely kept here", () => {
  const { server, connection } = duplex();
  for (let n = 0; n < 40; n++) connection.hear(server.answers(`r${n}`, sound(20)));
  const acks = server.of("session.event_ack").map((event) => Number(event["server_event_seq"]));
  expect(acks.length).toBeGreaterThan(30);
  expect(server.open.journal.length).toBeLessThanOrEqual(24);
  expect(server.open.journal.length).toBeGreaterThanOrEqual(8);
  expect(server.refused).toEqual([]);
});

test("[U236] another adapter goes on from what is left: it takes the session over, and hears nothing twice", () => {
  const { server, connection, upstream } = duplex();
  connection.hear([...server.begins("r1"), ...server.unit("r1", sound(100))]);
  const unheard = server.unit("r1", sound(60));
  expect(upstream.leaves).toBe("all");
  const next = make();
  next.goOn?.(JSON.parse(JSON.stringify(upstream.snapshot())));
  const again = new ScriptedVllmDuplex({ sessions: server.sessions });
  const other = new Connection(next, again, { ...CONFIG, voice: "ben" });
  expect(other.events[0]).toEqual({ type: "ready" });
  expect(other.audio()).toEqual(sound(60));
  expect(unheard).toHaveLength(2);
  expect(again.received.map(({ type }) => type)).toEqual(["session.resume", "session.update"]);
  expect(again.refused).toEqual(["voice_update_after_audio_unsupported: voice"]);
  expect(other.of("unconfigured")).toEqual([{ type: "unconfigured", fields: ["voice"] }]);
  expect(next.leaves).toBe("all");
  other.hear(again.ends("r1"));
  expect(other.of("response.done")).toMatchObject([{ response: "r1", status: "completed" }]);
});

test("[U238] a session that is over, replaced or not kept leaves nothing, and a refused takeover is fatal", () => {
  for (const type of ["session.closed", "session.expired", "session.replaced"]) {
    const { server, connection, upstream } = duplex();
    connection.hear([server.close(type, "idle_ttl_expired")]);
    expect(upstream.leaves).toBeNull();
    expect(connection.of("error")).toMatchObject([{ fatal: true, error: { code: "session_expired" } }]);
  }
  expect(duplex({ resumes: false }).upstream.leaves).toBeNull();
  const { server, upstream } = duplex();
  server.open.token = "another";
  const next = make();
  next.goOn?.(upstream.snapshot());
  const other = new Connection(next, new ScriptedVllmDuplex({ sessions: server.sessions }));
  expect(other.events).toMatchObject([
    { type: "error", fatal: true, error: { code: "invalid_resume_token" } },
  ]);
});

test("[U234] what cannot change in mid-call is named, and errors that crossed their matter are of no interest", () => {
  const { server, connection } = duplex();
  connection.send({ type: "audio", chunk: chunk(sound(20)) });
  connection.send({ type: "configure", config: { ...CONFIG, instructions: "Be long." }, cause: "evt_9" });
  expect(connection.of("unconfigured")).toEqual([{ type: "unconfigured", fields: ["instructions"] }]);
  expect(connection.of("refused")).toMatchObject([{ what: "configure", cause: "evt_9" }]);
  connection.send({ type: "configure", config: { ...CONFIG, instructions: "Be long.", tools: [TOOL] } });
  expect(objectAt(server.received.at(-1) ?? null, "session")).toEqual({ tools: [TOOL] });
  const before = connection.events.length;
  connection.hear([server.error("playback_ack_too_late"), server.error("response_not_active")]);
  expect(connection.events).toHaveLength(before);
  connection.hear([server.error("input_backpressure")]);
  expect(connection.events.at(-1)).toMatchObject({ type: "error", fatal: false });
});

test("[U232] a session in text is told what is said as text, and hears nothing of it", () => {
  const { server, connection } = duplex({}, { modality: "text" });
  expect(objectAt(server.received[0] ?? null, "session")).toMatchObject({ modalities: ["text"] });
  connection.hear(server.answers("r1", sound(100), undefined, "Written."));
  expect(connection.of("text")).toMatchObject([{ delta: "Written." }]);
  expect(connection.of("audio")).toEqual([]);
});
