/** A cascade among stages that fail, lie, stall and flood: each answer has one end, and nothing grows without bound. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SpeechStream } from "../../src/upstreams/cascade/speech-stream.ts";
import { createRedactor } from "../../src/upstreams/redact.ts";
import { orderFaults } from "./connection.ts";
import { Led } from "./cascade/led.ts";
import {
  begins,
  called,
  chunk,
  closed,
  data,
  DONE,
  head,
  KEYS,
  sound,
  spoken,
  waited,
  writes,
  written,
} from "./cascade/scripted-stages.ts";

const refusal = (
  stage: string,
  status: number,
  error: object,
  type = "application/json",
): readonly string[] => [head(stage, status, type), data(stage, JSON.stringify({ error })), closed(stage)];

function asked(): Led {
  const call = new Led();
  call.turn("Good day.");
  return call;
}

describe("errors by class", () => {
  it.each([
    [401, { message: "No." }, "authentication_error"],
    [401, { code: "invalid_api_key", message: "No." }, "invalid_api_key"],
    [403, { message: "No." }, "permission_denied"],
    [402, { message: "No." }, "insufficient_quota"],
    [404, { message: "No." }, "model_not_found"],
    [429, { code: "rate_limit", message: "Slow." }, "rate_limit_exceeded"],
    [429, { type: "insufficient_quota", message: "Pay." }, "insufficient_quota"],
    [400, { code: "content_policy_violation", message: "No." }, "content_filter"],
    [400, { code: "context_length_exceeded", message: "Long." }, "context_length_exceeded"],
    [302, {}, "upstream_protocol_error"],
    [200, { code: "model_overfull", message: "Full." }, "model_overfull"],
    [200, { type: "insufficient_quota", message: "Pay." }, "insufficient_quota"],
  ])("[U113] HTTP %i with %j is %s, of either stage", (status, error, code) => {
    const call = asked();
    call.hear(refusal("text", status, error));
    expect(call.faults).toEqual([code]);
    call.respond("R2");
    call.hear(written("Hello."));
    call.hear(refusal("speech", status, error));
    expect(call.faults).toEqual([code, code]);
    expect(call.of("error")).toEqual([]);
    expect(orderFaults(call.events)).toEqual([]);
  });

  it("[U113] no key that a stage repeats, and nothing of its address, is in what is told", () => {
    for (const stage of ["text", "speech"] as const) {
      const call = asked();
      if (stage === "speech") call.hear(written("Hello."));
      const message = `Bad key ${KEYS[stage]} at https://x.example/v1?key=sk-text-0123456789abcdef`;
      call.hear(refusal(stage, 400, { message }));
      const told = JSON.stringify(call.of("response.done"));
      expect(told).toContain("HTTP 400");
      expect(told).not.toMatch(/sk-/);
    }
  });

  it("[U125] no key that a stage repeats is stored, nor a part of it, while the rest of the message is to come", () => {
    for (const stage of ["text", "speech"] as const) {
      const key = KEYS[stage].replace("Bearer ", "");
      const body = JSON.stringify({ error: { message: `Bad key ${key} here.` } });
      for (const type of ["application/json", "text/event-stream"]) {
        const status = type === "application/json" ? 400 : 200;
        for (const length of [body.indexOf(key) + 12, body.indexOf(key) + key.length, body.length - 2]) {
          const call = asked();
          if (stage === "speech") call.hear(written("Hello."));
          call.hear([head(stage, status, type), data(stage, body.slice(0, length))]);
          const stored = JSON.stringify(call.upstream.snapshot());
          const waiting = /"waiting":"([^"]*)"/.exec(stored)?.[1] ?? "";
          expect(stored + Buffer.from(waiting, "base64").toString()).not.toContain(key.slice(0, 12));
          expect(stored + Buffer.from(waiting, "base64").toString()).toContain("Bad key");
        }
      }
    }
  });

  it("[U113] a fault in the middle of a stream ends the answer as what it says", () => {
    const call = asked();
    call.hear([begins(), writes("Hel"), data("text", 'data: {"error":{"code":"content_filter"}}\n\n')]);
    expect(call.faults).toEqual(["content_filter"]);
    expect(call.stages.given).toContain(call.stages.last("text").channel);
  });

  it("[U119] a stage that could do better is asked once more while nothing was said, and fails the answer then", () => {
    for (const fail of [
      refusal("text", 503, { message: "Busy." }),
      [closed("text", 0, "connection failed")],
      [begins(), closed("text", 1006, "timed out")],
      [begins(), closed("text")],
    ]) {
      const call = asked();
      call.hear(fail);
      expect(call.stages.requests).toHaveLength(2);
      expect(call.of("response.done")).toEqual([]);
      call.hear(fail);
      expect(call.stages.requests).toHaveLength(2);
      expect(call.of("response.done")).toMatchObject([{ status: "failed" }]);
    }
  });

  it("[U119] so is the synthesiser for each sentence, and no sample is spoken twice", () => {
    const call = asked();
    call.hear([...written("Hello."), ...refusal("speech", 500, {}), ...spoken(sound(20))]);
    expect(call.audio()).toEqual(sound(20));
    expect(call.told).toBe("Hello.");
    expect(call.of("response.done")).toMatchObject([{ status: "completed" }]);
  });

  it("[U112] a stage that is lost when something was said ends the connection, for the session to go on with", () => {
    const lost = [
      [closed("speech", 1006, "connection failed")],
      [closed("text", 1006, "connection failed")],
      [closed("text")],
    ];
    for (const end of lost) {
      const call = asked();
      call.hear([begins(), writes("One. Two. Three"), ...spoken(sound(20)).slice(0, 2), ...end]);
      expect(call.of("error")).toMatchObject([{ fatal: true }]);
    }
  });
});

describe("hostile text", () => {
  it("[U120] events are whole however they are cut, whatever ends their lines, with comments between", () => {
    const stream = [
      ": hello\r\n\r\n",
      `event: x\r\ndata: {"choices":[{"delta":{"content":"Grüße, "}}]}\r\n\r\n`,
      `id: 7\ndata: {"choices":[\ndata: {"delta":{"content":"Ölf 👍"}}]}\n\n`,
      "data: [DONE]",
    ].join("");
    const bytes = new TextEncoder().encode(stream);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 9 }),
        fc.boolean(),
        (sizes, moves) => {
          const call = new Led();
          call.user("Hi.");
          call.respond("R1", { output_modalities: ["text"] });
          call.hear([begins()]);
          for (let at = 0, n = 0; at < bytes.length; n += 1) {
            const size = sizes[n % sizes.length] ?? 1;
            if (moves) call.moved();
            call.hear([data("text", bytes.subarray(at, at + size))]);
            at += size;
          }
          call.hear([closed("text")]);
          expect(
            call
              .of("text")
              .map(({ delta }) => delta)
              .join(""),
          ).toBe("Grüße, Ölf 👍");
          expect(call.of("response.done")).toMatchObject([{ status: "completed" }]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("[U120] an event without end, one that is no JSON, and a response that is no stream are refused as such", () => {
    const endless = Array.from({ length: 70 }, () => data("text", "x".repeat(4096)));
    for (const said of [
      [begins(), ...endless],
      [begins(), data("text", "data: {\n\n")],
      [begins(), data("text", `data: ${"[".repeat(100)}${"]".repeat(100)}\n\n`)],
      [head("text", 200, "text/html"), data("text", "<html>"), closed("text")],
      [head("text", 200, ""), closed("text")],
      [head("text", 200, "application/json"), ...endless],
    ]) {
      const call = asked();
      call.hear(said);
      expect(call.faults).toEqual(["upstream_protocol_error"]);
      expect(call.stages.requests).toHaveLength(1);
    }
  });

  it("[U120] a stream that goes on behind its end is given up, and one that never says it has ended ends with its connection", () => {
    const call = asked();
    call.hear([begins(), writes("Hello."), data("text", DONE), writes(" More.")]);
    expect(call.stages.given).toContain(call.stages.last("text").channel);
    call.hear(spoken(sound(10)));
    expect(call.told).toBe("Hello.");
    const open = asked();
    open.hear([
      begins(),
      writes("Hello."),
      data("text", chunk({}, "stop")),
      closed("text", 1006, "timed out"),
    ]);
    open.hear(spoken(sound(10)));
    expect(open.of("response.done")).toMatchObject([{ status: "completed" }]);
  });

  it("[U121] an answer without end stops at its bound, and no tool runs for arguments without end", () => {
    const call = asked();
    const flood = writes("No end. ".repeat(500));
    call.hear([begins(), ...Array.from({ length: 20 }, () => flood)]);
    expect(call.stages.given).toContain(call.stages.last("text").channel);
    for (let n = 0; n < 100 && call.of("response.done").length === 0; n += 1) call.hear(spoken(sound(1)));
    expect(call.of("response.done")).toMatchObject([{ status: "incomplete", reason: "max_output_tokens" }]);
    expect(call.told.length).toBe(32_768);
    const tool = asked();
    tool.hear(called("act", "call_1", "x".repeat(300_000)));
    expect(tool.of("item.started")).toEqual([]);
    expect(tool.of("response.done")).toMatchObject([{ status: "completed" }]);
  });

  it("[U121] more answers than may wait are told as failed, oldest first", () => {
    const call = asked();
    for (let n = 2; n < 20; n += 1) call.respond(`R${n}`);
    call.hear([waited("owed")]);
    expect(call.of("response.started").map(({ answers }) => answers)).toEqual(["R2", "R3"]);
    expect(call.faults).toEqual(["upstream_busy", "upstream_busy"]);
  });
});

describe("hostile sound", () => {
  it("[U122] samples are whole however the network cuts them, at even offsets", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        (sizes, moves) => {
          const call = asked();
          call.hear(written("Hello."));
          for (const message of spoken(sound(2), sizes)) {
            if (moves) call.moved();
            call.hear([message]);
          }
          expect(call.audio()).toEqual(sound(2));
          for (const { bytes } of call.of("audio")) expect(bytes.length % 2).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("[U122] bytes that lie at an odd offset are handed on at an even one, as samples have to be", () => {
    const stream = new SpeechStream(createRedactor({}), null);
    stream.opened({ status: 200, type: "audio/pcm" });
    const buffer = Uint8Array.from({ length: 12 }, (_, n) => n).buffer;
    const heard = [
      new Uint8Array(buffer, 1, 5),
      new Uint8Array(buffer, 6, 3),
      new Uint8Array(buffer, 9, 2),
    ].map((bytes) => stream.data(bytes));
    expect(heard.map(({ byteOffset }) => byteOffset % 2)).toEqual([0, 0, 0]);
    expect(heard.flatMap((bytes) => [...bytes])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("[U122] the half of a sample that a response ends with is dropped, and is not the next one's", () => {
    const call = asked();
    call.hear([begins(), writes("One. Two. "), ...spoken(Uint8Array.of(1, 2, 3)), data("text", DONE)]);
    call.hear(spoken(Uint8Array.of(4, 5)));
    expect(call.audio()).toEqual(Uint8Array.of(1, 2, 4, 5));
  });

  it.each(["audio/mpeg", "audio/wav", "text/html", "text/event-stream"])(
    "[U122] %s is no PCM: not a byte of it is heard",
    (type) => {
      const call = asked();
      call.hear([
        ...written("Hello."),
        head("speech", 200, type),
        data("speech", sound(10)),
        closed("speech"),
      ]);
      expect(call.audio().length).toBe(0);
      expect(call.told).toBe("");
      expect(call.faults).toEqual(["upstream_protocol_error"]);
    },
  );

  it("[U122] a response without a sample is asked for once more, and is a failure then", () => {
    const call = asked();
    call.hear([...written("Hello."), ...spoken(new Uint8Array()), ...spoken(Uint8Array.of(1))]);
    expect(call.stages.requests.filter(({ stage }) => stage === "speech")).toHaveLength(2);
    expect(call.faults).toEqual(["upstream_protocol_error"]);
  });

  it("[U122] too much sound for a sentence is an end, not a flood", () => {
    const call = asked();
    call.hear([
      ...written("Hello."),
      ...spoken(sound(10)).slice(0, 2),
      closed("speech", 1009, "too much data"),
    ]);
    expect(call.faults).toEqual(["upstream_protocol_error"]);
    expect(call.of("response.done")).toMatchObject([{ status: "failed" }]);
  });
});

it("[E115] of two calls under one call_id the text model is told the newest, and one result", () => {
  const led = new Led();
  const item = (id: string, more: object): void => {
    led.send({ type: "item", item: { id, ...more } as never, previousItemId: null });
  };
  const call = (place: string) => ({
    type: "function_call",
    call_id: "same",
    name: "look",
    arguments: place,
  });
  item("a", call('{"n":1}'));
  item("b", call('{"n":2}'));
  item("c", { type: "function_call_output", call_id: "same", output: "" });
  led.user("And?");
  led.respond("R1");
  expect(led.stages.refused).toEqual([]);
  const calls = led.messages.flatMap(({ tool_calls }) => (tool_calls as readonly object[] | undefined) ?? []);
  expect(calls).toEqual([{ id: "same", type: "function", function: { name: "look", arguments: '{"n":2}' } }]);
  expect(led.messages.filter(({ role }) => role === "tool")).toHaveLength(1);
});
