/**
 * Where a client with the relay in between sees something else than without it, on purpose: SPEC.md "Differences from
 * the provider" has the same list with the reasons. Each rewrites both streams so that what it allows, and nothing
 * else, is equal.
 */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { deep, objectOf, textOf, without } from "./fields.ts";
import type { Normal } from "./normal.ts";
import { relaxed } from "./tolerance.ts";
import { REFUSED_ANSWER, REFUSED_UPDATE } from "./refused.ts";
import type { Script } from "./script.ts";

export type Side = "direct" | "through";

export interface Difference {
  /** As in SPEC.md. */
  readonly id: string;
  readonly what: string;
  rewrite?(events: readonly Normal[], side: Side, script: Script): readonly Normal[];
  /** Makes two events that stand at one place equal in what may lie between them. */
  relax?(direct: JsonObject, through: JsonObject, script: Script): readonly [JsonObject, JsonObject];
}

type EachEvent = (event: Normal, side: Side, script: Script) => Normal | null;

function each(id: string, what: string, rewrite: EachEvent): Difference {
  return {
    id,
    what,
    rewrite: (events, side, script) => events.flatMap((event) => rewrite(event, side, script) ?? []),
  };
}

function withValue(event: Normal, value: JsonObject): Normal {
  return { ...event, value };
}

/** Leaves of `session` that the script's updates name: the rest is each server's own default. */
function named(session: Json, updates: readonly Json[]): Json {
  if (typeof session !== "object" || session === null || Array.isArray(session)) return session;
  const kept: Record<string, Json> = {};
  for (const [key, value] of Object.entries(session)) {
    const inner = updates.flatMap((update) => {
      const member = objectOf(update)[key];
      return member === undefined ? [] : [member];
    });
    // Named later in the script, maybe, than this event was sent: the reference's default tells nothing.
    if (key === "parallel_tool_calls" && value === true) continue;
    if (inner.length > 0)
      kept[key] = key === "turn_detection" || key === "format" ? value : named(value, inner);
  }
  return kept;
}

export const DIFFERENCES: readonly Difference[] = [
  // Done by `compare`.
  { id: "order", what: "What has nothing to do with each other comes in any order" },
  // Before codes are made equal.
  REFUSED_ANSWER,
  each("defaults", "Defaults of the session are the relay's", (event, _side, script) => {
    if (event.type === "session.created") return withValue(event, {});
    if (event.type !== "session.updated") return event;
    // The client's, on this connection and sent by then.
    const sent = script.steps.slice(0, event.step);
    const dialled = sent.findLastIndex((step) => step.do === "reconnect");
    const updates = sent
      .slice(dialled + 1)
      .flatMap((step) =>
        step.do === "send" && step.event["type"] === "session.update" ? [step.event["session"] ?? {}] : [],
      );
    return withValue(event, { session: named(event.value["session"] ?? {}, updates) });
  }),
  each("voice", "A voice that nobody chose is called default", (event) => {
    if (!/^(?:response\.(?:created|done)|session\.updated)$/.test(event.type)) return event;
    return withValue(
      event,
      deep(event.value, (object) =>
        "voice" in object && !textOf(object["voice"]).startsWith("v-") ? without(object, "voice") : object,
      ),
    );
  }),
  each(
    "told in words",
    "Who is told what another of its voice said counts other tokens",
    (event, _side, script) => {
      if (event.type !== "response.done" || script.plan?.name !== "panel") return event;
      return withValue(event, {
        ...event.value,
        response: without(objectOf(event.value["response"]), "usage"),
      });
    },
  ),
  each("messages", "Words of errors are the relay's", (event) => {
    if (event.type !== "error") return event;
    const error = objectOf(event.value["error"]);
    const begins = textOf(error["message"]).startsWith("Cancellation failed") ? "Cancellation failed" : "";
    return withValue(event, { error: { ...error, message: begins } });
  }),
  each("malformed", "What is wrong with an event or a field has one of several codes", (event) => {
    if (event.type !== "error") return event;
    const error = objectOf(event.value["error"]);
    if (!MALFORMED.has(textOf(error["code"]))) return event;
    const param = typeof error["param"] === "string" ? (error["param"].split(/[.[]/)[0] ?? null) : null;
    return withValue(event, { error: { ...error, code: "malformed", param } });
  }),
  {
    id: "said once",
    what: "The same fault of the audio is told once a second",
    rewrite: (events) => {
      const told = new Set<string>();
      return events.filter(({ type, place, value }) => {
        // Two stretches may lie within a second.
        const fault = `${place.split("/")[0] ?? ""} ${JSON.stringify(value)}`;
        if (type !== "error" || !FAULTS_OF_AUDIO.has(textOf(objectOf(value["error"])["event_id"])))
          return true;
        const first = !told.has(fault);
        told.add(fault);
        return first;
      });
    },
  },
  each(
    "metadata",
    "What a provider adds to metadata is told at the end of its answer",
    (event, _side, script) => {
      if (!/^(?:response\.(?:created|done)|session\.updated)$/.test(event.type)) return event;
      const response = objectOf(event.value["response"]);
      const cut = response["status"] === "cancelled";
      const untold = event.type === "response.created" || cut || script.provider === "no metadata";
      const hidden = untold ? /^demo_/ : /^demo_input_item$/;
      const given = Object.entries(objectOf(response["metadata"])).filter(([key]) => !hidden.test(key));
      const metadata = given.length > 0 ? Object.fromEntries(given) : null;
      return withValue(event, { ...event.value, response: { ...response, metadata } });
    },
  ),
  each(
    "transcription",
    "What a transcription session does not take has other codes",
    (event, _side, script) => {
      if (event.type !== "error" || script.intent !== "transcription") return event;
      const error = objectOf(event.value["error"]);
      if (!UNFITTING.has(textOf(error["code"]))) return event;
      return withValue(event, { error: { ...error, code: "unfitting", param: null, message: "" } });
    },
  ),
  each("no words", "An item whose words are not known has no transcript", (event) =>
    event.type.startsWith("conversation.item.")
      ? withValue(
          event,
          deep(event.value, (object) =>
            !object["transcript"] && "transcript" in object ? without(object, "transcript") : object,
          ),
        )
      : event,
  ),
  each("deltas", "What a provider does not stream is told whole, without deltas", (event, _side, script) =>
    STREAMS_NO_ARGUMENTS.has(script.provider) && event.type === "response.function_call_arguments.delta"
      ? null
      : event,
  ),
  each("status", "Every item has a status", (event) =>
    withValue(
      event,
      deep(event.value, (object) =>
        textOf(object["type"]).startsWith("mcp_") ? without(object, "status", "object") : object,
      ),
    ),
  ),
  each(
    "place of a tool",
    "Items that a provider runs by itself stand before what follows them",
    (event, _side, script) =>
      script.provider === "calls tools by itself"
        ? {
            ...event,
            value: without(event.value, "previous_item_id"),
            threads: event.threads.filter((thread) => thread !== "conversation"),
          }
        : event,
  ),
  REFUSED_UPDATE,
  {
    id: "interrupted",
    what: "An answer that the caller interrupts ends where the relay heard the caller",
    rewrite: (events, _side, script) => {
      const cut = new Set(
        events.flatMap((event) => {
          const { id, status, status_details } = objectOf(event.value["response"]);
          return objectOf(status_details)["reason"] === "turn_detected" ||
            (script.detected && status === "cancelled")
            ? [textOf(id)]
            : [];
        }),
      );
      if (cut.size === 0) return events;
      return events.map((event) =>
        event.threads.some((thread) => cut.has(thread.replace(/^(response|item) /, "").replace(/\.\d+$/, "")))
          ? withValue(
              event,
              deep(event.value, (object) => without(object, "transcript", "delta", "usage")),
            )
          : event,
      );
    },
  },
  {
    id: "cost in haste",
    what: "What was cancelled costs nothing for who asks again at once, or where its account comes late",
    rewrite: (events, _side, script) => {
      // Who hangs up while it is waited for is told no end.
      const gone =
        script.provider === "accounts late" && script.steps.some((step) => step.do === "reconnect");
      const isEnd = ({ type, value }: Normal) =>
        type === "response.done" && objectOf(value["response"])["status"] === "cancelled";
      return gone ? events.filter((event) => !isEnd(event)) : events;
    },
    relax: (direct, through, script) => {
      const [one, other] = [objectOf(direct["response"]), objectOf(through["response"])];
      const untold = other["status"] === "cancelled" && objectOf(other["usage"])["total_tokens"] === 0;
      const known = script.provider !== "accounts late" && !asksAgainAtOnce(script);
      if (!untold || known) return [direct, through];
      return [
        { ...direct, response: without(one, "usage") },
        { ...through, response: without(other, "usage") },
      ];
    },
  },
  {
    id: "asked in speech",
    what: "An answer asked for in the middle of the caller's turn comes at its end, for both",
    rewrite: (events, _side, script) =>
      asksInSpeech(script) ? events.flatMap((event) => unanswered(event)) : events,
  },
  {
    id: "heard",
    what: "Of an answer that was cut, what can have been heard is kept",
    rewrite: (events, _side, script) =>
      events.map((event) => {
        const item = objectOf(event.value["item"]);
        const cut =
          event.type === "conversation.item.retrieved" &&
          (item["status"] === "incomplete" || (script.detected && item["role"] === "assistant"));
        return cut
          ? withValue(
              event,
              deep(event.value, (object) => without(object, "audio", "transcript")),
            )
          : event;
      }),
  },
  {
    id: "spoken item",
    what: "An answer that was spoken can be handed back as an item",
    rewrite: (events, _side, script) => {
      const taken = script.steps.flatMap((step) =>
        step.do === "send" && /"type":"output_audio"/.test(JSON.stringify(step.event["item"] ?? null))
          ? [textOf(step.event["event_id"]), textOf(objectOf(step.event["item"])["id"])]
          : [],
      );
      if (taken.length === 0) return events;
      return events.flatMap((event) => {
        const { error, item_id, item } = event.value;
        const about = [objectOf(error)["event_id"], item_id, objectOf(item)["id"]];
        if (about.some((name) => taken.includes(textOf(name)))) return [];
        // It is before what follows it, and costs tokens.
        return withValue(
          event,
          deep(event.value, (object) => without(object, "usage", "previous_item_id")),
        );
      });
    },
  },
  {
    id: "truncated in mid-answer",
    what: "Nothing more is sent of an item that is truncated while it grows",
    rewrite: (events) => {
      const growing = new Set<string>();
      const cut = new Set<string>();
      for (const { type, value } of events) {
        const item = textOf(value["item_id"] ?? objectOf(value["item"])["id"]);
        if (type === "response.output_item.added") growing.add(item);
        if (type === "response.output_item.done") growing.delete(item);
        if (type === "conversation.item.truncated" && growing.has(item)) cut.add(item);
      }
      if (cut.size === 0) return events;
      const answers = new Set([...cut].map((item) => item.replace(/\.\d+$/, "")));
      return events.map((event) =>
        event.threads.some(
          (thread) => cut.has(thread.replace(/^item /, "")) || answers.has(thread.replace(/^response /, "")),
        )
          ? withValue(
              event,
              deep(event.value, (object) =>
                without(object, "transcript", "delta", "usage", "audio", "status", "status_details"),
              ),
            )
          : event,
      );
    },
  },
  {
    id: "no account",
    what: "An answer whose cost the provider does not tell costs nothing",
    rewrite: (events) =>
      events.map((event) => {
        if (event.type !== "response.done") return event;
        const response = objectOf(event.value["response"]);
        const untold = response["usage"] === null || objectOf(response["usage"])["total_tokens"] === 0;
        return untold && response["status"] !== "cancelled"
          ? withValue(event, { ...event.value, response: without(response, "usage") })
          : event;
      }),
  },
  {
    id: "half a sample",
    what: "An answer that is cancelled ends with the last whole sample the relay has",
    relax: (direct, through, script) =>
      script.provider === "odd chunks" && /"response\.cancel"|"reconnect"/.test(JSON.stringify(script.steps))
        ? relaxed(direct, through, { sha: "any", moreBytes: 2 })
        : [direct, through],
  },
  {
    id: "idle",
    what: "After a silence nobody is quoted",
    relax: (direct, through, script) =>
      /"idle_timeout_ms":\d/.test(JSON.stringify(script.steps))
        ? relaxed(direct, through, {
            words: "Are you still there?",
            positions: 1_000,
            sha: "any",
            bytes: 99,
            tokens: 999,
            seconds: 1,
          })
        : [direct, through],
  },
  {
    id: "resampled",
    what: "G.711 is spoken to providers as PCM at 24 kHz",
    relax: (direct, through, script) =>
      usesG711(script)
        ? relaxed(direct, through, {
            sha: "any",
            bytes: 0.01,
            moreBytes: 10 * BYTES_PER_MS,
            samples: 3.001,
            seconds: 0.02,
          })
        : [direct, through],
  },
  {
    id: "detection",
    what: "The relay's detector decides where turns begin and end",
    relax: (direct, through, script) =>
      script.detected || script.intent === "transcription"
        ? relaxed(direct, through, {
            positions: 150,
            proof: true,
            seconds: 0.2,
            // Of what is heard. In an agent's first words a sound is listened to for 240 ms of voice (F13): so much more
            // of an answer that is cut was said, and the next one hears that.
            tokens: 12 + 3 * script.pace,
            spoken: 0,
            sha: "any",
            bytes: 0.1,
          })
        : [direct, through],
  },
];

/** PCM at 24 kHz: a resampler holds back some milliseconds that an answer cut short never gives out. */
const BYTES_PER_MS = 48;

const STREAMS_NO_ARGUMENTS: ReadonlySet<string> = new Set(["arguments at the end", "object arguments"]);

const MALFORMED: ReadonlySet<string> = new Set([
  "invalid_value",
  "invalid_type",
  "missing_required_parameter",
  "invalid_json",
  "invalid_event",
  "invalid_session_type",
  "item_reference_invalid_item_id",
]);

/** Names of events that carry no audio (episodes/updates.ts). */
const FAULTS_OF_AUDIO: ReadonlySet<string> = new Set(["mine_9", "mine_10", "mine_11"]);

const UNFITTING: ReadonlySet<string> = new Set([
  "malformed",
  "invalid_event_for_session",
  "invalid_request",
  "invalid_session_type",
  "response_cancel_not_active",
]);

/** A `response.create` in one breath with the cancel before it. */
function asksAgainAtOnce({ steps }: Script): boolean {
  let cancelled = false;
  for (const step of steps) {
    if (step.do !== "send") cancelled = cancelled && (step.do === "raw" || (step.do === "say" && step.burst));
    else if (step.event["type"] === "response.cancel") cancelled = true;
    else if (cancelled && step.event["type"] === "response.create") return true;
  }
  return false;
}

/** Speech that no silence has ended, and a `response.create`. */
function asksInSpeech({ detected, steps }: Script): boolean {
  let speaking = false;
  for (const step of steps) {
    if (step.do === "say") speaking = step.kind === "voice";
    else if (step.do === "reconnect") speaking = false;
    else if (detected && speaking && step.do === "send" && step.event["type"] === "response.create")
      return true;
  }
  return false;
}

/** Without what hangs on when an answer came. */
function unanswered(event: Normal): readonly Normal[] {
  if (/^response\.|^rate_limits|^conversation\.item\.(retrieved|truncated|deleted)|^error$/.test(event.type))
    return [];
  if (event.threads.some((thread) => thread.startsWith("item R"))) return [];
  return [{ ...event, place: "", value: without(event.value, "previous_item_id") }];
}

function usesG711(script: Script): boolean {
  if (script.provider === "speaks mu-law") return true;
  return (
    JSON.stringify(script.steps).includes('"audio/pcm') &&
    /"audio\/pcm[ua]"/.test(JSON.stringify(script.steps))
  );
}
