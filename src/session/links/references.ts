/** Items that a command names, where the upstream knows them under another name. */
import { isJsonObject, type Json } from "../../protocol/json.ts";
import type { Command, RespondOptions } from "../../upstreams/upstream.ts";

/** The command as the upstream understands it. */
export function renamed(command: Command, names: ReadonlyMap<string, string>): Command {
  if (names.size === 0) return command;
  if (command.type === "delete" || command.type === "truncate")
    return { ...command, itemId: names.get(command.itemId) ?? command.itemId };
  if (command.type === "respond") return { ...command, options: renamedReferences(command.options, names) };
  if (command.type !== "item" || command.previousItemId === null) return command;
  return { ...command, previousItemId: names.get(command.previousItemId) ?? command.previousItemId };
}

/** The same request with every `item_reference` of its input under the name that `names` has for the item. */
function renamedReferences(options: RespondOptions, names: ReadonlyMap<string, string>): RespondOptions {
  const { input } = options.params;
  if (!Array.isArray(input)) return options;
  const references = input.map((item: Json): Json => {
    if (!isJsonObject(item) || item["type"] !== "item_reference") return item;
    const id = item["id"];
    return { ...item, id: (typeof id === "string" ? names.get(id) : undefined) ?? id ?? null };
  });
  return { ...options, params: { ...options.params, input: references } };
}
