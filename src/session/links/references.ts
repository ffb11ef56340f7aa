/** Items that a request for an answer refers to. */
import { isJsonObject, type Json } from "../../protocol/json.ts";
import type { RespondOptions } from "../../upstreams/upstream.ts";

/** The same request with every `item_reference` of its input under the name that `names` has for the item. */
export function renamedReferences(
  options: RespondOptions,
  names: ReadonlyMap<string, string>,
): RespondOptions {
  const { input } = options.params;
  if (!Array.isArray(input)) return options;
  const renamed = input.map((item: Json): Json => {
    if (!isJsonObject(item) || item["type"] !== "item_reference") return item;
    const id = item["id"];
    return { ...item, id: (typeof id === "string" ? names.get(id) : undefined) ?? id ?? null };
  });
  return { ...options, params: { ...options.params, input: renamed } };
}
