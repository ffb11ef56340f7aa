/** Models that a binding of the Worker runs, from the options of an upstream or a part. */
import { type DialRequest, type JsonObject, type ModelRun, UpstreamOptionsError } from "../upstream.ts";
import type { UpstreamOptions } from "../upstream.ts";

/** As env.AI.run takes it: what the model is asked is given later. @throws UpstreamOptionsError naming the field. */
export function modelOf(
  { binding, model, url, headers }: UpstreamOptions,
  gives: ModelRun["gives"],
): (inputs: JsonObject) => DialRequest {
  if (binding === undefined || binding === "")
    throw new UpstreamOptionsError("binding: expected the name of a Workers AI binding.");
  if (model === undefined) throw new UpstreamOptionsError("model: expected a model's name.");
  if (url !== undefined) throw new UpstreamOptionsError("url: a model that a binding runs has no address.");
  if (headers !== undefined)
    throw new UpstreamOptionsError("headers: a model that a binding runs is sent none.");
  return (inputs) => ({
    url: `binding:${binding}/${model}`,
    headers: {},
    protocols: [],
    run: { binding, model, inputs, gives },
  });
}

/** @throws UpstreamOptionsError where something that is dialled names a binding. */
export function noBinding({ binding }: UpstreamOptions): void {
  if (binding !== undefined)
    throw new UpstreamOptionsError("binding: this adapter dials an address, and no binding.");
}
