/** What a session costs: by upstream, by what became of the answers, and in money. */
import { describe, expect, test } from "vitest";

import type { Price } from "../../src/session/state/price.ts";
import { DONE } from "../support/answering.ts";
import { Call, WIRE, type CallOptions, type Received } from "../support/call.ts";
import { A, asked, B, lose, race, say, TURN, wire } from "../support/race.ts";
import { concat, silence, voice } from "../support/signal.ts";

/** One token costs one dollar, so that money is easily compared. */
const PRICE: Price = { inputTokensPerMillion: 1e6, outputTokensPerMillion: 2e6 };
const ONE = { ...wire("one"), prices: [PRICE] };
const TWO = { ...wire("two"), prices: [{ outputTokensPerMillion: 1e7 }] };

const used = (input_tokens: number, output_tokens: number) => ({
  total_tokens: input_tokens + output_tokens,
  input_tokens,
  output_tokens,
});
type Status = "completed" | "cancelled";

function done(call: Call, peer: string, input: number, output: number, status: Status = "completed"): void {
  const usage = used(input, output);
  call.upstream({ type: "response.done", response: "r", ...DONE, status, usage }, peer);
}

const priced = (options: CallOptions = {}) => race({ upstreams: [ONE, TWO], ...options });
const tokens = (event: Received) =>
  (event["upstreams"] as readonly Record<string, unknown>[])
    .filter(({ kind }) => kind !== "line")
    .map(({ upstream, role, kind, input_tokens, output_tokens, cost }) => {
      return { upstream, role, kind, input_tokens, output_tokens, cost };
    });
const costs = (call: Call) => call.events.filter(({ type }) => type === "relay.cost");
const state = (call: Call) => call.session.state(call.now).cost as Received;

/** Two is heard, one is cancelled; one says what it cost before two has ended. */
function won(call: Call): Call {
  asked(call);
  call.beginAnswer(A);
  call.beginAnswer(B);
  say(call, B, 100, "Quick.");
  done(call, A, 3, 4, "cancelled");
  call.upstream({ type: "item.done", status: "completed", response: "r", item: "i" }, B);
  done(call, B, 10, 20);
  return call;
}

describe("costs", () => {
  test("[X320] at the end of an answer it is told what winner and loser cost, apart, in tokens and money", () => {
    const call = won(priced());
    const id = (call.last("response.done")["response"] as Received)["id"];
    expect(call.types().slice(-2)).toEqual(["response.done", "relay.cost"]);
    const told = call.last("relay.cost");
    expect(told).toMatchObject({ response_id: id, turn: 1, currency: "USD" });
    expect(tokens(told)).toEqual([
      { upstream: "one", role: "speaker", kind: "unheard", input_tokens: 3, output_tokens: 4, cost: 11 },
      { upstream: "two", role: "speaker", kind: "heard", input_tokens: 10, output_tokens: 20, cost: 200 },
    ]);
    expect(told["cost"]).toBe(211);
    expect(told["session_cost"]).toBe(211);
    expect(tokens(state(call))).toEqual(tokens(told));
  });

  test("[X320] what is said of a loser later is in the next one, so that all of them are the whole", () => {
    const call = asked(priced());
    call.beginAnswer(A);
    call.beginAnswer(B);
    say(call, B, 100);
    done(call, B, 1, 1);
    done(call, A, 5, 5, "cancelled");
    expect(costs(call).at(-1)?.["cost"]).toBe(10);
    call.speak(concat(silence(600), TURN));
    call.answer(voice(100), "Mine.", A);
    const told = costs(call);
    expect(told).toHaveLength(2);
    expect(told.map(({ cost }) => cost)).toEqual([10, 15]);
    expect(told.at(-1)?.["session_cost"]).toBe(25);
    expect(state(call)["cost"]).toBe(25);
  });

  test("[X320] a plain client is told nothing, a route without prices counts nothing", () => {
    const plain = won(priced({ dialect: "realtime" }));
    expect(costs(plain)).toEqual([]);
    expect(state(plain)["cost"]).toBe(211);
    const free = won(race());
    expect(costs(free)).toEqual([]);
    expect(free.session.state()).not.toHaveProperty("cost");
  });

  test("[X321] seconds: the caller's audio that it was sent, its own, and those in which it was connected", () => {
    const price = { inputAudioPerMinute: 60, outputAudioPerMinute: 600, openPerMinute: 6000 };
    const call = new Call({ upstreams: [{ ...WIRE, prices: [price] }], dialect: "duplex.v1" });
    call.speak(TURN);
    call.answer(voice(300));
    const rows = call.last("relay.cost")["upstreams"] as readonly Received[];
    const heardS = call.heard().byteLength / 2 / 24_000;
    const openS = TURN.length / 24_000;
    expect(heardS).toBeGreaterThan(2);
    const [line, heard] = rows;
    expect(line).toMatchObject({ kind: "line", input_audio_seconds: heardS, open_seconds: openS });
    expect(line?.["cost"]).toBeCloseTo(heardS + 100 * openS, 6);
    expect(heard).toMatchObject({ kind: "heard", output_audio_seconds: 0.3, cost: 3 });
    call.advance(1000);
    // Nobody says anything, and it is counted all the same.
    expect(state(call)["cost"]).toBeCloseTo(heardS + 100 * (openS + 1) + 3, 6);
  });

  test("[X321] kinds of tokens have prices of their own, and what was cached is paid once", () => {
    const price = {
      inputTextTokensPerMillion: 1e6,
      inputAudioTokensPerMillion: 1e7,
      cachedTokensPerMillion: 1e5,
      outputTokensPerMillion: 1e9,
      outputAudioTokensPerMillion: 1e8,
    };
    const call = new Call({ upstreams: [{ ...WIRE, prices: [price] }], dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    call.beginAnswer();
    const usage = {
      ...used(100, 10),
      input_token_details: {
        text_tokens: 60,
        audio_tokens: 40,
        cached_tokens: 30,
        cached_tokens_details: { text_tokens: 20, audio_tokens: 10 },
      },
      output_token_details: { text_tokens: 0, audio_tokens: 10 },
    };
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed", usage });
    expect(call.last("relay.cost")["cost"]).toBe(40 + 300 + 3 + 1000);
    expect(tokens(call.last("relay.cost"))).toMatchObject([{ input_tokens: 100, output_tokens: 10 }]);
  });

  test("[X321] figures that contradict each other are not paid twice, and what is no figure is none", () => {
    const call = new Call({ upstreams: [{ ...WIRE, prices: [PRICE] }], dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    call.beginAnswer();
    const usage = {
      input_tokens: 10,
      output_tokens: "many",
      input_token_details: { text_tokens: 900, audio_tokens: -5, cached_tokens: 1e9 },
    };
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed", usage });
    expect(call.last("relay.cost")["cost"]).toBe(10);
  });

  test("[X321] a fallback has a price of its own, and one without any costs tokens and no money", () => {
    const fallback = [{ adapter: "wire" }];
    const call = new Call({
      upstreams: [{ ...WIRE, fallback, prices: [PRICE, { outputTokensPerMillion: 1e8 }] }],
      dialect: "duplex.v1",
    });
    call.client({ type: "response.create" });
    lose(call, "up0.1");
    call.advance(1000);
    call.accept("up0.2");
    call.beginAnswer("up0.2");
    done(call, "up0.2", 1, 1);
    expect(tokens(call.last("relay.cost"))).toMatchObject([{ kind: "heard", cost: 100 }]);
    const none = won(race({ upstreams: [ONE, wire("two")] }));
    const [, two] = tokens(none.last("relay.cost"));
    expect(two).toMatchObject({ upstream: "two", input_tokens: 10, cost: undefined });
  });

  test("[X321] a transcript is paid by the minute, or by tokens of its own", () => {
    const price = { transcriptPerMinute: 60, transcriptInputTokensPerMillion: 1e6 };
    const call = new Call({ upstreams: [{ ...WIRE, prices: [price] }], dialect: "duplex.v1" });
    call.speak(TURN);
    const itemId = String((call.last("conversation.item.done")["item"] as Received)["id"]);
    const words = { type: "input.transcript.completed", itemId, transcript: "Hello." } as const;
    call.upstream({ ...words, usage: { type: "duration", seconds: 2 } });
    call.upstream({ ...words, usage: { type: "tokens", input_tokens: 7, output_tokens: 1 } });
    expect(state(call)["cost"]).toBe(9);
  });

  test("[X322] of an answer in advance it is known when the turn is over, or goes on", () => {
    const session = { relay: { eager_ms: 100 } };
    const call = priced({ session });
    call.speak(concat(silence(600), voice(1200), silence(300)));
    call.beginAnswer(A);
    call.beginAnswer(B);
    say(call, A, 100, "Soon.");
    done(call, A, 1, 0);
    done(call, B, 0, 1, "cancelled");
    call.speak(concat(voice(600, 24_000, 3), silence(900)));
    expect(tokens(state(call))).toMatchObject([
      { upstream: "two", kind: "unheard", cost: 10 },
      { upstream: "one", kind: "unheard", cost: 1 },
    ]);
  });

  test("[X323] sums are the same in another isolate, and go on after a death of the object", () => {
    const call = asked(priced());
    call.beginAnswer(A);
    call.beginAnswer(B);
    say(call, B, 100, "Quick.");
    call.hibernate();
    done(call, A, 3, 4, "cancelled");
    call.hibernate();
    call.upstream({ type: "item.done", status: "completed", response: "r", item: "i" }, B);
    done(call, B, 10, 20);
    expect(call.last("relay.cost")["session_cost"]).toBe(211);
    call.crash(call.session.snapshot());
    expect(state(call)["cost"]).toBe(211);
  });

  test("[X324] what was told late is on record as told: after a death it is not counted again", () => {
    const call = new Call({
      upstreams: [{ ...WIRE, prices: [{ openPerMinute: 60 }] }],
      dialect: "duplex.v1",
    });
    let kept = call.session.snapshot();
    const step = (act: () => void): void => {
      const before = call.actions.length;
      act();
      if (call.actions.slice(before).some(({ type }) => type === "persist")) kept = call.session.snapshot();
    };
    call.advance(5000);
    step(() => call.client({ type: "response.create" }));
    step(() => call.beginAnswer());
    step(() => say(call, "up0.1", 300));
    step(() => call.client({ type: "response.cancel" }));
    call.advance(100);
    step(() => done(call, "up0.1", 3, 4, "cancelled"));
    expect(costs(call)).toHaveLength(1);
    call.crash(kept);
    call.connect("duplex.v1");
    call.client({ type: "session.heartbeat" });
    call.input({ type: "close", peer: "client", code: 1000, reason: "end" });
    const counted = call.actions.map((action) =>
      action.type === "metric" && action.name === "cost_line_millionths" ? action.value / 1e6 : 0,
    );
    expect(counted.reduce((sum, one) => sum + one, 0)).toBeCloseTo(5.1, 6);
  });

  test("[X387] of a connection that died with the object nobody knows that it was open after the last snapshot", () => {
    for (const dialect of ["realtime", "duplex.v1"] as const) {
      const call = new Call({ upstreams: [{ ...WIRE, prices: [{ openPerMinute: 60 }] }], dialect });
      const passes = (ms: number) => {
        call.advance(ms);
        call.input({ type: "buffered", peer: "client", bytes: 0 });
      };
      passes(10_000);
      const kept = call.session.snapshot();
      call.advance(20_000);
      call.crash(kept);
      expect(state(call), dialect).toMatchObject({ cost: 10 });
      call.connect(dialect);
      if (dialect === "duplex.v1") call.client({ type: "session.heartbeat" });
      call.advance(1000);
      call.accept("up0.2");
      passes(5000);
      expect(state(call), dialect).toMatchObject({ cost: 15 });
    }
  });

  test("[X321] figures beyond all measure are bounded: a sum is a number", () => {
    const call = new Call({ upstreams: [{ ...WIRE, prices: [PRICE] }], dialect: "duplex.v1" });
    for (const input_tokens of [1.5e308, 1.5e308, -1e308]) {
      call.client({ type: "response.create" });
      call.beginAnswer();
      const usage = { input_tokens, output_tokens: 0, audio_seconds: input_tokens };
      call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed", usage });
    }
    expect(call.last("relay.cost")["session_cost"]).toBe(2e12);
    expect(call.session.state().usage).toMatchObject({ input_tokens: 2e12, audio_seconds: 2e12 });
    const counters = call.actions.filter((action) => action.type === "metric");
    for (const { name, value } of counters) expect(Number.isFinite(value), name).toBe(true);
  });

  test("[X324] counters have it by upstream, in millionths, once", () => {
    const call = won(priced());
    call.speak(concat(silence(600), TURN));
    call.beginAnswer(A);
    done(call, A, 1, 1);
    call.session.terminate(call.now);
    const sum = (name: string, upstream: string) =>
      call.actions.reduce(
        (all, action) =>
          action.type === "metric" && action.name === name && action.upstream === upstream
            ? all + action.value
            : all,
        0,
      );
    expect(sum("cost_unheard_millionths", "one")).toBe(11e6);
    expect(sum("cost_heard_millionths", "two")).toBe(200e6);
  });
});
