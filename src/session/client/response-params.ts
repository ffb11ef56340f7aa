/** The client's `response.create` parameters: checked where an upstream would refuse them, and as they go up. */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import { OWN_VOICE } from "../../protocol/session-config.ts";
import { checkInputItem, type AudioBound } from "./item-check.ts";

/** @throws ClientError naming the first item of `input` that is wrong or unknown. */
export function checkInput(
  params: ResponseParams,
  knows: (itemId: string) => boolean,
  bound: AudioBound,
): void {
  let leftMs = bound.ms;
  for (const [index, item] of (params.input ?? []).entries()) {
    const path = `response.input[${index}]`;
    if (item.type !== "item_reference") {
      // What came from a JSON schema is JSON.
      leftMs -= checkInputItem(item as JsonObject, path, { ...bound, ms: leftMs });
      continue;
    }
    const id = item["id"];
    if (typeof id === "string" && knows(id)) continue;
    throw new ClientError(
      "item_reference_invalid_item_id",
      `No item with id '${String(id).slice(0, 128)}' exists in the conversation.`,
      `${path}.id`,
    );
  }
}

/** Without the name under which an answer shows a voice that nobody chose: handed back it chooses none. */
export function withoutOwnVoice(params: ResponseParams): ResponseParams {
  const { audio } = params;
  const output = isJsonObject(audio as JsonObject) ? (audio as JsonObject)["output"] : undefined;
  if (!isJsonObject(output) || output["voice"] !== OWN_VOICE) return params;
  const { voice: _, ...rest } = output;
  return { ...params, audio: { ...(audio as JsonObject), output: rest } };
}
