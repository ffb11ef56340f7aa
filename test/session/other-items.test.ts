import { describe, expect, test } from "vitest";

import { begin, byType, finish, item, response, say } from "../support/answering.ts";
import { Call } from "../support/call.ts";

const REQUEST = {
  type: "mcp_approval_request",
  id: "P_1",
  server_label: "files",
  name: "read",
  arguments: "{}",
};

function asked(dialect: "realtime" | "duplex.v1" = "realtime"): Call {
  const call = new Call({ dialect });
  call.client({ type: "response.create" });
  begin(call);
  return call;
}

function started(call: Call, key: string, whole: Record<string, string>): string {
  call.upstream({ type: "item.started", response: "r", item: key, kind: "other", whole });
  return String(item(call, "response.output_item.added")["id"]);
}

describe("items of kinds that the relay does not know", () => {
  test("[R26] they are announced, placed and ended in the provider's words under the session's id", () => {
    const call = asked();
    const id = started(call, "P_1", REQUEST);
    expect(id).toMatch(/^item_/);
    expect(item(call, "response.output_item.added")).toEqual({ ...REQUEST, id });
    expect(item(call, "conversation.item.added")).toEqual({ ...REQUEST, id });
    const event = {
      type: "response.mcp_call_arguments.delta",
      event_id: "P",
      response_id: "P_r",
      item_id: "P_1",
    };
    call.upstream({
      type: "item.event",
      response: "r",
      item: "P_1",
      event: { ...event, output_index: 7, delta: "{" },
    });
    const told = call.last("response.mcp_call_arguments.delta");
    expect(told).toMatchObject({ item_id: id, output_index: 0, delta: "{" });
    expect(told["response_id"]).toBe(response(call, "response.created")["id"]);
    expect(told["event_id"]).not.toBe("P");
    const whole = { ...REQUEST, extra: { nested: [1] } };
    call.upstream({ type: "item.done", response: "r", item: "P_1", status: "completed", whole });
    finish(call);
    expect(item(call, "response.output_item.done")).toEqual({ ...whole, id });
    expect(item(call, "conversation.item.done")).toEqual({ ...whole, id });
    expect(response(call)["output"]).toEqual([{ ...whole, id }]);
    call.client({ type: "conversation.item.retrieve", item_id: id });
    expect(item(call, "conversation.item.retrieved")).toEqual({ ...whole, id });
    call.client({ type: "conversation.item.delete", item_id: id });
    expect(call.commands().at(-1)).toEqual({ type: "delete", itemId: id });
  });

  test("[R26] what one says of another it says under the session's name", () => {
    const call = asked();
    const id = started(call, "P_1", REQUEST);
    started(call, "P_2", { type: "mcp_call", id: "P_2", approval_request_id: "P_1" });
    expect(item(call, "response.output_item.added")).toMatchObject({
      type: "mcp_call",
      approval_request_id: id,
    });
  });

  test("[R26] one that was still open when its response was cancelled is incomplete", () => {
    const call = asked();
    started(call, "P_1", { type: "mcp_call", id: "P_1", status: "in_progress" });
    call.client({ type: "response.cancel" });
    expect(item(call, "response.output_item.done")).toMatchObject({ type: "mcp_call", status: "incomplete" });
  });

  test("[R26] they do not wait for the sentence before them to be heard", () => {
    const call = asked("duplex.v1");
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 3000);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    started(call, "P_1", REQUEST);
    expect(item(call, "response.output_item.added")).toMatchObject({ type: "mcp_approval_request" });
  });

  test("[R26] one beyond its bound fails the response", () => {
    const call = new Call({ limits: { otherItemSize: 100 } });
    call.client({ type: "response.create" });
    begin(call);
    const whole = { type: "mcp_call", output: "x".repeat(200) };
    call.upstream({ type: "item.started", response: "r", item: "P_1", kind: "other", whole });
    expect(response(call)).toMatchObject({ status: "failed", output: [] });
    expect(call.types()).not.toContain("response.output_item.added");
  });
});

describe("items that a provider places by itself", () => {
  const LIST = { type: "mcp_list_tools", id: "P_l", server_label: "files", tools: [] };

  test("[R27] they stand in the conversation in their order, under the session's id, with their events", () => {
    const call = new Call();
    call.upstream({ type: "item.placed", item: "P_l", whole: LIST, done: false });
    const added = call.last("conversation.item.added");
    const id = String(item(call, "conversation.item.added")["id"]);
    expect(added).toMatchObject({ previous_item_id: null, item: { ...LIST, id } });
    call.upstream({
      type: "passed",
      item: "P_l",
      event: { type: "mcp_list_tools.completed", event_id: "P", item_id: "P_l" },
    });
    expect(call.last("mcp_list_tools.completed")).toMatchObject({ item_id: id });
    expect(call.last("mcp_list_tools.completed")["event_id"]).not.toBe("P");
    const whole = { ...LIST, tools: [{ name: "read" }] };
    call.upstream({ type: "item.placed", item: "P_l", whole, done: true });
    call.upstream({ type: "item.placed", item: "P_l", whole, done: true });
    expect(byType(call, "conversation.item.done").map((event) => event["item"])).toEqual([{ ...whole, id }]);
    call.hibernate();
    call.upstream({ type: "passed", item: "P_l", event: { type: "mcp_list_tools.failed", item_id: "P_l" } });
    expect(call.last("mcp_list_tools.failed")).toMatchObject({ item_id: id });
    call.client({ type: "conversation.item.delete", item_id: id });
    expect(call.commands().at(-1)).toEqual({ type: "delete", itemId: id });
  });

  test("[R27] an event about no item is passed on as it is, one about an item that was never told is not", () => {
    const call = new Call();
    call.upstream({ type: "passed", item: null, event: { type: "provider.notice", text: "hello" } });
    expect(call.last("provider.notice")).toMatchObject({ text: "hello" });
    call.upstream({ type: "passed", item: "P_x", event: { type: "provider.note", item_id: "P_x" } });
    expect(call.types()).not.toContain("provider.note");
  });
});
