/** What opens doors is not shown, and not copied. */
import type { JsonObject } from "../json.ts";

/** Resume tokens, client secrets, OpenAI's keys. */
const SECRETS = /\b(rt|ek|sk)_?-?[\w-]{6,}/g;
const NAMED = /token$|secret|api_?key|authorization/i;

/** As JSON, with secrets shortened to what kind they are. */
export function redacted(value: JsonObject, indent?: number): string {
  const replace = (name: string, field: unknown): unknown =>
    typeof field === "string" && NAMED.test(name) ? `${field.slice(0, 3)}…` : field;
  return JSON.stringify(value, replace, indent).replace(SECRETS, (_, kind: string) => `${kind}_…`);
}
