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
