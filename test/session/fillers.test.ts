/** Fillers: when the listener hears one, what becomes of it, and what it must never do. */
import { describe, expect, test } from "vitest";

import type { FillerPlan } from "../../src/session/state/sounds.ts";
import { begin, byType, finish, response, say } from "../support/answering.ts";
import { Call, type CallOptions, type Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { calling, gives, tool } from "../support/tools.ts";

const TONE = { rateHz: 24_000, samples: voice(200) };
const PLAN: FillerPlan = { afterMs: 800, everyMs: 2000, most: 2, whileTool: true, sounds: [TONE] };

function waiting(options: CallOptions = {}): Call {
  const call = new Call({ dialect: "duplex.v1", fillers: PLAN, ...options });
  call.client({ type: "response.create" });
  return call;
}

const relayOf = (event: Received) =>
  (event["response"] as Record<string, Record<string, unknown>>)["metadata"];
const fillers = (call: Call, type = "response.created") =>
  byType(call, type).filter((event) => relayOf(event)?.["relay"] === "filler");
/** Milliseconds of audio that the client got of a response. */
const heardMs = (call: Call, ordinal: number) =>
  call.frames
    .filter(({ header }) => header.response === ordinal)
    .reduce((sum, { payload }) => sum + payload.byteLength / 48, 0);
const ordinalOf = (event: Received | undefined): number => {
  const relay = (event?.["response"] as Received | undefined)?.["relay"] as Received | undefined;
  return Number(relay?.["ordinal"]);
};

describe("when it is heard", () => {
  test("[X290] after so long in which nothing of an answer is heard, beside the conversation", () => {
    const call = waiting();
    call.advance(799);
    expect(fillers(call)).toEqual([]);
    call.advance(1);
    const [created] = fillers(call);
    expect(created?.["response"]).toMatchObject({
      conversation_id: null,
      metadata: { relay: "filler" },
      relay: { upstream: "relay" },
    });
    call.advance(400);
    expect(heardMs(call, ordinalOf(created))).toBeCloseTo(200, 0);
    expect(fillers(call, "response.done")).toHaveLength(1);
    expect(response(call)).toMatchObject({ status: "completed" });
  });

  test("[X290] the next ones after `everyMs`, in turns, and so many in a row", () => {
    const other = { rateHz: 24_000, samples: voice(100) };
    const call = waiting({ fillers: { ...PLAN, sounds: [TONE, other] } });
    call.advance(800 + 200 + 1999);
    expect(fillers(call)).toHaveLength(1);
    call.advance(1);
    call.advance(20_000);
    const [first, second] = fillers(call);
    expect(fillers(call)).toHaveLength(2);
    expect(heardMs(call, ordinalOf(first))).toBeCloseTo(200, 0);
    expect(heardMs(call, ordinalOf(second))).toBeCloseTo(100, 0);
  });

  test("[X290] the wait begins when what was being heard is over", () => {
    const call = waiting();
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 300);
    finish(call);
    call.client({ type: "response.create" });
    call.advance(300 + 790);
    expect(fillers(call)).toEqual([]);
    call.advance(20);
    expect(fillers(call)).toHaveLength(1);
  });

  test("[X291] while a tool of the relay's runs, where the route says so", () => {
    for (const [whileTool, count] of [
      [true, 1],
      [false, 0],
    ] as const) {
      const options = {
        tools: [tool("weather")],
        fillers: { ...PLAN, whileTool },
        dialect: "duplex.v1",
      } as const;
      const call = calling(new Call(options));
      call.advance(1000);
      expect(fillers(call)).toHaveLength(count);
      gives(call, "grey");
      call.advance(10);
      expect(fillers(call, "response.done")).toHaveLength(count);
    }
  });

  test("[X292] none once something of the answer was heard, nor when it was cancelled or is text", () => {
    const answered = waiting();
    begin(answered);
    answered.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(answered, 100);
    const cancelled = waiting();
    cancelled.client({ type: "response.cancel" });
    const text = new Call({ dialect: "duplex.v1", fillers: PLAN });
    text.client({ type: "response.create", response: { output_modalities: ["text"] } });
    for (const call of [answered, cancelled, text]) {
      call.advance(5000);
      expect(fillers(call)).toEqual([]);
    }
  });

  test("[X292] an answer that is cancelled ends the filler that sounds", () => {
    const call = waiting();
    call.advance(820);
    call.client({ type: "response.cancel" });
    expect(fillers(call, "response.done")).toHaveLength(1);
    call.advance(5000);
    expect(heardMs(call, ordinalOf(fillers(call)[0]))).toBeLessThan(80);
  });

  test("[X293] a plain client hears none: what it plays it takes for the conversation's", () => {
    const call = waiting({ dialect: "realtime" });
    call.advance(5000);
    expect(fillers(call)).toEqual([]);
  });
});

describe("what it never does", () => {
  test("[X294] it is in no history, and no model hears of it", () => {
    const call = waiting();
    const before = call.commands().length;
    call.advance(5000);
    expect(fillers(call).length).toBeGreaterThan(0);
    expect(call.commands()).toHaveLength(before);
    expect(call.session.snapshot().conversation.entries).toEqual([]);
    expect(call.types()).not.toContain("conversation.item.added");
  });

  test("[X295] the answer's first sample stops it, along a slope, and waits at most 50 ms for it", () => {
    const call = waiting();
    call.advance(820);
    const ordinal = ordinalOf(fillers(call)[0]);
    call.clearEvents();
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    expect(call.order).not.toContain("frame");
    say(call, 100);
    const [tail, answer] = call.frames;
    const samples = new Int16Array(tail?.payload.slice().buffer ?? new ArrayBuffer(0));
    expect([tail?.header.response, samples.length]).toEqual([ordinal, 240]);
    expect(Math.abs(samples.at(-1) ?? NaN)).toBeLessThan(40);
    expect(answer?.header.response).not.toBe(ordinal);
    expect(call.session.snapshot().playout.streams[0]?.until).toBeLessThanOrEqual(call.now + 100 + 50);
    call.advance(1000);
    expect(heardMs(call, ordinal)).toBeCloseTo(10, 0);
    expect(fillers(call, "response.done")).toHaveLength(1);
  });

  test("[X296] never over the caller: it stops when a sound is judged, and none begins in a turn", () => {
    const call = new Call({
      dialect: "duplex.v1",
      fillers: { ...PLAN, afterMs: 100, sounds: [{ rateHz: 24_000, samples: voice(2000) }] },
    });
    call.speak(concat(silence(400), voice(900), silence(700)));
    call.advance(100);
    expect(fillers(call)).toHaveLength(1);
    call.speak(silence(400));
    call.clearEvents();
    call.speak(voice(400, 24_000, 4));
    const at = call.order.findIndex((type) => type === "overlap.decision" || type.endsWith("speech_started"));
    expect(at).toBeGreaterThanOrEqual(0);
    expect(call.order.slice(at).filter((type) => type === "frame").length).toBeLessThanOrEqual(1);
    call.speak(voice(3000, 24_000, 5));
    expect(fillers(call, "response.created")).toEqual([]);
  });

  test("[X296] none begins over speech that the relay hears beside a provider that takes the turns", () => {
    const upstreams = [{ name: "wire", options: { adapter: "wire", settings: { turns: "server" } } }];
    const call = waiting({ upstreams });
    call.speak(concat(silence(600), voice(1000)));
    expect(fillers(call)).toEqual([]);
    call.speak(silence(1500));
    expect(fillers(call)).toHaveLength(1);
  });

  test("[X296] who interrupts it interrupts the answer that is waited for, and is told what was heard of it", () => {
    const call = new Call({
      dialect: "duplex.v1",
      fillers: { ...PLAN, sounds: [{ rateHz: 24_000, samples: voice(2000) }] },
    });
    call.client({ type: "response.create" });
    call.advance(900);
    call.client({ type: "output_audio_buffer.clear" });
    expect(call.types()).toContain("output_audio_buffer.cleared");
    const done = byType(call, "response.done").map((event) => (event["response"] as Received)["status"]);
    expect(done).toEqual(["cancelled", "cancelled"]);
    expect(call.commandTypes().filter((type) => type === "cancel")).toHaveLength(1);
    call.client({ type: "playback.ack", item_id: itemOf(call), played_ms: 100 });
    expect(call.types()).not.toContain("error");
  });

  test("[X297] it holds up no watch over the answer, and a lost connection is not asked for it again", () => {
    const call = waiting({ fillers: { ...PLAN, sounds: [{ rateHz: 24_000, samples: voice(3000) }] } });
    call.advance(900);
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(300);
    call.accept("up0.2");
    expect(call.commands("up0.2").filter(({ type }) => type === "respond")).toHaveLength(1);
    call.advance(40_000);
    const failed = byType(call, "response.done").filter(
      (event) => (event["response"] as Received)["status"] === "failed",
    );
    expect(failed).toHaveLength(1);
  });

  test("[X298] one that sounds when the session is taken up again is ended, and the wait goes on", () => {
    const call = waiting();
    call.advance(820);
    call.hibernate();
    call.client({ type: "session.heartbeat" });
    expect(fillers(call, "response.done")).toHaveLength(1);
    call.advance(10_000);
    expect(fillers(call)).toHaveLength(2);
    expect(fillers(call, "response.done")).toHaveLength(2);
  });
});

function itemOf(call: Call): string {
  const added = byType(call, "response.output_item.added").at(-1)?.["item"] as Received | undefined;
  return String(added?.["id"]);
}
