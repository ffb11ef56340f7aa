/** An adapter's own settings, checked by its schema. */
import * as v from "valibot";

import { type UpstreamOptions, UpstreamOptionsError } from "../upstream.ts";

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
