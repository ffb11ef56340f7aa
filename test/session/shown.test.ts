/** What the session shows can be set, is in force, and is what the upstream was told. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Json, JsonObject, UpstreamConfig } from "../../src/upstreams/upstream.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { voice } from "../support/signal.ts";

type Shown = JsonObject & { readonly relay?: JsonObject };

/** The session as the client was shown it last. */
function shown(call: Call): Shown {
  const event = call.events.findLast(({ type }) => type === "session.created" || type === "session.updated");
  return event?.["session"] as Shown;
}

function update(call: Call, session: JsonObject): Shown {
  call.client({ type: "session.update", session });
  return shown(call);
}

function speak(call: Call): void {
  call.client({ type: "response.create" });
  call.answer(voice(100));
}

const CALLS: readonly (readonly [string, CallOptions])[] = [
  ["a plain client", {}],
  ["a duplex.v1 client", { dialect: "duplex.v1" }],
  ["a transcription session", { intent: "transcription" }],
  ["a transcription session in duplex.v1", { intent: "transcription", dialect: "duplex.v1" }],
  ["a session with a voice", { session: { audio: { output: { voice: { id: "v" } } } } }],
];

describe("a session sent back as it was shown", () => {
  test.each(CALLS)("[G13] by %s changes nothing and is no error, before speech and after", (_, options) => {
    const call = new Call(options);
    const created = shown(call);
    const told = call.commands().length;
    expect(update(call, created)).toEqual(created);
    expect(call.commands().slice(told)).toMatchObject([{ type: "configure" }]);
    if (options.intent !== "transcription") speak(call);
    expect(update(call, created)).toEqual(created);
    expect(call.types()).not.toContain("error");
    call.hibernate();
    expect(update(call, shown(call))).toEqual(created);
  });

  test("[G13] the voice that was never chosen is the upstream's own, by whatever name", () => {
    const call = new Call({ session: { audio: { output: { voice: "v" } } } });
    expect(update(call, { audio: { output: { voice: "default" } } })).toMatchObject({
      audio: { output: { voice: "default" } },
    });
    expect(call.commands().at(-1)).toMatchObject({ type: "configure", config: { voice: null } });
  });

  test("[G13] an answer's audio handed back in response.create asks for no voice of that name", () => {
    const call = new Call();
    speak(call);
    const { audio } = call.last("response.done")["response"] as { audio: JsonObject };
    call.client({ type: "response.create", response: { audio } });
    expect(call.types()).not.toContain("error");
    expect(JSON.stringify(call.commands().at(-1))).not.toContain("default");
  });

  test("[G13] what a duplex.v1 client was shown of the floor is not set for a plain one that follows", () => {
    const call = new Call({ dialect: "duplex.v1" });
    update(call, shown(call));
    expect(call.session.snapshot().config.relay ?? {}).toEqual({});
  });
});

describe("settings of the relay", () => {
  const relay = (call: Call) => shown(call).relay ?? {};

  test("[G14] a duplex.v1 client is shown those in force, beside what it is told", () => {
    const call = new Call({ dialect: "duplex.v1" });
    expect(relay(call)).toMatchObject({
      session_id: "sess_s1",
      upstreams: ["wire"],
      lead_ms: 400,
      eager_ms: null,
      interruption: { confirm_ms: 680, dismiss_ms: 250 },
    });
    update(call, { relay: { lead_ms: 100, eager_ms: 200, interruption: { confirm_ms: 300 } } });
    expect(relay(call)).toMatchObject({
      upstreams: ["wire"],
      lead_ms: 100,
      eager_ms: 200,
      interruption: { confirm_ms: 300, dismiss_ms: 250 },
    });
  });

  test("[G14] what the relay says of itself cannot be set, is not stored, and goes nowhere", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const before = relay(call);
    const told = { session_id: "x", resume_token: "x", upstreams: ["x"], detector: "x" };
    update(call, { relay: told });
    expect(relay(call)).toEqual(before);
    expect(JSON.stringify(call.session.snapshot().config)).not.toContain("resume_token");
  });
});

describe("flat fields of the beta dialect", () => {
  test.each([
    ["modalities", ["text"], "output_modalities"],
    ["voice", "alloy", "audio.output.voice"],
    ["input_audio_format", "g711_ulaw", "audio.input.format"],
    ["output_audio_format", "g711_ulaw", "audio.output.format"],
    ["input_audio_transcription", { model: "whisper-1" }, "audio.input.transcription"],
    ["input_audio_noise_reduction", { type: "near_field" }, "audio.input.noise_reduction"],
    ["turn_detection", { type: "server_vad" }, "audio.input.turn_detection"],
    ["temperature", 0.8, "no such field"],
    ["speed", 1.1, "audio.output.speed"],
    ["max_response_output_tokens", 100, "max_output_tokens"],
  ])(
    "[G12] session.%s is refused by name, with what replaces it, and nothing changes",
    (field, value, says) => {
      const call = new Call();
      const before = shown(call);
      call.client({ type: "session.update", event_id: "u", session: { instructions: "x", [field]: value } });
      expect(call.last("error")["error"]).toMatchObject({
        code: "unknown_parameter",
        param: `session.${field}`,
        event_id: "u",
        message: expect.stringContaining(says),
      });
      expect(update(call, { [field]: null })).toEqual(before);
    },
  );

  test.each([
    ["modalities", ["text"], "output_modalities"],
    ["voice", "alloy", "audio.output.voice"],
    ["output_audio_format", "pcm16", "audio.output.format"],
    ["temperature", 0.8, "no such field"],
    ["max_response_output_tokens", 100, "max_output_tokens"],
  ])("[G12] response.%s likewise, and nobody is asked", (field, value, says) => {
    const call = new Call();
    call.client({ type: "response.create", event_id: "r", response: { [field]: value } });
    expect(call.last("error")["error"]).toMatchObject({
      code: "unknown_parameter",
      param: `response.${field}`,
      event_id: "r",
      message: expect.stringContaining(says),
    });
    expect(call.types()).not.toContain("response.created");
  });

  test("[G12] a token's session is refused alike", () => {
    expect(() => new Call({ session: { input_audio_format: "pcm16" } })).toThrow("audio.input.format");
  });
});

/** Parts of updates, right and wrong. */
const part: fc.Arbitrary<JsonObject> = fc.constantFrom<JsonObject>(
  { instructions: "Be brief." },
  { instructions: null },
  { instructions: 7 },
  { tools: [{ type: "function", name: "f", description: null }] },
  { tool_choice: "required" },
  { tool_choice: { type: "function", name: "f" } },
  { max_output_tokens: 100 },
  { max_output_tokens: 0 },
  { output_modalities: ["text"] },
  { output_modalities: null },
  { truncation: "disabled" },
  { prompt: { id: "p", version: null } },
  { prompt: null },
  { tracing: "auto" },
  { brand_new: { deep: [1] } },
  { modalities: ["text"] },
  { audio: null },
  { audio: { input: { format: { type: "audio/pcmu" } } } },
  { audio: { input: { format: { type: "audio/pcm", rate: 16000 } } } },
  { audio: { input: { format: null, transcription: { model: "m", language: "en" } } } },
  { audio: { input: { transcription: null, noise_reduction: { type: "near_field" } } } },
  { audio: { input: { turn_detection: { type: "semantic_vad", eagerness: "low" } } } },
  { audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 900, threshold: null } } } },
  { audio: { input: { turn_detection: null } } },
  { audio: { input: { turn_detection: { threshold: 9 } } } },
  { audio: { output: { voice: "default", speed: 1.2 } } },
  { audio: { output: { voice: "marin", format: { type: "audio/pcma" } } } },
  { audio: { output: { voice: { id: "custom" } } } },
  { relay: { lead_ms: 300 } },
  { relay: { lead_ms: null, interruption: { confirm_ms: 200 } } },
  { relay: { eager_ms: 9 } },
  { relay: null },
);
const history = fc.array(
  fc.oneof({ arbitrary: part, weight: 9 }, { arbitrary: fc.constant("speak" as const), weight: 1 }),
  {
    maxLength: 12,
  },
);

/** The configuration of a conversation as an upstream is told it, read off what the client is shown. */
function expected(session: Shown): Partial<Record<keyof UpstreamConfig, Json>> {
  const { audio } = session as unknown as { audio: { input: JsonObject; output: JsonObject } };
  return {
    instructions: session["instructions"] ?? null,
    modality: (session["output_modalities"] as readonly Json[])[0] ?? null,
    tools: session["tools"] ?? null,
    toolChoice: session["tool_choice"] ?? null,
    maxOutputTokens: session["max_output_tokens"] ?? null,
    voice: audio.output["voice"] === "default" ? null : (audio.output["voice"] ?? null),
    speed: audio.output["speed"] ?? null,
    transcription: audio.input["transcription"] ?? null,
    turnDetection: audio.input["turn_detection"] ?? null,
  };
}

describe("any history of updates", () => {
  test.each([["realtime" as const], ["duplex.v1" as const]])(
    "[G13][G14] of a %s client: what is shown is settable, and what the upstream was told",
    (dialect) => {
      fc.assert(
        fc.property(history, (steps) => {
          const call = new Call({ dialect });
          for (const step of steps) {
            if (step === "speak") speak(call);
            else call.client({ type: "session.update", session: step });
          }
          const before = shown(call);
          const errors = call.types().filter((type) => type === "error").length;
          expect(update(call, before)).toEqual(before);
          expect(call.types().filter((type) => type === "error").length).toBe(errors);
          const told = call.commands().at(-1);
          expect(told).toMatchObject({ type: "configure", config: expected(before) });
          const { extra } = (told as { config: UpstreamConfig }).config;
          for (const key of ["truncation", "prompt", "tracing", "brand_new"]) {
            expect(extra[key] ?? null).toEqual(before[key] ?? null);
          }
          for (const key of ["id", "object", "model", "expires_at", "relay"])
            expect(extra).not.toHaveProperty(key);
        }),
        { numRuns: 150 },
      );
    },
  );
});
