/** Sessions that bring about every event which the relay says to a plain client. */
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { FIXTURES } from "../recordings/fixtures.ts";
import { play } from "../recordings/player.ts";
import { item } from "../support/answering.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { Scene } from "./scene.ts";

export interface Heard {
  /** What the client was told. */
  readonly told: readonly JsonObject[];
  /** What the adapter sent to its provider. */
  readonly sent: readonly JsonObject[];
}

const TRANSCRIPTION = "conversation.item.input_audio_transcription";
const USAGE = {
  total_tokens: 30,
  input_tokens: 10,
  output_tokens: 20,
  input_token_details: { text_tokens: 10, audio_tokens: 0, cached_tokens: 0 },
  output_token_details: { text_tokens: 5, audio_tokens: 15 },
};
const TOOL = { type: "function", name: "look", description: "Looks.", parameters: { type: "object" } };

const update = (session: JsonObject): JsonObject => ({
  type: "session.update",
  session: { type: "realtime", ...session },
});
const create = (item: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: "conversation.item.create",
  item,
  ...more,
});
const text = (id: string, role = "user"): JsonObject => ({
  id,
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text: "Hello." }],
});
const turnDetection = (settings: JsonObject | null): JsonObject =>
  update({ audio: { input: { turn_detection: settings } } });

const spoken = concat(silence(500), voice(1200), silence(1500));

/** The client's name of the item in the last event of this type. */
function nameOf(scene: Scene, type: string): string {
  return String(item(scene.call, type)["id"]);
}

function spokenTurn(scene: Scene): void {
  scene.client(
    update({
      instructions: "Be brief.",
      audio: { input: { transcription: { model: "gpt-4o-mini-transcribe", language: "en" } } },
    }),
  );
  scene.speak(spoken);
  const item_id = scene.turn;
  const at = { item_id, content_index: 0 };
  const logprobs = [{ token: "Hi", logprob: -0.1, bytes: [72, 105] }];
  scene.provider(
    { type: `${TRANSCRIPTION}.delta`, ...at, delta: "Hi", logprobs },
    { type: `${TRANSCRIPTION}.segment`, ...at, id: "seg", speaker: "A", start: 0, end: 1, text: "Hi" },
    { type: `${TRANSCRIPTION}.completed`, ...at, transcript: "Hi", usage: { type: "duration", seconds: 1 } },
  );
  const { response, item } = scene.speaks(400);
  const part = { type: "output_audio", transcript: "Hello there." };
  scene.provider({
    type: "response.output_item.done",
    response_id: response,
    output_index: 0,
    item: { id: item, type: "message", role: "assistant", status: "completed", content: [part] },
  });
  scene.done(response, { usage: USAGE });
  scene.provider({
    type: "rate_limits.updated",
    rate_limits: [{ name: "tokens", limit: 1000, remaining: 900, reset_seconds: 1.5 }],
  });
  scene.client({
    type: "conversation.item.retrieve",
    item_id: String(scene.call.last("input_audio_buffer.committed")["item_id"]),
  });
}

function failedTranscript(scene: Scene): void {
  scene.client(update({ audio: { input: { transcription: { model: "whisper-1" } } } }));
  scene.speak(spoken);
  scene.provider({
    type: `${TRANSCRIPTION}.failed`,
    item_id: scene.turn,
    content_index: 0,
    error: { type: "server_error", code: "audio_unintelligible", message: "No words.", param: null },
  });
}

function bargeIn(scene: Scene): void {
  scene.client(create(text("ask")), { type: "response.create" });
  scene.speaks(8000);
  scene.advance(600);
  scene.speak(voice(1500));
  scene.advance(1000);
}

function cancelled(scene: Scene): void {
  scene.client({ type: "response.create" });
  const { response } = scene.speaks(4000);
  const item_id = nameOf(scene, "response.output_item.added");
  scene.client(
    { type: "response.cancel" },
    { type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 300 },
    { type: "conversation.item.retrieve", item_id },
  );
  scene.done(response, {
    status: "cancelled",
    status_details: { type: "cancelled", reason: "client_cancelled" },
    usage: USAGE,
  });
  scene.client({ type: "conversation.item.delete", item_id });
}

function manual(scene: Scene): void {
  scene.client(turnDetection(null));
  scene.speak(voice(600));
  scene.client({ type: "input_audio_buffer.commit" });
  scene.speak(voice(300));
  scene.client({ type: "input_audio_buffer.clear" }, { type: "input_audio_buffer.commit", event_id: "e" });
  scene.client({ type: "response.create", event_id: "e" }, { type: "response.create", event_id: "second" });
  scene.done(scene.begin(), { status: "incomplete", status_details: { reason: "max_output_tokens" } });
}

function typed(scene: Scene): void {
  const image = { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "auto" };
  scene.client(
    update({ output_modalities: ["text"], tools: [TOOL], tool_choice: "auto", max_output_tokens: 100 }),
    create(text("one")),
    create(text("two", "system"), { previous_item_id: "root" }),
    create(text("three", "assistant"), { previous_item_id: "one" }),
    create({ type: "message", role: "user", content: [image, { type: "input_audio", audio: "AAAA" }] }),
    { type: "conversation.item.retrieve", item_id: "one" },
    { type: "conversation.item.delete", item_id: "two" },
    { type: "response.create", response: { metadata: { why: "text" }, max_output_tokens: 50 } },
  );
  const response = scene.begin();
  const at = { response_id: response, item_id: "item_T", output_index: 0, content_index: 0 };
  const item = { id: "item_T", type: "message", role: "assistant", status: "in_progress", content: [] };
  scene.provider(
    { type: "response.output_item.added", response_id: response, output_index: 0, item },
    { type: "response.content_part.added", ...at, part: { type: "text", text: "" } },
    { type: "response.output_text.delta", ...at, delta: "Hello." },
    { type: "response.output_text.done", ...at, text: "Hello." },
    {
      type: "response.output_item.done",
      response_id: response,
      output_index: 0,
      item: { ...item, status: "completed" },
    },
  );
  scene.done(response, { usage: USAGE });
}

function tool(scene: Scene): void {
  scene.client(update({ tools: [TOOL], tool_choice: { type: "function", name: "look" } }), {
    type: "response.create",
  });
  const response = scene.begin();
  const call = { id: "item_C", type: "function_call", name: "look", call_id: "call_1", arguments: "" };
  const at = { response_id: response, item_id: "item_C", output_index: 0, call_id: "call_1" };
  const whole = { ...call, arguments: "{}", status: "completed" };
  scene.provider(
    { type: "response.output_item.added", response_id: response, output_index: 0, item: call },
    { type: "response.function_call_arguments.delta", ...at, delta: "{}" },
    { type: "response.function_call_arguments.done", ...at, name: "look", arguments: "{}" },
    { type: "response.output_item.done", response_id: response, output_index: 0, item: whole },
  );
  scene.done(response, { usage: USAGE });
  scene.client(create({ type: "function_call_output", call_id: "call_1", output: "seen" }), {
    type: "response.create",
  });
}

function aside(scene: Scene): void {
  scene.client({
    type: "response.create",
    response: {
      conversation: "none",
      output_modalities: ["text"],
      metadata: { topic: "aside" },
      instructions: "Classify.",
      input: [text("given"), { type: "item_reference", id: "unknown" }],
      tools: [],
    },
  });
  scene.client({
    type: "response.create",
    response: { conversation: "none", metadata: { topic: "aside" }, input: [text("given")] },
  });
  const { response } = scene.speaks(100);
  scene.done(response, { usage: USAGE });
}

function otherItems(scene: Scene): void {
  const mcp = { type: "mcp", server_label: "files", server_url: "https://files.test" };
  scene.client(update({ tools: [mcp] }), { type: "response.create" });
  const list = { id: "item_L", type: "mcp_list_tools", server_label: "files", tools: [] };
  for (const end of ["completed", "failed"]) {
    scene.provider(
      { type: "conversation.item.added", previous_item_id: null, item: list },
      { type: "mcp_list_tools.in_progress", item_id: "item_L" },
      { type: `mcp_list_tools.${end}`, item_id: "item_L" },
      { type: "conversation.item.done", previous_item_id: null, item: list },
    );
  }
  const response = scene.begin();
  const at = { response_id: response, item_id: "item_M", output_index: 0 };
  const item = { id: "item_M", type: "mcp_call", server_label: "files", name: "read", arguments: "{}" };
  const approval = { ...item, id: "item_A", type: "mcp_approval_request" };
  scene.provider(
    { type: "response.output_item.added", response_id: response, output_index: 0, item },
    { type: "response.mcp_call_arguments.delta", ...at, delta: "{}" },
    { type: "response.mcp_call_arguments.done", ...at, arguments: "{}" },
    { type: "response.mcp_call.in_progress", item_id: "item_M", output_index: 0 },
    { type: "response.mcp_call.completed", item_id: "item_M", output_index: 0 },
    { type: "response.mcp_call.failed", item_id: "item_M", output_index: 0 },
    {
      type: "response.output_item.done",
      response_id: response,
      output_index: 0,
      item: { ...item, output: "x" },
    },
    { type: "response.output_item.added", response_id: response, output_index: 1, item: approval },
    { type: "response.output_item.done", response_id: response, output_index: 1, item: approval },
  );
  scene.done(response);
  scene.client(
    create({
      type: "mcp_approval_response",
      id: "ok",
      approval_request_id: nameOf(scene, "response.output_item.done"),
      approve: true,
    }),
  );
}

function idle(scene: Scene): void {
  scene.client(turnDetection({ type: "server_vad", idle_timeout_ms: 5000 }), create(text("one")), {
    type: "response.create",
  });
  const { response } = scene.speaks(200);
  scene.done(response);
  for (let at = 0; at < 7; at += 1) scene.speak(silence(1000));
}

function wrong(scene: Scene): void {
  scene.call.client("no JSON");
  scene.client(
    { type: "unknown.event", event_id: "e1" },
    { type: "conversation.item.delete", item_id: "nobody", event_id: "e2" },
    { type: "conversation.item.retrieve", item_id: "nobody" },
    { type: "conversation.item.truncate", item_id: "nobody", content_index: 0, audio_end_ms: 1 },
    { type: "response.cancel" },
    { type: "session.update", session: { type: "realtime", instructions: 7 } },
    { type: "input_audio_buffer.append", audio: "!" },
    create({ type: "message", role: "user", content: [] }, { previous_item_id: "nobody" }),
  );
  scene.provider({
    type: "error",
    error: { type: "server_error", code: "oops", message: "Something.", param: null, event_id: null },
  });
  scene.client({ type: "response.create" });
  const failed = scene.begin();
  const error = { type: "server_error", code: "rate_limit_exceeded", message: "Slow down." };
  scene.done(failed, { status: "failed", status_details: { type: "failed", error } });
  scene.client({ type: "response.create" });
  const filtered = scene.begin();
  scene.done(filtered, { status: "incomplete", status_details: { reason: "content_filter" } });
  scene.client({ type: "response.create" });
  scene.advance(40_000);
}

function settings(scene: Scene): void {
  scene.client(
    update({
      model: "gpt-realtime",
      tracing: "auto",
      truncation: { type: "retention_ratio", retention_ratio: 0.5 },
      include: ["item.input_audio_transcription.logprobs"],
      prompt: { id: "pmpt", version: "1", variables: { name: "x" } },
      tool_choice: "required",
      max_output_tokens: "inf",
      audio: {
        input: {
          format: { type: "audio/pcmu" },
          noise_reduction: { type: "near_field" },
          turn_detection: { type: "semantic_vad", eagerness: "high" },
          transcription: { model: "whisper-1", prompt: "Names." },
        },
        output: { format: { type: "audio/pcma" }, voice: "marin", speed: 1.1 },
      },
    }),
    update({
      tracing: { workflow_name: "w", group_id: "g" },
      audio: {
        input: { noise_reduction: null, transcription: null, turn_detection: null },
        output: { voice: { id: "voice_1" } },
      },
    }),
  );
}

function transcription(scene: Scene): void {
  scene.client({
    type: "session.update",
    session: {
      type: "transcription",
      audio: { input: { transcription: { model: "gpt-4o-transcribe", language: "de" } } },
    },
  });
  scene.speak(spoken);
  scene.provider({
    type: `${TRANSCRIPTION}.completed`,
    item_id: scene.turn,
    content_index: 0,
    transcript: "Hallo.",
    usage: { type: "tokens", total_tokens: 3, input_tokens: 1, output_tokens: 2 },
  });
}

const SESSIONS: Readonly<Record<string, (scene: Scene) => void>> = {
  spokenTurn,
  failedTranscript,
  bargeIn,
  cancelled,
  manual,
  typed,
  tool,
  aside,
  otherItems,
  idle,
  wrong,
  settings,
};

function hold(play: (scene: Scene) => void, scene: Scene): Heard {
  play(scene);
  const sent: readonly JsonObject[] = JSON.parse(JSON.stringify(scene.server.received));
  return { told: scene.call.events as unknown as readonly JsonObject[], sent };
}

/** Every session by name. */
export function sessions(): ReadonlyMap<string, Heard> {
  const held = new Map<string, Heard>();
  for (const [name, play] of Object.entries(SESSIONS)) held.set(name, hold(play, new Scene()));
  held.set("transcription", hold(transcription, new Scene({ intent: "transcription" })));
  for (const { name, profile, steps } of FIXTURES) {
    // The adapter speaks a dialect's own words to providers of other profiles: only what the client hears counts there.
    const { events, sent } = play(steps, { profile });
    held.set(name, { told: events, sent: profile === "openai" ? sent : [] });
  }
  return held;
}
