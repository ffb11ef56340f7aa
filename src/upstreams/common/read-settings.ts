/** An adapter's own settings, checked by its schema. */
import * as v from "valibot";

import { type JsonObject, type UpstreamOptions, UpstreamOptionsError } from "../upstream.ts";

const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What is laid over a message: an object of the provider's, whatever its members. */
export const laidOver = v.exactOptional(v.custom<JsonObject>(isObject, "an object"));

/** The age at which the provider ends a connection; null: at none. */
export const maxSessionMs = v.exactOptional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1))));

/**
 * @param otherwise what was expected where the schema does not say; absent: its message.
 * @throws UpstreamOptionsError naming the field. No value is repeated.
 */
export function checkedSettings<Schema extends v.GenericSchema>(
  schema: Schema,
  { settings = {} }: UpstreamOptions,
  otherwise?: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, settings, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = ["settings", v.getDotPath(issue)].filter(Boolean).join(".");
  throw new UpstreamOptionsError(`${field}: expected ${issue.expected ?? otherwise ?? issue.message}.`);
}
