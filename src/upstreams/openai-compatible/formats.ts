/** The audio formats that a provider's session object states, in GA's words, the beta's and others that are in use. */
import {
  type AudioFormat,
  isRateHz,
  PCM_24K,
  PCM_RATES_HZ,
  type ProviderFormat,
} from "../../audio/format.ts";
import { isJsonObject } from "../../protocol/json.ts";
import { objectAt } from "../json.ts";
import type { Json, JsonObject } from "../upstream.ts";

/** A stated format; `unsupported` names one that the relay cannot speak; null: nothing was stated. */
export type Statement =
  | { readonly format: ProviderFormat; readonly unsupported: null }
  | { readonly format: null; readonly unsupported: string };

/** The dialect's. */
const DEFAULT_RATE_HZ = 24_000;
const MAX_NAMED_CHARS = 64;

const G711: ReadonlyMap<string, "audio/pcmu" | "audio/pcma"> = new Map([
  ["audio/pcmu", "audio/pcmu"],
  ["g711_ulaw", "audio/pcmu"],
  ["pcmu", "audio/pcmu"],
  ["ulaw", "audio/pcmu"],
  ["mulaw", "audio/pcmu"],
  ["audio/pcma", "audio/pcma"],
  ["g711_alaw", "audio/pcma"],
  ["pcma", "audio/pcma"],
  ["alaw", "audio/pcma"],
]);
/** With a rate in its name as Azure Voice Live and others have it: `pcm16_16000hz`, `pcm_24000`. */
const PCM = /^(?:audio\/)?pcm(?:_?s?16(?:_?le)?)?(?:[-_](\d{4,6})(?:hz)?)?$/;
/** Qwen-Omni's name of 24 kHz; its `pcm16` is at 16 kHz, or at 24: that says no rate. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([["pcm24", "pcm_24000"]]);
/** What stands where nothing was chosen: xAI writes "not specified". */
const UNSTATED: ReadonlySet<string> = new Set([
  "",
  "not specified",
  "unspecified",
  "none",
  "default",
  "auto",
]);

/**
 * What `session` states of the caller's audio (`input`) or the model's (`output`).
 * @param spoken what is spoken now: PCM of which no rate is stated is that
 */
export function statedFormat(
  session: JsonObject | null,
  direction: "input" | "output",
  spoken: ProviderFormat = PCM_24K,
): Statement | null {
  const nested = objectAt(objectAt(session, "audio"), direction)?.["format"];
  const rate = session?.[`${direction}_audio_sampling_rate`];
  const usualHz = spoken.type === "audio/pcm" ? spoken.rate : DEFAULT_RATE_HZ;
  return (
    readFormat(nested, undefined, usualHz) ??
    readFormat(session?.[`${direction}_audio_format`], rate, usualHz)
  );
}

/** The format as one that the relay can make itself; null: it can only hear it. */
export function plainFormat(format: ProviderFormat): AudioFormat | null {
  if (format.type !== "audio/pcm") return format;
  const stated: number = format.rate;
  const rate = PCM_RATES_HZ.find((hz) => hz === stated);
  return rate === undefined ? null : { type: "audio/pcm", rate };
}

/** The format in words. */
export function nameOf({ format, unsupported }: Statement): string {
  return format?.type === "audio/pcm"
    ? `audio/pcm at ${format.rate} Hz`
    : (unsupported ?? format?.type ?? "");
}

function readFormat(stated: Json | undefined, flatRate: Json | undefined, usualHz: number): Statement | null {
  const object = isJsonObject(stated) ? stated : {};
  const named = typeof stated === "string" ? stated : object["type"];
  if (typeof named !== "string") return null;
  const [word = "", ...parameters] = named.toLowerCase().split(";");
  const codec = OTHER_NAMES.get(word.trim()) ?? word.trim();
  if (UNSTATED.has(codec)) return null;
  const channels = Number(object["channels"] ?? 1);
  const g711 = G711.get(codec);
  if (g711 !== undefined && channels === 1) return { format: { type: g711 }, unsupported: null };
  const pcm = PCM.exec(codec);
  const unsupported = named.slice(0, MAX_NAMED_CHARS);
  if (pcm === null || channels !== 1) {
    return {
      format: null,
      unsupported: channels === 1 ? unsupported : `${unsupported} in ${channels} channels`,
    };
  }
  const inParameters = parameters.map((parameter) => /^\s*rate=(\d+)\s*$/.exec(parameter)?.[1]);
  const member = object["rate"] ?? object["sample_rate"];
  const given = member ?? inParameters.find((rate) => rate !== undefined) ?? pcm[1] ?? flatRate;
  const rate = readRate(given ?? usualHz);
  if (rate === null) {
    const stated = JSON.stringify(given).slice(0, MAX_NAMED_CHARS);
    return { format: null, unsupported: `${unsupported} at ${stated} Hz` };
  }
  const format: ProviderFormat = { type: "audio/pcm", rate };
  return { format, unsupported: null };
}

function readRate(given: Json): number | null {
  const rate = typeof given === "string" && given !== "" ? Number(given) : given;
  return isRateHz(rate) ? rate : null;
}
