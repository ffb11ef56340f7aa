/** An answer that a provider begins by itself on a connection that does not serve yet. */
import { describe, expect, test } from "vitest";

import { DONE } from "../support/answering.ts";
import { Call, WIRE } from "../support/call.ts";

const PRICES = [{ inputTokensPerMillion: 1e6, outputTokensPerMillion: 1e6 }];
const STANDBY = {
  ...WIRE,
  standby: true,
  fallback: [{ adapter: "wire" }],
  prices: [...PRICES, ...PRICES],
};
const USAGE = { total_tokens: 30, input_tokens: 10, output_tokens: 20 };

/** The standby has begun one. */
function begun(): Call {
  const call = new Call({ upstreams: [STANDBY], dialect: "duplex.v1" });
  call.accept("up0.2");
  call.upstream({ type: "response.started", response: "own", answers: null }, "up0.2");
  return call;
}

/** It serves from now on. */
function serves(call: Call): void {
  call.open.delete("up0.1");
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
  expect(call.last("relay.upstream")).toMatchObject({ status: "ready", cause: "failover" });
}

const ends = (call: Call) =>
  call.upstream(
    { type: "response.done", response: "own", ...DONE, status: "completed", usage: USAGE },
    "up0.2",
  );
const counted = (call: Call) => {
  const { usage, cost } = call.session.state();
  return { usage, cost: cost?.["cost"] };
};

describe("an answer that began on a connection that did not serve yet", () => {
  test.each([
    ["before it serves", [ends, serves]],
    ["when it serves", [serves, ends]],
    ["when it serves, in another isolate", [(call: Call) => call.hibernate(), serves, ends]],
  ])("[R106] costs what it says when it ends %s, once", (_, steps) => {
    const call = begun();
    for (const step of steps) step(call);
    expect(counted(call)).toEqual({ usage: USAGE, cost: 30 });
    ends(call);
    expect(counted(call)).toEqual({ usage: USAGE, cost: 30 });
    expect(call.types()).not.toContain("response.created");
  });
});
