/** Tool calls and the ends of items: as the provider ended them, in whatever shape it said so. */
import { describe, expect, it } from "vitest";

import type { Json, JsonObject } from "../../src/upstreams/upstream.ts";
import { orderFaults } from "./connection.ts";
import { answeringOpenAi, connectOpenAi, hear, restarted } from "./openai-connection.ts";

const AT = { response_id: "resp_1", output_index: 0, item_id: "item_c" } as const;
const CALL = { id: "item_c", type: "function_call", name: "get_weather", call_id: "call_1" } as const;

const added = (item: JsonObject = CALL): JsonObject => ({
  type: "response.output_item.added",
  response_id: "resp_1",
  output_index: 0,
  item: { ...item, status: "in_progress", arguments: "" },
});
const delta = (text: Json): JsonObject => ({
  type: "response.function_call_arguments.delta",
  ...AT,
  delta: text,
});
const argumentsDone = (args: JsonObject): JsonObject => ({
  type: "response.function_call_arguments.done",
  ...AT,
  ...args,
});
const itemDone = (item: JsonObject): JsonObject => ({
  type: "response.output_item.done",
  response_id: "resp_1",
  output_index: 0,
  item: { ...CALL, ...item },
});
const responseDone = (status: string, response: JsonObject = {}): JsonObject => ({
  type: "response.done",
  response: { id: "resp_1", status, output: [], ...response },
});

/** How the call ended after these events: status and arguments. */
function ended(...events: readonly JsonObject[]): readonly (readonly [string, string | undefined])[] {
  const { connection } = answeringOpenAi();
  for (const event of events) {
    hear(connection, event);
    restarted(connection);
  }
  expect(orderFaults(connection.events)).toEqual([]);
  return connection.of("item.done").map(({ status, arguments: args }) => [status, args]);
}

const faults = (...events: readonly JsonObject[]): readonly string[] => {
  const { connection } = answeringOpenAi();
  hear(connection, ...events);
  return connection.of("error").map(({ error }) => `${error.code}: ${error.message}`);
};

describe("how an item ended", () => {
  const message = { id: "item_m", type: "message", role: "assistant" };

  it("[U25] is told with the status that the provider gave it", () => {
    for (const status of ["completed", "incomplete"] as const) {
      const { connection } = answeringOpenAi();
      hear(connection, itemDone({ ...message, status, content: [{ type: "output_text", text: "Hi" }] }));
      expect(connection.of("item.done")).toMatchObject([{ status }]);
    }
  });

  it("[U25] is told by the end of its response where the item was never ended", () => {
    for (const [status, expected] of [
      ["completed", "completed"],
      ["incomplete", "incomplete"],
      ["cancelled", "incomplete"],
      ["failed", "incomplete"],
      ["in_progress", "incomplete"],
      ["interrupted", "incomplete"],
    ] as const) {
      const listed = { id: "item_n", type: "message", role: "assistant", content: [] };
      const { connection } = answeringOpenAi();
      hear(connection, added(message), responseDone(status, { output: [message, listed] }));
      expect(
        connection.of("item.done").map((event) => event.status),
        status,
      ).toEqual([expected, expected]);
    }
  });

  it("[U26] makes a call that was cut off incomplete, however the provider said so", () => {
    const half = '{"city":"Par';
    expect(ended(added(), delta(half), itemDone({ status: "incomplete", arguments: half }))).toEqual([
      ["incomplete", half],
    ]);
    expect(ended(added(), delta(half), responseDone("incomplete"))).toEqual([["incomplete", half]]);
    expect(ended(added(), delta(half), responseDone("cancelled"))).toEqual([["incomplete", half]]);
    expect(ended(added(), delta('{"city":"Paris"}'), responseDone("failed"))).toEqual([
      ["incomplete", '{"city":"Paris"}'],
    ]);
    expect(ended(added(), delta(half), itemDone({ status: "completed", arguments: half }))).toEqual([
      ["incomplete", half],
    ]);
    expect(ended(added(), delta(half), responseDone("completed"))).toEqual([["incomplete", half]]);
    // Before the first argument: no tool may run with none.
    expect(ended(added(), itemDone({ status: "incomplete", arguments: "" }))).toEqual([["incomplete", ""]]);
    expect(ended(added(), responseDone("incomplete", { output: [CALL] }))).toEqual([["incomplete", ""]]);
    expect(ended(added(), responseDone("completed"))).toEqual([["incomplete", ""]]);
    expect(ended(added(), itemDone({}))).toEqual([["incomplete", ""]]);
  });

  it("[U26] completes a call that was never ended when its response completed and its arguments are whole", () => {
    expect(ended(added(), delta('{"city":'), delta('"Paris"}'), responseDone("completed"))).toEqual([
      ["completed", '{"city":"Paris"}'],
    ]);
  });

  it("[U26] completes a call without arguments where the provider says that there are none", () => {
    expect(ended(added(), itemDone({ status: "completed", arguments: "" }))).toEqual([["completed", "{}"]]);
    expect(ended(added(), argumentsDone({ arguments: "" }), itemDone({}))).toEqual([["completed", "{}"]]);
    expect(ended(added(), itemDone({ status: "completed" }))).toEqual([["completed", "{}"]]);
  });
});

describe("arguments", () => {
  const paris = '{"city":"Paris"}';

  it("[U27] may be an object, which is told as JSON", () => {
    expect(ended(added(), itemDone({ status: "completed", arguments: { city: "Paris" } }))).toEqual([
      ["completed", paris],
    ]);
    expect(ended(added(), argumentsDone({ arguments: { city: "Paris" } }), itemDone({}))).toEqual([
      ["completed", paris],
    ]);
  });

  it("[U27] are the deltas where the end says nothing of them, or less", () => {
    for (const args of [{ arguments: null }, { arguments: "" }, {}, { arguments: "{}" }, { arguments: {} }]) {
      expect(
        ended(added(), delta('{"city":'), delta('"Paris"}'), itemDone({ status: "completed", ...args })),
      ).toEqual([["completed", paris]]);
      expect(
        ended(
          added(),
          delta(paris),
          argumentsDone(args),
          itemDone({ status: "completed", arguments: '{"city":"Par' }),
        ),
      ).toEqual([["completed", paris]]);
    }
  });

  it("[U27] are what the provider said last where it contradicts its deltas with something whole", () => {
    const rome = '{"city":"Rome"}';
    expect(ended(added(), delta(paris), itemDone({ status: "completed", arguments: rome }))).toEqual([
      ["completed", rome],
    ]);
  });

  it("[U27] of another type, or too long, are said aloud and never run", () => {
    for (const args of [["Paris"], 5, true, " ".repeat(300_000), { city: "x".repeat(300_000) }]) {
      for (const event of [
        itemDone({ status: "completed", arguments: args }),
        argumentsDone({ arguments: args }),
      ]) {
        expect(ended(added(), delta(paris), event, responseDone("completed"))).toEqual([
          ["incomplete", paris],
        ]);
        expect(faults(added(), delta(paris), event)).toEqual([
          expect.stringMatching(/^upstream_protocol_error: .*arguments of a call/),
        ]);
      }
    }
    expect(ended(added(), delta(5), itemDone({ status: "completed", arguments: paris }))).toEqual([
      ["incomplete", paris],
    ]);
  });

  it("[U15] are kept within bounds, over all calls that have not ended", () => {
    const { connection } = answeringOpenAi();
    for (let n = 0; n < 20; n++) {
      hear(connection, {
        ...added({ ...CALL, id: `item_${n}`, call_id: `call_${n}` }),
        output_index: n,
      });
      for (let piece = 0; piece < 5; piece++)
        hear(connection, { ...delta("x".repeat(60_000)), item_id: `item_${n}`, output_index: n });
    }
    expect(JSON.stringify(connection.upstream.snapshot()).length).toBeLessThan(700_000);
    expect(connection.of("error").length).toBeGreaterThan(10);
    hear(connection, responseDone("completed"));
    expect(connection.of("item.done").every(({ status }) => status === "incomplete")).toBe(true);
  });

  it("[U12] come from two calls at once", () => {
    const { connection } = answeringOpenAi();
    const b = { item_id: "item_d", output_index: 1 };
    hear(connection, added(), { ...added({ ...CALL, id: "item_d", call_id: "call_2" }), output_index: 1 });
    hear(connection, delta('{"a":'), { ...delta('{"b":'), ...b }, delta("1}"), { ...delta("2}"), ...b });
    hear(connection, responseDone("completed"));
    expect(connection.of("item.done").map(({ arguments: args }) => args)).toEqual(['{"a":1}', '{"b":2}']);
  });
});

describe("a call's names", () => {
  it("[U28] are made up where the provider has no call id, and its own goes back with the result", () => {
    const long = "c".repeat(300);
    for (const [own, back] of [
      ["", ""],
      [null, null],
      [7, 7],
      [long, long],
    ] as const) {
      const { connection, server } = answeringOpenAi();
      hear(connection, added({ ...CALL, call_id: own }), itemDone({ call_id: own, arguments: "{}" }));
      const [{ callId } = { callId: "" }] = connection
        .of("item.started")
        .flatMap((event) => (event.kind === "function_call" ? [event] : []));
      expect(callId).toBe("call_item_c");
      expect(connection.of("item.done")).toMatchObject([{ status: "completed" }]);
      restarted(connection);
      const item = { id: "item_o", type: "function_call_output", call_id: callId, output: "12 degrees" };
      connection.send({ type: "item", item, previousItemId: null });
      expect(server.last("conversation.item.create").item).toMatchObject({ call_id: back });
    }
  });

  it("[U28] leave the call id out of the result where the provider gave none", () => {
    const { connection, server } = answeringOpenAi();
    const { call_id: _, ...nameless } = CALL;
    hear(connection, added(nameless), { ...itemDone({}), item: { ...nameless, arguments: "{}" } });
    const item = { id: "item_o", type: "function_call_output", call_id: "call_item_c", output: "1" };
    connection.send({ type: "item", item, previousItemId: null });
    expect(server.last("conversation.item.create").item).not.toHaveProperty("call_id");
  });

  it("[U29] may come late: the call is told when it says what it calls", () => {
    const { connection } = answeringOpenAi();
    hear(connection, delta('{"city":'), delta('"Paris"}'));
    expect(connection.of("item.started")).toEqual([]);
    hear(connection, argumentsDone({ name: "get_weather", call_id: "call_1", arguments: "" }));
    hear(connection, itemDone({ status: "completed" }));
    expect(connection.events.slice(2)).toMatchObject([
      { type: "item.started", kind: "function_call", name: "get_weather", callId: "call_1" },
      { type: "arguments", delta: '{"city":"Paris"}' },
      { type: "item.done", status: "completed", arguments: '{"city":"Paris"}' },
    ]);
  });

  it("[U29] are said aloud to be missing or too long, and the call is shown as one that may not run", () => {
    for (const name of [undefined, "", 5, "n".repeat(300)]) {
      const { name: _, ...nameless } = CALL;
      const call: JsonObject = { ...nameless, ...(name === undefined ? {} : { name }) };
      const { connection } = answeringOpenAi();
      hear(connection, added(call), delta("{}"));
      hear(connection, { ...itemDone({}), item: { ...call, status: "completed", arguments: "{}" } });
      expect(connection.of("error")).toMatchObject([
        { error: { code: "upstream_protocol_error" }, fatal: false },
      ]);
      expect(connection.of("item.started")).toMatchObject([{ kind: "function_call", callId: "call_1" }]);
      expect(connection.of("item.done")).toMatchObject([{ status: "incomplete" }]);
      expect(orderFaults(connection.events)).toEqual([]);
    }
  });
});

describe("an item's name", () => {
  const nameless = (id: Json | undefined, index: number): JsonObject => ({
    response_id: "resp_1",
    output_index: index,
    item: { type: "message", role: "assistant", ...(id === undefined ? {} : { id }) },
  });

  it("[U30] may be missing, empty, null, a number or too long: items are told by their place", () => {
    for (const id of [undefined, "", null, 5, "i".repeat(300)]) {
      const { connection } = answeringOpenAi();
      for (const index of [0, 1]) {
        const at = { response_id: "resp_1", output_index: index, content_index: 0, item_id: id ?? null };
        hear(connection, { type: "response.output_item.added", ...nameless(id, index) });
        hear(connection, { type: "response.output_text.delta", ...at, delta: `Item ${index}.` });
        hear(connection, { type: "response.output_item.done", ...nameless(id, index) });
      }
      hear(connection, responseDone("completed", { output: [{ type: "message" }, { type: "message" }] }));
      const keys = connection.of("item.started").map(({ item }) => item);
      expect(new Set(keys).size).toBe(2);
      expect(connection.of("text").map(({ item, delta: words }) => [item, words])).toEqual([
        [keys[0], "Item 0."],
        [keys[1], "Item 1."],
      ]);
      expect(connection.of("error")).toEqual([]);
      expect(orderFaults(connection.events)).toEqual([]);
    }
  });

  it("[U30] may be one that another answer had: the new item gets a key of its own", () => {
    const { connection, server } = answeringOpenAi();
    const say = (response: string, words: string): string[] => [
      server.messageItem(response, "msg_0"),
      server.transcript(response, "msg_0", words),
      server.audioDelta(response, "msg_0", "AQI="),
      server.audioDelta(response, "msg_0", "AwQ="),
    ];
    connection.hear([...say("resp_1", "One."), server.done("resp_1")]);
    connection.send({ type: "respond", responseId: "R2", options: { params: {}, outOfBand: false } });
    connection.hear([...server.begin("resp_2").messages, ...say("resp_2", "Two."), server.done("resp_2")]);
    const keys = connection.of("item.started").map(({ item }) => item);
    expect(new Set(keys).size).toBe(2);
    expect(connection.audio("resp_2")).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(connection.of("transcript").map(({ item }) => item)).toEqual(keys);
    connection.send({ type: "named", what: "item", key: keys[1] ?? "", id: "item_session" });
    connection.send({ type: "delete", itemId: "item_session" });
    expect(server.last("conversation.item.delete").item_id).toBe("msg_0");
  });

  it("[U30] may be one that an answer of long ago had, and so may the answer's", () => {
    for (const metadataEcho of [true, false]) {
      const { connection, server } = connectOpenAi({ quirks: { metadataEcho } });
      for (const id of ["R1", "R2"]) {
        connection.send({ type: "respond", responseId: id, options: { params: {}, outOfBand: false } });
        const { messages } = server.begin("resp_0");
        connection.hear([...messages, server.messageItem("resp_0", "msg_0")]);
        connection.hear([server.audioDelta("resp_0", "msg_0", "AQI="), server.done("resp_0")]);
        // Said again, it is nothing new.
        expect(connection.hear(messages)).toEqual([]);
        restarted(connection, { quirks: { metadataEcho } });
      }
      expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2"]);
      expect(connection.of("response.done")).toHaveLength(2);
      expect(connection.audio()).toEqual(Uint8Array.of(1, 2, 1, 2));
      expect(orderFaults(connection.events)).toEqual([]);
    }
  });

  it("[U15] is said aloud to be one too many, once", () => {
    const { connection, server } = answeringOpenAi();
    for (let n = 0; n < 80; n++) connection.hear([server.messageItem("resp_1", `item_${n}`)]);
    expect(connection.of("error")).toHaveLength(1);
  });
});

describe("what an answer cost", () => {
  it("[U48] is told with its end, also when it was cancelled, wherever the provider says it", () => {
    const usage = { total_tokens: 31, input_tokens: 20, output_tokens: 11 };
    const { connection } = answeringOpenAi();
    connection.send({ type: "cancel", responseId: "R1" });
    hear(connection, responseDone("cancelled", { usage }));
    expect(connection.of("response.done")).toMatchObject([{ status: "cancelled", usage }]);
    // xAI says it beside the response, which it leaves empty.
    const xai = answeringOpenAi();
    hear(xai.connection, {
      ...responseDone("completed", { usage: {}, status_details: "unimplemented" }),
      usage,
    });
    expect(xai.connection.of("response.done")).toMatchObject([{ status: "completed", usage }]);
    const none = answeringOpenAi();
    hear(none.connection, responseDone("completed", { usage: {} }));
    expect(none.connection.of("response.done")).toMatchObject([{ usage: null }]);
  });
});
