/** Options of the `openai-live` adapter: checked, with defaults filled in, the URL made ready to dial. */
import * as v from "valibot";

import { type AudioFormat, PCM_24K } from "../../audio/format.ts";
import { dialHeaders, dialUrl } from "../dial-request.ts";
import { checkedSettings, laidOver, maxSessionMs } from "../common/read-settings.ts";
import type { DialRequest, JsonObject, UpstreamOptions } from "../upstream.ts";

export interface LiveSettings {
  readonly model: string;
  readonly format: AudioFormat;
  /** Who does what the model cannot: `delegation` of the session, without the tools that the session brings. */
  readonly delegation: JsonObject & { readonly type: "client" | "responses" | "decisions" };
  /** Name of the call that a task for the client is told as. */
  readonly tool: string;
  /** Laid over the session that is started: `store`, `safety_identifier`, `triggers` … */
  readonly session: JsonObject;
  readonly maxSessionMs: number | null;
  readonly request: DialRequest;
}

const URL = "wss://api.openai.com/v1/live/sessions";
const MODEL = "gpt-live-1";
const TOOL = "delegate";
/** Sessions that others recorded expire so long after their `session.start`; each says when. */
const LONGEST_MS = 2 * 60 * 60_000;

const settingsSchema = v.strictObject({
  format: v.exactOptional(
    v.variant("type", [
      v.strictObject({ type: v.literal("audio/pcm"), rate: v.picklist([16_000, 24_000]) }),
      v.strictObject({ type: v.literal("audio/pcmu") }),
      v.strictObject({ type: v.literal("audio/pcma") }),
    ]),
  ),
  delegation: v.exactOptional(
    v.pipe(
      v.looseObject({ type: v.picklist(["client", "responses", "decisions"]) }),
      v.transform((value) => value as unknown as LiveSettings["delegation"]),
    ),
  ),
  tool: v.exactOptional(v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/))),
  session: laidOver,
  maxSessionMs,
});

/** @throws UpstreamOptionsError naming the field. Neither the URL nor a header value is repeated. */
export function readSettings(options: UpstreamOptions): LiveSettings {
  const given = checkedSettings(settingsSchema, options);
  return {
    model: options.model ?? MODEL,
    format: given.format ?? PCM_24K,
    delegation: given.delegation ?? { type: "client" },
    tool: given.tool ?? TOOL,
    session: given.session ?? {},
    maxSessionMs: given.maxSessionMs === undefined ? LONGEST_MS : given.maxSessionMs,
    request: {
      url: dialUrl(options.url ?? URL),
      headers: dialHeaders(options.headers ?? {}),
      protocols: [],
    },
  };
}
