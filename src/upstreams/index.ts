/** The registry of upstream adapters: the only place that knows their names. */
import { createCascade } from "./cascade/cascade.ts";
import { createDeepgramAgent } from "./deepgram-agent/deepgram-agent.ts";
import { createEcho } from "./echo.ts";
import { createElevenLabsAgents } from "./elevenlabs-agents/elevenlabs-agents.ts";
import { createGeminiLive } from "./gemini-live/gemini-live.ts";
import { createOpenAiCompatible } from "./openai-compatible/openai-compatible.ts";
import { createOpenAiLive } from "./openai-live/openai-live.ts";
import { withOwnPart } from "./own-part.ts";
import { TRANSCRIBERS } from "./transcribers/index.ts";
import { transcriberFactory } from "./transcribers/transcriber.ts";
import { createMoshi } from "./moshi/moshi.ts";
import type { Codecs } from "./codecs.ts";
import { createVllmOmniDuplex } from "./vllm-omni-duplex/vllm-omni-duplex.ts";
import { type Upstream, type UpstreamOptions, UpstreamOptionsError } from "./upstream.ts";

type Factory = (options: UpstreamOptions, codecs: Codecs) => Upstream;

const ADAPTERS: ReadonlyMap<string, Factory> = new Map<string, Factory>([
  ["openai-compatible", createOpenAiCompatible],
  ["gemini-live", createGeminiLive],
  ["openai-live", createOpenAiLive],
  ["elevenlabs-agents", createElevenLabsAgents],
  ["deepgram-agent", createDeepgramAgent],
  ["vllm-omni-duplex", createVllmOmniDuplex],
  ["moshi", createMoshi],
  ["cascade", createCascade],
  ["echo", createEcho],
  ...Array.from(TRANSCRIBERS, ([name, dialect]) => [name, transcriberFactory(dialect)] as const),
]);

/** Names that `UpstreamOptions.adapter` may have. */
export const adapterNames: readonly string[] = [...ADAPTERS.keys()];

/** Those that answer unasked whatever their settings: they hear all and take the turns (`server`), or know none (`none`). */
export const UNASKED: ReadonlyMap<string, "server" | "none"> = new Map([
  ["openai-live", "none"],
  ["vllm-omni-duplex", "none"],
  ["moshi", "none"],
  ["echo", "none"],
  ["elevenlabs-agents", "server"],
]);

/** Codecs that adapters need, which a deployment brings only where it has such an upstream. */
export const CODECS: ReadonlyMap<string, keyof Codecs> = new Map([["moshi", "opus"]]);

/** @throws UpstreamOptionsError naming the adapters there are, or the option that is wrong. */
export function createUpstream(options: UpstreamOptions, codecs: Codecs = {}): Upstream {
  const factory = ADAPTERS.get(options.adapter);
  if (factory === undefined) {
    throw new UpstreamOptionsError(`adapter: expected one of ${adapterNames.join(", ")}.`);
  }
  return withOwnPart(factory(options, codecs), options);
}
