/** One question to several upstreams, one of which is given up for it in the very moment in which it is asked. */
import { describe, expect, test } from "vitest";

import type { Call } from "../support/call.ts";
import { A, B, count, race, typesOf } from "../support/race.ts";
import { voice } from "../support/signal.ts";
import type { StrategyChoice } from "../../src/session/state/plan.ts";

const HEDGE: StrategyChoice = { name: "hedge", hedgeMs: 20_000 };
const item = (text: string) => ({
  type: "conversation.item.create",
  item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
});

/** The first is still being dialled, and one command more than waits for it is one too many. */
function dialling(strategy: StrategyChoice): Call {
  const call = race({ strategy, connect: false, limits: { backlogCommands: 2 } });
  call.connect("duplex.v1");
  call.accept(B);
  return call;
}

describe("an upstream of which more waits than is kept when it is asked", () => {
  test.each([{ name: "failover" } as const, HEDGE, { name: "race" } as const])(
    "[X105] is out of the answer, and the next one is asked: $name",
    (strategy) => {
      const call = dialling(strategy);
      call.client(item("One."));
      call.client(item("Two."));
      call.client({ type: "response.create" });
      expect(call.open.has(A)).toBe(false);
      expect(typesOf(call, B).at(-1)).toBe("respond");
      call.answer(voice(200), "Yes.", B);
      call.advance(500);
      expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
      expect(count(call, "response.created")).toBe(1);
    },
  );
});
