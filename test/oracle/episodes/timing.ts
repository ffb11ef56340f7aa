/** What depends on the moment. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import {
  ANSWERING,
  TYPED,
  EVERY,
  APART_MS,
  SETTLE,
  send,
  text,
  own,
  update,
  ask,
  burst,
  type Episode,
} from "./parts.ts";

export const TIMING: readonly Episode[] = [
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
        ...random.pick<JsonObject>([
          {},
          {},
          { response_id: "$response" },
          { response_id: "resp_that_is_not" },
        ]),
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
    name: "all in one breath",
    weight: 4,
    moods: TYPED,
    steps: (random, mood) => {
      const id = own(random, "item");
      const before = random.pick([
        [send(text("count to 40", { id })), send({ type: "conversation.item.delete", item_id: id })],
        [
          send(text("first", { id })),
          send({ ...text("say the second", { id: own(random, "item") }), previous_item_id: id }),
        ],
        [send(text("say the first", { id }))],
      ]);
      const spoken = [...burst(random, mood, 300), send({ type: "input_audio_buffer.commit" })];
      const after = random.pick([
        [send(text("count to 50"))],
        [send(text("count to 50", { id: own(random, "item") })), send(text("say more"))],
        [send({ type: "conversation.item.delete", item_id: id })],
        [update({ instructions: "Be another voice." })],
        mood.turns === "manual" ? spoken : [send(text("count to 60"))],
        mood.turns === "manual"
          ? [...spoken, ...burst(random, mood, 200), send({ type: "input_audio_buffer.commit" })]
          : [send({ ...text("third"), previous_item_id: id })],
      ]);
      return [
        ...(random.chance(0.6) ? [send(text("say good day"))] : []),
        ...before,
        ask(random.chance(0.2) ? { output_modalities: ["text"] } : undefined),
        ...after,
        ...(random.chance(0.4) ? [SETTLE, ask()] : []),
      ];
    },
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
        audio: {
          input: {
            format: mood.format === "audio/pcm" ? { type: mood.format, rate: 24_000 } : { type: mood.format },
            ...(mood.turns === "detected" ? {} : { turn_detection: null }),
          },
        },
      }),
      SETTLE,
      send(text("hello")),
      ask(),
    ],
  },
];
