import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { PieceDecoder } from "../../src/upstreams/common/audio-carry.ts";
import { emptySpans, scanAudioDelta } from "../../src/upstreams/openai-compatible/scan.ts";
import { connectOpenAi, RESPOND } from "./openai-connection.ts";

/** The string that stands, perhaps escaped, between these quotes. */
function written(text: string, start: number, end: number): string {
  return JSON.parse(text.slice(start - 1, end + 1));
}

/** The members that `scanAudioDelta` found. */
function scan(text: string): { response: string; item: string; delta: string } | null {
  const spans = emptySpans();
  if (!scanAudioDelta(text, spans)) return null;
  return {
    response: written(text, spans.responseStart, spans.responseEnd),
    item: written(text, spans.itemStart, spans.itemEnd),
    delta: written(text, spans.deltaStart, spans.deltaEnd),
  };
}

describe("audio deltas without a parser", () => {
  const COMPLETE = [
    ["type", "response.output_audio.delta"],
    ["response_id", "r"],
    ["item_id", "i"],
    ["delta", "AQID"],
  ] as const;
  const member = fc.constantFrom(
    "type",
    "event_id",
    "response_id",
    "item_id",
    "output_index",
    "delta",
    "extra",
  );
  const value = fc.oneof(
    fc.constantFrom("response.output_audio.delta", "response.audio.delta", "AQID", ""),
    fc.string(),
    fc.integer(),
    fc.constant(null),
    fc.json(),
  );

  it("[U6] finds what a parser finds, whatever the order, spacing and other members", () => {
    const space = fc.constantFrom("", " ", "\n  ");
    const delta = fc.record({
      type: fc.constantFrom("response.output_audio.delta", "response.audio.delta"),
      response_id: fc.constantFrom("resp_1", "resp_2"),
      item_id: fc.constantFrom("item_1", "i"),
      delta: fc.base64String(),
      event_id: fc.string({ unit: fc.constantFrom("e", "1", "_", "é", '"', "\\") }),
      output_index: fc.nat(),
    });
    fc.assert(
      fc.property(delta, space, space, fc.infiniteStream(fc.nat()), (event, before, after, order) => {
        const members = Object.entries(event).sort(() => ((order.next().value ?? 0) % 2 === 0 ? 1 : -1));
        const text = `{${members
          .map(([key, of]) => `${before}${JSON.stringify(key)}${after}:${before}${JSON.stringify(of)}`)
          .join(`${after},`)}}${after}`;
        const found = scan(text);
        if (found === null) expect(event.event_id).toMatch(/["\\]/);
        else expect(found).toEqual({ response: event.response_id, item: event.item_id, delta: event.delta });
      }),
    );
  });

  it("[U6] never takes for a delta what is none, nor reads it otherwise than a parser", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(member, value), { maxLength: 3 }), fc.boolean(), (more, spoilt) => {
        const members = [...COMPLETE, ...more];
        const text = `{${members.map(([key, of]) => `${JSON.stringify(key)}:${JSON.stringify(of)}`).join(",")}}`;
        const found = scan(spoilt ? text.slice(0, -1) : text);
        if (found === null) return;
        expect(JSON.parse(text)).toMatchObject({
          response_id: found.response,
          item_id: found.item,
          delta: found.delta,
        });
        expect(JSON.parse(text).type).toMatch(/^response\.(?:output_)?audio\.delta$/);
      }),
      { numRuns: 500 },
    );
    fc.assert(fc.property(fc.string(), (text) => scan(text) === null));
    expect(
      scan('{"type":"response.output_text.delta","response_id":"r","item_id":"i","delta":"a"}'),
    ).toBeNull();
    expect(
      scan('{"x":{"type":"response.audio.delta"},"response_id":"r","item_id":"i","delta":"a"}'),
    ).toBeNull();
  });

  it("[U6] reads escaped slashes, which some encoders write in base64", () => {
    const { connection, server } = connectOpenAi();
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    connection.hear(server.begin("resp_a").messages);
    connection.hear([server.messageItem("resp_a", "item_a")]);
    const bytes = Uint8Array.of(255, 255, 255, 240);
    const text = server.audioDelta("resp_a", "item_a", bytes.toBase64());
    expect(text).toContain("////");
    connection.hear([text.replaceAll("/", "\\/")]);
    expect(connection.audio()).toEqual(bytes);
  });

  it("[U6] carries the odd byte of each item apart", () => {
    const { connection, server } = connectOpenAi();
    for (const id of ["a", "b"]) {
      connection.send({ type: "respond", responseId: id, options: { params: {}, outOfBand: true } });
      connection.hear([server.created(`resp_${id}`, { relay_response: id }, true)]);
      connection.hear([server.messageItem(`resp_${id}`, `item_${id}`)]);
    }
    const say = (id: string, ...bytes: number[]): string =>
      server.audioDelta(`resp_${id}`, `item_${id}`, Uint8Array.from(bytes).toBase64());
    connection.hear([say("a", 1), say("b", 11, 12, 13), say("a", 2, 3), say("b", 14), say("a", 4)]);
    expect(connection.audio("resp_a")).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(connection.audio("resp_b")).toEqual(Uint8Array.of(11, 12, 13, 14));
  });

  it("[U6] hands out samples at even offsets, so that they can be viewed as such", () => {
    const decoder = new PieceDecoder();
    const carry = { odd: -1 };
    for (const size of [3, 5, 1, 40_001, 2, 300_001, 7]) {
      const bytes = decoder.decode(new Uint8Array(size).fill(size).toBase64(), 2, carry);
      expect((bytes?.byteOffset ?? 1) % 2).toBe(0);
      expect((bytes?.length ?? 1) % 2).toBe(0);
    }
  });

  it("[U13] opens nothing for a delta that says nothing, and takes one without names for what is being said", () => {
    const { connection, server } = connectOpenAi();
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    connection.hear([...server.begin("resp_a").messages, server.messageItem("resp_a", "item_a")]);
    const nameless = [
      { type: "response.output_audio.delta" },
      { type: "response.output_audio_transcript.delta" },
      { type: "response.output_audio.delta", delta: "AQI=" },
    ];
    connection.hear(nameless.map((event) => JSON.stringify(event)));
    expect(connection.of("item.started")).toHaveLength(1);
    expect(connection.audio()).toEqual(Uint8Array.of(1, 2));
  });

  it("[U14] says so when audio is not base64, and plays on", () => {
    const { connection, server } = connectOpenAi();
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    connection.hear([...server.begin("resp_a").messages, server.messageItem("resp_a", "item_a")]);
    connection.hear([
      server.audioDelta("resp_a", "item_a", "AQ=="),
      server.audioDelta("resp_a", "item_a", "?!"),
      server.audioDelta("resp_a", "item_a", "Ag=="),
    ]);
    expect(connection.of("error")).toMatchObject([
      { error: { code: "upstream_protocol_error" }, fatal: false },
    ]);
    expect(connection.audio()).toEqual(Uint8Array.of(1, 2));
  });
});
