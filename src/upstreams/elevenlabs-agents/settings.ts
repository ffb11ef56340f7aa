/** Options of the `elevenlabs-agents` adapter: checked, with defaults filled in, the URL made ready to dial. */
import * as v from "valibot";

import { dialHeaders, dialUrl } from "../dial-request.ts";
import { checkedSettings, laidOver, maxSessionMs } from "../common/read-settings.ts";
import {
  type DialRequest,
  type JsonObject,
  type UpstreamOptions,
  UpstreamOptionsError,
} from "../upstream.ts";

/** What of an agent a conversation may set for itself, where the agent's security settings allow it. */
export type Override = "instructions" | "voice" | "speed" | "text";

export interface AgentSettings {
  readonly overrides: ReadonlySet<Override>;
  /** Laid over the first message: `dynamic_variables`, `user_id`, `custom_llm_extra_body` … */
  readonly initiation: JsonObject;
  readonly maxSessionMs: number | null;
  readonly request: DialRequest;
}

const URL = "wss://api.elevenlabs.io/v1/convai/conversation";
/** The main protocol of ElevenLabs' own client. */
const PROTOCOL = "convai";
/** `conversation.max_duration_seconds` of an agent that sets none (reference of ElevenLabs' agents API). */
const MAX_SESSION_MS = 600_000;

const settingsSchema = v.strictObject({
  overrides: v.exactOptional(v.array(v.picklist(["instructions", "voice", "speed", "text"]))),
  initiation: laidOver,
  maxSessionMs,
});

/** @throws UpstreamOptionsError naming the field. Neither the URL nor a header value is repeated. */
export function readSettings(options: UpstreamOptions): AgentSettings {
  const given = checkedSettings(settingsSchema, options);
  const agent = options.model ?? "";
  if (agent === "" && options.url === undefined)
    throw new UpstreamOptionsError("model: expected an agent's id.");
  const query: Readonly<Record<string, string>> = agent === "" ? {} : { agent_id: agent };
  return {
    overrides: new Set(given.overrides),
    initiation: given.initiation ?? {},
    maxSessionMs: given.maxSessionMs === undefined ? MAX_SESSION_MS : given.maxSessionMs,
    request: {
      url: dialUrl(options.url ?? URL, query),
      headers: dialHeaders(options.headers ?? {}),
      protocols: [PROTOCOL],
    },
  };
}
