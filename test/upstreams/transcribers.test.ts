/** Streaming transcribers, each in the words of its provider's own types. */
import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { Upstream, UpstreamEvent, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";
import { chunk, CONFIG } from "./connection.ts";
import { PROVIDERS } from "./transcription-providers.ts";

describe.each(PROVIDERS)("$adapter", (provider) => {
  const options = (more: Partial<UpstreamOptions> = {}): UpstreamOptions => ({
    adapter: provider.adapter,
    headers: provider.headers,
    ...more,
  });
  const hear = (upstream: Upstream, ...events: readonly JsonObject[]): readonly UpstreamEvent[] =>
    events.flatMap((event) => upstream.decode(JSON.stringify(event)));
  const connected = (): Upstream => {
    const upstream = createUpstream(options());
    expect(upstream.greet({ ...CONFIG, kind: "transcription" })).toEqual([]);
    expect(hear(upstream, provider.hello)).toEqual([{ type: "ready" }]);
    return upstream;
  };

  it("[U100] is dialled as its own clients dial it, with its key in a header, and is ready when it says hello", () => {
    const { url, headers } = connected().request();
    expect(url).toMatch(provider.url);
    expect(headers).toEqual(provider.headers);
    const query = { language: "de" };
    expect(createUpstream(options({ settings: { query } })).request().url).toContain("language=de");
    expect(() => createUpstream(options({ settings: { language: "de" } }))).toThrow("settings");
  });

  it("[U100] hears every sample in pieces that it takes", () => {
    const upstream = connected();
    const said = Uint8Array.from({ length: 640 * 20 }, (_, n) => n * 7);
    const sent = Array.from({ length: 20 }, (_, n) =>
      upstream.encode({ type: "audio", chunk: chunk(said.subarray(n * 640, (n + 1) * 640)) }),
    ).flat();
    const pieces = sent.map((message) =>
      typeof message === "string" ? Uint8Array.fromBase64(JSON.parse(message).audio_base_64) : message,
    );
    expect(pieces.every(({ length }) => length === provider.pieceBytes)).toBe(true);
    const heard = pieces.flatMap((piece) => [...piece]);
    expect(heard).toEqual([...said.subarray(0, heard.length)]);
    expect(said.length - heard.length).toBeLessThan(provider.pieceBytes);
  });

  it("[U101] tells words as they grow, and what was meant at the end, once", () => {
    const upstream = connected();
    const events = hear(
      upstream,
      provider.words(0, ""),
      provider.words(0, "Good"),
      provider.words(0, "Good day"),
      provider.words(0, "Good they"),
      ...provider.end(0, "Good day."),
      provider.words(1, "Bye"),
      ...provider.end(1, "Bye."),
    );
    const deltas = events.flatMap((event) => (event.type === "input.transcript.delta" ? [event.delta] : []));
    expect(deltas.join("|")).toMatch(/^Good\| day(\|\.)?\|Bye(\|\.)?$/);
    expect(events.filter(({ type }) => type === "input.transcript.completed")).toMatchObject([
      { itemId: "segment_0", transcript: "Good day." },
      { itemId: "segment_1", transcript: "Bye." },
    ]);
    expect(upstream.held).toBe(0);
  });

  it("[U101] whose end is never told ends when nothing more is said, or when the next begins", () => {
    const upstream = connected();
    hear(upstream, provider.words(0, "Good"));
    expect(upstream.held).toBeGreaterThan(0);
    expect(upstream.settle?.()).toMatchObject([{ type: "input.transcript.completed", transcript: "Good" }]);
    expect(upstream.settle?.()).toEqual([]);
    expect(hear(upstream, provider.words(1, "Next"))).toMatchObject([{ itemId: "segment_1", delta: "Next" }]);
  });

  it.runIf(provider.endsBare)(
    "[U404] has the words that were told where its end repeats none of them",
    () => {
      const upstream = connected();
      const events = hear(
        upstream,
        provider.words(0, "Good"),
        provider.words(0, "Good day"),
        ...provider.end(0, ""),
      );
      expect(events.filter(({ type }) => type === "input.transcript.completed")).toMatchObject([
        { transcript: "Good day" },
      ]);
      // Where nothing was said, nothing ends.
      expect(hear(upstream, provider.words(1, ""), ...provider.end(1, ""))).toEqual([]);
    },
  );

  it("[U102] says why it does not serve, without its key", () => {
    const upstream = connected();
    expect(hear(upstream, provider.refusal)).toMatchObject([{ type: "error", fatal: true }]);
    const [key = ""] = Object.values(provider.headers).map((value) => value.split(" ").at(-1) ?? "");
    expect(JSON.stringify(upstream.closed(1008, `bad key ${key}`))).not.toContain(key);
  });

  it("[U14] survives whatever is said, from a snapshot before every message too, and remembers little", () => {
    const words = fc.oneof(fc.string(), fc.constantFrom("Good", "Good day", ""));
    const message = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record(
          {
            type: fc.constantFrom("Connected", "Begin", "TurnInfo", "Turn", "Error", "x"),
            message_type: fc.constantFrom(
              "session_started",
              "partial_transcript",
              "committed_transcript",
              "error",
            ),
            event: fc.constantFrom("Update", "EndOfTurn"),
            turn_index: fc.oneof(fc.nat(3), words),
            turn_order: fc.oneof(fc.nat(3), words),
            end_of_turn: fc.boolean(),
            turn_is_formatted: fc.boolean(),
            transcript: fc.oneof(words, fc.nat()),
            text: fc.oneof(words, fc.nat()),
            error: words,
            error_code: fc.nat(),
          },
          { requiredKeys: [] },
        )
        .map((event) => JSON.stringify(event)),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        const play = (restarts: boolean): readonly UpstreamEvent[] => {
          let upstream = createUpstream(options());
          return messages.flatMap((data) => {
            if (restarts) {
              const snapshot = JSON.parse(JSON.stringify(upstream.snapshot()));
              upstream = createUpstream(options());
              upstream.restore(snapshot);
            }
            expect(JSON.stringify(upstream.snapshot()).length).toBeLessThan(64_000);
            return [...upstream.decode(data)];
          });
        };
        expect(play(true)).toEqual(play(false));
      }),
      { numRuns: 60 },
    );
  });

  test("[U101] beside a speaker it gives a call's turns their words", () => {
    const create = (upstream: UpstreamOptions): Upstream =>
      upstream.adapter === "wire" ? createWireUpstream(upstream) : createUpstream(upstream);
    const call = new Call({
      dialect: "duplex.v1",
      transcriber: { name: "ear", options: options() },
      createUpstream: create,
    });
    const ear = (event: JsonObject) =>
      call.input({ type: "message", peer: "up1.1", data: JSON.stringify(event) });
    ear(provider.hello);
    call.speak(concat(silence(600), voice(600)));
    ear(provider.words(0, "Good"));
    call.speak(voice(600));
    ear(provider.words(0, "Good day"));
    call.speak(silence(900));
    for (const event of provider.end(0, "Good day.")) ear(event);
    const completed = call.events.filter(
      ({ type }) => type === "conversation.item.input_audio_transcription.completed",
    );
    expect(completed).toMatchObject([{ transcript: "Good day." }]);
  });
});
