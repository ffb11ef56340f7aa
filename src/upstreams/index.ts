/** The registry of upstream adapters: the only place that knows their names. */
import { createEcho } from "./echo.ts";
import { createGeminiLive } from "./gemini-live/gemini-live.ts";
import { createOpenAiCompatible } from "./openai-compatible.ts";
import { assemblyAi } from "./transcribers/assemblyai.ts";
import { deepgramFlux } from "./transcribers/deepgram-flux.ts";
import { elevenLabsScribe } from "./transcribers/elevenlabs-scribe.ts";
import { transcriberFactory } from "./transcribers/transcriber.ts";
import {
  type Upstream,
  type UpstreamFactory,
  type UpstreamOptions,
  UpstreamOptionsError,
} from "./upstream.ts";

const ADAPTERS: ReadonlyMap<string, UpstreamFactory> = new Map([
  ["openai-compatible", createOpenAiCompatible],
  ["gemini-live", createGeminiLive],
  ["echo", createEcho],
  ["assemblyai", transcriberFactory(assemblyAi)],
  ["deepgram-flux", transcriberFactory(deepgramFlux)],
  ["elevenlabs-scribe", transcriberFactory(elevenLabsScribe)],
]);

/** Names that `UpstreamOptions.adapter` may have. */
export const adapterNames: readonly string[] = [...ADAPTERS.keys()];

/** @throws UpstreamOptionsError naming the adapters there are, or the option that is wrong. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const factory = ADAPTERS.get(options.adapter);
  if (factory === undefined) {
    throw new UpstreamOptionsError(`adapter: expected one of ${adapterNames.join(", ")}.`);
  }
  return factory(options);
}
