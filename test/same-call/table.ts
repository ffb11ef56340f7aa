/** Every speaker adapter, and what of the call its provider cannot do. */
import { PROFILES, type ProfileName } from "../../src/upstreams/openai-compatible/profiles.ts";
import type { UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { CASCADE } from "../upstreams/cascade/scripted-stages.ts";
import { WORKERS_AI } from "../upstreams/cascade/workers-ai-wire.ts";
import { DeepgramMind } from "./minds/deepgram.ts";
import { ElevenLabsMind } from "./minds/elevenlabs.ts";
import { GeminiMind } from "./minds/gemini.ts";
import { LiveMind } from "./minds/live.ts";
import { OpenAiMind } from "./minds/openai.ts";
import { CHAT, StagesBeside, type StagesWire, TranscriberMind, WORKERS_AI_WIRE } from "./minds/stages.ts";
import { VllmDuplexMind } from "./minds/vllm-duplex.ts";
import type { Provider } from "./play.ts";
import type { AfterLoss } from "./script.ts";

/** What an adapter's provider lacks of what the call needs, with the reason: the judge expects the lack. */
export interface Lacks {
  /** It cannot be told where an answer was cut. */
  readonly truncation?: string;
  /** It is told of a cut by words, not by a place in the sound. */
  readonly place?: string;
  /** It cannot be told to stop. */
  readonly stop?: string;
  /** It does not say that it was interrupted. */
  readonly interruption?: string;
  /** It writes no transcripts of the caller: what they said is known to who heard it alone. */
  readonly transcription?: string;
  /** After a loss whoever comes next is not asked to go on, and the answer has ended where it was. */
  readonly continuation?: string;
  /** It tells no usage in tokens. */
  readonly tokens?: string;
}

export interface Row {
  readonly name: string;
  /** Default: whoever comes next is asked for the rest of an answer that broke off. */
  readonly afterLoss?: AfterLoss;
  readonly provider: Provider;
  /** It hears an interruption and gives way before it is told to. */
  readonly givesWay?: true;
  readonly lacks: Lacks;
}

function openAi(profile: ProfileName, lacks: Lacks = {}): Row {
  const options = {
    adapter: "openai-compatible",
    url: "wss://provider.example/v1/realtime",
    model: "m",
    settings: { profile },
  };
  return {
    name: `openai-compatible (${profile})`,
    provider: {
      options,
      hearsHz: 24_000,
      speed: 3,
      mind: (socket, stage) => new OpenAiMind(socket, stage, PROFILES[profile]),
    },
    lacks,
  };
}

function gemini(model: string, turns: "client" | "server"): Row {
  const options = { adapter: "gemini-live", model, url: "wss://provider.example/live", settings: { turns } };
  return {
    name: `gemini-live (${model}, turns: ${turns})`,
    provider: {
      options,
      hearsHz: 16_000,
      speed: 3,
      mind: (socket, stage) => new GeminiMind(socket, stage, turns),
    },
    lacks: {
      truncation: "it has no such message: its history holds the whole of an answer that was interrupted",
      stop: "it has no such message: the caller's next activity interrupts it",
    },
  };
}

const elevenLabsAgents: Row = {
  name: "elevenlabs-agents",
  provider: {
    options: { adapter: "elevenlabs-agents", model: "agent_1", url: "wss://provider.example/agents" },
    hearsHz: 24_000,
    speed: 3,
    mind: (socket, stage) => new ElevenLabsMind(socket, stage, 24_000),
  },
  lacks: {
    truncation: "its history is what it believes was played",
    stop: "the caller's voice interrupts it",
    tokens: "it tells no usage",
  },
};

function deepgramAgent(turns: "client" | "server"): Row {
  const options = { adapter: "deepgram-agent", url: "wss://provider.example/agent", settings: { turns } };
  return {
    name: `deepgram-agent (turns: ${turns})`,
    provider: {
      options,
      hearsHz: 16_000,
      speed: 3,
      mind: (socket, stage) => new DeepgramMind(socket, stage, turns),
    },
    lacks: {
      truncation: "its history is its own",
      stop: "the caller's next turn interrupts it",
      tokens: "it tells no usage",
    },
  };
}

const openAiLive: Row = {
  name: "openai-live",
  afterLoss: "silent",
  provider: {
    options: {
      adapter: "openai-live",
      model: "gpt-live-1",
      settings: { delegation: { type: "responses", responses: { model: "gpt-5.5" } } },
    },
    hearsHz: 24_000,
    speed: 1,
    mind: (socket, stage) => new LiveMind(socket, stage),
  },
  lacks: {
    truncation: "it takes what it said for heard",
    stop: "it falls silent by itself when it hears somebody speak",
    interruption: "it falls silent, and its answer ends as any other",
    continuation: "what nobody asked it for it is not asked for again: it speaks when it likes",
    tokens: "it is paid by the second",
  },
};

const vllmOmniDuplex: Row = {
  name: "vllm-omni-duplex",
  afterLoss: "resumed",
  provider: {
    options: {
      adapter: "vllm-omni-duplex",
      url: "wss://provider.example/v1/realtime",
      model: "MiniCPM-o-4_5",
    },
    hearsHz: 16_000,
    speed: 1,
    mind: (socket, stage) => new VllmDuplexMind(socket, stage),
  },
  givesWay: true,
  lacks: {
    transcription: "it writes none, and cannot be told by sound: a route's transcriber writes them",
    tokens: "it tells no usage",
  },
};

function cascade(name: string, options: UpstreamOptions, wire: StagesWire): Row {
  return {
    name,
    provider: {
      options,
      hearsHz: 16_000,
      speed: 3,
      mind: (socket, stage) => new TranscriberMind(socket, stage),
      beside: (stage) => new StagesBeside(stage, wire),
    },
    lacks: { place: "its text model is told the words that were heard, with all that it is asked next" },
  };
}

export const TABLE: readonly Row[] = [
  openAi("openai"),
  openAi("openai-beta"),
  openAi("azure-voice-live"),
  openAi("xai", { truncation: "its truncation lands only when the answer is over, and not reliably then" }),
  openAi("elevenlabs"),
  openAi("localai"),
  openAi("vllm-omni", { truncation: "it has no such message" }),
  openAi("speaches", { truncation: "it has no such message" }),
  gemini("gemini-2.5-flash", "client"),
  gemini("gemini-3.1-flash", "client"),
  gemini("gemini-2.5-flash", "server"),
  elevenLabsAgents,
  deepgramAgent("client"),
  deepgramAgent("server"),
  openAiLive,
  vllmOmniDuplex,
  cascade("cascade", CASCADE, CHAT),
  cascade("cascade (Workers AI)", WORKERS_AI, WORKERS_AI_WIRE),
];
