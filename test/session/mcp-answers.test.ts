import { expect, test } from "vitest";

import { item } from "../support/answering.ts";
import { Call } from "../support/call.ts";

test("[Z44] an approval goes to the provider as it was made: no object, no status", () => {
  const call = new Call();
  const approval = {
    type: "mcp_approval_response",
    id: "ok",
    approval_request_id: "item_1",
    approve: true,
  };
  call.client({ type: "conversation.item.create", item: approval });
  expect(item(call, "conversation.item.added")).toEqual(approval);
  expect(call.commands().at(-1)).toMatchObject({ type: "item", item: approval });
  const sent = call.commands().at(-1);
  expect(sent?.type === "item" ? Object.keys(sent.item).toSorted() : []).toEqual(
    Object.keys(approval).toSorted(),
  );
});

test("[R27] what a provider says of an item by the name that the session gave it reaches the client", () => {
  const call = new Call();
  const whole = { type: "mcp_list_tools", id: "P_l", server_label: "files", tools: [] };
  call.upstream({ type: "item.placed", item: "P_l", whole, done: false });
  const id = String(item(call, "conversation.item.added")["id"]);
  call.upstream({
    type: "passed",
    item: id,
    event: { type: "mcp_list_tools.completed", event_id: "P", item_id: "P_l" },
  });
  expect(call.last("mcp_list_tools.completed")).toMatchObject({ item_id: id });
});
