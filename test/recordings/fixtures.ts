/**
 * Sockets as providers really behave, told in our own words: the order of events and the fields that they have are those of
 * recorded sockets of OpenAI (gpt-realtime, 2026-07), Azure Voice Live and xAI (grok-voice); what is said is ours.
 */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Step } from "./recording.ts";

export interface Fixture {
  readonly name: string;
  readonly profile: string;
  readonly steps: readonly Step[];
}

const client = (type: string, fields: JsonObject = {}): Step => ({
  from: "client",
  event: { type, ...fields },
});
const provider = (type: string, fields: JsonObject = {}): Step => ({
  from: "provider",
  event: { type, event_id: `event_${type}`, ...fields },
});

const FORMAT = { type: "audio/pcm", rate: 24_000 };
const SESSION = {
  type: "realtime",
  object: "realtime.session",
  id: "sess_P",
  output_modalities: ["audio"],
  instructions: "Be brief.",
  audio: { input: { format: FORMAT }, output: { format: FORMAT, voice: "alloy", speed: 1 } },
};

function greeting(asked: JsonObject, session: JsonObject = SESSION): Step[] {
  return [
    provider("session.created", { session }),
    client("session.update", { session: asked }),
    provider("session.updated", { session }),
  ];
}

/** Samples of a ramp: 10 ms. */
function audio(from: number): string {
  return new Uint8Array(Int16Array.from({ length: 240 }, (_, at) => (from + at) * 16).buffer).toBase64();
}

const USAGE = {
  total_tokens: 85,
  input_tokens: 63,
  output_tokens: 22,
  input_token_details: {
    text_tokens: 63,
    audio_tokens: 0,
    image_tokens: 0,
    cached_tokens: 0,
    cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 22, audio_tokens: 0 },
};

const speaking = client("input_audio_buffer.append", { audio: audio(0) });
const transcription = "conversation.item.input_audio_transcription";

/** OpenAI tells words of a turn before the turn is over, and between the pieces of its answer. */
function openaiSpokenTurn(): Step[] {
  const turn = { item_id: "item_U" };
  const user = {
    id: "item_U",
    type: "message",
    status: "completed",
    role: "user",
    content: [{ type: "input_audio", transcript: null }],
  };
  const at = { response_id: "resp_P", item_id: "item_A", output_index: 0, content_index: 0 };
  const item = { id: "item_A", type: "message", status: "in_progress", role: "assistant", content: [] };
  const done = {
    ...item,
    status: "completed",
    content: [{ type: "output_audio", transcript: "Good morning, how are you?" }],
  };
  const response = { object: "realtime.response", id: "resp_P", status_details: null, metadata: null };
  return [
    ...greeting({
      type: "realtime",
      instructions: "Be brief.",
      audio: {
        input: { turn_detection: { type: "server_vad" }, transcription: { model: "gpt-realtime-whisper" } },
      },
    }),
    speaking,
    provider("input_audio_buffer.speech_started", { ...turn, audio_start_ms: 1300 }),
    speaking,
    provider(`${transcription}.delta`, { ...turn, content_index: 0, delta: " Good", obfuscation: "xy" }),
    provider("input_audio_buffer.speech_stopped", { ...turn, audio_end_ms: 3200 }),
    provider("input_audio_buffer.committed", { ...turn, previous_item_id: null }),
    provider("conversation.item.added", { previous_item_id: null, item: user }),
    provider("conversation.item.done", { previous_item_id: null, item: user }),
    provider("response.created", {
      response: { ...response, status: "in_progress", output: [], usage: null },
    }),
    provider(`${transcription}.delta`, { ...turn, content_index: 0, delta: " mor", obfuscation: "x" }),
    provider("response.output_item.added", { response_id: "resp_P", output_index: 0, item }),
    provider("conversation.item.added", { previous_item_id: "item_U", item }),
    provider("response.content_part.added", { ...at, part: { type: "audio", transcript: "" } }),
    provider("response.output_audio_transcript.delta", { ...at, delta: "Good morning," }),
    provider("response.output_audio.delta", { ...at, delta: audio(1) }),
    provider(`${transcription}.delta`, { ...turn, content_index: 0, delta: "ning.", obfuscation: "x" }),
    provider("response.output_audio_transcript.delta", { ...at, delta: " how are you?" }),
    provider(`${transcription}.completed`, {
      ...turn,
      content_index: 0,
      transcript: " Good morning.",
      usage: { type: "duration", seconds: 2 },
    }),
    provider("response.output_audio.delta", { ...at, delta: audio(2) }),
    provider("response.output_audio.done", at),
    provider("response.output_audio_transcript.done", { ...at, transcript: "Good morning, how are you?" }),
    provider("response.content_part.done", {
      ...at,
      part: { type: "audio", transcript: "Good morning, how are you?" },
    }),
    provider("conversation.item.done", { previous_item_id: "item_U", item: done }),
    provider("response.output_item.done", { response_id: "resp_P", output_index: 0, item: done }),
    provider("response.done", {
      response: { ...response, status: "completed", output: [done], usage: USAGE },
    }),
  ];
}

/** The client answers a call when its arguments are whole, before the response is over. */
function openaiToolRound(): Step[] {
  const call = { id: "item_F", type: "function_call", name: "look_up", call_id: "call_1" };
  const whole = { ...call, status: "completed", arguments: '{ "word": "relay" }\n' };
  const at = { response_id: "resp_1", item_id: "item_F", output_index: 0, call_id: "call_1" };
  const user = {
    id: "item_U",
    type: "message",
    status: "completed",
    role: "user",
    content: [{ type: "input_text", text: "Look up relay." }],
  };
  const output = {
    id: "item_O",
    type: "function_call_output",
    call_id: "call_1",
    output: "Passes things on.",
  };
  const said = { response_id: "resp_2", item_id: "item_A", output_index: 0, content_index: 0 };
  const item = { id: "item_A", type: "message", status: "in_progress", role: "assistant", content: [] };
  const done = {
    ...item,
    status: "completed",
    content: [{ type: "output_text", text: "It passes things on." }],
  };
  const response = (id: string, fields: JsonObject): JsonObject => ({
    response: { object: "realtime.response", id, status_details: null, metadata: null, ...fields },
  });
  return [
    ...greeting({
      type: "realtime",
      output_modalities: ["text"],
      tools: [{ type: "function", name: "look_up", parameters: { type: "object", properties: {} } }],
    }),
    client("conversation.item.create", {
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Look up relay." }] },
    }),
    client("response.create"),
    provider("conversation.item.added", { previous_item_id: null, item: user }),
    provider("conversation.item.done", { previous_item_id: null, item: user }),
    provider("response.created", response("resp_1", { status: "in_progress", output: [], usage: null })),
    provider("response.output_item.added", {
      response_id: "resp_1",
      output_index: 0,
      item: { ...call, status: "in_progress", arguments: "" },
    }),
    provider("conversation.item.added", {
      previous_item_id: "item_U",
      item: { ...call, status: "in_progress", arguments: "" },
    }),
    provider("response.function_call_arguments.delta", { ...at, delta: '{ "word": ' }),
    provider("response.function_call_arguments.delta", { ...at, delta: '"relay" }\n' }),
    provider("response.function_call_arguments.done", { ...at, name: "look_up", arguments: whole.arguments }),
    client("conversation.item.create", {
      item: { type: "function_call_output", call_id: "call_1", output: "Passes things on." },
    }),
    provider("conversation.item.done", { previous_item_id: "item_U", item: whole }),
    provider("response.output_item.done", { response_id: "resp_1", output_index: 0, item: whole }),
    provider("response.done", response("resp_1", { status: "completed", output: [whole], usage: USAGE })),
    client("response.create"),
    provider("conversation.item.added", { previous_item_id: "item_F", item: output }),
    provider("conversation.item.done", { previous_item_id: "item_F", item: output }),
    provider("response.created", response("resp_2", { status: "in_progress", output: [], usage: null })),
    provider("response.output_item.added", { response_id: "resp_2", output_index: 0, item }),
    provider("conversation.item.added", { previous_item_id: "item_O", item }),
    provider("response.content_part.added", { ...said, part: { type: "text", text: "" } }),
    provider("response.output_text.delta", { ...said, delta: "It passes" }),
    provider("response.output_text.delta", { ...said, delta: " things on." }),
    provider("response.output_text.done", { ...said, text: "It passes things on." }),
    provider("response.content_part.done", { ...said, part: { type: "text", text: "It passes things on." } }),
    provider("conversation.item.done", { previous_item_id: "item_O", item: done }),
    provider("response.output_item.done", { response_id: "resp_2", output_index: 0, item: done }),
    provider("response.done", response("resp_2", { status: "completed", output: [done], usage: USAGE })),
  ];
}

/** The beta's names, flat, with a voice that is an object; no `conversation.item.done`. */
function voiceLiveText(): Step[] {
  const at = { response_id: "resp_1", item_id: "item_A", output_index: 0, content_index: 0 };
  const item = {
    id: "item_A",
    object: "realtime.item",
    type: "message",
    status: "in_progress",
    role: "assistant",
  };
  const done = { ...item, status: "completed", content: [{ type: "audio", transcript: "Good day." }] };
  const response = { object: "realtime.response", id: "resp_1", status_details: null, metadata: null };
  const session = {
    id: "sess_P",
    modalities: ["audio", "text"],
    voice: { name: "alloy", type: "openai" },
    input_audio_format: "pcm16",
    output_audio_format: "pcm16",
    turn_detection: null,
    tools: [],
  };
  return [
    ...greeting(
      { modalities: ["text", "audio"], input_audio_format: "pcm16", output_audio_format: "pcm16" },
      session,
    ),
    client("conversation.item.create", {
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Say good day." }] },
    }),
    client("response.create"),
    provider("conversation.item.created", {
      previous_item_id: null,
      item: {
        id: "item_U",
        object: "realtime.item",
        type: "message",
        status: "completed",
        role: "user",
        content: [],
      },
    }),
    provider("response.created", {
      response: { ...response, status: "in_progress", output: [], usage: null },
    }),
    provider("response.output_item.added", {
      response_id: "resp_1",
      output_index: 0,
      item: { ...item, content: [] },
    }),
    provider("conversation.item.created", { previous_item_id: "item_U", item: { ...item, content: [] } }),
    provider("response.content_part.added", { ...at, part: { type: "audio", transcript: "" } }),
    provider("response.audio_transcript.delta", { ...at, delta: "Good" }),
    provider("response.audio.delta", { ...at, delta: audio(3) }),
    provider("response.audio_transcript.delta", { ...at, delta: " day." }),
    provider("response.audio.delta", { ...at, delta: audio(4) }),
    provider("response.audio.done", at),
    provider("response.audio_transcript.done", { ...at, transcript: "Good day." }),
    provider("response.content_part.done", { ...at, part: { type: "audio", transcript: "Good day." } }),
    provider("response.output_item.done", { response_id: "resp_1", output_index: 0, item: done }),
    provider("response.done", {
      response: { ...response, status: "completed", output: [done], usage: USAGE },
    }),
  ];
}

/** xAI: the turn's item at its beginning, words told again and again, usage beside the response, items without content. */
function xaiSpokenTurn(): Step[] {
  const turn = { item_id: "turn-1", content_index: 0, previous_item_id: null };
  const at = { response_id: "answer-1", item_id: "said-1", output_index: 0, content_index: 0 };
  const item = {
    id: "said-1",
    object: "realtime.item",
    type: "message",
    status: "in_progress",
    role: "assistant",
  };
  const response = {
    id: "answer-1",
    object: "realtime.response",
    status_details: "unimplemented",
    usage: {},
  };
  const words = (transcript: string, status?: string): Step =>
    provider(`${transcription}.completed`, {
      ...turn,
      transcript,
      ...(status === undefined ? {} : { status }),
    });
  return [
    provider("session.created", {
      session: { id: "s", voice: "ara", modalities: ["audio"], turn_detection: { type: null } },
    }),
    client("session.update", {
      session: { instructions: "Be brief.", turn_detection: { type: "server_vad" } },
    }),
    provider("conversation.created", { conversation: { id: "c", object: "realtime.conversation" } }),
    provider("ping", { timestamp: 1_785_214_081_855 }),
    provider("session.updated", {
      session: { instructions: "Be brief.", turn_detection: { type: "server_vad" } },
    }),
    speaking,
    provider("input_audio_buffer.speech_started", { ...turn, audio_start_ms: 227 }),
    provider("conversation.item.added", {
      previous_item_id: null,
      item: {
        id: "turn-1",
        type: "message",
        status: "in_progress",
        role: "user",
        content: [{ type: "input_audio", transcript: "" }],
      },
    }),
    provider(`${transcription}.updated`, { ...turn, transcript: "Good?" }),
    words("Good?", "in_progress"),
    speaking,
    provider("input_audio_buffer.speech_stopped", { ...turn, audio_end_ms: 432 }),
    provider("input_audio_buffer.committed", turn),
    provider(`${transcription}.updated`, { ...turn, transcript: "Good morning" }),
    words("Good morning", "in_progress"),
    words("Good morning to you.", "completed"),
    provider("response.created", { response: { ...response, status: "in_progress", output: [] } }),
    provider("response.output_item.added", { response_id: "answer-1", output_index: 0, item }),
    provider("conversation.item.added", { previous_item_id: "turn-1", item: { ...item, content: [] } }),
    provider("response.content_part.added", { ...at, part: { type: "audio", transcript: "" } }),
    provider("response.output_audio.delta", { ...at, delta: audio(5), audio_duration_ms: 10 }),
    provider("response.output_audio_transcript.delta", { ...at, delta: "And to you.", start_time: 0 }),
    provider("response.output_audio.delta", { ...at, delta: audio(6), audio_duration_ms: 10 }),
    provider("response.output_audio_transcript.done", { ...at, transcript: "And to you." }),
    provider("response.content_part.done", at),
    provider("response.output_audio.done", at),
    provider("response.output_item.done", {
      response_id: "answer-1",
      output_index: 0,
      item: { ...item, status: "completed" },
    }),
    provider("response.done", {
      response: {
        ...response,
        status: "completed",
        output: [{ ...item, status: "completed", content: [{ type: "audio", transcript: "And to you." }] }],
      },
      response_id: "answer-1",
      usage: {
        input_tokens: 156,
        input_token_details: { text_tokens: 10, audio_tokens: 146 },
        output_tokens: 185,
        output_token_details: { text_tokens: 15, audio_tokens: 170 },
        total_tokens: 341,
      },
    }),
  ];
}

export const FIXTURES: readonly Fixture[] = [
  { name: "OpenAI, a spoken turn", profile: "openai", steps: openaiSpokenTurn() },
  { name: "OpenAI, a tool round", profile: "openai", steps: openaiToolRound() },
  { name: "Azure Voice Live, text in and audio out", profile: "azure-voice-live", steps: voiceLiveText() },
  { name: "xAI, a spoken turn", profile: "xai", steps: xaiSpokenTurn() },
];
