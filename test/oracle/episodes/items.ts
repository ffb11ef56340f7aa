/** Items of the conversation. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import { TYPED, APART_MS, SETTLE, send, text, own, ask, type Episode } from "./parts.ts";

export const ITEMS: readonly Episode[] = [
  {
    name: "items and their places",
    weight: 4,
    moods: ["text", "manual", "detected"],
    steps: (random) => {
      const id = own(random, "item");
      const other = own(random, "item");
      const previous = random.pick<string | null>([
        "root",
        id,
        "item_that_is_not",
        null,
        "$item",
        "$assistant",
      ]);
      const steps = [
        send(text("first", { id })),
        send({ ...text("second", random.chance(0.7) ? { id: other } : {}), previous_item_id: previous }),
      ];
      const name = random.pick([id, other, "$item", "$user", "$assistant", "item_that_is_not"]);
      const verb = random.pick(["delete", "retrieve", "retrieve"] as const);
      steps.push(send({ type: `conversation.item.${verb}`, item_id: name, event_id: own(random, "event") }));
      if (random.chance(0.3)) steps.push(send(text("again", { id })));
      if (random.chance(0.3)) steps.push(send({ type: "conversation.item.retrieve", item_id: id }));
      // Its tokens tell what the provider still has.
      if (random.chance(0.4)) steps.push(ask());
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
            {
              type: "input_audio",
              audio: Buffer.alloc(9600, 3).toString("base64"),
              transcript: "say it back",
            },
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
    name: "an answer handed back",
    weight: 1,
    moods: TYPED,
    steps: (random) => {
      const words = random.pick(["I said that.", "", null]);
      const part = { type: "output_audio", ...(words === null ? {} : { transcript: words }) };
      return [
        send({
          type: "conversation.item.create",
          item: { id: own(random, "item"), type: "message", role: "assistant", content: [part] },
          event_id: own(random, "event"),
        }),
      ];
    },
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
];
