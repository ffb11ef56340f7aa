/**
 * One call of several turns as documented for OpenAI Realtime GA, both sides written in the types of the `openai`
 * package: the compiler checks that what we send and what we expect are events of that protocol, the test that
 * the adapter sends exactly these.
 */
import type { RealtimeClientEvent } from "openai/resources/realtime/realtime";
import { describe, expect, it } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { SPOKEN_TURN } from "../fixtures/upstreams/openai-spoken-turn.ts";
import { TOOL, TOOL_CALL } from "../fixtures/upstreams/openai-tool-call.ts";
import { CONFIG } from "./connection.ts";

describe("a call of OpenAI's documentation", () => {
  it("[U7] goes event by event", () => {
    const upstream = createUpstream({ adapter: "openai-compatible", url: "wss://a.example/v1/realtime" });
    upstream.greet(CONFIG);
    for (const [n, step] of [...SPOKEN_TURN, ...TOOL_CALL].entries()) {
      if (step.command !== undefined) {
        const sent = upstream.encode(step.command).map((message) => JSON.parse(String(message)));
        expect(sent, `step ${n}`).toEqual(step.sent ?? []);
      }
      if (step.server !== undefined) {
        expect(upstream.decode(JSON.stringify(step.server)), `step ${n}`).toEqual(step.events ?? []);
      }
    }
  });

  it("[U4] greets in the protocol's types", () => {
    const upstream = createUpstream({ adapter: "openai-compatible", url: "wss://a.example/v1/realtime" });
    const greeting = {
      type: "session.update",
      event_id: "relay_greet_1",
      session: {
        type: "realtime",
        instructions: "Be brief.",
        output_modalities: ["audio"],
        tools: [TOOL],
        tool_choice: "required",
        max_output_tokens: 100,
        audio: {
          input: {
            format: { type: "audio/pcm", rate: 24000 },
            noise_reduction: { type: "far_field" },
            transcription: { model: "gpt-transcribe" },
            turn_detection: null,
          },
          output: { format: { type: "audio/pcm", rate: 24000 }, voice: "marin", speed: 0.9 },
        },
      },
    } as const satisfies RealtimeClientEventOf<"session.update">;
    const config = {
      ...CONFIG,
      tools: [TOOL],
      toolChoice: "required",
      maxOutputTokens: 100,
      voice: "marin",
      speed: 0.9,
      transcription: { model: "gpt-transcribe" },
      extra: { noise_reduction: { type: "far_field" } },
    };
    expect(upstream.greet(config).map((message) => JSON.parse(String(message)))).toEqual([greeting]);
  });
});

/** Readonly all through, as `as const` makes it. */
type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;
type RealtimeClientEventOf<T extends RealtimeClientEvent["type"]> = Frozen<
  Extract<RealtimeClientEvent, { type: T }>
>;
