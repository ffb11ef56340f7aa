/** What several calls of one answer give: when their model goes on, whatever became of some of them. */
import { describe, expect, test } from "vitest";

import { byType } from "../support/answering.ts";
import type { Call, Received } from "../support/call.ts";
import { voice } from "../support/signal.ts";
import { asks, calling, gives, made, resultsTold, toldOfTools, tool, tooled } from "../support/tools.ts";

const deletes = (call: Call, id: unknown): void =>
  call.client({ type: "conversation.item.delete", item_id: String(id) });

describe("calls of one answer", () => {
  test("[X243] also when the last call that it waited for was deleted, the relay's or the client's", () => {
    const late = calling(tooled(), [{ callId: "a" }, { callId: "b", name: "book" }]);
    gives(late, "grey");
    deletes(late, made(late)[1]?.id);
    gives(late, "booked", 1);
    const waiting = calling(tooled({ tools: [tool("weather"), tool("book", "", { confirmMs: 1000 })] }), [
      { callId: "a" },
      { callId: "b", name: "book" },
    ]);
    gives(waiting, "grey");
    deletes(waiting, toldOfTools(waiting).find(({ type }) => type.endsWith("confirming"))?.["item_id"]);
    waiting.advance(1100);
    expect(made(waiting)).toHaveLength(1);
    expect(toldOfTools(waiting).at(-1)).toMatchObject({ type: "relay.tool.failed", reason: "taken_back" });
    const clients = calling(tooled(), [{ callId: "a" }, { callId: "b", name: "own" }]);
    const own = byType(clients, "response.output_item.done").at(-1)?.["item"] as Received;
    deletes(clients, own["id"]);
    gives(clients, "grey");
    const all = calling(tooled());
    deletes(all, made(all)[0]?.id);
    gives(all, "grey");
    expect([late, waiting, clients, all].map((call) => asks(call))).toEqual([2, 2, 2, 1]);
  });

  test("[X388] what sixteen calls give at once puts no client out", () => {
    for (const dialect of ["realtime", "duplex.v1"] as const) {
      const call = tooled({ dialect });
      call.input({ type: "buffered", peer: "client", bytes: 0 });
      calling(
        call,
        Array.from({ length: 16 }, (_, at) => ({ callId: `c${at}` })),
      );
      // As JSON six times as long.
      for (const at of made(call).keys()) gives(call, "\u0001".repeat(65_536), at);
      expect(resultsTold(call)).toHaveLength(16);
      expect(call.open.has("client"), dialect).toBe(true);
      expect(byType(call, "conversation.item.done")).toHaveLength(32);
    }
  });

  test("[X243] not once more where another answer knew all that there is", () => {
    const call = calling(tooled(), [{ callId: "a" }, { callId: "b", name: "book" }]);
    gives(call, "grey");
    call.client({ type: "response.create" });
    call.answer(voice(100));
    deletes(call, made(call)[1]?.id);
    gives(call, "booked", 1);
    call.advance(1000);
    expect(asks(call)).toBe(2);
  });
});
