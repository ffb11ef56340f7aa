/**
 * Where the client was told otherwise than the provider said: paths with both sides, short enough to read. The relay may
 * tell more where the provider said nothing (words that grow, whole usage), never something else.
 */
import { isJsonObject, type Json } from "../../src/protocol/json.ts";

const MAX_CHARS = 160;
const MAY_ADD = /\.(?:grown|reason|usage|usage\..*)$/;

export function differences(said: Json, told: Json, path = ""): readonly string[] {
  if (Array.isArray(said) && Array.isArray(told)) {
    const length = Math.max(said.length, told.length);
    return Array.from({ length }, (_, at) => at).flatMap((at) =>
      differences(said[at] ?? null, told[at] ?? null, `${path}[${at}]`),
    );
  }
  if (said === null && MAY_ADD.test(path)) return [];
  if (isJsonObject(said) && isJsonObject(told)) {
    const keys = new Set([...Object.keys(said), ...Object.keys(told)]);
    return [...keys].flatMap((key) =>
      differences(said[key] ?? null, told[key] ?? null, path === "" ? key : `${path}.${key}`),
    );
  }
  if (JSON.stringify(said) === JSON.stringify(told)) return [];
  return [`${path}: the provider said ${short(said)}, the client was told ${short(told)}`];
}

function short(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)}… (${text.length} characters)`;
}
