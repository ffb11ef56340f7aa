/** Functions of Gemini Live: their parameters in Google's schema, and calls without a name. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { parametersOf as inGoogles, roomForAll } from "../../src/upstreams/gemini-live/schema.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { objectsAt } from "../../src/upstreams/json.ts";
import type { Item } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection } from "./connection.ts";
import { refusedSchema } from "./gemini-schema.ts";
import { ScriptedGemini } from "./scripted-gemini.ts";

const RESPOND = { params: {}, outOfBand: false } as const;

function live(tools: readonly JsonObject[], model = "gemini-2.5-flash") {
  const server = new ScriptedGemini();
  const upstream = createUpstream({ adapter: "gemini-live", model, url: "wss://provider.test/live" });
  return { server, upstream, connection: new Connection(upstream, server, { ...CONFIG, tools }) };
}

function parametersOf(parameters: JsonObject): unknown {
  const { server } = live([{ type: "function", name: "f", description: "", parameters }]);
  expect(server.refused).toEqual([]);
  return objectsAt(objectsAt(server.setup, "tools")[0] ?? null, "functionDeclarations")[0]?.["parameters"];
}
const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: "object",
  properties,
  ...more,
});

describe("the parameters of a function", () => {
  test("[U400] list values of texts alone; others are said in the description", () => {
    expect(
      parametersOf(
        object({
          floor: { type: "integer", enum: [0, 1, 2], description: "Which floor." },
          level: { const: 5 },
          size: { type: "string", enum: ["big", null, 7] },
          kind: { enum: ["a", "b"] },
          flag: { type: "boolean", enum: [true] },
        }),
      ),
    ).toMatchObject({
      properties: {
        floor: { type: "INTEGER", description: "Which floor. One of: 0,1,2." },
        level: { type: "INTEGER", description: "One of: 5." },
        size: { type: "STRING", enum: ["big", "7"] },
        kind: { type: "STRING", enum: ["a", "b"] },
        flag: { type: "BOOLEAN", description: "One of: true." },
      },
    });
  });

  test("[U400] have the formats that Google knows, what an array is of, and only names in required that there are", () => {
    expect(
      parametersOf(
        object(
          {
            site: { type: "string", format: "uri" },
            when: { type: "string", format: "date-time" },
            count: { type: "integer", format: "uint8" },
            tags: { type: "array" },
          },
          { required: ["site", "gone"] },
        ),
      ),
    ).toEqual({
      type: "OBJECT",
      properties: {
        site: { type: "STRING" },
        when: { type: "STRING", format: "date-time" },
        count: { type: "INTEGER" },
        tags: { type: "ARRAY", items: { type: "STRING" } },
      },
      required: ["site"],
    });
    // What Pydantic, zod and Google's own samples write for a function that wants nothing.
    for (const nothing of [{}, { type: "object" }, object({}), object({}, { required: [] })])
      expect(parametersOf(nothing)).toBeUndefined();
  });

  test("[U400] are whole where they refer to each other, and may be null", () => {
    const $defs = { Place: object({ city: { type: "string" } }, { required: ["city"] }) };
    expect(
      parametersOf(
        object(
          {
            from: { $ref: "#/$defs/Place", description: "Where from." },
            to: { allOf: [{ $ref: "#/$defs/Place" }] },
            via: { anyOf: [{ $ref: "#/$defs/Place" }, { type: "null" }], default: null },
            by: { anyOf: [{ type: "string" }, { type: "integer" }, { type: "null" }] },
          },
          { $defs },
        ),
      ),
    ).toMatchObject({
      properties: {
        from: { type: "OBJECT", description: "Where from.", properties: { city: { type: "STRING" } } },
        to: { type: "OBJECT", required: ["city"] },
        via: { type: "OBJECT", nullable: true, properties: { city: { type: "STRING" } } },
        by: {
          anyOf: [
            { type: "STRING", nullable: true },
            { type: "INTEGER", nullable: true },
          ],
        },
      },
    });
  });

  test("[U400] that lead back to themselves, or nowhere, end", () => {
    const tree = object({ left: { $ref: "#/$defs/Tree" }, right: { $ref: "#/$defs/Tree" } });
    const branch = { type: "OBJECT" };
    expect(parametersOf(object({ tree: { $ref: "#/$defs/Tree" } }, { $defs: { Tree: tree } }))).toEqual({
      type: "OBJECT",
      properties: { tree: { type: "OBJECT", properties: { left: branch, right: branch } } },
    });
    expect(parametersOf(object({ a: { $ref: "#/$defs/__proto__" }, b: { $ref: "https://x" } }))).toEqual({
      type: "OBJECT",
      properties: { a: { type: "STRING" }, b: { type: "STRING" } },
    });
  });
});

const VALUE = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constant({ a: 1 }),
);
const TYPE = fc.constantFrom("string", "integer", "number", "boolean", "array", "object", "null", "file");
/** Whatever applications and MCP servers write, and worse. */
const { schema: SCHEMA } = fc.letrec<{ schema: JsonObject; member: JsonObject; leaf: JsonObject }>((tie) => ({
  leaf: fc.record({ type: TYPE, enum: fc.array(VALUE, { maxLength: 2 }) }, { requiredKeys: [] }),
  member: fc.oneof({ depthSize: "small", maxDepth: 3, depthIdentifier: "s" }, tie("leaf"), tie("schema")),
  schema: fc.record(
    {
      type: fc.oneof(TYPE, fc.array(TYPE, { maxLength: 2 }), VALUE),
      format: fc.constantFrom("uri", "date-time", "int32", "enum"),
      enum: fc.oneof(fc.array(VALUE, { maxLength: 3 }), VALUE),
      const: VALUE,
      items: fc.oneof(tie("member"), VALUE),
      properties: fc.oneof(fc.dictionary(fc.constantFrom("a", "b"), fc.oneof(tie("member"), VALUE)), VALUE),
      required: fc.oneof(fc.array(fc.constantFrom("a", "b", "z", 1), { maxLength: 3 }), VALUE),
      anyOf: fc.oneof(fc.array(fc.oneof(tie("member"), VALUE), { maxLength: 3 }), VALUE),
      allOf: fc.array(tie("member"), { maxLength: 2 }),
      $ref: fc.constantFrom("#/$defs/x", "#/definitions/y", "#"),
      $defs: fc.dictionary(fc.constantFrom("x"), tie("member")),
      additionalProperties: fc.boolean(),
      description: VALUE,
      pattern: VALUE,
      minimum: VALUE,
      default: VALUE,
    },
    { requiredKeys: [] },
  ),
}));

test("[U400] no function's parameters are refused, whatever its schema", () => {
  fc.assert(
    fc.property(SCHEMA, (schema) => {
      expect(refusedSchema(inGoogles(schema, roomForAll()) ?? { type: "STRING" }, "f")).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("[U400] functions whose schemas refer to each other cost all together what one may", () => {
  const names = Array.from({ length: 30 }, (_, n) => `t${n}`);
  const all = Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${name}` }]));
  const $defs = Object.fromEntries(names.map((name) => [name, object(all)]));
  const functions = Array.from({ length: 9 }, (_, n) => {
    return { type: "function", name: `f${n}`, description: "", parameters: object(all, { $defs }) };
  });
  const sizes = [1, 9].map((count) => JSON.stringify(live(functions.slice(0, count)).server.setup).length);
  expect(sizes[1]).toBeLessThan(1.2 * (sizes[0] ?? 0));
});

describe("a call without an id", () => {
  const output = (call_id: string, text: string): Item => ({
    id: `out_${call_id}`,
    type: "function_call_output",
    call_id,
    output: text,
  });
  const called = (connection: Connection): readonly string[] =>
    connection.of("item.started").flatMap((event) => (event.kind === "function_call" ? event.callId : []));

  test("[U401] is told under a name of the relay's, and its result goes back without one", () => {
    const { server, connection } = live([]);
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    const functionCalls = [
      { name: "book", args: { seats: 2 } },
      { name: "ring", args: {} },
    ];
    connection.hear([server.say({ toolCall: { functionCalls } })]);
    const [first = "", second = ""] = called(connection);
    expect(new Set([first, second, ""]).size).toBe(3);
    connection.send({ type: "item", item: output(second, "rung"), previousItemId: null });
    connection.send({ type: "item", item: output(first, "booked"), previousItemId: null });
    connection.send({ type: "respond", responseId: "R2", options: RESPOND });
    expect(server.received.at(-1)).toEqual({
      toolResponse: {
        functionResponses: [
          { name: "book", response: { output: "booked" } },
          { name: "ring", response: { output: "rung" } },
        ],
      },
    });
    expect(server.refused).toEqual([]);
  });

  test("[U401] that nobody will run is answered without one", () => {
    const { server, connection } = live([]);
    connection.send({ type: "audio", chunk: chunk(new Uint8Array(640)) });
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    connection.send({ type: "cancel", responseId: "R1" });
    connection.hear([server.say({ toolCall: { functionCalls: [{ name: "book", args: {} }] } })]);
    expect(server.received.at(-1)).toMatchObject({ toolResponse: { functionResponses: [{ name: "book" }] } });
    expect(JSON.stringify(server.received.at(-1))).not.toContain("unnamed");
  });

  test("[U401] has another name than those that were told before, and is told to the next connection without one", () => {
    const { server, connection } = live([]);
    const call: Item = {
      id: "i",
      type: "function_call",
      call_id: "unnamed_1",
      name: "book",
      arguments: "{}",
    };
    connection.send({ type: "item", item: call, previousItemId: null });
    connection.send({ type: "item", item: output("unnamed_1", "booked"), previousItemId: null });
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    expect(server.received.at(-1)).toEqual({
      clientContent: {
        turns: [
          { role: "model", parts: [{ functionCall: { name: "book", args: {} } }] },
          { role: "user", parts: [{ functionResponse: { name: "book", response: { output: "booked" } } }] },
        ],
        turnComplete: true,
      },
    });
    connection.hear([server.say({ toolCall: { functionCalls: [{ name: "book", args: {} }] } })]);
    expect(called(connection)).toEqual(["unnamed_2"]);
  });
});
