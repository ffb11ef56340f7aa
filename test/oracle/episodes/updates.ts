/** Settings, and what is no event at all. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import { TYPED, EVERY, send, text, own, WORDS, WEATHER, update, ask, type Episode } from "./parts.ts";

export const UPDATES: readonly Episode[] = [
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
      ...(random.chance(0.5)
        ? [update({ instructions: "Say as before." }, { event_id: own(random, "event") })]
        : []),
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
          {
            input: [{ type: "message", role: "user", content: [{ type: "nothing" }] }],
            conversation: "none",
          },
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
    name: "no audio, again and again",
    weight: 1,
    moods: EVERY,
    steps: (random) => {
      const audio = random.pick(["", ',"audio":7', ',"audio":"%%%"']);
      const id = audio === "" ? "mine_9" : `mine_1${audio.includes("%") ? 1 : 0}`;
      const text = `{"type":"input_audio_buffer.append"${audio},"event_id":"${id}"}`;
      return Array.from({ length: random.int(2, 5) }, () => ({ do: "raw", text }) as const);
    },
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
];
