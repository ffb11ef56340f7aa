/** What OpenAI's Live API is told in mid-call: results of tasks, what is written, asks, an answer that was given up. */
import { expect, test } from "vitest";

import { objectAt } from "../../src/upstreams/json.ts";
import { CONFIG, orderFaults } from "./connection.ts";
import { ask, BEHIND, live, returned, sound, TOOL, types, write } from "./live-connection.ts";

test("[U185] a task for the client is a call with the caller's words, and what it returns goes with the ask, for that task", () => {
  const { server, connection } = live({ tool: "look_up" });
  connection.hear([server.understood("Is it "), server.understood("open?")]);
  connection.hear([...server.audio(sound(100)), server.said("Let me see.")]);
  connection.hear([server.delegates("item_1"), server.delegates("item_2", "responses")]);
  expect(connection.of("item.started")).toMatchObject([
    { kind: "message" },
    { kind: "function_call", name: "look_up", callId: "item_1" },
  ]);
  expect(connection.of("item.done").at(-1)).toMatchObject({ arguments: '{"request":"Is it open?"}' });
  expect(connection.of("response.done")).toHaveLength(1);
  const long = `${"It is open from nine to five. ".repeat(120)}${"x".repeat(3000)}`;
  returned(connection, "item_1", long);
  expect(server.of("session.commentary.append")).toEqual([]);
  ask(connection, "R1");
  const appends = server.of("session.commentary.append");
  expect(appends.length).toBeGreaterThan(3);
  expect(server.told("commentary").join("")).toBe(long);
  expect(new Set(appends.map((event) => event["delegation_id"]))).toEqual(new Set(["item_1"]));
  // It needs no further word.
  expect(server.of("session.instructions.append")).toEqual([]);
  connection.hear(server.audio(sound(100)));
  expect(connection.of("response.started").at(-1)).toMatchObject({ answers: "R1" });
  returned(connection, "item_1", "Once more.");
  expect(server.told("thinking")).toEqual(["The call returned: Once more."]);
  // Nobody asks, and the caller goes on.
  connection.hear([server.delegates("item_3")]);
  returned(connection, "item_3", "");
  connection.hear([server.understood("Well?")]);
  expect(server.told("commentary").at(-1)).toBe("The application gave no result.");
  connection.hear([server.delegates("item_4")]);
  returned(connection, "item_4", "a word or two ".repeat(20_000));
  expect(connection.hear(server.silence(100))[0]).toMatchObject({
    type: "refused",
    what: "item",
    id: "o_item_4",
    cause: "evt_client",
    error: { code: "string_above_max_length" },
  });
  expect(server.refused).toEqual([]);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U186] with a model behind, functions of the session are its tools, and it goes on when it has all results", () => {
  const { server, connection } = live(BEHIND, {
    tools: [TOOL],
    toolChoice: "required",
    maxOutputTokens: 500,
  });
  expect(connection.of("unconfigured")).toEqual([]);
  expect(objectAt(objectAt(server.received[0] ?? null, "session"), "delegation")).toEqual({
    type: "responses",
    responses: { tools: [TOOL], tool_choice: "required", max_output_tokens: 500, model: "gpt-5.5" },
  });
  connection.hear([
    server.calls("book", "call_1", '{"seats":2}'),
    server.calls("book", "call_2", '{"seats"'),
  ]);
  expect(connection.of("item.done")).toMatchObject([
    { status: "completed", arguments: '{"seats":2}' },
    { status: "incomplete" },
  ]);
  returned(connection, "call_1", "yes");
  returned(connection, "call_2", "no");
  expect(server.of("response.item.create")).toEqual([]);
  ask(connection, "R1");
  expect(server.of("response.item.create").map((event) => event["item"])).toEqual([
    { type: "function_call_output", call_id: "call_1", output: "yes" },
    { type: "function_call_output", call_id: "call_2", output: "no" },
  ]);
  expect(server.of("response.create")).toHaveLength(1);
  const usage = {
    input_tokens: 10,
    output_tokens: 5,
    total_tokens: 15,
    input_tokens_details: { cached_tokens: 4 },
  };
  const error = { code: "server_error", message: "The model of sk-0123456789abcdef0123456789 failed." };
  connection.hear([
    server.behind({ type: "response.completed", response: { usage } }),
    server.behind({ type: "response.failed", response: { error } }),
    server.behind({ type: "response.output_text.delta", delta: "It is " }),
  ]);
  expect(connection.of("spent")).toMatchObject([
    { usage: { total_tokens: 15, input_tokens: 10, input_token_details: { cached_tokens: 4 } } },
  ]);
  expect(connection.of("error")).toEqual([
    {
      type: "error",
      fatal: false,
      error: { code: "server_error", message: expect.not.stringContaining("sk-0123") as string },
    },
  ]);
  connection.send({ type: "configure", config: { ...CONFIG, tools: [{ ...TOOL, name: "cancel" }] } });
  expect(server.of("session.update")).toMatchObject([
    { session: { delegation: { type: "responses", responses: { tools: [{ name: "cancel" }] } } } },
  ]);
  expect(server.refused).toEqual([]);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U187] what is written is told silently, a developer's words as instructions, and an ask makes it speak", () => {
  const { server, connection } = live();
  write(connection, "user", "What is the time?");
  write(connection, "assistant", "Nine.");
  write(connection, "system", "Whisper.");
  expect(server.told("thinking")).toEqual(["The user wrote: What is the time?", "You said: Nine."]);
  expect(server.told("instructions")).toEqual(["Whisper."]);
  ask(connection, "R1");
  ask(connection, "R2");
  ask(connection, "R3", { instructions: "Say goodbye." });
  expect(server.told("instructions").slice(1)).toEqual([
    "Answer now, aloud, what the user wrote.",
    "Speak to the user now: say what is to be said next.",
    "Say goodbye.",
  ]);
  for (let n = 0; n < 3; n++) connection.hear([...server.audio(sound(100)), ...server.silence(900)]);
  expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2", "R3"]);
  const recording = {
    id: "s",
    type: "message",
    role: "user",
    content: [{ type: "input_audio", audio: "AAAA" }],
  };
  connection.send({ type: "item", item: recording, previousItemId: null });
  expect(connection.hear(server.silence(100))[0]).toMatchObject({
    type: "refused",
    what: "item",
    id: "s",
    error: { code: "unsupported" },
  });
  expect(server.refused).toEqual([]);
});

test("[U187] an ask ends what is being said and nobody asked for: the rest of it is the answer", () => {
  const { server, connection } = live();
  connection.hear(server.audio(sound(100)));
  ask(connection, "R1");
  connection.hear([...server.audio(sound(200, 0x30)), ...server.silence(900)]);
  expect(connection.of("response.started").map(({ answers }) => answers)).toEqual([null, "R1"]);
  const [first = "", second = ""] = connection.of("response.started").map(({ response }) => response);
  expect(connection.audio(first)).toEqual(sound(100));
  expect(connection.audio(second).subarray(0, 200 * 48)).toEqual(sound(200, 0x30));
  expect(connection.of("response.done").map(({ status }) => status)).toEqual(["completed", "completed"]);
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U188] of an answer that was given up nothing more is heard, to a short pause, and the model is told", () => {
  const { server, connection } = live();
  ask(connection, "R1");
  connection.hear(server.audio(sound(100)));
  connection.send({ type: "cancel", responseId: "R1" });
  expect(server.told("instructions").at(-1)).toMatch(/^You were stopped/);
  const late = connection.hear([
    ...server.audio(sound(300)),
    server.said("and so on"),
    ...server.silence(200),
  ]);
  expect(types(late)).toEqual([]);
  expect(connection.of("response.done")).toMatchObject([{ status: "cancelled" }]);
  connection.hear([...server.silence(100), ...server.audio(sound(100, 0x30))]);
  expect(connection.audio().slice(-100 * 48)).toEqual(sound(100, 0x30));
  // One that nobody asked for is given up by its name or its key.
  const key = connection.of("response.started").at(-1)?.response ?? "";
  connection.send({ type: "named", what: "response", key, id: "resp_9" });
  connection.send({ type: "cancel", responseId: "resp_9" });
  connection.hear(server.silence(400));
  expect(connection.of("response.done").map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
  // One that has not begun is over at once, and what is said then is another.
  const told = server.told("instructions").length;
  ask(connection, "R2");
  connection.send({ type: "cancel", responseId: "R2" });
  expect(server.told("instructions")).toHaveLength(told + 1);
  connection.hear(server.audio(sound(100)));
  expect(connection.of("response.started").at(-1)).toMatchObject({ answers: null });
  expect(orderFaults(connection.events)).toEqual([]);
});

test("[U189] new instructions are added, and a voice stays as it is", () => {
  const { server, connection } = live();
  connection.send({ type: "configure", config: { ...CONFIG, instructions: "Be kind.", voice: "ash" } });
  connection.send({ type: "configure", config: { ...CONFIG, instructions: "", voice: "ash" } });
  expect(server.told("instructions")).toEqual([
    "From now on these instructions hold, in place of those before:\nBe kind.",
    "The instructions that you were given hold no longer.",
  ]);
  connection.hear(server.silence(100));
  expect(connection.of("unconfigured")).toEqual([{ type: "unconfigured", fields: ["voice"] }]);
  expect(server.of("session.update")).toEqual([]);
  expect(server.refused).toEqual([]);
});
