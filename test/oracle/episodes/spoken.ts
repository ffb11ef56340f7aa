/** What is said aloud. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { Step } from "../script.ts";
import { APART_MS, SETTLE, send, text, own, update, ask, speech, quiet, type Episode } from "./parts.ts";

export const SPOKEN: readonly Episode[] = [
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
      if (random.chance(0.4))
        steps.push(SETTLE, send({ type: "conversation.item.retrieve", item_id: "$user" }));
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
    name: "turn over an answer that may not be interrupted",
    weight: 2,
    moods: ["detected"],
    steps: (random, mood) => [
      update({ audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } } }),
      SETTLE,
      send(text("hello")),
      ask(),
      { do: "until", type: "response.output_audio.delta" },
      ...speech(random, mood, random.pick([700, 1_200])),
      ...quiet(random, mood, 1_500),
    ],
  },
  {
    name: "asked in the middle of speech",
    weight: 2,
    moods: ["detected"],
    steps: (random, mood) => [
      ...speech(random, mood, 900),
      ...(random.chance(0.5) ? [send(text("hello"))] : []),
      ask(),
      ...speech(random, mood, random.pick([500, 1_000])),
      ...quiet(random, mood, 1_500),
    ],
  },
  {
    name: "other ends of turns",
    weight: 2,
    moods: ["detected"],
    steps: (random, mood) => [
      update({
        audio: {
          input: {
            turn_detection: random.pick<JsonObject>([
              { type: "server_vad", silence_duration_ms: random.pick([200, 400, 900]) },
              { type: "server_vad", prefix_padding_ms: random.pick([0, 100, 500]) },
              { type: "server_vad", threshold: random.pick([0.3, 0.7]) },
            ]),
          },
        },
      }),
      SETTLE,
      ...speech(random, mood, random.int(5, 15) * 100),
      ...quiet(random, mood, 1_500),
    ],
  },
  {
    name: "commit and clear in the middle of speech",
    weight: 2,
    moods: ["detected"],
    steps: (random, mood) => [
      ...speech(random, mood, 900),
      send({ type: random.pick(["input_audio_buffer.commit", "input_audio_buffer.clear"]) }),
      SETTLE,
      ...speech(random, mood, 600),
      ...quiet(random, mood, 1_500),
    ],
  },
  {
    name: "nobody says anything",
    weight: 1,
    moods: ["detected"],
    steps: (random, mood) => [
      update({ audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: 5_000 } } } }),
      ...speech(random, mood, 800),
      ...quiet(random, mood, 1_500),
      SETTLE,
      ...quiet(random, mood, 7_000),
      update({ audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: null } } } }),
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
