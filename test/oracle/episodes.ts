/** What clients do, one thing at a time. */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Random } from "../sim/random.ts";
import type { Spelling, Speech, Step, WireFormat } from "./script.ts";

export interface Mood {
  readonly turns: "text" | "manual" | "detected" | "transcription";
  readonly format: WireFormat;
}

export interface Episode {
  readonly name: string;
  readonly weight: number;
  readonly moods: readonly Mood["turns"][];
  steps(random: Random, mood: Mood): readonly Step[];
}

const ANSWERING: Episode["moods"] = ["text", "manual", "detected"];
const TYPED: Episode["moods"] = ["text", "manual"];
const EVERY: Episode["moods"] = ["text", "manual", "detected", "transcription"];

/** Nothing of a client's happens in the very moment of an answer's piece: which comes first there is chance. */
const APART_MS = 0.137;

const SETTLE: Step = { do: "settle" };

export function send(event: JsonObject, spelling?: Spelling): Step {
  return spelling === undefined ? { do: "send", event } : { do: "send", event, spelling };
}

export function text(words: string, more: JsonObject = {}): JsonObject {
  const content = [{ type: "input_text", text: words }];
  return { type: "conversation.item.create", item: { type: "message", role: "user", content, ...more } };
}

/** A name of the client's own, short and hardly twice in a script. */
function own(random: Random, what: string): string {
  return `mine_${what}_${random.int(100_000, 999_999)}`;
}

const WORDS = [
  "hello",
  "say good day to everybody",
  "count to 12",
  "what is 12 times 7?",
  "how are you?",
  "thanks",
  "spell relay",
  "say 你好,世界。今天天气很好。",
  'say "a quote", a \\ backslash and a / slash',
  "say é ü ß 🙂 done",
  "say nothing, then stop.",
] as const;

const WEATHER = {
  type: "function",
  name: "get_weather",
  description: "The weather at a place",
  parameters: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer", minimum: 1 } },
    required: ["city"],
  },
};
const TICKETS = {
  type: "function",
  name: "book_tickets",
  description: "Books tickets for a concert",
  parameters: { type: "object", properties: { count: { type: "integer" } }, required: ["count"] },
};

function update(session: JsonObject, more: JsonObject = {}): Step {
  return send({ type: "session.update", session: { type: "realtime", ...session }, ...more });
}

function ask(response?: JsonObject, more: JsonObject = {}): Step {
  return send({ type: "response.create", ...(response === undefined ? {} : { response }), ...more });
}

export const EPISODES: readonly Episode[] = [
  {
    name: "typed turn",
    weight: 4,
    moods: ANSWERING,
    steps: (random) => [send(text(random.pick(WORDS))), ask()],
  },
  {
    name: "bare answer",
    weight: 1,
    moods: TYPED,
    steps: (random) => [ask(random.chance(0.5) ? {} : { instructions: "say well done" })],
  },
  {
    name: "tool call and its result",
    weight: 3,
    moods: TYPED,
    steps: (random) => {
      const both = random.chance(0.4);
      const choice = random.pick(["", "auto", "required"] as const);
      const words = both
        ? "book 3 tickets for the concert and tell me the weather in Paris"
        : random.pick(["what is the weather in Paris?", "the weather in San Francisco for 3 days"]);
      return [
        update({ tools: both ? [WEATHER, TICKETS] : [WEATHER], ...(choice !== "" ? { tool_choice: choice } : {}) }),
        send(text(words)),
        ask(),
        SETTLE,
        send({
          type: "conversation.item.create",
          item: {
            type: "function_call_output",
            call_id: "$call",
            output: random.pick(['{"sky":"clear","degrees":21}', "rain", ""]),
          },
        }),
        ask({ tool_choice: "none" }),
      ];
    },
  },
  {
    name: "named function",
    weight: 1,
    moods: TYPED,
    steps: (random) => [
      update({ tools: [WEATHER, TICKETS], parallel_tool_calls: random.chance(0.5) }),
      send(text(random.pick(["hello", "the weather in Rome, and book 2 tickets"]))),
      ask({ tool_choice: random.pick([{ type: "function", name: "book_tickets" }, "none", "required", "auto"]) }),
    ],
  },
  {
    name: "answer of its own kind",
    weight: 3,
    moods: TYPED,
    steps: (random) => [
      send(text(random.pick(WORDS))),
      ask(
        random.pick<JsonObject>([
          { output_modalities: ["text"] },
          { output_modalities: ["audio"] },
          { instructions: "say something else" },
          { max_output_tokens: random.int(1, 60) },
          { max_output_tokens: "inf" },
          { metadata: { topic: "a", count: "2" } },
          { metadata: {} },
          { tools: [], tool_choice: "none" },
          { conversation: "auto" },
          { audio: { output: { voice: "v-cedar" } } },
        ]),
      ),
    ],
  },
  {
    name: "answer that is cut short",
    weight: 2,
    moods: TYPED,
    steps: (random) => [
      ...(random.chance(0.5) ? [update({ output_modalities: [random.pick(["audio", "text"])] })] : []),
      send(text(random.pick(["tell me a story", "count to 80", "hello"]))),
      ask({ max_output_tokens: random.pick([1, 5, 20, 40, 100]) }),
    ],
  },
  {
    name: "beside the conversation",
    weight: 3,
    moods: ANSWERING,
    steps: (random) => {
      const response = (tag: string): JsonObject => ({
        conversation: "none",
        metadata: { tag },
        ...(random.chance(0.5) ? { output_modalities: ["text"] } : {}),
        ...(random.chance(0.5)
          ? { input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "say beside" }] }] }
          : {}),
        ...(random.chance(0.2) ? { input: [] } : {}),
        ...(random.chance(0.3) ? { instructions: "say what you think" } : {}),
        ...(random.chance(0.2) ? { max_output_tokens: 9 } : {}),
      });
      const steps = [ask(response(own(random, "tag")))];
      if (random.chance(0.3)) steps.push(ask(response(own(random, "tag"))));
      if (random.chance(0.3)) steps.unshift(send(text("count to 20")), ask());
      return steps;
    },
  },
  {
    name: "beside, about an item that is there",
    weight: 1,
    moods: TYPED,
    steps: (random) => [
      send(text("say one thing")),
      SETTLE,
      ask({
        conversation: "none",
        metadata: { tag: own(random, "tag") },
        input: [{ type: "item_reference", id: random.pick(["$user", "$item", "item_that_is_not"]) }],
      }),
    ],
  },
  {
    name: "items and their places",
    weight: 4,
    moods: ["text", "manual", "detected"],
    steps: (random) => {
      const id = own(random, "item");
      const other = own(random, "item");
      const previous = random.pick<string | null>(["root", id, "item_that_is_not", null, "$item", "$assistant"]);
      const steps = [
        send(text("first", { id })),
        send({ ...text("second", random.chance(0.7) ? { id: other } : {}), previous_item_id: previous }),
      ];
      const name = random.pick([id, other, "$item", "$user", "$assistant", "item_that_is_not"]);
      const verb = random.pick(["delete", "retrieve", "retrieve"] as const);
      steps.push(send({ type: `conversation.item.${verb}`, item_id: name, event_id: own(random, "event") }));
      if (random.chance(0.3)) steps.push(send(text("again", { id })));
      if (random.chance(0.3)) steps.push(send({ type: "conversation.item.retrieve", item_id: id }));
      return steps;
    },
  },
  {
    name: "items of every kind",
    weight: 3,
    moods: ["text", "manual", "detected"],
    steps: (random) => {
      const call_id = own(random, "call");
      const item = random.pick<JsonObject>([
        { type: "message", role: "system", content: [{ type: "input_text", text: "be brief" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "I said that." }] },
        { type: "message", role: "assistant", content: [{ type: "input_text", text: "wrong part" }] },
        { type: "message", role: "user", content: [{ type: "output_text", text: "wrong part" }] },
        { type: "message", role: "stranger", content: [{ type: "input_text", text: "who" }] },
        { type: "message", role: "user", content: [] },
        { type: "message", role: "user" },
        { type: "message", role: "user", content: [{ type: "input_text" }] },
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_text", text: "say what you see" },
            { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=", detail: "low" },
          ],
        },
        {
          type: "message",
          role: "user",
          content: [{ type: "input_audio", audio: Buffer.alloc(9600, 3).toString("base64") }],
        },
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_audio", audio: Buffer.alloc(9600, 3).toString("base64"), transcript: "say it back" },
          ],
        },
        { type: "function_call", name: "get_weather", call_id, arguments: '{"city":"Oslo"}' },
        { type: "function_call_output", call_id, output: "snow" },
        { type: "function_call_output", output: "of nothing" },
        { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true },
        { type: "unheard_of", content: [] },
        { content: [] },
      ]);
      const steps = [send({ type: "conversation.item.create", item, event_id: own(random, "event") })];
      if (random.chance(0.4)) steps.push(send({ type: "conversation.item.retrieve", item_id: "$item" }));
      if (random.chance(0.4)) steps.push(ask());
      return steps;
    },
  },
  {
    name: "cancel",
    weight: 3,
    moods: TYPED,
    steps: (random) => [
      send(text(random.pick(["tell me a story", "count to 100"]))),
      ask(random.chance(0.3) ? { output_modalities: ["text"] } : undefined),
      { do: "until", type: "response.output_item.added" },
      { do: "wait", ms: random.pick([0.31, 33, 111, 333, 777, 1_555]) + APART_MS },
      send({
        type: "response.cancel",
        ...random.pick<JsonObject>([{}, {}, { response_id: "$response" }, { response_id: "resp_that_is_not" }]),
        event_id: own(random, "event"),
      }),
    ],
  },
  {
    name: "nothing to cancel",
    weight: 1,
    moods: EVERY,
    steps: (random) => [send({ type: "response.cancel", event_id: own(random, "event") })],
  },
  {
    name: "truncate",
    weight: 3,
    moods: TYPED,
    steps: (random) => [
      send(text(random.pick(["tell me a story", "hello", "count to 30"]))),
      ask(random.chance(0.15) ? { output_modalities: ["text"] } : undefined),
      ...(random.chance(0.5)
        ? [
            { do: "wait", ms: random.pick([111, 333, 777]) + APART_MS } as const,
            ...(random.chance(0.7) ? [send({ type: "response.cancel" })] : []),
          ]
        : [SETTLE]),
      send({
        type: "conversation.item.truncate",
        item_id: random.pick(["$assistant", "$assistant", "$assistant", "$user", "item_that_is_not"]),
        content_index: random.pick([0, 0, 0, 0, 1]),
        audio_end_ms: random.pick([0, 100, 215, 400, 60_000]),
        event_id: own(random, "event"),
      }),
      ...(random.chance(0.5) ? [send({ type: "conversation.item.retrieve", item_id: "$assistant" })] : []),
    ],
  },
  {
    name: "asked twice",
    weight: 2,
    moods: TYPED,
    steps: (random) => [
      send(text("tell me a story")),
      ask(),
      { do: "until", type: "response.output_item.added" },
      ...(random.chance(0.5) ? [{ do: "wait", ms: random.pick([50, 300]) + APART_MS } as const] : []),
      ...(random.chance(0.5) ? [send(text("say more"))] : []),
      ask(undefined, { event_id: own(random, "event") }),
    ],
  },
  {
    name: "cancelled and asked again at once",
    weight: 1,
    moods: TYPED,
    steps: (random) => [
      send(text("tell me a story")),
      ask(),
      { do: "wait", ms: random.pick([100, 400]) + APART_MS },
      send({ type: "response.cancel" }),
      send(text("say another thing")),
      ask(),
    ],
  },
  {
    name: "good update",
    weight: 4,
    moods: TYPED,
    steps: (random) => [
      update(
        random.pick<JsonObject>([
          { instructions: "Say little." },
          { instructions: "" },
          { output_modalities: ["text"] },
          { output_modalities: ["audio"] },
          { max_output_tokens: 50 },
          { max_output_tokens: "inf" },
          { tools: [WEATHER], tool_choice: "auto" },
          { tools: [] },
          { tool_choice: "none" },
          { tool_choice: "required" },
          { audio: { output: { speed: 1.25 } } },
          { audio: { output: { voice: "v-marin" } } },
          { audio: { output: { format: { type: "audio/pcmu" } } } },
          { audio: { output: { format: { type: "audio/pcm", rate: 24_000 } } } },
          { audio: { input: { noise_reduction: { type: "near_field" } } } },
          { audio: { input: { noise_reduction: null } } },
          { audio: { input: { transcription: { model: "gpt-transcribe", language: "en" } } } },
          { audio: { input: { transcription: null } } },
          { truncation: "disabled" },
          { truncation: { type: "retention_ratio", retention_ratio: 0.5 } },
          { tracing: "auto" },
          { prompt: null },
          { include: ["item.input_audio_transcription.logprobs"] },
          { reasoning: { effort: "low" } },
          { parallel_tool_calls: false },
          {},
        ]),
        random.chance(0.5) ? { event_id: own(random, "event") } : {},
      ),
      ...(random.chance(0.5) ? [send(text(random.pick(WORDS))), ask()] : []),
    ],
  },
  {
    name: "bad update",
    weight: 3,
    moods: TYPED,
    steps: (random) => [
      send({
        type: "session.update",
        event_id: own(random, "event"),
        session: random.pick<JsonObject>([
          { instructions: "no type" },
          { type: "realtime", tools: [{ ...WEATHER, name: "bad name!" }], instructions: "must not hold" },
          { type: "realtime", tools: [{ type: "function" }] },
          { type: "realtime", tools: "none" },
          { type: "realtime", output_modalities: ["audio", "text"] },
          { type: "realtime", output_modalities: ["smell"] },
          { type: "realtime", max_output_tokens: 0 },
          { type: "realtime", max_output_tokens: "many" },
          { type: "realtime", tool_choice: "sometimes" },
          { type: "realtime", audio: { output: { speed: 9 } } },
          { type: "realtime", audio: { output: { format: { type: "audio/opus" } } } },
          { type: "realtime", audio: { input: { format: { type: "audio/pcm", rate: 11_025 } } } },
          { type: "realtime", audio: { input: { turn_detection: { type: "server_vad", threshold: 7 } } } },
          { type: "realtime", audio: { input: { turn_detection: { type: "psychic" } } } },
          { type: "realtime", audio: { input: { noise_reduction: { type: "far" } } } },
          { type: "realtime", instructions: 7 },
          { type: "realtime", truncation: "sometimes" },
          { type: "realtime", reasoning: { effort: "enormous" } },
          { type: "realtime", prompt: "pmpt" },
          { type: "transcription" },
          { type: "realtime", modalities: ["text"] },
          { type: "realtime", voice: "v-alloy" },
          { type: "realtime", input_audio_format: "g711_ulaw" },
          { type: "realtime", unheard_of: true },
        ]),
      }),
      ...(random.chance(0.5) ? [update({ instructions: "Say as before." }, { event_id: own(random, "event") })] : []),
      ...(random.chance(0.4) ? [send(text("hello")), ask()] : []),
    ],
  },
  {
    name: "bad answer asked for",
    weight: 2,
    moods: TYPED,
    steps: (random) => [
      ask(
        random.pick<JsonObject>([
          { output_modalities: ["smell"] },
          { max_output_tokens: 0 },
          { conversation: "other" },
          { metadata: { tag: 7 } },
          { tools: [{ ...WEATHER, name: "bad name!" }] },
          { tool_choice: "sometimes" },
          { input: "hello" },
          { input: [{ type: "message", role: "user", content: [{ type: "nothing" }] }], conversation: "none" },
          { instructions: 7 },
          { audio: { output: { format: { type: "audio/opus" } } } },
          { unheard_of: true },
          { modalities: ["text"] },
        ]),
        { event_id: own(random, "event") },
      ),
    ],
  },
  {
    name: "null for not given",
    weight: 1,
    moods: TYPED,
    steps: (random) => [
      send(text("hello")),
      ask(
        random.pick<JsonObject>([
          { metadata: null },
          { input: null, conversation: "none" },
          { prompt: null },
        ]),
      ),
    ],
  },
  {
    name: "no event",
    weight: 2,
    moods: EVERY,
    steps: (random) => [
      {
        do: "raw",
        text: random.pick([
          "hello",
          "",
          "[]",
          "null",
          "7",
          '{"type":"response.create"',
          "{}",
          '{"type":7}',
          '{"type":"unheard.of","event_id":"mine_1"}',
          '{"type":"conversation.item.retrieve","event_id":"mine_2"}',
          '{"type":"conversation.item.retrieve","item_id":7,"event_id":"mine_3"}',
          '{"type":"conversation.item.create","event_id":"mine_4"}',
          '{"type":"conversation.item.truncate","item_id":"x","content_index":0,"event_id":"mine_5"}',
          '{"type":"conversation.item.truncate","item_id":"x","content_index":-1,"audio_end_ms":1,"event_id":"mine_6"}',
          '{"type":"session.update","event_id":"mine_7"}',
          '{"type":"session.update","session":[],"event_id":"mine_8"}',
          '{"type":"input_audio_buffer.append","event_id":"mine_9"}',
          '{"type":"input_audio_buffer.append","audio":7,"event_id":"mine_10"}',
          '{"type":"input_audio_buffer.append","audio":"%%%","event_id":"mine_11"}',
          '{"type":"response.cancel","response_id":7,"event_id":"mine_12"}',
        ]),
      },
    ],
  },
  {
    name: "dials again",
    weight: 1,
    moods: ANSWERING,
    steps: (random, mood) => [
      ...(random.chance(0.4) ? [send(text("tell me a story")), ask()] : []),
      { do: "wait", ms: 200 + APART_MS },
      { do: "reconnect" },
      update({
        instructions: "Be the voice of the reference.",
        ...(mood.turns === "detected" ? {} : { audio: { input: { turn_detection: null } } }),
      }),
      SETTLE,
      send(text("hello")),
      ask(),
    ],
  },
  {
    name: "spoken turn, committed by the client",
    weight: 8,
    moods: ["manual"],
    steps: (random, mood) => [
      ...speech(random, mood, random.int(2, 25) * 100),
      ...(random.chance(0.2) ? speech(random, mood, random.int(1, 5) * 100) : []),
      ...(random.chance(0.2) ? [SETTLE] : []),
      send({ type: "input_audio_buffer.commit", event_id: own(random, "event") }),
      ...(random.chance(0.8) ? [ask()] : []),
    ],
  },
  {
    name: "commit and clear",
    weight: 3,
    moods: ["manual"],
    steps: (random, mood) => {
      const steps: Step[] = [];
      if (random.chance(0.6)) steps.push(...speech(random, mood, random.pick([20, 60, 100, 300])));
      if (random.chance(0.5)) steps.push(send({ type: "input_audio_buffer.clear" }));
      steps.push(send({ type: "input_audio_buffer.commit", event_id: own(random, "event") }));
      if (random.chance(0.4)) steps.push(SETTLE, send({ type: "conversation.item.retrieve", item_id: "$user" }));
      return steps;
    },
  },
  {
    name: "audio over an answer, committed by the client",
    weight: 2,
    moods: ["manual"],
    steps: (random, mood) => [
      send(text("count to 60")),
      ask(),
      { do: "wait", ms: random.pick([50, 200]) + APART_MS },
      ...speech(random, mood, 400),
      send({ type: "input_audio_buffer.commit" }),
      ...(random.chance(0.5) ? [ask(undefined, { event_id: own(random, "event") })] : []),
    ],
  },
  {
    name: "detected turn",
    weight: 8,
    moods: ["detected"],
    steps: (random, mood) => [
      ...speech(random, mood, random.int(5, 20) * 100),
      ...quiet(random, mood, 1_500),
    ],
  },
  {
    name: "detected turn, not answered",
    weight: 2,
    moods: ["detected"],
    steps: (random, mood) => [
      update({ audio: { input: { turn_detection: { type: "server_vad", create_response: false } } } }),
      SETTLE,
      ...speech(random, mood, random.int(5, 15) * 100),
      ...quiet(random, mood, 1_500),
      SETTLE,
      ...(random.chance(0.6) ? [ask()] : []),
    ],
  },
  {
    name: "interruption",
    weight: 4,
    moods: ["detected"],
    steps: (random, mood) => [
      send(text("hello")),
      ask(),
      { do: "until", type: "response.output_audio.delta" },
      ...speech(random, mood, 1_200),
      ...quiet(random, mood, 1_500),
    ],
  },
  {
    name: "dictated",
    weight: 6,
    moods: ["transcription"],
    steps: (random, mood) => [
      ...speech(random, mood, random.int(5, 20) * 100),
      ...quiet(random, mood, 1_500),
      ...(random.chance(0.4) ? [send({ type: "input_audio_buffer.commit" })] : []),
    ],
  },
  {
    name: "not in a transcription",
    weight: 1,
    moods: ["transcription"],
    steps: (random) => [
      random.pick([
        ask(undefined, { event_id: own(random, "event") }),
        send({ ...text("hello"), event_id: own(random, "event") }),
        update({ instructions: "no" }, { event_id: own(random, "event") }),
      ]),
    ],
  },
];

function speech(random: Random, mood: Mood, ms: number): Step[] {
  return [said(random, mood, "voice", ms)];
}

function quiet(random: Random, mood: Mood, ms: number): Step[] {
  return [said(random, mood, "silence", ms)];
}

function said(random: Random, mood: Mood, kind: Speech["kind"], ms: number): Step {
  const spelling = random.chance(0.6)
    ? "plain"
    : random.pick<Spelling>(["slashes", "unicode", "lines", "spaced", "audio first", "id first", "all escaped"]);
  return {
    do: "say",
    kind,
    ms,
    seed: random.int(1, 4),
    chunkMs: random.pick([20, 20, 40, 100, 250, 1_000]),
    format: mood.format,
    spelling,
    burst: mood.turns === "manual" && random.chance(0.5),
  };
}
