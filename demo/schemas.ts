/** Shapes of the client's events (GA types of `openai` 7.57), strict: an unknown key is an error that names it. */
import * as v from "valibot";
import { EventError } from "./errors.ts";

const text = v.pipe(v.string(), v.maxLength(200_000));
const id = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const anyObject = v.record(v.string(), v.unknown());

const wireFormat = v.variant("type", [
  v.strictObject({ type: v.literal("audio/pcm"), rate: v.optional(v.literal(24_000)) }),
  v.strictObject({ type: v.literal("audio/pcmu") }),
  v.strictObject({ type: v.literal("audio/pcma") }),
]);

const milliseconds = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(60_000));

const turnDetection = v.variant("type", [
  v.strictObject({
    type: v.literal("server_vad"),
    threshold: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
    prefix_padding_ms: v.optional(milliseconds),
    silence_duration_ms: v.optional(milliseconds),
    create_response: v.optional(v.boolean()),
    interrupt_response: v.optional(v.boolean()),
    idle_timeout_ms: v.nullish(v.pipe(milliseconds, v.minValue(1))),
  }),
  v.strictObject({
    type: v.literal("semantic_vad"),
    eagerness: v.optional(v.picklist(["low", "medium", "high", "auto"])),
    create_response: v.optional(v.boolean()),
    interrupt_response: v.optional(v.boolean()),
  }),
]);

const transcription = v.strictObject({
  model: v.nullish(text),
  // The provider shows these two as null where they were not given, so it takes them so.
  language: v.nullish(text),
  prompt: v.nullish(text),
  languages: v.nullish(v.array(text)),
  keywords: v.nullish(v.array(text)),
  delay: v.optional(v.picklist(["minimal", "low", "medium", "high", "xhigh"])),
});

const audioInput = v.strictObject({
  format: v.optional(wireFormat),
  noise_reduction: v.nullish(
    v.strictObject({ type: v.picklist(["near_field", "far_field"]), strength: v.nullish(v.unknown()) }),
  ),
  transcription: v.nullish(transcription),
  turn_detection: v.nullish(turnDetection),
});

const voice = v.union([text, v.strictObject({ id: text })]);

export const tool = v.variant("type", [
  v.strictObject({
    type: v.literal("function"),
    name: v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/)),
    description: v.optional(text),
    parameters: v.nullish(anyObject),
    strict: v.nullish(v.boolean()),
  }),
  v.looseObject({ type: v.literal("mcp"), server_label: text }),
]);

const toolChoice = v.union([
  v.picklist(["auto", "none", "required"]),
  v.strictObject({ type: v.literal("function"), name: text }),
  v.looseObject({ type: v.literal("mcp") }),
]);

const modalities = v.union([v.strictTuple([v.literal("audio")]), v.strictTuple([v.literal("text")])]);
const maxOutputTokens = v.union([
  v.literal("inf"),
  v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4_096)),
]);

/** Keys that a client may send back from `session.created`; their values are the server's. */
const serverKeys = {
  object: v.optional(v.unknown()),
  id: v.optional(v.unknown()),
  expires_at: v.optional(v.unknown()),
};

const realtimeSession = {
  type: v.literal("realtime"),
  ...serverKeys,
  model: v.optional(text),
  instructions: v.optional(text),
  output_modalities: v.optional(modalities),
  max_output_tokens: v.optional(maxOutputTokens),
  tools: v.optional(v.pipe(v.array(tool), v.maxLength(128))),
  tool_choice: v.optional(toolChoice),
  parallel_tool_calls: v.optional(v.boolean()),
  reasoning: v.nullish(
    v.strictObject({ effort: v.optional(v.picklist(["minimal", "low", "medium", "high", "xhigh"])) }),
  ),
  prompt: v.nullish(v.strictObject({ id: text, version: v.nullish(text), variables: v.nullish(anyObject) })),
  tracing: v.nullish(
    v.union([
      v.literal("auto"),
      v.strictObject({
        group_id: v.optional(text),
        metadata: v.optional(v.unknown()),
        workflow_name: v.optional(text),
      }),
    ]),
  ),
  truncation: v.optional(
    v.union([v.picklist(["auto", "disabled"]), v.looseObject({ type: v.literal("retention_ratio") })]),
  ),
  include: v.nullish(v.array(text)),
  audio: v.optional(
    v.strictObject({
      input: v.optional(audioInput),
      output: v.optional(
        v.strictObject({
          format: v.optional(wireFormat),
          voice: v.optional(voice),
          speed: v.optional(v.pipe(v.number(), v.minValue(0.25), v.maxValue(1.5))),
        }),
      ),
    }),
  ),
};

const transcriptionSession = {
  type: v.literal("transcription"),
  ...serverKeys,
  include: v.nullish(v.array(text)),
  audio: v.optional(v.strictObject({ input: v.optional(audioInput) })),
};

export const sessionPatch = {
  refuse: v.variant("type", [v.strictObject(realtimeSession), v.strictObject(transcriptionSession)]),
  accept: v.variant("type", [v.looseObject(realtimeSession), v.looseObject(transcriptionSession)]),
};

const content = v.variant("type", [
  v.strictObject({ type: v.literal("input_text"), text }),
  v.strictObject({ type: v.literal("input_audio"), audio: v.string(), transcript: v.nullish(text) }),
  v.strictObject({ type: v.literal("input_image"), image_url: v.string(), detail: v.optional(text) }),
  v.strictObject({ type: v.literal("output_text"), text }),
]);

const itemKeys = { id: v.optional(id), object: v.optional(v.unknown()), status: v.optional(v.unknown()) };
const contents = v.pipe(v.array(content), v.minLength(1), v.maxLength(64));

export const item = v.variant("type", [
  v.strictObject({
    ...itemKeys,
    type: v.literal("message"),
    role: v.picklist(["system", "user", "assistant"]),
    content: contents,
  }),
  v.strictObject({
    ...itemKeys,
    type: v.literal("function_call"),
    name: text,
    call_id: v.optional(id),
    arguments: text,
  }),
  v.strictObject({ ...itemKeys, type: v.literal("function_call_output"), call_id: id, output: text }),
  v.looseObject({
    ...itemKeys,
    type: v.picklist(["mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response"]),
  }),
]);

const metadata = v.nullish(
  v.pipe(
    v.record(v.pipe(v.string(), v.maxLength(64)), v.pipe(v.string(), v.maxLength(512))),
    v.check((pairs) => Object.keys(pairs).length <= 16, "at most 16 pairs"),
  ),
);

const givenParams = v.strictObject({
  conversation: v.optional(v.picklist(["auto", "none"])),
  input: v.nullish(
    v.pipe(
      v.array(v.union([v.strictObject({ type: v.literal("item_reference"), id }), item])),
      v.maxLength(500),
    ),
  ),
  metadata,
  instructions: v.optional(text),
  output_modalities: v.optional(modalities),
  max_output_tokens: v.optional(maxOutputTokens),
  tools: v.optional(v.pipe(v.array(tool), v.maxLength(128))),
  tool_choice: v.optional(toolChoice),
  parallel_tool_calls: v.optional(v.boolean()),
  reasoning: v.nullish(v.unknown()),
  prompt: v.nullish(v.unknown()),
  audio: v.optional(
    v.strictObject({
      output: v.optional(v.strictObject({ format: v.optional(wireFormat), voice: v.optional(voice) })),
    }),
  ),
});

/** Null is as good as absent in each (livekit-plugins-openai sends `instructions: null` and is answered). */
export const responseParams = v.pipe(
  anyObject,
  v.transform((params) => Object.fromEntries(Object.entries(params).filter(([, value]) => value !== null))),
  givenParams,
);

const eventId = { event_id: v.nullish(v.pipe(v.string(), v.maxLength(512))) };

/** Client events, but for the parts that are parsed by a schema of their own. */
export const clientEvents = {
  "session.update": v.strictObject({ ...eventId, type: v.string(), session: anyObject }),
  "input_audio_buffer.append": v.strictObject({ ...eventId, type: v.string(), audio: v.string() }),
  "input_audio_buffer.commit": v.strictObject({ ...eventId, type: v.string() }),
  "input_audio_buffer.clear": v.strictObject({ ...eventId, type: v.string() }),
  "conversation.item.create": v.strictObject({
    ...eventId,
    type: v.string(),
    item,
    previous_item_id: v.nullish(v.string()),
  }),
  "conversation.item.retrieve": v.strictObject({ ...eventId, type: v.string(), item_id: v.string() }),
  "conversation.item.delete": v.strictObject({ ...eventId, type: v.string(), item_id: v.string() }),
  "conversation.item.truncate": v.strictObject({
    ...eventId,
    type: v.string(),
    item_id: v.string(),
    content_index: v.pipe(v.number(), v.integer(), v.minValue(0)),
    audio_end_ms: v.pipe(v.number(), v.integer(), v.minValue(0)),
  }),
  "response.create": v.strictObject({ ...eventId, type: v.string(), response: v.nullish(responseParams) }),
  "response.cancel": v.strictObject({ ...eventId, type: v.string(), response_id: v.nullish(v.string()) }),
};

export type ClientEvents = {
  readonly [Type in keyof typeof clientEvents]: v.InferOutput<(typeof clientEvents)[Type]>;
};
export type SessionPatch = v.InferOutput<typeof sessionPatch.refuse>;
export type RealtimePatch = Extract<SessionPatch, { type: "realtime" }>;
export type ItemParam = v.InferOutput<typeof item>;
export type ResponseParams = v.InferOutput<typeof responseParams>;
export type Tool = v.InferOutput<typeof tool>;
export type FunctionTool = Extract<Tool, { type: "function" }>;
export type ToolChoice = v.InferOutput<typeof toolChoice>;

/**
 * `value` checked against `schema`; `prefix` is its path in the event (`session`), or empty.
 * @throws EventError of the first issue: `missing_required_parameter`, `unknown_parameter` or `invalid_value`.
 */
export function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  prefix = "",
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw eventError(result.issues[0], prefix);
}

function eventError(issue: v.BaseIssue<unknown>, prefix: string): EventError {
  // A union of shapes: the issue of the shape that came furthest tells most.
  const path = pathOf(issue.path, prefix);
  const inner = issue.type === "union" ? deepest(issue.issues) : undefined;
  if (inner?.path !== undefined) return eventError(inner, path);
  if (issue.expected === "never" && issue.type === "strict_object") {
    return new EventError("unknown_parameter", `Unknown parameter: '${path}'.`, path);
  }
  if (issue.received === "undefined") {
    return new EventError("missing_required_parameter", `Missing required parameter: '${path}'.`, path);
  }
  const expected = issue.expected ?? issue.message;
  return new EventError(
    "invalid_value",
    `Invalid value for '${path}': expected ${expected}, got ${issue.received}.`.slice(0, 500),
    path,
  );
}

function deepest(issues: readonly v.BaseIssue<unknown>[] | undefined): v.BaseIssue<unknown> | undefined {
  return issues?.toSorted((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0))[0];
}

function pathOf(path: readonly v.IssuePathItem[] | undefined, prefix: string): string {
  return (path ?? []).reduce((sum, { key }) => {
    if (typeof key === "number") return `${sum}[${key}]`;
    return sum === "" ? String(key) : `${sum}.${String(key)}`;
  }, prefix);
}
