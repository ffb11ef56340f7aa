/** What a configuration names and does not hold. */
import * as v from "valibot";

export const binding = v.pipe(v.string(), v.regex(/^[A-Za-z_]\w*$/, "a binding's name is an identifier"));

/** A secret is named, never written: `{ env: "OPENAI_API_KEY", prefix: "Bearer " }`. */
export const header = v.union([v.string(), v.strictObject({ env: binding, prefix: v.optional(v.string()) })]);
