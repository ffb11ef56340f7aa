/**
 * What providers say: answers to what they were asked, step by step, and everything else of the dialect at any time,
 * with names of their own, of the relay's, and of other things.
 */
import type { Random } from "../sim/random.ts";
import { hostileName, type Loose, type LooseObject } from "./hostile.ts";
import { sound } from "./sounds.ts";

/** The secrets that a provider knows of its relay, and repeats. */
export const SECRET = "sk-fuzz-7Qm2xW9cL4bV8nR1tY6uK3pZ";

export interface Names {
  readonly responses: readonly string[];
  readonly items: readonly string[];
  readonly relay: readonly string[];
}

function one(lists: readonly (readonly string[])[], random: Random): string {
  const list = random.pick(lists);
  return list.length > 0 && random.chance(0.95)
    ? random.pick(list)
    : random.pick(["other", hostileName(random)]);
}

function usage(random: Random): Loose {
  return random.chance(0.2)
    ? null
    : {
        total_tokens: random.int(0, 900),
        input_tokens: random.int(0, 400),
        output_tokens: random.int(0, 400),
        input_token_details: { text_tokens: 3, audio_tokens: 4, cached_tokens: 0 },
        output_token_details: { text_tokens: 1, audio_tokens: 2 },
      };
}

export interface Ask {
  readonly metadata: Loose;
  readonly text: boolean;
}

/** The events of one whole answer, in their order. `n` makes its names. */
export function answer(random: Random, n: number, ask: Ask | null): LooseObject[] {
  const id = `resp_${n}`;
  const metadata = ask?.metadata ?? null;
  const shell = (status: string): LooseObject => ({
    id,
    object: "realtime.response",
    status,
    output: [],
    metadata,
    conversation_id: "conv_1",
    usage: status === "in_progress" ? null : usage(random),
    status_details: status === "in_progress" ? null : { type: status },
  });
  const events: LooseObject[] = [{ type: "response.created", response: shell("in_progress") }];
  const output = Array.from({ length: random.pick([1, 1, 1, 2]) }, (_, index) =>
    random.pick([spoken, spoken, typed, called, foreign])(random, id, `item_${n}_${index}`, index),
  );
  events.push(...output.flat());
  const end = random.pick(["completed", "completed", "completed", "cancelled", "incomplete", "failed"]);
  const done = shell(end);
  if (end === "failed") done["status_details"] = { type: end, error: fault(random) };
  events.push({ type: "response.done", response: done });
  return events;
}

type MakeItem = (random: Random, response_id: string, item_id: string, output_index: number) => LooseObject[];

const spoken: MakeItem = (random, response_id, item_id, output_index) => {
  const at = { response_id, item_id, output_index, content_index: 0 };
  const item = { id: item_id, object: "realtime.item", type: "message", role: "assistant", content: [] };
  const pieces = Array.from({ length: random.int(1, 4) }, (): LooseObject[] => [
    { type: "response.output_audio_transcript.delta", ...at, delta: "some words " },
    { type: "response.output_audio.delta", ...at, delta: sound(random) },
  ]).flat();
  const whole = { type: "output_audio", transcript: "some words" };
  return [
    {
      type: "response.output_item.added",
      response_id,
      output_index,
      item: { ...item, status: "in_progress" },
    },
    { type: "conversation.item.added", previous_item_id: null, item: { ...item, status: "in_progress" } },
    { type: "response.content_part.added", ...at, part: { type: "audio", transcript: "" } },
    ...pieces,
    { type: "response.output_audio.done", ...at },
    { type: "response.output_audio_transcript.done", ...at, transcript: "some words" },
    { type: "response.content_part.done", ...at, part: whole },
    {
      type: "response.output_item.done",
      response_id,
      output_index,
      item: { ...item, status: "completed", content: [whole] },
    },
  ];
};

const typed: MakeItem = (random, response_id, item_id, output_index) => {
  const at = { response_id, item_id, output_index, content_index: 0 };
  const item = { id: item_id, type: "message", role: "assistant", content: [] };
  return [
    { type: "response.output_item.added", response_id, output_index, item },
    { type: "response.content_part.added", ...at, part: { type: "text", text: "" } },
    { type: random.pick(["response.output_text.delta", "response.text.delta"]), ...at, delta: "typed words" },
    { type: "response.output_text.done", ...at, text: "typed words" },
    { type: "response.output_item.done", response_id, output_index, item: { ...item, status: "completed" } },
  ];
};

const called: MakeItem = (random, response_id, item_id, output_index) => {
  const call_id = random.chance(0.9) ? `call_${item_id}` : "call_same";
  const item = { id: item_id, type: "function_call", name: "get_weather", call_id, arguments: "" };
  const at = { response_id, item_id, output_index, call_id };
  return [
    { type: "response.output_item.added", response_id, output_index, item },
    { type: "response.function_call_arguments.delta", ...at, delta: '{"place":' },
    { type: "response.function_call_arguments.delta", ...at, delta: '"Oslo"}' },
    { type: "response.function_call_arguments.done", ...at, arguments: '{"place":"Oslo"}' },
    { type: "response.output_item.done", response_id, output_index, item: { ...item, status: "completed" } },
  ];
};

const foreign: MakeItem = (random, response_id, item_id, output_index) => {
  const item = {
    id: item_id,
    type: random.pick(["mcp_call", "reasoning", hostileName(random)]),
    name: "search",
  };
  return [
    { type: "response.output_item.added", response_id, output_index, item },
    { type: "response.mcp_call_arguments.delta", response_id, item_id, output_index, delta: "{}" },
    ...(random.chance(0.4) ? [beside(random, { response_id, item_id, output_index })] : []),
    { type: "response.output_item.done", response_id, output_index, item },
    ...(random.chance(0.2) ? [beside(random, { response_id, item_id, output_index })] : []),
  ];
};

/** Said of an item that is no message and no call, by what only these consist of. */
function beside(random: Random, at: LooseObject): LooseObject {
  const content = { ...at, content_index: random.int(0, 2) };
  return random.pick<LooseObject>([
    { type: "response.output_audio.delta", ...content, delta: sound(random) },
    { type: "response.audio.delta", ...content, delta: sound(random) },
    { type: "response.output_audio.done", ...content },
    { type: "response.output_audio_transcript.delta", ...content, delta: "some words " },
    { type: "response.audio_transcript.done", ...content, transcript: "some words " },
    { type: "response.output_text.delta", ...content, delta: "typed words" },
    { type: "response.content_part.added", ...content, part: { type: "reasoning_text", text: "" } },
    { type: "response.function_call_arguments.delta", ...at, call_id: "call_x", delta: "{" },
    { type: "response.function_call_arguments.done", ...at, call_id: "call_x", name: "f", arguments: "{}" },
    { type: "response.mcp_call.in_progress", ...at },
    {
      type: "response.done",
      ...at,
      response: { id: at["response_id"] ?? "", status: "completed", output: [] },
    },
    { type: "response.created", ...at, response: { id: at["response_id"] ?? "" } },
  ]);
}

/** A refusal in a provider's words: some name the field, some the event, some the key. */
function fault(random: Random): LooseObject {
  return {
    type: random.pick(["invalid_request_error", "server_error", "tokens", hostileName(random)]),
    code: random.pick<Loose>([
      "rate_limit_exceeded",
      "invalid_value",
      "session_expired",
      null,
      hostileName(random),
    ]),
    message: random.pick(["no", "Cancellation failed: none", "Conversation already has an active response"]),
    param: random.pick<Loose>([null, "session.audio", "item.content", "response.metadata"]),
    event_id: random.pick<Loose>([null, "event_1", "e1"]),
  };
}

const EVENTS: readonly ((random: Random, names: Names) => LooseObject)[] = [
  () => ({ type: "session.created", session: { type: "realtime" } }),
  (random) => ({
    type: "session.updated",
    session: {
      type: "realtime",
      audio: {
        input: { format: { type: "audio/pcm", rate: random.pick([24_000, 8_000, 16_000]) } },
        output: {
          format: { type: random.pick(["audio/pcm", "audio/pcmu"]), rate: random.pick([24_000, 11_025, 1]) },
        },
      },
    },
  }),
  (random) => ({ type: "error", error: fault(random) }),
  (random) => ({
    type: "response.output_audio.delta",
    response_id: random.pick(["resp_1", "resp_2", "resp_3"]),
    item_id: random.pick(["item_1_0", "item_2_0", "item_3_0"]),
    output_index: 0,
    content_index: random.int(0, 40),
    delta: sound(random),
  }),
  (random, names) => ({
    type: random.pick(["response.output_audio.delta", "response.audio.delta", "response.output_text.delta"]),
    response_id: one([names.responses], random),
    item_id: one([names.items, names.relay], random),
    output_index: random.int(0, 3),
    content_index: random.int(0, 2),
    delta: random.chance(0.5) ? sound(random) : "words",
  }),
  (random, names) => ({
    type: random.pick(["response.output_item.added", "response.output_item.done"]),
    response_id: one([names.responses], random),
    output_index: random.int(0, 40),
    item: {
      id: one([names.items, names.relay], random),
      type: random.pick(["message", "function_call", "mcp_call", hostileName(random)]),
      role: "assistant",
      name: "f",
      call_id: "c",
      content: [{ type: "output_audio", transcript: "all" }],
    },
  }),
  (random, names) => ({
    type: "response.done",
    response: {
      id: one([names.responses, names.relay], random),
      status: "completed",
      output: [],
      usage: usage(random),
    },
  }),
  (random, names) => ({
    type: "response.created",
    response: { id: one([names.responses, names.relay], random) },
  }),
  (random, names) => ({
    type: random.pick(["conversation.item.added", "conversation.item.created", "conversation.item.done"]),
    previous_item_id: one([names.items], random),
    item: {
      id: one([names.items, names.relay], random),
      type: random.pick(["message", "mcp_list_tools", hostileName(random)]),
      role: random.pick(["user", "assistant"]),
      content: [{ type: "input_audio", transcript: null }],
    },
  }),
  (random, names) => ({
    type: `input_audio_buffer.${random.pick(["speech_started", "speech_stopped", "committed", "cleared"])}`,
    item_id: one([names.items, names.relay], random),
    audio_start_ms: random.int(0, 9_000),
  }),
  (random, names) => ({
    type: `conversation.item.input_audio_transcription.${random.pick(["delta", "completed", "failed", "segment", "updated"])}`,
    item_id: one([names.items, names.relay], random),
    content_index: random.int(0, 2),
    delta: "heard ",
    transcript: "heard words",
    status: random.pick(["in_progress", "completed"]),
    usage: { type: "duration", seconds: 3 },
    error: fault(random),
  }),
  (random, names) => ({
    type: `conversation.item.${random.pick(["deleted", "truncated", "retrieved"])}`,
    item_id: one([names.items, names.relay], random),
    audio_end_ms: random.int(0, 900),
  }),
  (random) => ({
    type: "rate_limits.updated",
    rate_limits: Array.from({ length: random.int(0, 9) }, () => ({
      name: "requests",
      limit: 9,
      remaining: 1,
    })),
  }),
  (random, names) => ({
    type: `mcp_list_tools.${random.pick(["in_progress", "completed", "failed"])}`,
    item_id: one([names.items], random),
  }),
  (random, names) => ({
    type: `response.${random.pick(["mcp_call.completed", "thinking.delta", "constructor", "output_audio.done"])}`,
    response_id: one([names.responses], random),
    item_id: one([names.items], random),
    error: fault(random),
  }),
  (random) => ({
    type: random.pick(["ping", "conversation.created", "heartbeat", hostileName(random)]),
    event_id: 3,
  }),
];

export function anyEvent(random: Random, names: Names): LooseObject {
  return random.pick(EVENTS)(random, names);
}

/** The key where a provider quotes it: in the words and codes of what it refuses. */
export function quoteKey(event: LooseObject, random: Random): void {
  const error = event["error"];
  if (typeof error !== "object" || error === null || Array.isArray(error)) return;
  // What is passed on as it came is the provider's own event, and not a word of the relay's.
  const type = typeof event["type"] === "string" ? event["type"] : "";
  if (type !== "error" && !type.endsWith("transcription.failed")) return;
  const said = random.pick([SECRET, `Bearer ${SECRET}`, SECRET.slice(0, 24), btoa(`Bearer ${SECRET}`)]);
  const member = random.pick(["message", "code", "param", "type"]);
  error[member] = random.chance(0.5) ? `Incorrect API key provided: ${said}.` : said;
}
