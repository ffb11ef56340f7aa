/**
 * Models that a binding of the Worker runs (Workers AI). The binding is always asked for its raw response: it keeps the options
 * of the call that came last for all that are under way, and would read another's answer as this one asked for.
 */
import type { ModelRun } from "../src/upstreams/upstream.ts";

/** What is used of the binding (`Ai` of `@cloudflare/workers-types`). */
interface AiService {
  run(model: string, inputs: object, options: AiRunOptions): Promise<unknown>;
}

interface AiRunOptions {
  readonly returnRawResponse: true;
  readonly websocket?: true;
  readonly signal?: AbortSignal;
}

/** Its message is fit for a client: static text or a status. */
export class DialError extends Error {}

/** Of an error in place of a socket; one that is longer says nothing here. */
const MOST_REFUSAL_BYTES = 4096;
const INTERNAL_CODE = /"(?:internalCode|code)"\s*:\s*(\d{4})\b/;

/** @throws DialError where there is no such binding, or what it gives is no response. */
export async function runModel(
  { binding, model, inputs, gives }: ModelRun,
  bindings: object,
  signal: AbortSignal,
): Promise<Response> {
  const service: unknown = Reflect.get(bindings, binding);
  if (typeof service !== "object" || service === null)
    throw new DialError(`the Worker has no binding ${binding}`);
  const options: AiRunOptions = {
    returnRawResponse: true,
    ...(gives === "socket" && { websocket: true }),
    signal,
  };
  const given = await (service as AiService).run(model, inputs, options);
  if (isResponse(given)) return given;
  throw new DialError(`the binding ${binding} gave no response`);
}

function isResponse(given: unknown): given is Response {
  return given instanceof Response;
}

/** @throws DialError with the status, and the number that Workers AI gives its error. */
export async function refusalOf(response: Response): Promise<DialError> {
  const [, code] = INTERNAL_CODE.exec(await frontOf(response)) ?? [];
  return new DialError(`HTTP ${response.status}${code === undefined ? "" : `, error ${code}`}`);
}

async function frontOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true });
    if (text.length > MOST_REFUSAL_BYTES) break;
  }
  return text;
}
