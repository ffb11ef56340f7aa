/** Options of the `deepgram-agent` adapter: checked, with defaults filled in, the URL made ready to dial. */
import * as v from "valibot";

import { dialHeaders, dialUrl } from "../dial-request.ts";
import { mergeDeep } from "../json.ts";
import { checkedSettings, laidOver, maxSessionMs } from "../common/read-settings.ts";
import type { DialRequest, JsonObject, UpstreamOptions } from "../upstream.ts";

export interface DeepgramAgentSettings {
  readonly turns: "client" | "server";
  /** Parts of the agent as its `Settings` have them, without what the session says. */
  readonly listen: JsonObject;
  readonly think: JsonObject;
  readonly speak: JsonObject;
  /** Laid over the `Settings` message. */
  readonly settings: JsonObject;
  readonly maxSessionMs: number | null;
  readonly request: DialRequest;
}

const URL = "wss://agent.deepgram.com/v1/agent/converse";
const THINKS = "gpt-4o-mini";
const SPEAKS = "aura-2-thalia-en";
const HEARS = { type: "deepgram", version: "v2", model: "flux-general-en" } as const;
/**
 * Flux ends no turn by itself, but after the longest silence that there is: Deepgram's recipe for who has a turn detection of
 * their own.
 */
const TOLD_OF_TURNS = { eot_threshold: 1, eot_timeout_ms: 60_000 } as const;
/** Deepgram closes every session at this age, whatever goes on in it (its page on errors). */
const MAX_SESSION_MS = 7_200_000;

const settingsSchema = v.strictObject({
  turns: v.exactOptional(v.picklist(["client", "server"])),
  listen: laidOver,
  think: laidOver,
  speak: laidOver,
  settings: laidOver,
  maxSessionMs,
});

/** @throws UpstreamOptionsError naming the field. Neither the URL nor a header value is repeated. */
export function readSettings(options: UpstreamOptions): DeepgramAgentSettings {
  const given = checkedSettings(settingsSchema, options);
  const turns = given.turns ?? "client";
  const hears = turns === "client" ? { ...HEARS, ...TOLD_OF_TURNS } : HEARS;
  const thinks = { provider: { type: "open_ai", model: options.model ?? THINKS } };
  return {
    turns,
    listen: mergeDeep({ provider: hears }, given.listen ?? {}),
    think: mergeDeep(thinks, given.think ?? {}),
    speak: mergeDeep({ provider: { type: "deepgram", model: SPEAKS } }, given.speak ?? {}),
    settings: given.settings ?? {},
    maxSessionMs: given.maxSessionMs === undefined ? MAX_SESSION_MS : given.maxSessionMs,
    request: {
      url: dialUrl(options.url ?? URL),
      headers: dialHeaders(options.headers ?? {}),
      protocols: [],
    },
  };
}
