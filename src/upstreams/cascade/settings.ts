/** Options of the `cascade` adapter and of its parts: checked, with defaults filled in. Errors name the field and repeat no value. */
import * as v from "valibot";

import { MAX_RATE_HZ, MIN_RATE_HZ, type ProviderFormat } from "../../audio/format.ts";
import type { Json } from "../../protocol/json.ts";
import { dialHeaders, dialUrl } from "../dial-request.ts";
import { checkedSettings } from "../read-settings.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import { TRANSCRIBERS } from "../transcribers/index.ts";
import { TranscriberUpstream } from "../transcribers/transcriber.ts";
import {
  type DialRequest,
  type JsonObject,
  type UpstreamOptions,
  UpstreamOptionsError,
} from "../upstream.ts";

/** One HTTP stage. `body`: laid over what the adapter sends. */
interface StageSettings {
  readonly request: DialRequest;
  readonly model: string;
  readonly body: JsonObject;
  /** Milliseconds within which its response begins, and after which a silence in it is its end. */
  readonly answerMs: number;
  readonly idleMs: number;
  readonly redactor: Redactor;
}

export interface SpeechSettings extends StageSettings {
  /** Null: the client's, else the endpoint's own default. */
  readonly voice: string | null;
  readonly format: ProviderFormat;
  readonly bytesPerMs: number;
}

export interface CascadeSettings {
  readonly createTranscriber: () => TranscriberUpstream;
  /** The transcriber can be told that a turn is over. */
  readonly finishes: boolean;
  readonly wordsMs: number;
  readonly text: StageSettings;
  readonly speech: SpeechSettings;
}

const PARTS = ["transcriber", "text", "speech"] as const;
const jsonObject = v.record(
  v.string(),
  v.custom<Json>(() => true),
);
const milliseconds = v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(60_000)));

const ownSchema = v.strictObject({
  /** Milliseconds that the words of a turn that is over are waited for, from the last that came. */
  wordsMs: milliseconds,
});

const textSchema = v.strictObject({
  body: v.exactOptional(jsonObject),
  answerMs: milliseconds,
  idleMs: milliseconds,
});

const speechSchema = v.strictObject({
  voice: v.exactOptional(v.pipe(v.string(), v.nonEmpty())),
  rate: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(MIN_RATE_HZ), v.maxValue(MAX_RATE_HZ))),
  body: v.exactOptional(jsonObject),
  answerMs: milliseconds,
  idleMs: milliseconds,
});

/** @throws UpstreamOptionsError naming the field, of a part with the part's path. */
export function readSettings(options: UpstreamOptions): CascadeSettings {
  const { wordsMs = 1200 } = checkedSettings(ownSchema, options);
  const parts = options.parts ?? {};
  for (const name of PARTS)
    if (parts[name] === undefined) throw new UpstreamOptionsError(`parts.${name}: expected a part.`);
  for (const name of Object.keys(parts))
    if (!PARTS.some((one) => one === name))
      throw new UpstreamOptionsError(`parts.${name}: expected one of ${PARTS.join(", ")}.`);
  return {
    ...inPart("transcriber", parts, transcriberOf),
    wordsMs,
    text: inPart("text", parts, textOf),
    speech: inPart("speech", parts, speechOf),
  };
}

function inPart<T>(
  name: string,
  parts: Readonly<Record<string, UpstreamOptions>>,
  read: (options: UpstreamOptions) => T,
): T {
  try {
    return read(parts[name] ?? { adapter: "" });
  } catch (error) {
    if (!(error instanceof UpstreamOptionsError)) throw error;
    throw new UpstreamOptionsError(`parts.${name}.${error.message}`);
  }
}

function transcriberOf(options: UpstreamOptions): Pick<CascadeSettings, "createTranscriber" | "finishes"> {
  const dialect = TRANSCRIBERS.get(options.adapter);
  if (dialect === undefined) throw unknownAdapter([...TRANSCRIBERS.keys()]);
  // The relay says where turns end, where the provider can be told.
  const told = { ...dialect, query: { ...dialect.query, ...dialect.finish?.query } };
  const createTranscriber = (): TranscriberUpstream => new TranscriberUpstream(told, options);
  createTranscriber();
  return { createTranscriber, finishes: dialect.finish !== null };
}

function textOf(options: UpstreamOptions): StageSettings {
  if (options.adapter !== "chat-completions") throw unknownAdapter(["chat-completions"]);
  return stageOf(options, checkedSettings(textSchema, options));
}

function speechOf(options: UpstreamOptions): SpeechSettings {
  if (options.adapter !== "openai-speech") throw unknownAdapter(["openai-speech"]);
  const given = checkedSettings(speechSchema, options);
  const { voice = null, rate = 24_000 } = given;
  const format: ProviderFormat = { type: "audio/pcm", rate };
  return { ...stageOf(options, given), voice, format, bytesPerMs: (rate * 2) / 1000 };
}

function stageOf(
  options: UpstreamOptions,
  given: { readonly body?: JsonObject; readonly answerMs?: number; readonly idleMs?: number },
): StageSettings {
  const { model } = options;
  if (model === undefined) throw new UpstreamOptionsError("model: expected a model's name.");
  const headers = dialHeaders(options.headers ?? {});
  const url = dialUrl(options.url);
  return {
    request: { url, headers: { "Content-Type": "application/json", ...headers }, protocols: [] },
    model,
    body: given.body ?? {},
    answerMs: given.answerMs ?? 15_000,
    idleMs: given.idleMs ?? 20_000,
    redactor: createRedactor(headers, url),
  };
}

function unknownAdapter(names: readonly string[]): UpstreamOptionsError {
  return new UpstreamOptionsError(`adapter: expected one of ${names.join(", ")}.`);
}
