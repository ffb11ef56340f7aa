/** `codecs` of relay.config.ts: what some adapters need and most deployments do not, imported by who has such an upstream. */
import * as v from "valibot";
import type { Codecs } from "../upstreams/codecs.ts";
import { CODECS } from "../upstreams/index.ts";

export const codecFields = {
  /** `{ opus }` of `./durable-objects/opus.ts`, for adapter `moshi`. */
  codecs: v.optional(
    v.strictObject({
      opus: v.optional(v.custom<NonNullable<Codecs["opus"]>>((given) => typeof given === "function")),
    }),
  ),
};

interface Dialled {
  readonly adapter: string;
  readonly fallback?: readonly { readonly adapter: string }[] | undefined;
}

interface Whole {
  readonly codecs?: Codecs | undefined;
  readonly routes: Readonly<Record<string, { readonly upstreams: readonly Dialled[] }>>;
}

/** An upstream whose codec nobody handed over. */
export function faultOfCodecs({ codecs, routes }: Whole) {
  for (const [route, { upstreams }] of Object.entries(routes)) {
    for (const [index, { adapter, fallback = [] }] of upstreams.entries()) {
      for (const one of [adapter, ...fallback.map((each) => each.adapter)]) {
        const codec = CODECS.get(one);
        if (codec === undefined || codecs?.[codec] !== undefined) continue;
        const message = `adapter '${one}' needs 'codecs: { ${codec} }', with: import { ${codec} } from "./durable-objects/${codec}.ts"`;
        return { path: ["routes", route, "upstreams", index], message };
      }
    }
  }
  return null;
}
