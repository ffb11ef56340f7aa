/** Messages of several content parts. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { emptySpans, scanAudioDelta } from "../../src/upstreams/openai-compatible/scan.ts";
import { orderFaults } from "./connection.ts";
import { answeringOpenAi, hear, restarted } from "./openai-connection.ts";

const at = (part: number): JsonObject => ({
  response_id: "resp_1",
  item_id: "item_m",
  output_index: 0,
  content_index: part,
});
const partAdded = (part: number, type: string): JsonObject => ({
  type: "response.content_part.added",
  ...at(part),
  part: { type },
});
const audio = (part: number, delta: string): JsonObject => ({
  type: "response.output_audio.delta",
  ...at(part),
  delta,
});
const text = (part: number, delta: string): JsonObject => ({
  type: "response.output_text.delta",
  ...at(part),
  delta,
});

describe("the parts of a message", () => {
  it("[U31] arrive as the provider made them: text, then audio", () => {
    const { connection } = answeringOpenAi();
    hear(connection, partAdded(0, "text"), text(0, "Here is the list:"));
    hear(connection, partAdded(1, "audio"), audio(1, "AQI="), audio(1, "AwQ="));
    hear(connection, { type: "response.output_audio_transcript.delta", ...at(1), delta: "Apples." });
    expect(connection.events.slice(2)).toMatchObject([
      { type: "item.started", kind: "message" },
      { type: "part.started", part: 0, kind: "text" },
      { type: "text", delta: "Here is the list:" },
      { type: "part.started", part: 1, kind: "audio" },
      { type: "audio", part: 1, bytes: Uint8Array.of(1, 2) },
      { type: "audio", part: 1, bytes: Uint8Array.of(3, 4) },
      { type: "transcript", part: 1, delta: "Apples." },
    ]);
    // The first part needs no mention.
    expect(connection.of("text")[0]).not.toHaveProperty("part");
  });

  it("[U31] end where the provider ends them, unless their words are still to come", () => {
    const { connection } = answeringOpenAi();
    const ended = (part: number, content: JsonObject): JsonObject => ({
      type: "response.content_part.done",
      ...at(part),
      part: content,
    });
    hear(connection, text(0, "See"), ended(0, { type: "text", text: "See" }));
    hear(connection, audio(1, "AQI="), ended(1, { type: "audio" }));
    hear(connection, audio(2, "AQI="), ended(2, { type: "audio", transcript: "Two." }));
    expect(connection.of("part.done")).toEqual([
      { type: "part.done", response: "resp_1", item: "item_m", part: 0 },
      { type: "part.done", response: "resp_1", item: "item_m", part: 2 },
    ]);
    expect(connection.of("transcript")).toMatchObject([{ delta: "Two.", part: 2 }]);
  });

  it("[U31] that are two of audio stay two, and each keeps its own half of a sample", () => {
    const { connection, server } = answeringOpenAi();
    const bytes = (...values: number[]): string => Uint8Array.from(values).toBase64();
    hear(
      connection,
      audio(0, bytes(1, 2, 3)),
      audio(1, bytes(11)),
      audio(0, bytes(4)),
      audio(12, bytes(7, 8)),
    );
    restarted(connection);
    hear(connection, audio(1, bytes(12, 13)), audio(1, bytes(14)));
    const of = (part: number | undefined): number[] =>
      connection.of("audio").flatMap((event) => (event.part === part ? [...event.bytes] : []));
    expect(of(undefined)).toEqual([1, 2, 3, 4]);
    expect(of(1)).toEqual([11, 12, 13, 14]);
    expect(of(12)).toEqual([7, 8]);
    connection.send({ type: "truncate", itemId: "item_m", contentIndex: 1, audioEndMs: 5000 });
    expect(server.last("conversation.item.truncate")).toMatchObject({ content_index: 1, audio_end_ms: 0 });
  });

  it("[U31] begin in either dialect's words, and in Azure's", () => {
    for (const [type, kind] of [
      ["audio", "audio"],
      ["output_audio", "audio"],
      ["text", "text"],
      ["output_text", "text"],
    ] as const) {
      const { connection } = answeringOpenAi();
      hear(connection, { ...partAdded(0, type), part: null, content: { type } }, partAdded(1, type));
      expect(connection.of("part.started")).toMatchObject([
        { part: 0, kind },
        { part: 1, kind },
      ]);
    }
  });

  it("[U31] are told once each, where their words came only with the part or the item", () => {
    const { connection } = answeringOpenAi();
    hear(
      connection,
      text(0, "One."),
      { type: "response.content_part.done", ...at(0), part: { type: "text", text: "One." } },
      { type: "response.content_part.done", ...at(1), part: { type: "audio", transcript: "Two." } },
      {
        type: "response.output_item.done",
        response_id: "resp_1",
        output_index: 0,
        item: {
          id: "item_m",
          type: "message",
          content: [
            { type: "output_text", text: "One." },
            { type: "output_audio", transcript: "Two." },
            { type: "output_text", text: "Three." },
          ],
        },
      },
    );
    expect(connection.of("text").map(({ part, delta }) => [part, delta])).toEqual([
      [undefined, "One."],
      [2, "Three."],
    ]);
    expect(connection.of("transcript").map(({ part, delta }) => [part, delta])).toEqual([[1, "Two."]]);
    expect(orderFaults(connection.events)).toEqual([]);
  });

  it("[U31] of a kind that the relay does not know are passed on", () => {
    const { connection } = answeringOpenAi();
    const event = { ...partAdded(0, "hologram"), event_id: "e" };
    expect(hear(connection, event)).toMatchObject([
      { type: "item.started" },
      { type: "passed", item: "item_m", event },
    ]);
  });

  it("[U15] are so many at most, and one more is said aloud", () => {
    const { connection } = answeringOpenAi();
    for (let part = 0; part < 20; part++) hear(connection, text(part, "x"));
    expect(connection.of("text")).toHaveLength(16);
    expect(connection.of("error").length).toBeGreaterThan(0);
    expect(hear(connection, audio(300, "AQI="))).toMatchObject([{ type: "error", fatal: false }]);
  });

  it("[U13] never put audio or words into a call", () => {
    const { connection } = answeringOpenAi();
    const call = { id: "item_m", type: "function_call", name: "f", call_id: "c" };
    hear(connection, {
      type: "response.output_item.added",
      response_id: "resp_1",
      output_index: 0,
      item: call,
    });
    hear(connection, audio(0, "AQI="), text(0, "x"));
    expect([...connection.of("audio"), ...connection.of("text")]).toEqual([]);
    expect(connection.of("error")).toHaveLength(2);
  });

  it("[U6] are found by the scanner as a parser finds them", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(120), fc.constantFrom(-1, 1.5, "1", null, [1])),
        fc.boolean(),
        (part, first) => {
          const rest = `"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AQID"`;
          const member = `"content_index":${JSON.stringify(part)}`;
          const spans = emptySpans();
          const found = scanAudioDelta(first ? `{${member},${rest}}` : `{${rest},${member}}`, spans);
          expect(found).toBe(typeof part === "number" && Number.isInteger(part) && part >= 0 && part <= 9);
          if (found) expect(spans.part).toBe(part);
        },
      ),
    );
    const spans = emptySpans();
    expect(
      scanAudioDelta('{"type":"response.audio.delta","response_id":"r","item_id":"i","delta":"A"}', spans),
    ).toBe(true);
    expect(spans.part).toBe(0);
  });
});
