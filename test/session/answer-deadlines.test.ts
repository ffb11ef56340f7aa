import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { begin, byType, DONE, finish, lastAsk, response, say } from "../support/answering.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const FALLBACK: PlannedUpstream = {
  name: "f",
  options: { adapter: "wire" },
  fallback: [{ adapter: "wire" }],
};

function asks(call: Call, peer: string): number {
  return call.commands(peer).filter((command) => command.type === "respond").length;
}

/** The peer that was dialled last. */
function latest(call: Call): string {
  const dialled = call.actions.findLast((action) => action.type === "dial");
  if (dialled?.type !== "dial") throw new Error("nothing was dialled");
  return dialled.peer;
}

function lose(call: Call, peer: string): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
}

describe("the deadline of an answer", () => {
  test("[R31] an answer asked for again has a deadline: a mute fallback is left, and in the end the answer fails", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    begin(call);
    call.advance(2500);
    const second = latest(call);
    expect(second).not.toBe("up0.1");
    call.accept(second);
    call.advance(2500);
    const third = latest(call);
    expect(third).not.toBe(second);
    for (let step = 0; step < 60 && !call.types().includes("response.done"); step += 1) {
      const peer = latest(call);
      if (call.open.has(peer) && call.commands(peer).length === 0) call.accept(peer);
      call.advance(1000);
    }
    expect(response(call)).toMatchObject({ status: "failed" });
    call.client({ type: "response.create" });
    expect(response(call, "response.created")).toMatchObject({ status: "in_progress" });
  });

  test("[R31] the deadline of the former question does not hit the next connection", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    begin(call);
    call.advance(1900);
    lose(call, "up0.1");
    call.advance(10);
    const second = latest(call);
    call.accept(second);
    call.advance(1500);
    expect(call.open.has(second)).toBe(true);
    begin(call, "r", second);
    finish(call, null, "r", second);
    expect(response(call)).toMatchObject({ status: "completed" });
  });

  test("[R70] what waits behind an answer that the provider began by itself has its time from that one's end", () => {
    const options = { adapter: "wire", settings: { turns: "server" } };
    const call = new Call({ upstreams: [{ name: "f", options, fallback: [options] }] });
    call.client({ type: "response.create" });
    const asked = lastAsk(call);
    call.upstream({ type: "response.started", response: "own", answers: null });
    call.upstream({ type: "item.started", response: "own", item: "i", kind: "message" });
    for (let at = 0; at < 4; at += 1) {
      say(call, 100, { response: "own" });
      call.advance(480);
    }
    finish(call, null, "own");
    call.advance(1000);
    expect(call.open.has("up0.1")).toBe(true);
    call.upstream({ type: "response.started", response: "r", answers: asked });
    finish(call, null, "r");
    expect(response(call)).toMatchObject({ status: "completed" });
  });

  test.each([false, true])(
    "[R70] what waits behind a cancelled answer has its time from that one's end (fallback: %s)",
    (fallback) => {
      const call = new Call(fallback ? { upstreams: [FALLBACK] } : {});
      call.client({ type: "response.create" });
      begin(call);
      call.client({ type: "response.cancel" });
      call.client({ type: "response.create" });
      // All but the patience with the cancelled one, and then all but the patience with the next.
      const patienceMs = fallback ? 1950 : 5000;
      call.advance(patienceMs - 100);
      finish(call);
      call.advance(patienceMs - 100);
      expect(call.open.has("up0.1")).toBe(true);
      begin(call, "r2");
      finish(call, null, "r2");
      expect(response(call)).toMatchObject({ status: "completed" });
    },
  );

  test("[R31] without a fallback it is the whole time again", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    begin(call);
    call.advance(29_500);
    lose(call, "up0.1");
    call.advance(300);
    const second = latest(call);
    call.accept(second);
    call.advance(5000);
    expect(call.types()).not.toContain("response.done");
    begin(call, "r", second);
    finish(call, null, "r", second);
    expect(response(call)).toMatchObject({ status: "completed" });
  });

  test("[R32] a provider that acknowledges the turn and never begins is left after two seconds, whatever it says", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.speak(concat(silence(600), voice(900), silence(900)));
    expect(asks(call, "up0.1")).toBe(1);
    const itemId = String(call.last("input_audio_buffer.committed")["item_id"]);
    for (let step = 0; step < 19; step += 1) {
      call.upstream({ type: "rate_limits", rateLimits: [] });
      call.upstream({ type: "input.transcript.delta", itemId, delta: "x" });
      call.advance(100);
    }
    expect(call.open.has("up0.1")).toBe(false);
    expect(latest(call)).toBe("up0.2");
    call.accept("up0.2");
    expect(asks(call, "up0.2")).toBe(1);
  });

  test("[R32] an answer that waits behind another one of its upstream is not taken for a dead provider", () => {
    const call = new Call({ upstreams: [FALLBACK] });
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    call.client({ type: "response.create", response: { conversation: "none" } });
    for (let step = 0; step < 10; step += 1) {
      say(call, 1000);
      call.advance(500);
    }
    expect(call.open.has("up0.1")).toBe(true);
    finish(call);
    begin(call, "side");
    finish(call, null, "side");
    expect(byType(call, "response.done").length).toBe(2);
  });

  test.each([
    [false, 5000],
    [true, 1950],
  ])(
    "[R33] a cancel that is not obeyed replaces the connection for the next answer (fallback: %s)",
    (fallback, ms) => {
      const call = new Call(fallback ? { upstreams: [FALLBACK] } : {});
      call.client({ type: "response.create" });
      begin(call);
      call.client({ type: "response.cancel" });
      call.client({ type: "response.create" });
      call.advance(ms - 100);
      expect(call.open.has("up0.1")).toBe(true);
      call.advance(500);
      const second = latest(call);
      expect(second).toBe("up0.2");
      call.accept(second);
      begin(call, "r", second);
      finish(call, null, "r", second);
      expect(
        byType(call, "response.done").map((event) => (event["response"] as { status: string }).status),
      ).toEqual(["cancelled", "completed"]);
    },
  );

  test("[R112] a caller who asks again and again of a provider that swallowed the first ask does not begin to wait anew", () => {
    const call = new Call();
    call.speak(concat(silence(300), voice(900), silence(900)));
    for (let times = 0; times < 5; times += 1) call.speak(concat(silence(300), voice(700), silence(800)));
    const next = latest(call);
    expect(next).toBe("up0.2");
    call.accept(next);
    expect(call.commandTypes(next)).toContain("respond");
    begin(call, "r", next);
    finish(call, null, "r", next);
    expect(response(call)).toMatchObject({ status: "completed" });
  });

  test("[R112] one that begins an answer meanwhile has its time again", () => {
    const call = new Call();
    call.speak(concat(silence(300), voice(900), silence(900)));
    for (let times = 0; times < 8; times += 1) {
      call.speak(concat(silence(300), voice(700), silence(800)));
      if (times % 3 === 2) begin(call, `r${times}`);
    }
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[R33] an idle provider that never confirms a cancel is left alone, and so is one that answers all the same", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    begin(call);
    call.client({ type: "response.cancel" });
    call.advance(60_000);
    expect(call.open.has("up0.1")).toBe(true);
    call.client({ type: "response.create" });
    call.advance(1500);
    begin(call, "r2");
    call.advance(10_000);
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[R33] after an ask that was swallowed the next one is answered, with the real adapter", () => {
    const options = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
    const call = new Call({ upstreams: [{ name: "p", options }], createUpstream, connect: false });
    call.connect("realtime");
    const provider = (peer: string, event: object) =>
      call.input({ type: "message", peer, data: JSON.stringify(event) });
    const greet = (peer: string) => {
      call.input({ type: "open", peer });
      provider(peer, { type: "session.created", session: { type: "realtime" } });
      provider(peer, { type: "session.updated", session: { type: "realtime" } });
    };
    greet("up0.1");
    call.client({ type: "response.create" });
    provider("up0.1", { type: "rate_limits.updated", rate_limits: [] });
    call.advance(31_000);
    expect(response(call)).toMatchObject({ status: "failed" });
    call.client({ type: "response.create" });
    provider("up0.1", { type: "rate_limits.updated", rate_limits: [] });
    call.advance(3000);
    greet(latest(call));
    const asked = call.commands(latest(call)) as unknown as readonly { type: string }[];
    expect(asked.map(({ type }) => type)).toContain("response.create");
  });
});

type Step =
  | "create"
  | "side"
  | "cancel"
  | "turn"
  | "begin"
  | "audio"
  | "done"
  | "lose"
  | "accept"
  | "short"
  | "long";

/** Whatever happens, in whatever order. */
function take(call: Call, step: Step, keys: { count: number }): void {
  const peer = [...call.open].findLast((one) => one.startsWith("up0."));
  const asked = peer !== undefined && call.commands(peer).some(({ type }) => type === "respond");
  if (step === "create") call.client({ type: "response.create" });
  else if (step === "side") call.client({ type: "response.create", response: { conversation: "none" } });
  else if (step === "cancel") call.client({ type: "response.cancel" });
  else if (step === "turn") call.speak(concat(voice(400), silence(700)));
  else if (step === "short") call.advance(700);
  else if (step === "long") call.advance(9000);
  else if (peer === undefined) return;
  else if (step === "accept") call.accept(peer);
  else if (step === "lose") lose(call, peer);
  else if (step === "begin" && asked) {
    keys.count += 1;
    call.upstream(
      { type: "response.started", response: `r${keys.count}`, answers: lastAsk(call, peer) },
      peer,
    );
    call.upstream(
      { type: "item.started", response: `r${keys.count}`, item: `i${keys.count}`, kind: "message" },
      peer,
    );
  } else if (step === "audio") {
    say(call, 900, { response: `r${keys.count}`, item: `i${keys.count}` }, peer);
  } else if (step === "done") {
    call.upstream({ type: "response.done", response: `r${keys.count}`, status: "completed", ...DONE }, peer);
  }
}

/** Running answers that nothing will ever end. */
function withoutDeadline(call: Call): readonly string[] {
  const { responses, context } = call.session.snapshot();
  const deadlines = new Set(context.deadlines.map(([name]) => name));
  const waiting = new Set(responses.gate.filter(([, queue]) => queue.length > 0).map(([id]) => id));
  return responses.records
    .filter(({ phase, untold }) => phase === "requested" || phase === "generating" || untold)
    .filter(({ id }) => !deadlines.has(`response:${id}`) && !waiting.has(id))
    .map(({ id }) => id);
}

const steps = fc.array(
  fc.constantFrom<Step>(
    "create",
    "side",
    "cancel",
    "turn",
    "begin",
    "audio",
    "done",
    "lose",
    "accept",
    "short",
    "long",
  ),
  { maxLength: 40 },
);

test.each([
  ["realtime", false],
  ["realtime", true],
  ["duplex.v1", true],
] as const)(
  "[R40] at any moment every running answer has a deadline or waits for its listener (%s, fallback %s)",
  (dialect, fallback) => {
    fc.assert(
      fc.property(steps, fc.boolean(), (all, eager) => {
        const session = eager ? { relay: { eager_ms: 150 } } : {};
        const call = new Call({ dialect, session, ...(fallback ? { upstreams: [FALLBACK] } : {}) });
        const keys = { count: 0 };
        for (const step of all) {
          take(call, step, keys);
          expect(withoutDeadline(call)).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  },
);
