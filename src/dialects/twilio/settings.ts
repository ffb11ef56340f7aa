/** `twilio` of relay.config.ts: who may call, and what answers. */
import * as v from "valibot";
import { sessionDefaults } from "../../config/sessions.ts";
import type { JsonObject } from "../../protocol/json.ts";

const binding = v.pipe(v.string(), v.regex(/^[A-Za-z_]\w*$/, "a binding's name is an identifier"));

const answer = v.strictObject({
  /** A route of this file, or whatever its default route takes. Absent: the default route. */
  model: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(256))),
  /** The agent speaks first: true, or what it is to say (instructions of that one answer). */
  greeting: v.optional(v.union([v.boolean(), v.pipe(v.string(), v.nonEmpty(), v.maxLength(4000))]), true),
  /** Keys that the caller presses are told to the model. */
  keys: v.optional(v.boolean(), true),
  /** Defaults in the shape of OpenAI's session object, over those of the route. */
  session: v.optional(sessionDefaults, {}),
});

export const twilioSettings = v.strictObject({
  /** The account's auth token, with which Twilio signs. Without it calls are taken in development only. */
  authToken: v.optional(v.strictObject({ env: binding })),
  /** As Twilio knows this relay, where a proxy stands before it: `https://voice.example.com`. */
  publicUrl: v.optional(
    v.pipe(v.string(), v.regex(/^https:\/\/[\w.-]+(:\d+)?$/, "expected https://host, without a path")),
  ),
  /** Id of the API key on whose account calls run. Absent: one of their own, `@twilio`, with the limits of this file. */
  key: v.optional(v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/, "expected the id of an API key"))),
  /** By the number that was called, as Twilio writes it (`+15551234567`); `"*"`: any other. */
  numbers: v.record(
    v.pipe(
      v.string(),
      v.check(
        (number) => !/^[+\d(]/.test(number) || /^\+?\d+$/.test(number),
        "a number is written as Twilio does, without spaces and signs: +15551234567",
      ),
    ),
    answer,
  ),
});

export type TwilioSettings = v.InferOutput<typeof twilioSettings>;
export type Answer = TwilioSettings["numbers"][string];

/** What the codec of one call is told. */
const callSettings = v.object({
  /** The carrier's name of the call; null: any. */
  call: v.optional(v.nullable(v.string()), null),
  greeting: v.optional(v.union([v.boolean(), v.string()]), false),
  keys: v.optional(v.boolean(), true),
});

export type CallSettings = v.InferOutput<typeof callSettings>;

/** As a door of any version said it: what it did not say is off. */
export function readCallSettings(settings: JsonObject): CallSettings {
  const result = v.safeParse(callSettings, settings);
  return result.success ? result.output : v.parse(callSettings, {});
}
