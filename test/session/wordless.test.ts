/** Sound whose words have not come, under a guard, when its provider fails. */
import { expect, test } from "vitest";

import { begin, response, say } from "../support/answering.ts";
import type { Call } from "../support/call.ts";
import { guarded, toldOf, wordsFirst } from "../support/guard.ts";
import { TURN, wire } from "../support/race.ts";

const REFUSAL = { replacement: "I cannot say that." };

/** An answer of which sound has come, and no words yet. */
function wordless(upstream = wordsFirst()): Call {
  const call = guarded(REFUSAL, { upstreams: [upstream] });
  call.speak(TURN);
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, 1000);
  return call;
}

// B101
test.each([wordsFirst(), wire("wire")])(
  "[B101] an answer whose connection is lost before its words is not refused for them: it is given again (%#)",
  (upstream) => {
    const call = wordless(upstream);
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(300);
    call.accept("up0.2");
    expect(toldOf(call)).toEqual([]);
    const failed = call.events.find(({ type }) => type === "response.done")?.["response"];
    expect(failed).toMatchObject({ status: "failed" });
    expect(call.frames).toEqual([]);
    expect(call.commandTypes("up0.2").at(-1)).toBe("respond");
  },
);

// B101
test("[B101] one that its provider fails is failed, for the provider's reason", () => {
  const call = wordless();
  const error = { code: "overloaded", message: "Come back later." };
  const done = { reason: null, error, usage: null, metadata: null };
  call.upstream({ type: "response.done", response: "r", status: "failed", ...done });
  expect(response(call)).toMatchObject({ status: "failed", status_details: { error } });
  expect(toldOf(call)).toEqual([]);
});

// B101
test("[B101] one that fails before its turn is over is told when it is, as failed", () => {
  const call = guarded(REFUSAL, { session: { relay: { lead_ms: null, eager_ms: 150 } } });
  call.speak(TURN.subarray(0, 24 * 2100));
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, 1000);
  const error = { code: "overloaded", message: "Come back later." };
  const done = { reason: null, error, usage: null, metadata: null };
  call.upstream({ type: "response.done", response: "r", status: "failed", ...done });
  expect(call.types()).not.toContain("response.done");
  call.speak(TURN.subarray(24 * 2100));
  expect(call.types()).toContain("response.created");
  expect(response(call)).toMatchObject({ status: "failed", status_details: { error } });
  expect(toldOf(call)).toEqual([]);
});

// B102
test("[B102] one that stands still before its words fails at its deadline", () => {
  const call = wordless();
  call.advance(31_000);
  expect(response(call)).toMatchObject({
    status: "failed",
    status_details: { error: { code: "upstream_timeout" } },
  });
});
