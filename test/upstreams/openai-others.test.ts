/** Items and events that the relay has no part in. */
import { describe, expect, it } from "vitest";

import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { orderFaults } from "./connection.ts";
import { answeringOpenAi, connectOpenAi, hear, restarted } from "./openai-connection.ts";

const inResponse = (type: string, item: JsonObject): JsonObject => ({
  type,
  response_id: "resp_1",
  output_index: 0,
  item,
});

describe("an item of an unknown kind", () => {
  it("[U32] is told whole at its begin and end, with every event about it between", () => {
    const { connection } = answeringOpenAi();
    const call = { id: "mcp_1", type: "mcp_call", server_label: "docs", name: "search", arguments: "" };
    const done = { ...call, arguments: '{"q":"relay"}', output: "…", status: "completed" };
    const between = [
      { type: "response.mcp_call_arguments.delta", response_id: "resp_1", item_id: "mcp_1", delta: '{"q":' },
      { type: "response.mcp_call_arguments.done", response_id: "resp_1", item_id: "mcp_1", arguments: "{}" },
      { type: "response.mcp_call.in_progress", item_id: "mcp_1", output_index: 0 },
      { type: "response.mcp_call.completed", item_id: "mcp_1", output_index: 0 },
    ];
    hear(connection, inResponse("response.output_item.added", call));
    for (const event of between) {
      hear(connection, event);
      restarted(connection);
    }
    hear(connection, { type: "conversation.item.done", item: done });
    hear(connection, inResponse("response.output_item.done", done));
    const of = { response: "resp_1", item: "mcp_1" };
    expect(connection.events.slice(2)).toEqual([
      { type: "item.started", ...of, kind: "other", whole: call },
      ...between.map((event) => ({ type: "item.event", ...of, event })),
      { type: "item.done", ...of, status: "completed", whole: done },
    ]);
    // What comes after its end is still the client's.
    const late = { type: "response.mcp_call.failed", item_id: "mcp_1" };
    expect(hear(connection, late)).toEqual([{ type: "passed", item: "mcp_1", event: late }]);
    expect(orderFaults(connection.events)).toEqual([]);
  });

  it("[U221] says no key of the dial back, wherever it has it, and neither does any event that is handed on", () => {
    const key = "sk-relay-4711-abcdefgh";
    const headers = { Authorization: `Bearer ${key}` };
    const { connection } = answeringOpenAi({ headers });
    const error = { type: "http_error", code: 401, message: `Refused: Bearer ${key}.`, param: key };
    const call = { id: "mcp_1", type: "mcp_call", name: "search", arguments: "", error, [key]: [key] };
    hear(connection, inResponse("response.output_item.added", call));
    hear(connection, { type: "response.mcp_call.failed", item_id: "mcp_1", output_index: 0, error });
    hear(connection, inResponse("response.output_item.done", call));
    hear(connection, {
      type: "conversation.item.added",
      item: { ...call, id: "list", type: "mcp_list_tools" },
    });
    hear(connection, { type: "conversation.item.failed", item_id: "list", detail: [{ error }] });
    hear(connection, {
      type: "response.done",
      response: { id: "resp_1", status: "completed", metadata: { key } },
    });
    const said = JSON.stringify(connection.events);
    expect(said).not.toContain(key);
    expect(said.split("[redacted]").length - 1).toBeGreaterThanOrEqual(10);
    expect(connection.of("passed")).toMatchObject([
      { event: { detail: [{ error: { message: "Refused: [redacted].", param: "[redacted]" } }] } },
    ]);
  });

  it("[U32] may come only with the end of its response", () => {
    for (const kind of ["mcp_approval_request", "image_generation_call", "reasoning"]) {
      const { connection } = answeringOpenAi();
      const item = { id: "item_x", type: kind, server_label: "docs" };
      hear(connection, {
        type: "response.done",
        response: { id: "resp_1", status: "completed", output: [item] },
      });
      expect(connection.events.slice(2)).toMatchObject([
        { type: "item.started", kind: "other", whole: item },
        { type: "item.done", status: "completed", whole: item },
        { type: "response.done", status: "completed" },
      ]);
    }
  });

  it("[U25] that failed, or was never ended in an answer that was cut off, is incomplete", () => {
    const { connection } = answeringOpenAi();
    hear(
      connection,
      inResponse("response.output_item.done", { id: "a", type: "mcp_call", status: "failed" }),
    );
    hear(connection, inResponse("response.output_item.added", { id: "b", type: "mcp_call" }));
    hear(connection, { type: "response.done", response: { id: "resp_1", status: "cancelled" } });
    expect(connection.of("item.done").map(({ status }) => status)).toEqual(["incomplete", "incomplete"]);
  });

  it("[U35] can be named: an approval goes to the provider under the provider's name", () => {
    const { connection, server } = answeringOpenAi();
    const request = { id: "mcpr_P", type: "mcp_approval_request", name: "search", arguments: "{}" };
    hear(connection, inResponse("response.output_item.done", request));
    connection.send({ type: "named", what: "item", key: "mcpr_P", id: "item_S" });
    restarted(connection);
    const answer = {
      id: "item_T",
      type: "mcp_approval_response",
      approval_request_id: "item_S",
      approve: true,
    };
    connection.send({ type: "item", item: answer, previousItemId: null });
    expect(server.last("conversation.item.create").item).toEqual({
      ...answer,
      approval_request_id: "mcpr_P",
    });
    connection.send({ type: "delete", itemId: "item_S" });
    expect(server.last("conversation.item.delete").item_id).toBe("mcpr_P");
  });
});

describe("an item outside a response", () => {
  const tools = { id: "mcpl_1", type: "mcp_list_tools", server_label: "docs" };
  const whole = { ...tools, tools: [{ name: "search" }] };

  it("[U33] is placed when it begins and when it is whole, once each, and its events are passed on", () => {
    const { connection, server } = connectOpenAi();
    const listing = { type: "mcp_list_tools.in_progress", item_id: "mcpl_1" };
    hear(connection, { type: "conversation.item.added", item: tools }, listing);
    restarted(connection);
    hear(
      connection,
      { type: "conversation.item.done", item: whole },
      { type: "conversation.item.done", item: whole },
    );
    hear(connection, { type: "conversation.item.added", item: whole });
    expect(connection.events.slice(1)).toEqual([
      { type: "item.placed", item: "mcpl_1", whole: tools, done: false },
      { type: "passed", item: "mcpl_1", event: listing },
      { type: "item.placed", item: "mcpl_1", whole, done: true },
    ]);
    connection.send({ type: "named", what: "item", key: "mcpl_1", id: "item_S" });
    connection.send({ type: "delete", itemId: "item_S" });
    expect(server.last("conversation.item.delete").item_id).toBe("mcpl_1");
  });

  it("[U33] is placed before its end where only that is told", () => {
    const { connection } = connectOpenAi();
    hear(connection, { type: "conversation.item.done", item: whole });
    expect(connection.of("item.placed").map(({ done }) => done)).toEqual([false, true]);
  });

  it("[U33] is none of the session's own, and none of an answer", () => {
    for (const acceptsItemIds of [true, false]) {
      const { connection } = answeringOpenAi({ quirks: { acceptsItemIds } });
      const item = { id: "item_S", type: "mcp_approval_response", approval_request_id: "x", approve: true };
      connection.send({ type: "item", item, previousItemId: null });
      const call = { id: "mcp_1", type: "mcp_call" };
      hear(connection, inResponse("response.output_item.added", call));
      hear(connection, { type: "conversation.item.added", item: call });
      hear(connection, { type: "conversation.item.added", item: { id: "m", type: "message", role: "user" } });
      expect(connection.of("item.placed")).toEqual([]);
    }
  });

  it("[U33] stays where it was placed when an answer tells of it later", () => {
    const { connection } = answeringOpenAi();
    const call = { id: "mcp_1", type: "mcp_call" };
    hear(connection, { type: "conversation.item.added", item: call });
    hear(connection, inResponse("response.output_item.added", call));
    hear(connection, { type: "response.mcp_call.completed", item_id: "mcp_1" });
    hear(connection, inResponse("response.output_item.done", { ...call, status: "completed" }));
    expect(connection.events.slice(2).map(({ type }) => type)).toEqual([
      "item.placed",
      "passed",
      "item.placed",
    ]);
  });
});

describe("an event of an unknown type", () => {
  it("[U34] is passed on where it is the client's business, and ignored where it is not", () => {
    const { connection, server } = answeringOpenAi();
    connection.hear([server.messageItem("resp_1", "item_m")]);
    const passed = [
      { type: "response.telepathy.delta", response_id: "resp_1", delta: "?" },
      { type: "conversation.summarised", summary: "…" },
      { type: "input_audio_buffer.dtmf_event_received", event: "5" },
      { type: "mcp_list_tools.failed", item_id: "mcpl_9" },
      { type: "vendor.visemes", item_id: "item_m", visemes: [1] },
    ];
    expect(hear(connection, ...passed)).toMatchObject(passed.map((event) => ({ type: "passed", event })));
    const ignored = [
      { type: "ping", timestamp: 5 },
      { type: "output_audio_buffer.started", response_id: "resp_1" },
      { type: "conversation.created", conversation: { id: "conv" } },
      { type: "conversation.item.truncated", item_id: "item_m", audio_end_ms: 5 },
      { type: "conversation.item.deleted", item_id: "item_m" },
      { type: "conversation.item.retrieved", item: { id: "item_m" } },
      { type: "input_audio_buffer.cleared" },
      { type: "response.output_audio.done", response_id: "resp_1", item_id: "item_m" },
    ];
    expect(hear(connection, ...ignored)).toEqual([]);
    connection.hear([server.done("resp_1")]);
    expect(hear(connection, { type: "response.telepathy.done", response_id: "resp_1" })).toEqual([]);
  });

  it("[U16] hands rate limits on verbatim", () => {
    const { connection } = connectOpenAi();
    const limits = [{ name: "images", limit: 5, remaining: 4, reset_seconds: 0.002, burst: { of: 2 } }];
    hear(connection, { type: "rate_limits.updated", rate_limits: limits });
    expect(connection.of("rate_limits")).toEqual([{ type: "rate_limits", rateLimits: limits }]);
  });
});
