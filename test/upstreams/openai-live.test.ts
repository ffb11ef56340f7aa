/** OpenAI's Live API against a server that refuses what its types and documentation refuse: its session, its sound, its errors. */
import { expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Item } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection, orderFaults } from "./connection.ts";
import { HEADERS, KEY, live, message, sound, TOOL, types } from "./live-connection.ts";
import { ScriptedLive } from "./scripted-live.ts";

test("[U180] begins with session.start and is ready when it has started; the key travels in the header alone", () => {
  const { server, connection, upstream } = live({}, { voice: "cedar" });
  expect(upstream.request()).toEqual({
    url: "https://api.openai.com/v1/live/sessions",
    headers: HEADERS,
    protocols: [],
  });
  expect(server.received).toEqual([
    {
      type: "session.start",
      session: {
        model: "gpt-live-1",
        instructions: "Be brief.",
        audio: { format: { type: "audio/pcm", rate: 24_000 }, output: { voice: "cedar" } },
        delegation: { type: "client" },
      },
    },
  ]);
  expect(types(connection.events)).toEqual(["expires", "ready"]);
  const maxSessionMs = 7_200_000;
  expect(upstream.capabilities).toMatchObject({ turns: "none", truncate: false, maxSessionMs });
  connection.send({ type: "audio", chunk: chunk(sound(20)) });
  expect(server.heard).toHaveLength(960);
  expect(JSON.stringify([server.received, upstream.snapshot()])).not.toContain("sk-0123");
  expect(server.refused).toEqual([]);
});

test("[U180] its settings are laid over the session, and it speaks in the format that the provider states", () => {
  const settings = { format: { type: "audio/pcmu" }, session: { store: true, safety_identifier: "u" } };
  const custom = { voice: { id: "voice_1" } };
  const { server, connection, upstream } = live(settings, custom, undefined, { model: "gpt-live-2" });
  const session = objectAt(server.received[0] ?? null, "session");
  expect(session).toMatchObject({ model: "gpt-live-2", store: true, audio: { output: custom } });
  expect(objectAt(session, "audio")).toMatchObject({ format: { type: "audio/pcmu", rate: 8000 } });
  expect(upstream.capabilities.input).toEqual({ type: "audio/pcmu" });
  connection.send({ type: "keepalive" });
  expect(server.heard).toEqual(Array.from({ length: 1600 }, () => 0xff));
  // μ-law's silence is no sound, and its zeros are the loudest there is.
  connection.hear(server.audio(new Uint8Array(80).fill(0xff)));
  expect(connection.of("audio")).toEqual([]);
  connection.hear(server.audio(new Uint8Array(80)));
  expect(connection.audio()).toEqual(new Uint8Array(80));
  const other = live({}, {}, new ScriptedLive({ type: "audio/pcm", rate: 16_000 }));
  expect(other.upstream.capabilities.output).toEqual({ type: "audio/pcm", rate: 16_000 });
  const unknown = live({}, {}, new ScriptedLive({ type: "audio/opus" }));
  expect(unknown.connection.of("error")).toMatchObject([
    { fatal: true, error: { code: "upstream_format_unsupported" } },
  ]);
  for (const wrong of [
    { format: { type: "audio/pcm", rate: 8000 } },
    { delegation: {} },
    { tool: "a b" },
    { x: 1 },
  ])
    expect(() => live(wrong)).toThrow(/settings/);
});

test("[U180] what the session asks for and a Live session does not have is named", () => {
  const { server, connection } = live({}, { tools: [TOOL], speed: 1.2, maxOutputTokens: 99 });
  expect(connection.of("unconfigured")).toEqual([
    { type: "unconfigured", fields: ["speed", "tools", "maxOutputTokens"] },
  ]);
  expect(server.refused).toEqual([]);
  const own = live({ tool: "book" }, { tools: [TOOL] });
  expect(own.connection.of("unconfigured")).toEqual([]);
});

test("[U181] what was said before goes with session.start: of 128 messages and 8,192 tokens the newest", () => {
  const begun = (items: readonly Item[]) => {
    const server = new ScriptedLive();
    const upstream = createUpstream({ adapter: "openai-live" });
    const [greeting = ""] = upstream.greet(CONFIG, () => items);
    server.receive(greeting);
    expect(server.refused).toEqual([]);
    return (objectAt(server.received[0] ?? null, "session")?.["input"] ?? []) as readonly JsonObject[];
  };
  const call: Item = { id: "c", type: "function_call", name: "book", call_id: "1", arguments: "{}" };
  const sounds: Item = {
    id: "s",
    type: "message",
    role: "user",
    content: [{ type: "input_audio", audio: "" }],
  };
  const items = [
    message("user", "I am Ann."),
    message("assistant", "Hello."),
    sounds,
    message("system", "Be kind."),
    call,
  ];
  expect(begun(items)).toEqual([
    { role: "user", content: [{ type: "input_text", text: "I am Ann." }] },
    { role: "assistant", content: [{ type: "output_text", text: "Hello." }] },
    { role: "developer", content: [{ type: "input_text", text: "Be kind." }] },
    { role: "developer", content: [{ type: "input_text", text: "You called book with {}" }] },
  ]);
  const many = Array.from({ length: 200 }, (_, n) => message("user", `Word ${n}.`));
  expect(begun(many)).toHaveLength(128);
  expect(begun(many).at(-1)).toMatchObject({ content: [{ text: "Word 199." }] });
  const long = Array.from({ length: 20 }, (_, n) => message("user", `${n} ${"many words ".repeat(300)}`));
  const told = begun(long);
  expect(told.length).toBeGreaterThan(5);
  expect(told.length).toBeLessThan(20);
  expect(begun([])).toEqual([]);
});

test("[U182] an answer is what can be heard of the track, sample by sample, to a pause; the silence between is nobody's", () => {
  const { server, connection } = live();
  // Its track begins with some noise.
  const noise = new Int16Array(2400).map((_, n) => (n % 90) - 45);
  connection.hear([...server.audio(new Uint8Array(noise.buffer)), ...server.silence(3000)]);
  expect(connection.events.slice(2)).toEqual([]);
  const said = new Uint8Array([...sound(300), ...sound(500, 0), ...sound(250, 0x30)]);
  connection.hear([...server.audio(said, [4799, 1, 3])]);
  connection.hear([server.said("Well, "), server.said("yes.")]);
  expect(connection.audio()).toEqual(said);
  expect(connection.of("response.done")).toEqual([]);
  connection.hear(server.silence(700));
  expect(connection.of("response.done")).toEqual([]);
  connection.hear(server.silence(1000));
  const heard = types(connection.events.slice(2)).filter((type) => type !== "audio" && type !== "transcript");
  expect(heard).toEqual(["response.started", "item.started", "item.done", "response.done"]);
  expect(connection.of("response.started")).toMatchObject([{ answers: null }]);
  expect(connection.of("response.done")).toMatchObject([{ status: "completed" }]);
  expect(connection.of("transcript").map(({ delta }) => delta)).toEqual(["Well, ", "yes."]);
  // Words that come before their sound begin it.
  const before = connection.audio().length;
  connection.hear([server.said("And?"), ...server.silence(100), ...server.audio(sound(100))]);
  expect(connection.of("response.started")).toHaveLength(2);
  expect(connection.audio().length - before).toBe(200 * 48);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U182] an answer of which no more comes is over after a while", () => {
  const { server, connection, upstream } = live();
  expect(upstream.held).toBe(0);
  connection.hear(server.audio(sound(100)));
  const first = upstream.held;
  connection.hear(server.audio(sound(100)));
  expect(new Set([0, first, upstream.held]).size).toBe(3);
  expect(types(upstream.settle?.() ?? [])).toEqual(["item.done", "response.done"]);
  expect(upstream.held).toBe(0);
});

test("[U183] time passes there as sound comes: where no audio is sent, silence is", () => {
  const { server, connection, upstream } = live();
  expect(upstream.capabilities.keepaliveMs).toBe(200);
  connection.send({ type: "keepalive" });
  expect(server.positionMs).toBe(200);
  expect(server.heard).toEqual(Array.from({ length: 9600 }, () => 0));
});

test("[U184] the caller's words are a turn's to a pause, which is shorter while the model speaks", () => {
  const { server, connection } = live();
  const turns = () =>
    connection.events.flatMap((event) => {
      if (event.type === "committed") return [`begins ${event.item}`];
      return event.type === "input.transcript.completed" ? [`${event.itemId}: ${event.transcript}`] : [];
    });
  connection.hear([
    ...server.silence(1000),
    server.understood("Please", 900),
    server.understood(" check", 1100),
  ]);
  connection.hear([...server.silence(2000)]);
  expect(turns()).toEqual(["begins heard_1"]);
  expect(connection.of("input.transcript.delta").map(({ delta }) => delta)).toEqual(["Please", " check"]);
  connection.hear([...server.silence(1000)]);
  expect(turns()).toEqual(["begins heard_1", "heard_1: Please check"]);
  connection.hear([server.understood("Well", 4000), ...server.silence(400), ...server.audio(sound(100))]);
  expect(turns().at(-1)).toBe("begins heard_2");
  connection.hear([...server.audio(sound(400))]);
  expect(turns().at(-1)).toBe("heard_2: Well");
  // A word that comes after a pause is another turn's, wherever the track is.
  connection.hear([server.understood("One", 3000), server.understood("Two", 6000)]);
  expect(turns().slice(-3)).toEqual(["begins heard_3", "heard_3: One", "begins heard_4"]);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U190] seconds are counted once, and what is of other transports or decides makes nothing", () => {
  const { server, connection } = live();
  connection.hear([server.used(7), server.used(7), server.used(15.5)]);
  expect(connection.events.slice(2)).toEqual([
    { type: "spent", usage: { audio_seconds: 7 } },
    { type: "spent", usage: { audio_seconds: 8.5 } },
  ]);
  const types = [
    "session.output_audio.fixture.playing",
    "transport.dtmf.received",
    "info",
    "decision.event",
    "session.input_audio.append",
  ];
  const others = types.map((type) => server.say(type, { event: "5", audio: "ISEhIQ==" }));
  expect(connection.hear(others)).toEqual([]);
});

test("[U191] a refusal is of the command that it names, or of nothing in particular; one before it has begun ends it", () => {
  const { server, connection } = live();
  connection.send({
    type: "respond",
    responseId: "R1",
    options: { params: {}, outOfBand: false },
    cause: "evt_1",
  });
  const event = textAt(server.received.at(-1) ?? null, "event_id");
  const told = connection.hear([
    server.error("rate_limit_exceeded", "Slow down.", { client_event_id: event }),
  ]);
  expect(told).toMatchObject([
    { type: "refused", what: "respond", id: "R1", cause: "evt_1", error: { code: "rate_limit_exceeded" } },
    { type: "response.started", answers: "R1" },
    { type: "response.done", status: "failed", error: { code: "rate_limit_exceeded" } },
  ]);
  expect(connection.hear([server.error("context_injection_incomplete")])).toMatchObject([
    { type: "error", fatal: false, error: { code: "context_injection_incomplete" } },
  ]);
  expect(connection.hear([server.error("credit_balance_exhausted", `No credit for ${KEY}.`)])).toEqual([
    {
      type: "error",
      fatal: true,
      error: {
        code: "insufficient_quota",
        message: expect.not.stringContaining("sk-0123") as string,
        type: "invalid_request_error",
      },
    },
  ]);
  const refused = live({ session: { telepathy: true } });
  expect(refused.connection.of("error")).toMatchObject([{ fatal: true, error: { code: "invalid_value" } }]);
  expect(refused.connection.of("ready")).toEqual([]);
});

test("[U191] the end of a session says why, with its last seconds", () => {
  const ends = ["expired", "content", "connection_lost", "remote_hangup", "?"].map((reason) => {
    const { server, connection } = live();
    connection.send({ type: "keepalive" });
    const [spent, error] = connection.hear([server.close(reason)]);
    expect(spent).toEqual({ type: "spent", usage: { audio_seconds: 1 } });
    return error?.type === "error" && error.fatal ? error.error.code : null;
  });
  expect(ends).toEqual([
    "session_expired",
    "content_filter",
    "upstream_closed",
    "upstream_closed",
    "upstream_closed",
  ]);
  const { upstream } = live();
  expect(upstream.closed(0, "HTTP 401")).toMatchObject({ code: "upstream_unauthorized" });
  expect(upstream.closed(1000, "")).toBeNull();
  expect(upstream.farewell).toEqual(['{"type":"session.close"}']);
});

test("[U193] a session in text reads what is said, and hears nothing", () => {
  const { server, connection } = live({}, { modality: "text" });
  connection.hear([...server.audio(sound(200)), server.said("Good day."), ...server.silence(900)]);
  expect(types(connection.events.slice(2))).toEqual([
    "response.started",
    "item.started",
    "text",
    "item.done",
    "response.done",
  ]);
});

test("[U240] a stored session that broke off is forked: it has what was said, and is told what changed since", () => {
  expect(live().upstream.leaves).toBeNull();
  const { server, upstream } = live({ session: { store: true } }, { tools: [] });
  expect(upstream.leaves).toBe("memory");
  const next = createUpstream({
    adapter: "openai-live",
    headers: HEADERS,
    url: "wss://host/v1/live/sessions?region=eu",
    settings: { session: { store: true } },
  });
  next.goOn?.(JSON.parse(JSON.stringify(upstream.snapshot())));
  expect(next.request().url).toBe("https://host/v1/live/sessions/live_u7/fork?region=eu");
  const fork = new ScriptedLive(null, server.session);
  const connection = new Connection(next, fork, { ...CONFIG, instructions: "Be long." });
  expect(fork.received[0]).toEqual({
    type: "session.start",
    session: { audio: { format: { type: "audio/pcm", rate: 24_000 } } },
  });
  expect(fork.told("instructions")).toEqual([expect.stringContaining("Be long.")]);
  expect(types(connection.events).slice(0, 2)).toEqual(["expires", "ready"]);
  expect(fork.refused).toEqual([]);
});
