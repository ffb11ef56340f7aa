/** What the relay itself has asked for, beside what its upstreams cost. */
import { describe, expect, test } from "vitest";

import { chunk, handsOn, minded, MIND, Thought } from "../support/background.ts";
import type { Call, Received } from "../support/call.ts";

const PRICE = { inputTokensPerMillion: 2, outputTokensPerMillion: 10 };
const USAGE = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
const usage = `data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\n`;
const DONE = `${chunk({}, "stop")}${usage}data: [DONE]\n\n`;

const own = (call: Call): readonly unknown[] =>
  call.events
    .filter(({ type }) => type === "relay.cost")
    .flatMap(({ upstreams }) => upstreams as readonly Received[])
    .filter(({ kind }) => kind === "own");
const ONE = {
  upstream: "background",
  role: "background",
  kind: "own",
  input_tokens: 1000,
  output_tokens: 100,
  cost: 0.003,
};

describe("the text model of a background mind", () => {
  test("[X413] costs what it states, told beside the next answer's, also where nothing else has a price", () => {
    const call = minded({ price: PRICE });
    handsOn(call, "Find a table for two.");
    new Thought(call)
      .begins()
      .brings(chunk({ content: "At seven." }))
      .brings(DONE);
    call.advance(600);
    call.answer(new Int16Array(2400), "At seven.");
    call.advance(1000);
    expect(own(call)).toEqual([ONE]);
    expect(call.session.state().cost).toMatchObject({ currency: "USD", cost: 0.003 });
  });

  test("[X413] each of its requests does, also of a task that fails; one without figures costs nothing", () => {
    const call = minded({ price: PRICE });
    handsOn(call, "Find a table for two.");
    new Thought(call)
      .begins()
      .brings(usage)
      .brings(chunk({ content: "x".repeat(8193) }));
    handsOn(call, "Find a flight.");
    new Thought(call, 1).says("None.");
    call.advance(600);
    call.answer(new Int16Array(2400), "None.");
    call.advance(1000);
    expect(own(call)).toEqual([ONE]);
  });

  test("[X413] without a price nothing is counted", () => {
    const call = minded(MIND);
    handsOn(call, "Find a table for two.");
    new Thought(call)
      .begins()
      .brings(chunk({ content: "At seven." }))
      .brings(DONE);
    call.advance(600);
    call.answer(new Int16Array(2400), "At seven.");
    call.advance(1000);
    expect(call.types()).not.toContain("relay.cost");
  });
});
