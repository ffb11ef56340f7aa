/** The registry of client dialects: the only place that knows their names. */
import * as v from "valibot";
import type { Codec, Dialect, DialectTraits } from "./dialect.ts";
import type { JsonObject } from "../protocol/json.ts";
import { duplex } from "./duplex.ts";
import { openai } from "./openai.ts";
import { openaiBeta } from "./openai-beta/index.ts";
import { plivo, telnyx, twilio } from "./twilio/index.ts";
import { twilioSettings } from "./twilio/settings.ts";
import { vllmOmni } from "./vllm-omni/index.ts";

const DIALECTS = {
  realtime: openai,
  "openai-beta": openaiBeta,
  "duplex.v1": duplex,
  "vllm-omni": vllmOmni,
  twilio,
  telnyx,
  plivo,
} as const satisfies Record<string, Dialect>;

/** What relay.config.ts says of doors that dialects have of their own, by the door's name. */
export const doorSettings = { twilio: v.optional(twilioSettings) };

/** What a client understands. */
export type DialectName = keyof typeof DIALECTS;

export const dialectNames = Object.keys(DIALECTS) as readonly string[] as readonly DialectName[];

/** Of nobody: no client came yet. */
const NONE: DialectTraits = openai.traits;

export function traitsOf(name: DialectName | null): DialectTraits {
  return name === null ? NONE : DIALECTS[name].traits;
}

/** Null: this client's wire is the session's own. */
export function createCodec(name: DialectName | null, settings: JsonObject): Codec | null {
  const dialect: Dialect | null = name === null ? null : DIALECTS[name];
  return dialect?.codec?.(settings) ?? null;
}
