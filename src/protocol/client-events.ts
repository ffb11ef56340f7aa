/**
 * Client events of OpenAI Realtime GA (eleven) and of `duplex.v1`, validated once, here. Fields the schemas do not
 * know are kept, not refused: a relay that rejects breaks first when an SDK adds one. Audio appends normally never
 * come this way (see `append.ts`).
 */
import * as v from "valibot";

import { refuseBetaFields } from "./beta-fields.ts";
import { ClientError } from "./client-error.ts";
import { EVENT_ID_MAX } from "./event-id.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { eventWithoutNulls } from "./nulls.ts";

/** Nearly every message is one of these. */
export const APPEND = "input_audio_buffer.append";
/** The largest number of a message: those of frames have 32 bits (frame.ts). */
const SEQUENCE_MAX = 0xffff_ffff;

const json = v.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "Expected an object",
);
const any = v.custom<Json>(() => true);
const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(128));
const index = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const milliseconds = v.pipe(v.number(), v.finite(), v.minValue(0));

const item = v.looseObject({ id: v.optional(id), type: v.string() });

const responseParams = v.looseObject({
  conversation: v.optional(v.picklist(["auto", "none"])),
  metadata: v.optional(v.record(v.string(), v.string())),
  input: v.optional(v.array(v.looseObject({ type: v.string() }))),
  instructions: v.optional(v.string()),
  output_modalities: v.optional(
    v.pipe(
      v.array(v.picklist(["audio", "text"])),
      v.check((each) => each.length === 1, "either audio or text"),
    ),
  ),
  tools: v.optional(v.array(json)),
  max_output_tokens: v.optional(v.union([v.pipe(v.number(), v.integer(), v.minValue(1)), v.literal("inf")])),
});

const plan = v.object({
  strategy: v.picklist(["single", "failover", "race", "hedge", "panel"]),
  hedge_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(30_000))),
  upstreams: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(128))), v.maxLength(16))),
});

/** Nulls are gone by now (`nulls.ts`). */
const event = { event_id: v.optional(v.pipe(v.string(), v.maxLength(EVENT_ID_MAX))) };

const clientEvent = v.variant("type", [
  v.object({ type: v.literal("session.update"), ...event, session: json }),
  v.object({ type: v.literal(APPEND), ...event, audio: v.string() }),
  v.object({ type: v.literal("input_audio_buffer.commit"), ...event }),
  v.object({ type: v.literal("input_audio_buffer.clear"), ...event }),
  v.object({ type: v.literal("output_audio_buffer.clear"), ...event }),
  v.object({
    type: v.literal("conversation.item.create"),
    ...event,
    item,
    previous_item_id: v.optional(v.string()),
  }),
  v.object({ type: v.literal("conversation.item.delete"), ...event, item_id: id }),
  v.object({ type: v.literal("conversation.item.retrieve"), ...event, item_id: id }),
  v.object({
    type: v.literal("conversation.item.truncate"),
    ...event,
    item_id: id,
    content_index: v.optional(index, 0),
    audio_end_ms: milliseconds,
  }),
  v.object({
    type: v.literal("response.create"),
    ...event,
    response: v.optional(responseParams),
  }),
  v.object({ type: v.literal("response.cancel"), ...event, response_id: v.optional(id) }),
  v.object({
    type: v.literal("playback.ack"),
    ...event,
    item_id: id,
    content_index: v.optional(index, 0),
    played_ms: milliseconds,
  }),
  v.object({ type: v.literal("relay.delegation.cancel"), ...event, delegation_id: id }),
  v.object({ type: v.literal("relay.plan.update"), ...event, plan }),
  // Its members are looked at by who says it, for a client and an application alike.
  v.object({
    type: v.literal("relay.say"),
    ...event,
    text: v.optional(any),
    audio: v.optional(any),
    sound: v.optional(any),
    say_id: v.optional(any),
    interrupt: v.optional(any),
    expires_ms: v.optional(any),
  }),
  v.object({ type: v.literal("session.ack"), ...event, last_received: index }),
  v.object({ type: v.literal("session.heartbeat"), ...event }),
  v.object({
    type: v.literal("session.resume"),
    ...event,
    resume_token: v.pipe(v.string(), v.maxLength(256)),
    last_received: index,
  }),
]);

/** Of all events that there are. */
export const CLIENT_EVENT_TYPES: readonly ClientEvent["type"][] = clientEvent.options.map(
  ({ entries }) => entries.type.literal,
);

export type ClientEvent = v.InferOutput<typeof clientEvent>;
/** Every event but the audio. */
export type PlainEvent = Exclude<ClientEvent, { readonly type: typeof APPEND }>;
export type ResponseParams = v.InferOutput<typeof responseParams>;

/** Events that exist only after `duplex.v1` was negotiated. */
export const EXTENSION_EVENTS: ReadonlySet<string> = new Set([
  "playback.ack",
  "relay.delegation.cancel",
  "relay.plan.update",
  "relay.say",
  "session.ack",
  "session.heartbeat",
  "session.resume",
]);

/** Causes of the relay's own begin so (session/control/names.ts): no client names one. */
const RESERVED = "relay:control:";

/** `id` as an answer bears it: as long as an event_id may be, or null. */
export function namedEventId(id: Json | undefined): string | null {
  return typeof id === "string" && !id.startsWith(RESERVED) ? id.slice(0, EVENT_ID_MAX) : null;
}

/** The `event_id` that an answer to this message bears. */
export function eventIdOf(message: JsonObject | null): string | null {
  return namedEventId(message?.["event_id"]);
}

/** `client_event_seq`; 0: not numbered. @throws ClientError when it is no number of a message. */
export function sequenceOf(message: JsonObject): number {
  const sequence = message["client_event_seq"] ?? 0;
  if (typeof sequence === "number" && Number.isInteger(sequence)) {
    if (sequence >= 0 && sequence <= SEQUENCE_MAX) return sequence;
  }
  throw new ClientError(
    "invalid_value",
    "Invalid 'client_event_seq': expected an integer of 0 to 4294967295.",
    "client_event_seq",
  );
}

/** @throws ClientError naming the field. */
export function readClientEvent(given: JsonObject): ClientEvent {
  const message = eventWithoutNulls(given);
  const type = message["type"];
  if (typeof type !== "string") {
    throw new ClientError("missing_required_parameter", "Missing required parameter: 'type'.", "type");
  }
  const { response } = message;
  if (type === "response.create" && isJsonObject(response)) refuseBetaFields(response, "response");
  const result = v.safeParse(clientEvent, message, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const param = v.getDotPath(issue);
  if (param === null || param === "type") {
    throw new ClientError("invalid_value", `Unknown client event type: '${type.slice(0, 64)}'.`, "type");
  }
  if (issue.received === "undefined") {
    throw new ClientError("missing_required_parameter", `Missing required parameter: '${param}'.`, param);
  }
  throw new ClientError(
    "invalid_type",
    `Invalid '${param}': expected ${describe(issue.expected, issue.message)}.`,
    param,
  );
}

function describe(expected: string | null, message: string): string {
  return expected ?? message.toLowerCase();
}
