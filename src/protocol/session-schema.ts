/** What a session object may be, once its defaults are filled in. */
import * as v from "valibot";

import { ClientError } from "./client-error.ts";
import type { JsonObject } from "./json.ts";
import { millis, relay } from "./session-relay.ts";

const unit = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

export const format = v.variant("type", [
  v.looseObject({ type: v.literal("audio/pcm"), rate: v.picklist([8000, 16000, 24000, 48000]) }),
  v.looseObject({ type: v.literal("audio/pcmu") }),
  v.looseObject({ type: v.literal("audio/pcma") }),
]);

const turnDetection = v.variant("type", [
  v.looseObject({
    type: v.literal("server_vad"),
    threshold: unit,
    prefix_padding_ms: millis(0, 5000),
    silence_duration_ms: millis(0, 10_000),
    create_response: v.boolean(),
    interrupt_response: v.boolean(),
    idle_timeout_ms: v.nullable(millis(5000, 30_000)),
  }),
  v.looseObject({
    type: v.literal("semantic_vad"),
    eagerness: v.picklist(["low", "medium", "high", "auto"]),
    create_response: v.boolean(),
    interrupt_response: v.boolean(),
  }),
  // Ours: no turns at all. Audio flows always, in micro-turns of `frame_ms`, and the relay never commits.
  v.looseObject({
    type: v.literal("duplex"),
    frame_ms: millis(20, 1000),
    create_response: v.literal(false),
    interrupt_response: v.literal(false),
  }),
]);

const sessionConfig = v.looseObject({
  relay: v.optional(relay),
  type: v.picklist(["realtime", "transcription"]),
  instructions: v.string(),
  output_modalities: v.union([v.strictTuple([v.literal("audio")]), v.strictTuple([v.literal("text")])]),
  max_output_tokens: v.union([millis(1, 4096), v.literal("inf")]),
  tools: v.array(v.looseObject({ type: v.string() })),
  tool_choice: v.union([v.string(), v.looseObject({ type: v.string() })]),
  audio: v.looseObject({
    input: v.looseObject({
      format,
      transcription: v.nullable(v.looseObject({})),
      noise_reduction: v.nullable(v.looseObject({})),
      turn_detection: v.nullable(turnDetection),
    }),
    output: v.looseObject({
      format,
      voice: v.nullable(v.union([v.string(), v.looseObject({ id: v.string() })])),
      speed: v.pipe(v.number(), v.minValue(0.25), v.maxValue(1.5)),
    }),
  }),
});

export type SessionConfig = v.InferOutput<typeof sessionConfig>;
export type TurnDetection = v.InferOutput<typeof turnDetection>;

/** @throws ClientError naming the field. */
export function check(config: JsonObject): SessionConfig {
  const result = v.safeParse(sessionConfig, config, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const param = `session.${v.getDotPath(issue) ?? ""}`;
  if (issue.received === "undefined")
    throw new ClientError("missing_required_parameter", `Missing required parameter: '${param}'.`, param);
  const expected =
    param === MODALITIES.param ? MODALITIES.expected : wordsOf(issue.expected ?? issue.message);
  throw new ClientError("invalid_value", `Invalid '${param}': expected ${expected}.`, param);
}

/** A schema of two arrays says that it expects one, to whom that has sent one of both. */
const MODALITIES = { param: "session.output_modalities", expected: '["audio"] or ["text"]' };

/** As a schema says a bound, in words. */
function wordsOf(expected: string): string {
  return expected.replace(/^>=(.*)$/, "at least $1").replace(/^<=(.*)$/, "at most $1");
}
