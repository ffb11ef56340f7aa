/** What is dialled, or run by a binding, as relay.config.ts says it. */
import * as v from "valibot";
import { type Json, type JsonObject, isJsonObject } from "../protocol/json.ts";
import type { UpstreamOptions } from "../upstreams/upstream.ts";
import { binding, header } from "./named.ts";

const jsonObject = v.custom<{ readonly [key: string]: Json }>(
  (value) => isJsonObject(value as Json),
  "expected an object",
);

/** What is dialled. */
export const single = {
  /** Name in the registry of src/upstreams/index.ts. */
  adapter: v.pipe(v.string(), v.nonEmpty()),
  /** `http(s):` or `ws(s):`, or the binding that holds it. */
  url: v.optional(v.union([v.pipe(v.string(), v.url()), v.strictObject({ env: binding })])),
  /** What the provider is asked for. `"*"`: whatever model string the client asked the relay for. */
  model: v.optional(v.pipe(v.string(), v.nonEmpty())),
  headers: v.optional(v.record(v.string(), header)),
  /** Of `workers-ai…`: the Worker's binding that runs the model, instead of an address. */
  binding: v.optional(binding),
  /** Adapter-specific data, checked by the adapter. */
  settings: v.optional(jsonObject),
};

interface Run {
  readonly adapter: string;
  readonly binding?: string | undefined;
  readonly url?: unknown;
  readonly headers?: unknown;
}
/** A model is run by a binding, or dialled. */
export const isRunOrDialled = ({ adapter, binding: name, url, headers }: Run): boolean => {
  const run = adapter.startsWith("workers-ai");
  return run === (name !== undefined) && !(run && (url !== undefined || headers !== undefined));
};
export const RUN =
  "adapters 'workers-ai…' need a 'binding' and have neither 'url' nor 'headers'; others have no 'binding'";

interface Named extends Run {
  readonly model?: string | undefined;
  readonly settings?: JsonObject | undefined;
}

/** As its adapter's options, before what it names of the Worker's environment is known. */
export function named({ adapter, url, model, binding: bound, settings }: Named): UpstreamOptions {
  return {
    adapter,
    ...(url !== undefined && { url: typeof url === "string" ? url : "https://named.invalid/" }),
    ...(model !== undefined && { model }),
    ...(bound !== undefined && { binding: bound }),
    ...(settings !== undefined && { settings }),
  };
}

export const part = v.pipe(
  v.strictObject(single),
  v.check((one) => isRunOrDialled(one), RUN),
);
