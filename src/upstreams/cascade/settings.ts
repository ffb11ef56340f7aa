/** Options of the `cascade` adapter and of its parts: checked, with defaults filled in. Errors name the field and repeat no value. */
import * as v from "valibot";

import { MAX_RATE_HZ, MIN_RATE_HZ, type ProviderFormat } from "../../audio/format.ts";
import type { Json } from "../../protocol/json.ts";
import { dialHeaders, dialUrl } from "../dial-request.ts";
import { modelOf, noBinding } from "../common/model-run.ts";
import { checkedSettings } from "../common/read-settings.ts";
import { CARTESIA_URL, CARTESIA_VERSION } from "./cartesia.ts";
import { elevenLabsUrl } from "./elevenlabs.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import { TRANSCRIBERS } from "../transcribers/index.ts";
import { TranscriberUpstream } from "../transcribers/transcriber.ts";
import {
  type DialRequest,
  type JsonObject,
  type ModelRun,
  type UpstreamOptions,
  UpstreamOptionsError,
} from "../upstream.ts";

/** A stage that is asked once an answer, or once some sentences. `body`: laid over what the adapter sends. */
interface StageSettings {
  /** Where what it is asked goes. */
  readonly dial: (asked: JsonObject) => DialRequest;
  readonly model: string;
  readonly body: JsonObject;
  /** Milliseconds within which its response begins, and after which a silence in it is its end. */
  readonly answerMs: number;
  readonly idleMs: number;
  readonly redactor: Redactor;
}

export interface TextSettings extends StageSettings {
  readonly adapter: "chat-completions" | "workers-ai";
}

type SpeechAdapter = "openai-speech" | "workers-ai-aura" | "deepgram-speak" | "cartesia" | "elevenlabs";

export interface SpeechSettings extends StageSettings {
  readonly adapter: SpeechAdapter;
  /** Over a socket of Deepgram's dialect, instead of a response. */
  readonly socket: boolean;
  /** Null: the client's, else the endpoint's own default. */
  readonly voice: string | null;
  readonly format: Extract<ProviderFormat, { readonly type: "audio/pcm" }>;
  readonly bytesPerMs: number;
}

export interface CascadeSettings {
  readonly createTranscriber: () => TranscriberUpstream;
  /** The transcriber can be told that a turn is over. */
  readonly finishes: boolean;
  readonly wordsMs: number;
  readonly text: TextSettings;
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
  /** `workers-ai-aura`: asked over a WebSocket. */
  socket: v.exactOptional(v.boolean()),
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
    speech: inPart("speech", parts, voiceOf),
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

/** @throws UpstreamOptionsError naming the field. */
export function textOf(options: UpstreamOptions): TextSettings {
  const adapter = adapterOf(options, ["chat-completions", "workers-ai"]);
  const given = checkedSettings(textSchema, options);
  return { adapter, ...stageOf(options, given, adapter === "workers-ai" ? modelOf : posted) };
}

const SPEECH_DIALS: Readonly<Record<SpeechAdapter, DialOf>> = {
  "openai-speech": posted,
  "workers-ai-aura": modelOf,
  "deepgram-speak": spoken,
  cartesia: (options) =>
    spoken({
      ...options,
      url: options.url ?? CARTESIA_URL,
      headers: { "Cartesia-Version": CARTESIA_VERSION, ...options.headers },
    }),
  elevenlabs: spoken,
};
/** Their voices are a name in the address, or in what is asked: a client of OpenAI's dialect knows none of them. */
const NAMES_VOICES: readonly SpeechAdapter[] = ["cartesia", "elevenlabs"];

/** @throws UpstreamOptionsError naming the field. */
export function voiceOf(given0: UpstreamOptions): SpeechSettings {
  const adapter = adapterOf(given0, [
    "openai-speech",
    "workers-ai-aura",
    "deepgram-speak",
    "cartesia",
    "elevenlabs",
  ]);
  const given = checkedSettings(speechSchema, given0);
  const { voice = null, rate = 24_000, socket = adapter === "deepgram-speak" } = given;
  if (voice === null && NAMES_VOICES.includes(adapter))
    throw new UpstreamOptionsError(`settings.voice: expected a voice of ${adapter}'s.`);
  const options =
    adapter === "elevenlabs" ? { ...given0, url: given0.url ?? elevenLabsUrl(voice ?? "") } : given0;
  if (given.socket !== undefined && adapter !== "workers-ai-aura")
    throw new UpstreamOptionsError("settings.socket: belongs to workers-ai-aura.");
  if (voice !== null && adapter === "deepgram-speak")
    throw new UpstreamOptionsError("settings.voice: Deepgram's voices are models.");
  const format = { type: "audio/pcm", rate } as const;
  const stage = stageOf(options, given, SPEECH_DIALS[adapter], socket ? "socket" : "response");
  return { adapter, socket, ...stage, voice, format, bytesPerMs: (rate * 2) / 1000 };
}

type DialOf = (options: UpstreamOptions, gives: ModelRun["gives"]) => StageSettings["dial"];

/** An HTTP request of JSON. */
function posted(options: UpstreamOptions): StageSettings["dial"] {
  noBinding(options);
  const { url, headers } = addressOf(options);
  const more = { "Content-Type": "application/json", ...headers };
  return (asked) => ({
    url,
    headers: more,
    protocols: [],
    http: { method: "POST", body: JSON.stringify(asked) },
  });
}

/** A WebSocket, which is asked by members of its query. */
function spoken(options: UpstreamOptions): StageSettings["dial"] {
  noBinding(options);
  const { url, headers } = addressOf(options);
  return (asked) => {
    const query = Object.entries(asked).map(
      ([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)] as const,
    );
    return { url: dialUrl(url, Object.fromEntries(query)), headers, protocols: [] };
  };
}

function addressOf({ url, headers = {} }: UpstreamOptions): Pick<DialRequest, "url" | "headers"> {
  return { headers: dialHeaders(headers), url: dialUrl(url) };
}

function stageOf(
  options: UpstreamOptions,
  given: { readonly body?: JsonObject; readonly answerMs?: number; readonly idleMs?: number },
  dialOf: DialOf,
  gives: ModelRun["gives"] = "response",
): StageSettings {
  const { model } = options;
  if (model === undefined) throw new UpstreamOptionsError("model: expected a model's name.");
  return {
    dial: dialOf(options, gives),
    model,
    body: given.body ?? {},
    answerMs: given.answerMs ?? 15_000,
    idleMs: given.idleMs ?? 20_000,
    redactor: createRedactor(options.headers ?? {}, options.url ?? ""),
  };
}

function adapterOf<T extends string>({ adapter }: UpstreamOptions, names: readonly T[]): T {
  const found = names.find((name) => name === adapter);
  if (found === undefined) throw unknownAdapter(names);
  return found;
}

function unknownAdapter(names: readonly string[]): UpstreamOptionsError {
  return new UpstreamOptionsError(`adapter: expected one of ${names.join(", ")}.`);
}
