/** What opens doors is not shown, and not copied. */
import type { JsonObject } from "../json.ts";

/** Resume tokens, client secrets, API keys of the relay's and of providers'. */
const SECRETS = /\b((?:rt|ek|sk|rk|relay-dev)(?=[_-])|AIza)[\w-]{6,}/g;
/** Tokens of sessions and of others: three parts, the first of them JSON. */
const JWT = /\beyJ[\w-]+\.[\w-]+\.[\w-]+/g;
const NAMED = /token$|secret|api_?key|authorization/i;

/** As JSON, with secrets shortened to what kind they are. */
export function redacted(value: JsonObject, indent?: number): string {
  const replace = (name: string, field: unknown): unknown => {
    if (name === "headers" && typeof field === "object" && field !== null)
      return Object.fromEntries(Object.keys(field).map((each) => [each, "…"]));
    return typeof field === "string" && NAMED.test(name) ? `${field.slice(0, 3)}…` : field;
  };
  const text = JSON.stringify(value, replace, indent).replace(JWT, "eyJ…");
  return text.replace(SECRETS, (_, kind: string) => `${kind}_…`);
}
