/** Options of the `openai-compatible` adapter: checked, with defaults filled in, the URL made ready to dial. */
import * as v from "valibot";

import { type AudioFormat, isRateHz, PCM_24K, type ProviderFormat } from "../../audio/format.ts";
import { dialHeaders, dialUrl } from "../dial-request.ts";
import { checkedSettings } from "../common/read-settings.ts";
import { PROFILES, type ProfileName, type Quirks } from "./profiles.ts";
import type { DialRequest, JsonObject, UpstreamOptions } from "../upstream.ts";

export interface OpenAiSettings {
  readonly turns: "client" | "server";
  readonly input: AudioFormat;
  readonly output: ProviderFormat;
  readonly quirks: Quirks;
  /** Named in the session; null: in the URL, or nowhere. */
  readonly model: string | null;
  readonly request: DialRequest;
}

const flag = v.exactOptional(v.boolean());
const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const format = v.variant("type", [
  v.strictObject({ type: v.literal("audio/pcm"), rate: v.picklist([8000, 16000, 24000, 48000]) }),
  v.strictObject({ type: v.literal("audio/pcmu") }),
  v.strictObject({ type: v.literal("audio/pcma") }),
]);

/** What a provider speaks may have any rate that can be resampled. */
const outputFormat = v.variant("type", [
  v.strictObject({
    type: v.literal("audio/pcm"),
    rate: v.custom<number>(isRateHz, "a whole rate from 8000 to 96000 Hz"),
  }),
  v.strictObject({ type: v.literal("audio/pcmu") }),
  v.strictObject({ type: v.literal("audio/pcma") }),
]);

const quirks = v.strictObject({
  sessionShape: v.exactOptional(v.picklist(["ga", "beta", "xai"])),
  betaHeader: flag,
  readyOn: v.exactOptional(v.picklist(["session.updated", "session.created"])),
  acceptsItemIds: flag,
  itemIdMaxLength: v.exactOptional(v.pipe(positive, v.minValue(16))),
  metadataEcho: flag,
  cancel: flag,
  truncate: flag,
  text: flag,
  tools: flag,
  transcription: flag,
  outOfBand: flag,
  wordsFirst: flag,
  abandonsResponses: flag,
  answersCommits: flag,
  cumulativeTranscripts: flag,
  maxSessionMs: v.exactOptional(v.nullable(positive)),
  keepalive: v.exactOptional(
    v.nullable(
      v.strictObject({
        everyMs: positive,
        message: v.custom<JsonObject>(
          (value) => typeof value === "object" && value !== null && "type" in value,
        ),
      }),
    ),
  ),
  query: v.exactOptional(v.record(v.string(), v.string())),
  modelIn: v.exactOptional(v.picklist(["query", "session"])),
  connectionIn: v.exactOptional(v.nullable(v.pipe(v.string(), v.regex(/^[\w.~-]{1,64}$/)))),
});

const profileNames = Object.keys(PROFILES).filter((name): name is ProfileName => name in PROFILES);

const settingsSchema = v.strictObject({
  profile: v.exactOptional(v.picklist(profileNames)),
  turns: v.exactOptional(v.picklist(["client", "server"])),
  input: v.exactOptional(format),
  output: v.exactOptional(outputFormat),
  protocols: v.exactOptional(v.array(v.pipe(v.string(), v.regex(/^[\w!#$%&'*+.^`|~-]+$/)))),
  /** Short for the quirks of the 2024 beta. */
  beta: flag,
  quirks: v.exactOptional(quirks),
});

/** @throws UpstreamOptionsError naming the field. Neither the URL nor a header value is repeated. */
export function readSettings(options: UpstreamOptions): OpenAiSettings {
  const given = checkedSettings(settingsSchema, options);
  const beta: Partial<Quirks> = given.beta ? { sessionShape: "beta", betaHeader: true } : {};
  const all: Quirks = { ...PROFILES[given.profile ?? "openai"], ...beta, ...given.quirks };
  const { model } = options;
  const inQuery = model !== undefined && all.modelIn === "query";
  return {
    turns: given.turns ?? "client",
    input: given.input ?? PCM_24K,
    output: given.output ?? PCM_24K,
    quirks: all,
    model: inQuery ? null : (model ?? null),
    request: {
      url: dialUrl(options.url, { ...all.query, ...(inQuery && { model }) }),
      headers: headersOf(options.headers ?? {}, all.betaHeader),
      protocols: given.protocols ?? [],
      ...(all.connectionIn !== null && { named: all.connectionIn }),
    },
  };
}

/**
 * The same address for a transcription session: `intent=transcription` in place of `model` (openai-realtime.md §1;
 * exactly one of the two is allowed).
 */
export function transcriptionUrl(url: string): string {
  const [base = "", query = ""] = url.split("?", 2);
  const kept = query.split("&").filter((pair) => pair !== "" && !/^(?:model|intent)(?:=|$)/.test(pair));
  return `${base}?${[...kept, "intent=transcription"].join("&")}`;
}

function headersOf(headers: Readonly<Record<string, string>>, beta: boolean): Record<string, string> {
  const all = dialHeaders(headers);
  const present = Object.keys(all).some((name) => name.toLowerCase() === "openai-beta");
  return beta && !present ? { ...all, "OpenAI-Beta": "realtime=v1" } : all;
}
