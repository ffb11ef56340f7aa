/** Upstreams of which one at a time is asked: by who can answer, or by whose turn it is. */
import { describe, expect, test } from "vitest";
import type { CallOptions } from "../support/call.ts";
import { A, asked, B, calls, count, last, lose, race, told, TURN, typesOf, wire } from "../support/race.ts";
import { voice } from "../support/signal.ts";

const C = "up2.1";
const asks = (call: ReturnType<typeof race>, peer: string) =>
  typesOf(call, peer).filter((type) => type === "respond").length;

describe("a failover", () => {
  const failing = (options: CallOptions = {}) => asked(race({ strategy: { name: "failover" }, ...options }));

  test("[X140] the first is asked alone, however long it takes, and the others know what was said", () => {
    const call = failing();
    call.advance(3000);
    expect([asks(call, A), asks(call, B)]).toEqual([1, 0]);
    call.answer(voice(200), "First.", A);
    expect(told(call, B)).toEqual(["First."]);
    expect(call.last("relay.race")).toMatchObject({
      plan: "failover",
      upstream: "one",
      others: [{ upstream: "two", outcome: "not_asked" }],
    });
  });

  test("[X140] one that is lost is not waited for, and asked again when it is back", () => {
    const call = failing();
    lose(call, A);
    expect(asks(call, B)).toBe(1);
    call.answer(voice(200), "Second.", B);
    expect(call.last("relay.race")).toMatchObject({
      upstream: "two",
      others: [{ upstream: "one", outcome: "failed" }],
    });
    call.advance(3000);
    call.accept("up0.2");
    expect(told(call, "up0.2")).toContain("Second.");
    asked(call);
    expect([last(call, "up0.2")?.type, asks(call, B)]).toEqual(["respond", 1]);
  });

  test("[X140] nor is one that says nothing by its deadline", () => {
    const call = failing({ limits: { firstOutputMs: 2000 } });
    call.advance(2500);
    expect(asks(call, B)).toBe(1);
    call.answer(voice(200), "Second.", B);
    expect(count(call, "response.created")).toBe(1);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[X140] in another isolate who waits is still asked when the first fails", () => {
    const call = failing();
    call.hibernate();
    lose(call, A);
    expect(asks(call, B)).toBe(1);
  });
});

describe("a panel", () => {
  const panel = (options: CallOptions = {}) =>
    race({ strategy: { name: "panel" }, upstreams: [wire("anna"), wire("ben"), wire("cleo")], ...options });
  const who = (call: ReturnType<typeof race>) => call.last("relay.race")["upstream"];
  const type = (call: ReturnType<typeof race>, text: string): void => {
    const item = { type: "message", role: "user", content: [{ type: "input_text", text }] };
    call.client({ type: "conversation.item.create", item });
    call.client({ type: "response.create" });
  };

  test("[X141] they take turns in their order, and each knows what the others said", () => {
    const call = panel();
    for (const [peer, name] of [
      [A, "anna"],
      [B, "ben"],
      [C, "cleo"],
      [A, "anna"],
    ] as const) {
      call.speak(TURN);
      call.answer(voice(200), `I am ${name}.`, peer);
      expect(who(call)).toBe(name);
      call.advance(1000);
    }
    expect([asks(call, A), asks(call, B), asks(call, C)]).toEqual([2, 1, 1]);
    expect(told(call, C)).toEqual(["I am anna.", "I am ben.", "I am anna."]);
  });

  test("[X141] who is called by name answers, the last that was called; a part of a word is no name", () => {
    const call = panel();
    type(call, "Tell me, Cleo!");
    call.answer(voice(200), "Yes?", C);
    expect(who(call)).toBe("cleo");
    call.advance(1000);
    type(call, "Not you, Cleo. What does BEN think?");
    call.answer(voice(200), "I think.", B);
    expect(who(call)).toBe("ben");
    call.advance(1000);
    type(call, "Annabel left.");
    call.answer(voice(200), "Did she?", C);
    expect(who(call)).toBe("cleo");
  });

  test("[X141] who called a tool says what came of it", () => {
    const call = panel();
    call.speak(TURN);
    calls(call, A, "c1");
    const output = { type: "function_call_output", call_id: "c1", output: "42" };
    call.client({ type: "conversation.item.create", item: output });
    call.client({ type: "response.create" });
    expect([asks(call, A), asks(call, B), asks(call, C)]).toEqual([2, 0, 0]);
  });

  test("[X141] the next stands in for who cannot answer, and the order goes on after that one", () => {
    const call = panel();
    call.speak(TURN);
    lose(call, A);
    expect([asks(call, B), asks(call, C)]).toEqual([1, 0]);
    call.answer(voice(200), "For her.", B);
    expect(who(call)).toBe("ben");
    call.advance(3000);
    call.accept("up0.2");
    call.speak(TURN);
    expect([asks(call, "up0.2"), asks(call, B), asks(call, C)]).toEqual([0, 1, 1]);
  });
});
