/** Answers that are asked for in writing. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import {
  ANSWERING,
  TYPED,
  SETTLE,
  send,
  text,
  own,
  WORDS,
  WEATHER,
  TICKETS,
  update,
  ask,
  type Episode,
} from "./parts.ts";

export const ANSWERS: readonly Episode[] = [
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
        update({
          tools: both ? [WEATHER, TICKETS] : [WEATHER],
          ...(choice !== "" ? { tool_choice: choice } : {}),
        }),
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
      ask({
        tool_choice: random.pick([{ type: "function", name: "book_tickets" }, "none", "required", "auto"]),
      }),
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
          { audio: { output: { format: { type: "audio/pcmu" } } } },
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
          ? {
              input: [
                { type: "message", role: "user", content: [{ type: "input_text", text: "say beside" }] },
              ],
            }
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
];
