/**
 * Habits of other providers, put on the reference's wire. A hidden one is the relay's to bear: straight the client is
 * played against the plain reference, and through the relay it must see no difference. The others show on both sides.
 */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { deep, objectOf, parsed, textOf } from "./fields.ts";

export interface Wired {
  /** What was drawn, counted or remembered by this connection. */
  readonly memory: Map<string, Json>;
  /** The reference is told something, as by its client. */
  tell(event: JsonObject): void;
}

export interface Habit {
  readonly name: string;
  readonly what: string;
  readonly hidden: boolean;
  /** Of the adapter. */
  readonly settings?: JsonObject;
  /** Knobs of the demo voice. */
  readonly knobs?: Readonly<Record<string, string>>;
  /** An event of the reference as this provider says it. */
  out?(event: JsonObject, wired: Wired): readonly JsonObject[];
  /** An event for the reference; null: it is kept from it. */
  in?(event: JsonObject, wired: Wired): JsonObject | null;
  /** How it writes a message. */
  spelled?(text: string): string;
  /** Milliseconds by which an event is late. */
  late?(event: JsonObject): number;
}

const renamed =
  (names: Readonly<Record<string, string | null>>) =>
  (event: JsonObject): readonly JsonObject[] => {
    const name = names[textOf(event["type"])];
    if (name === null) return [];
    return [name === undefined ? event : { ...event, type: name }];
  };

const isCall = (object: JsonObject): boolean => object["type"] === "function_call";

function shifted(event: JsonObject, key: "output_index" | "content_index", by: number): JsonObject {
  const index = event[key];
  return typeof index === "number" ? { ...event, [key]: index + by } : event;
}

/** One more output before the others of every answer of the conversation. */
function withOutputBefore(event: JsonObject, wired: Wired): readonly JsonObject[] {
  const { type, response_id } = event;
  const response = objectOf(event["response"]);
  if (type === "response.created") {
    const id = textOf(response["id"]);
    const inConversation = response["conversation_id"] !== null;
    const item = mcpCall(id);
    wired.memory.set(id, true);
    const about = { response_id: id, item_id: textOf(item["id"]), output_index: 0 };
    return [
      event,
      {
        type: "response.output_item.added",
        response_id: id,
        output_index: 0,
        item: { ...item, output: null },
      },
      ...(inConversation
        ? [{ type: "conversation.item.added", previous_item_id: null, item: { ...item, output: null } }]
        : []),
      { type: "response.mcp_call_arguments.delta", ...about, delta: textOf(item["arguments"]) },
      { type: "response.mcp_call_arguments.done", ...about, arguments: textOf(item["arguments"]) },
      { type: "response.mcp_call.in_progress", item_id: about.item_id, output_index: 0 },
      { type: "response.mcp_call.completed", item_id: about.item_id, output_index: 0 },
      ...(inConversation ? [{ type: "conversation.item.done", previous_item_id: null, item }] : []),
      { type: "response.output_item.done", response_id: id, output_index: 0, item },
    ];
  }
  if (type === "response.done") {
    const output = Array.isArray(response["output"]) ? response["output"] : [];
    return [{ ...event, response: { ...response, output: [mcpCall(textOf(response["id"])), ...output] } }];
  }
  return [typeof response_id === "string" ? shifted(event, "output_index", 1) : event];
}

function mcpCall(response: string): JsonObject {
  return {
    id: `mcp_${response.slice(5)}`,
    object: "realtime.item",
    type: "mcp_call",
    server_label: "files",
    name: "read",
    arguments: '{"path":"/a"}',
    output: "whole",
    error: null,
    approval_request_id: null,
  };
}

/** A text part before the part with the audio. */
function withTextPart(event: JsonObject, { memory }: Wired): readonly JsonObject[] {
  const item = objectOf(event["item"]);
  if (event["type"] === "response.output_item.added") memory.set(textOf(item["id"]), true);
  const own = memory.has(textOf(event["item_id"] ?? item["id"])) || event["type"] === "response.done";
  if (!own || !/^response\.|^conversation\.item\.(done|retrieved|truncated)$/.test(textOf(event["type"])))
    return [event];
  const about = {
    response_id: event["response_id"] ?? "",
    item_id: event["item_id"] ?? "",
    output_index: event["output_index"] ?? 0,
    content_index: 0,
  };
  const words = "See https://example.test.";
  const whole = deep(event, (object) =>
    object["type"] === "message" && object["role"] === "assistant" && contentOf(object).length > 0
      ? { ...object, content: [{ type: "output_text", text: words }, ...contentOf(object)] }
      : object,
  );
  if (event["type"] !== "response.content_part.added") return [shifted(whole, "content_index", 1)];
  return [
    { type: "response.content_part.added", ...about, part: { type: "text", text: "" } },
    { type: "response.output_text.delta", ...about, delta: words },
    { type: "response.output_text.done", ...about, text: words },
    { type: "response.content_part.done", ...about, part: { type: "text", text: words } },
    shifted(whole, "content_index", 1),
  ];
}

/** What stands before an item, where that was never told. */
function beside(event: JsonObject, { memory }: Wired): JsonObject {
  let before = event["previous_item_id"];
  if (before === undefined) return event;
  while (memory.has(textOf(before))) before = memory.get(`before ${textOf(before)}`) ?? null;
  return { ...event, previous_item_id: before };
}

function contentOf(item: JsonObject): readonly Json[] {
  return Array.isArray(item["content"]) ? item["content"] : [];
}

const LOGPROBS: Json = [{ token: "of", logprob: -0.1, bytes: [111, 102] }];

export const HABITS: readonly Habit[] = [
  { name: "demo", what: "the demo voice as it is", hidden: false },
  {
    name: "object arguments",
    what: "arguments of a call as an object",
    hidden: true,
    out: (event) => {
      if (event["type"] === "response.function_call_arguments.delta") return [];
      if (event["type"] === "response.function_call_arguments.done") {
        return [{ ...event, arguments: parsed(textOf(event["arguments"])) ?? null }];
      }
      const whole = deep(event, (object) =>
        isCall(object) ? { ...object, arguments: parsed(textOf(object["arguments"])) ?? "" } : object,
      );
      return [objectOf(whole)];
    },
  },
  {
    name: "arguments at the end",
    what: "a call without deltas, whole in its item",
    hidden: true,
    out: renamed({
      "response.function_call_arguments.delta": null,
      "response.function_call_arguments.done": null,
    }),
  },
  {
    name: "item ids of its own",
    what: "does not keep the names of the client's items",
    hidden: true,
    settings: { quirks: { acceptsItemIds: false } },
    in: (event) => {
      if (event["type"] !== "conversation.item.create") return event;
      const { id: _id, ...item } = objectOf(event["item"]);
      return { ...event, item };
    },
  },
  {
    name: "names of its own, later",
    what: "neither keeps the names of items nor begins answers with their metadata, and names an item later",
    hidden: true,
    settings: { quirks: { acceptsItemIds: false, metadataEcho: false } },
    in: (event) => {
      if (event["type"] !== "conversation.item.create") return event;
      const { id: _id, ...item } = objectOf(event["item"]);
      return { ...event, item };
    },
    out: (event) => {
      if (event["type"] !== "response.created") return [event];
      return [{ ...event, response: { ...objectOf(event["response"]), metadata: null } }];
    },
    late: (event) => (event["type"] === "conversation.item.added" ? 30 : 0),
  },
  {
    name: "no metadata",
    what: "does not repeat metadata",
    hidden: true,
    settings: { quirks: { metadataEcho: false } },
    out: (event) => {
      const response = objectOf(event["response"]);
      return [
        event["response"] === undefined ? event : { ...event, response: { ...response, metadata: null } },
      ];
    },
  },
  {
    name: "odd chunks",
    what: "audio cut within a sample",
    hidden: true,
    knobs: { odd_chunks: "1" },
  },
  {
    name: "escaped",
    what: "writes slashes and plus signs with a backslash, and the type last",
    hidden: true,
    spelled: (text) => {
      const { type, ...others } = JSON.parse(text) as JsonObject;
      return JSON.stringify({ ...others, type: type ?? "" })
        .replaceAll("/", String.raw`\/`)
        .replaceAll("+", String.raw`\u002b`);
    },
  },
  {
    name: "no response.created",
    what: "begins an answer without announcing it",
    hidden: true,
    out: renamed({ "response.created": null }),
  },
  {
    name: "no item.added",
    what: "does not announce items in the conversation",
    hidden: true,
    out: renamed({ "conversation.item.added": "conversation.item.created", "conversation.item.done": null }),
  },
  {
    name: "speaks mu-law",
    what: "gives its audio in a format of its own and says so",
    hidden: true,
    in: (event) => {
      if (event["type"] !== "session.update") return event;
      const session = objectOf(event["session"]);
      if (session["type"] === "transcription") return event;
      const audio = objectOf(session["audio"]);
      const output = { ...objectOf(audio["output"]), format: { type: "audio/pcmu" } };
      return { ...event, session: { ...session, audio: { ...audio, output } } };
    },
  },
  {
    name: "late transcripts",
    what: "the caller's words come when the answer is under way",
    hidden: false,
    late: (event) => (textOf(event["type"]).includes("input_audio_transcription") ? 250 : 0),
  },
  {
    name: "calls tools by itself",
    what: "an mcp_call before the words of every answer",
    hidden: false,
    out: withOutputBefore,
  },
  {
    name: "text and audio",
    what: "a text part before the audio part",
    hidden: false,
    out: (event, wired) => withTextPart(event, wired),
    in: (event, { memory }) =>
      event["type"] === "conversation.item.truncate" && memory.has(textOf(event["item_id"]))
        ? { ...event, content_index: event["content_index"] === 0 ? 1 : Number(event["content_index"]) - 1 }
        : event,
  },
  {
    name: "logprobs",
    what: "transcripts with log probabilities, language and segments",
    hidden: false,
    out: (event) => {
      const { type, item_id } = event;
      if (type !== "conversation.item.input_audio_transcription.completed") return [event];
      const segment = { id: "seg_1", start: 0, end: 0.5, speaker: "A", text: "of" };
      return [
        {
          type: "conversation.item.input_audio_transcription.segment",
          item_id: item_id ?? "",
          content_index: 0,
          ...segment,
        },
        { ...event, logprobs: LOGPROBS, languages: [{ code: "en" }] },
      ];
    },
  },
  {
    name: "failed transcripts",
    what: "the caller's words could not be had",
    hidden: false,
    out: (event, { memory }) => {
      if (event["type"] === "conversation.item.input_audio_transcription.delta") return [];
      // Words that the client itself gave are not its own.
      const { id } = objectOf(event["item"]);
      if (event["type"] === "conversation.item.retrieved" && memory.has(textOf(id))) {
        return [
          deep(event, (object) =>
            object["type"] === "input_audio" ? { ...object, transcript: null } : object,
          ),
        ];
      }
      if (event["type"] !== "conversation.item.input_audio_transcription.completed") return [event];
      const error = {
        type: "transcription_error",
        code: "audio_unintelligible",
        message: "unclear",
        param: null,
      };
      const { item_id, content_index } = event;
      memory.set(textOf(item_id), true);
      return [
        {
          type: "conversation.item.input_audio_transcription.failed",
          item_id: item_id ?? "",
          content_index: content_index ?? 0,
          error,
        },
      ];
    },
  },
  {
    name: "growing transcripts",
    what: "completed comes again and again with more words",
    hidden: true,
    settings: { quirks: { cumulativeTranscripts: true } },
    out: (event) => {
      const { type, transcript } = event;
      if (type === "conversation.item.input_audio_transcription.delta") return [];
      if (type !== "conversation.item.input_audio_transcription.completed") return [event];
      const words = textOf(transcript);
      return [
        { ...event, transcript: words.slice(0, 5), status: "in_progress" },
        { ...event, transcript: words.slice(0, 9), status: "in_progress" },
        { ...event, status: "completed" },
      ];
    },
  },
  {
    name: "accounts late",
    what: "what a cancelled answer cost is told more than half a second after it",
    hidden: true,
    late: ({ type, response }) =>
      type === "response.done" && objectOf(response)["status"] === "cancelled" ? 600 : 0,
  },
  {
    name: "fails",
    what: "every second answer fails before it has said anything",
    hidden: false,
    out: (event, wired) => {
      const response = objectOf(event["response"]);
      const item = textOf(event["item_id"] ?? objectOf(event["item"])["id"]);
      const id = textOf(response["id"] ?? event["response_id"]);
      if (id !== "" && item !== "" && wired.memory.has(id)) wired.memory.set(item, true);
      const before = event["previous_item_id"];
      if (wired.memory.has(item) && before !== undefined) wired.memory.set(`before ${item}`, before);
      if (wired.memory.has(id) || wired.memory.has(item)) return [];
      if (event["type"] !== "response.created") return [beside(event, wired)];
      const count = Number(wired.memory.get("count") ?? 0) + 1;
      wired.memory.set("count", count);
      if (count % 2 === 1) return [event];
      wired.memory.set(id, true);
      const error = { type: "invalid_request_error", code: "unsafe_input", message: "not answered" };
      const failed = { ...response, status: "failed", status_details: { type: "failed", error } };
      // It has ended for the provider too: what is asked next finds none under way.
      wired.tell({ type: "response.cancel", response_id: id });
      return [event, { type: "response.done", response: failed }];
    },
  },
  {
    name: "filtered",
    what: "an answer that its filter ends is incomplete, and its item too",
    hidden: false,
    out: (event, wired) => {
      const type = textOf(event["type"]);
      if (type === "response.function_call_arguments.done") return [];
      if (type === "response.output_item.added")
        wired.memory.set(textOf(objectOf(event["item"])["id"]), true);
      return [
        deep(event, (object) => {
          if (object["status"] !== "completed") return object;
          if (object["object"] === "realtime.response") {
            const status_details = { type: "incomplete", reason: "content_filter" };
            return { ...object, status: "incomplete", status_details };
          }
          return wired.memory.has(textOf(object["id"])) ? { ...object, status: "incomplete" } : object;
        }),
      ];
    },
  },
  {
    name: "one call id",
    what: "every call has the same call_id",
    hidden: false,
    out: (event) => [
      objectOf(
        deep(event, (object) =>
          textOf(object["call_id"]).startsWith("call_") && object["type"] !== "function_call_output"
            ? { ...object, call_id: "call_1" }
            : object,
        ),
      ),
    ],
  },
  {
    name: "extra members",
    what: "events with members that nobody knows",
    hidden: true,
    // What is said beside a transcript is the client's to know: it is passed on.
    out: (event) => [
      textOf(event["type"]).includes("transcription")
        ? { ...event, obfuscation: "xxxx" }
        : { ...event, obfuscation: "xxxx", unheard_of: { deep: [1, null] } },
    ],
  },
  {
    name: "unknown events",
    what: "events of types that nobody knows between the others",
    hidden: true,
    out: (event) => [{ type: "response.unheard_of", item_id: "item_x" }, event, { type: "ping" }],
  },
];

export function habitNamed(name: string): Habit {
  const habit = HABITS.find((known) => known.name === name);
  if (habit === undefined) throw new RangeError(`there is no habit ${name}`);
  return habit;
}
