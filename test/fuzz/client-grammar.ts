/** What clients say: each event of the dialect and of `duplex.v1`, valid, with names that are there or are not. */
import type { Random } from "../sim/random.ts";
import type { Known } from "./known.ts";
import { hostileName, type Loose, type LooseObject } from "./hostile.ts";
import { sound } from "./sounds.ts";

type Make = (random: Random, known: Known) => LooseObject;

function one(list: readonly string[], random: Random): string {
  return list.length > 0 && random.chance(0.9)
    ? random.pick(list)
    : random.pick(["nobody", "root", "constructor"]);
}

function maybe(random: Random, members: LooseObject, probability = 0.4): LooseObject {
  return random.chance(probability) ? members : {};
}

const FORMATS: readonly LooseObject[] = [
  { type: "audio/pcm", rate: 24_000 },
  { type: "audio/pcm", rate: 8_000 },
  { type: "audio/pcm", rate: 48_000 },
  { type: "audio/pcmu" },
  { type: "audio/pcma" },
];

function turnDetection(random: Random): Loose {
  const common = { create_response: random.chance(0.8), interrupt_response: random.chance(0.8) };
  return random.pick<Loose>([
    null,
    { type: "server_vad", threshold: random.next(), silence_duration_ms: random.int(0, 900), ...common },
    {
      type: "server_vad",
      prefix_padding_ms: random.int(0, 5_000),
      idle_timeout_ms: random.int(5_000, 30_000),
    },
    { type: "semantic_vad", eagerness: random.pick(["low", "medium", "high", "auto"]), ...common },
    { type: "duplex", frame_ms: random.int(20, 1_000) },
  ]);
}

const TOOL: Make = (random) => ({
  type: "function",
  name: random.pick(["get_weather", "constructor", "x".repeat(64)]),
  description: "a tool",
  parameters: { type: "object", properties: { place: { type: "string" } } },
});

function session(random: Random, known: Known): LooseObject {
  return {
    ...maybe(random, { type: random.pick(["realtime", "transcription"]) }, 0.2),
    ...maybe(random, { instructions: "be brief ".repeat(random.int(0, 20)) }),
    ...maybe(random, { output_modalities: [random.pick(["audio", "text"])] }, 0.2),
    ...maybe(
      random,
      { tools: [TOOL(random, known)], tool_choice: random.pick(["auto", "none", "required"]) },
      0.2,
    ),
    ...maybe(random, { max_output_tokens: random.pick<Loose>(["inf", 1, 4096]) }, 0.2),
    ...maybe(random, { tracing: "auto", truncation: { type: "retention_ratio", retention_ratio: 0.8 } }, 0.1),
    ...maybe(random, { prompt: { id: "pmpt_1", variables: { city: "Oslo" } } }, 0.1),
    ...maybe(random, { include: ["item.input_audio_transcription.logprobs"] }, 0.1),
    ...maybe(random, {
      audio: {
        ...maybe(random, {
          input: {
            ...maybe(random, { format: random.pick(FORMATS) }, 0.3),
            ...maybe(random, { turn_detection: turnDetection(random) }, 0.5),
            ...maybe(random, { transcription: { model: "gpt-transcribe", language: "en" } }, 0.3),
            ...maybe(random, { noise_reduction: { type: "near_field" } }, 0.2),
          },
        }),
        ...maybe(random, {
          output: {
            ...maybe(random, { format: random.pick(FORMATS) }, 0.3),
            ...maybe(random, { voice: random.pick<Loose>(["marin", { id: "voice_1" }]) }, 0.3),
            ...maybe(random, { speed: random.between(0.25, 1.5) }, 0.3),
          },
        }),
      },
    }),
    ...maybe(
      random,
      {
        relay: {
          lead_ms: random.pick<Loose>([null, 20, 400, 60_000]),
          eager_ms: random.pick<Loose>([null, 50, 300]),
          ...givingWay(random.int(0, 5_000), random.int(50, 5_000)),
        },
      },
      0.2,
    ),
    // Of the beta dialect.
    ...maybe(
      random,
      { voice: "alloy", modalities: ["text", "audio"], input_audio_format: "g711_ulaw" },
      0.05,
    ),
    ...maybe(random, { temperature: 0.8, turn_detection: null, max_response_output_tokens: 100 }, 0.05),
  };
}

function part(random: Random): LooseObject {
  return random.pick<LooseObject>([
    { type: "input_text", text: "hello there" },
    { type: "input_text", text: "" },
    { type: "output_text", text: "I said that" },
    { type: "input_audio", audio: sound(random), transcript: "words" },
    { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=", detail: "low" },
    { type: "output_audio", transcript: "what I said" },
  ]);
}

function item(random: Random, known: Known): LooseObject {
  const id = maybe(random, {
    id: random.chance(0.7) ? `mine${random.int(1, 99)}` : one(known.items, random),
  });
  const call = one(known.calls, random);
  return random.pick<() => LooseObject>([
    () => ({
      ...id,
      type: "message",
      role: random.pick(["user", "system", "assistant"]),
      content: [part(random)],
    }),
    () => ({ ...id, type: "message", role: "user", content: [part(random), part(random)] }),
    () => ({ ...id, type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] }),
    () => ({ ...id, type: "message", role: hostileName(random), content: [part(random)] }),
    () => ({ ...id, type: hostileName(random), content: [part(random)] }),
    () => ({
      ...id,
      type: "function_call",
      name: "get_weather",
      call_id: call,
      arguments: '{"place":"Oslo"}',
    }),
    () => ({ ...id, type: "function_call_output", call_id: call, output: "snow" }),
    () => ({
      ...id,
      type: "mcp_approval_response",
      approval_request_id: one(known.items, random),
      approve: true,
    }),
    () => ({ ...id, type: "item_reference" }),
  ])();
}

function response(random: Random, known: Known): LooseObject {
  return {
    ...maybe(random, { conversation: random.pick(["auto", "none"]) }),
    ...maybe(random, { metadata: { topic: "a", [random.pick(["b", "relay", "toString"])]: "c" } }, 0.3),
    ...maybe(
      random,
      { input: [item(random, known), { type: "item_reference", id: one(known.items, random) }] },
      0.2,
    ),
    ...maybe(random, { instructions: "say it" }, 0.3),
    ...maybe(random, { output_modalities: [random.pick(["audio", "text"])] }, 0.3),
    ...maybe(
      random,
      { tools: [TOOL(random, known)], tool_choice: { type: "function", name: "get_weather" } },
      0.2,
    ),
    ...maybe(random, { max_output_tokens: random.pick<Loose>(["inf", 1, 500]) }, 0.2),
    ...maybe(random, { audio: { output: { voice: "marin", format: random.pick(FORMATS) } } }, 0.2),
  };
}

const index = (random: Random): number => random.pick([0, 0, 0, 1, 31, 1e9]);
const ms = (random: Random): number => random.pick([0, 1, 40.5, 300, 10_000, 2 ** 53]);

/** How often each is said, and how. */
const EVENTS: readonly (readonly [weight: number, make: Make])[] = [
  [10, (random, known) => ({ type: "session.update", session: session(random, known) })],
  [30, (random) => ({ type: "input_audio_buffer.append", audio: sound(random) })],
  [4, () => ({ type: "input_audio_buffer.commit" })],
  [3, () => ({ type: "input_audio_buffer.clear" })],
  [3, () => ({ type: "output_audio_buffer.clear" })],
  [
    14,
    (random, known) => ({
      type: "conversation.item.create",
      item: item(random, known),
      ...maybe(random, { previous_item_id: random.chance(0.2) ? "root" : one(known.items, random) }, 0.3),
    }),
  ],
  [4, (random, known) => ({ type: "conversation.item.delete", item_id: one(known.items, random) })],
  [5, (random, known) => ({ type: "conversation.item.retrieve", item_id: one(known.items, random) })],
  [
    5,
    (random, known) => ({
      type: "conversation.item.truncate",
      item_id: one(known.items, random),
      content_index: index(random),
      audio_end_ms: ms(random),
    }),
  ],
  [6, () => ({ type: "response.create" })],
  [8, (random, known) => ({ type: "response.create", response: response(random, known) })],
  [4, () => ({ type: "response.cancel" })],
  [3, (random, known) => ({ type: "response.cancel", response_id: one(known.responses, random) })],
  [
    4,
    (random, known) => ({
      type: "playback.ack",
      item_id: one(known.items, random),
      content_index: index(random),
      played_ms: ms(random),
    }),
  ],
  [
    4,
    (random, known) => ({
      type: "session.ack",
      last_received: known.received + random.pick([0, 0, -3, 5, 1e9]),
    }),
  ],
  [2, () => ({ type: "session.heartbeat" })],
  [
    2,
    (random, known) => ({
      type: "session.resume",
      resume_token: one(known.tokens, random),
      last_received: Math.max(0, known.received - random.int(0, 5)),
    }),
  ],
  [1, (random) => ({ type: hostileName(random) })],
];
const WEIGHTS = EVENTS.reduce((sum, [weight]) => sum + weight, 0);

/** One event as a client of `dialect` would say it, most of them under an `event_id`. */
export function clientEvent(random: Random, known: Known, numbered: boolean): LooseObject {
  let at = random.between(0, WEIGHTS);
  const drawn = EVENTS.find(([weight]) => (at -= weight) <= 0);
  const event = drawn?.[1](random, known) ?? {};
  if (random.chance(0.5)) {
    event["event_id"] = random.chance(0.9) ? `e${random.int(1, 9_999)}` : one(known.events, random);
    known.note(known.events, event["event_id"]);
  }
  if (numbered && random.chance(0.6)) {
    known.said += random.chance(0.95) ? 1 : random.pick([0, -1, 3]);
    event["client_event_seq"] = known.said;
  }
  return event;
}

/** What is said of a sound over an agent, and of the player that hears it. */
function givingWay(confirm_ms: number, dismiss_ms: number) {
  const over_agent = confirm_ms % 3 === 0 ? "duck" : "hold";
  const duck_db = 12 + (dismiss_ms % 7);
  const interruption = { confirm_ms, dismiss_ms, ...(confirm_ms % 2 === 0 ? { over_agent, duck_db } : {}) };
  return { interruption, ...(dismiss_ms % 2 === 0 ? { player: { duck: dismiss_ms % 4 === 0 } } : {}) };
}
