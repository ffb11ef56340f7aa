/** What Workers AI's schemas refuse of the inputs of the models that are used here (`@cloudflare/workers-types`, Cloudflare's pages). */
import * as v from "valibot";
import type { JsonObject } from "../../src/protocol/json.ts";

const digits = v.pipe(v.string(), v.regex(/^\d+$/));

const flux = v.strictObject({
  encoding: v.literal("linear16"),
  sample_rate: digits,
  eager_eot_threshold: v.optional(v.string()),
  eot_threshold: v.optional(v.string()),
  eot_timeout_ms: v.optional(digits),
  keyterm: v.optional(v.string()),
  mip_opt_out: v.optional(v.picklist(["true", "false"])),
  tag: v.optional(v.string()),
});

const aura = v.strictObject({
  text: v.pipe(v.string(), v.nonEmpty()),
  speaker: v.optional(v.picklist(["thalia", "luna", "orion"])),
  encoding: v.optional(v.picklist(["linear16", "flac", "mulaw", "alaw", "mp3", "opus", "aac"])),
  container: v.optional(v.picklist(["none", "wav", "ogg"])),
  sample_rate: v.optional(v.number()),
  bit_rate: v.optional(v.number()),
});

const call = v.strictObject({
  id: v.string(),
  type: v.literal("function"),
  function: v.strictObject({ name: v.string(), arguments: v.string() }),
});

const message = v.variant("role", [
  v.strictObject({ role: v.picklist(["system", "user"]), content: v.string() }),
  v.strictObject({
    role: v.literal("assistant"),
    content: v.nullable(v.string()),
    tool_calls: v.optional(v.array(call)),
  }),
  v.strictObject({ role: v.literal("tool"), content: v.string(), tool_call_id: v.string() }),
]);

const text = v.strictObject({
  messages: v.array(message),
  stream: v.literal(true),
  max_tokens: v.pipe(v.number(), v.integer()),
  tools: v.optional(
    v.array(v.looseObject({ type: v.literal("function"), function: v.looseObject({ name: v.string() }) })),
  ),
  tool_choice: v.optional(v.unknown()),
  temperature: v.optional(v.number()),
});

/** What is wrong; null: nothing. */
export function faultOf(model: string, inputs: JsonObject): string | null {
  const schema = model.endsWith("/flux") ? flux : model.includes("/aura-") ? aura : text;
  const { issues } = v.safeParse(schema, inputs);
  const [issue] = issues ?? [];
  return issue === undefined ? null : `${model}: ${v.getDotPath(issue) ?? ""}: ${issue.message}`;
}
