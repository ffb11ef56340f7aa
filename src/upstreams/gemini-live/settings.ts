/** Options of the `gemini-live` adapter: checked, with defaults filled in, the URL made ready to dial. */
import * as v from "valibot";

import { dialHeaders, dialUrl } from "../dial-request.ts";
import { checkedSettings, laidOver, maxSessionMs } from "../common/read-settings.ts";
import {
  type DialRequest,
  type JsonObject,
  type UpstreamOptions,
  UpstreamOptionsError,
} from "../upstream.ts";

export interface GeminiSettings {
  readonly turns: "client" | "server";
  /** `models/…` on the Gemini API; on Vertex AI the full resource name. */
  readonly model: string;
  /** Instructions and tools may be changed in mid-call (`contextUpdate`). */
  readonly updates: boolean;
  /** Contents are taken before the conversation only; in its midst they would end the connection. */
  readonly seeds: boolean;
  readonly maxSessionMs: number | null;
  /** Laid over the `setup` message that the adapter makes. */
  readonly setup: JsonObject;
  readonly request: DialRequest;
}

const SERVICE = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage";
/** What `@google/genai` 3.3 dials; an ephemeral token has a method and a version of its own. */
const WITH_KEY = `${SERVICE}.v1beta.GenerativeService.BidiGenerateContent`;
const WITH_TOKEN = `${SERVICE}.v1alpha.GenerativeService.BidiGenerateContentConstrained`;
/** A connection lives for about ten minutes; `goAway` comes a minute before (Google's guide to sessions). */
const MAX_SESSION_MS = 600_000;
const KEY_HEADER = "x-goog-api-key";

const settingsSchema = v.strictObject({
  turns: v.exactOptional(v.picklist(["client", "server"])),
  updates: v.exactOptional(v.boolean()),
  seeds: v.exactOptional(v.boolean()),
  maxSessionMs,
  setup: laidOver,
});

/** @throws UpstreamOptionsError naming the field. Neither the URL nor a header value is repeated. */
export function readSettings(options: UpstreamOptions): GeminiSettings {
  const given = checkedSettings(settingsSchema, options);
  const { model } = options;
  if (model === undefined || model === "") throw new UpstreamOptionsError("model: expected a model's name.");
  return {
    turns: given.turns ?? "client",
    model: model.includes("/") ? model : `models/${model}`,
    updates: given.updates ?? /gemini-(?:3\.[89]|[4-9])/.test(model),
    seeds: given.seeds ?? /gemini-(?:live-)?(?:3\.|[4-9])/.test(model),
    maxSessionMs: given.maxSessionMs === undefined ? MAX_SESSION_MS : given.maxSessionMs,
    setup: given.setup ?? {},
    request: request(options.url, options.headers ?? {}),
  };
}

/**
 * The key travels as Google's own clients send it, in the query; the configuration keeps it in `x-goog-api-key`, because
 * what stands in headers is known to be secret. Vertex AI takes an `Authorization` header, which stays one.
 */
function request(url: string | undefined, headers: Readonly<Record<string, string>>): DialRequest {
  const all = dialHeaders(headers);
  const name = Object.keys(all).find((each) => each.toLowerCase() === KEY_HEADER);
  const key = name === undefined ? undefined : all[name]?.trim();
  if (name !== undefined) delete all[name];
  const isToken = key?.startsWith("auth_tokens/") ?? false;
  const query = key === undefined ? {} : { [isToken ? "access_token" : "key"]: key };
  return { url: dialUrl(url ?? (isToken ? WITH_TOKEN : WITH_KEY), query), headers: all, protocols: [] };
}
