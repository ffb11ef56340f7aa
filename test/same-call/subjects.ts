/** Providers whose sockets are killed: those that remember a conversation themselves, and one that has to be told it. */
import { PROFILES } from "../../src/upstreams/openai-compatible/profiles.ts";
import type { Subject } from "./killed.ts";
import { GeminiMind } from "./minds/gemini.ts";
import { LiveMind } from "./minds/live.ts";
import { OpenAiMind } from "./minds/openai.ts";
import { VllmDuplexMind } from "./minds/vllm-duplex.ts";

export const SUBJECTS: readonly Subject[] = [
  {
    name: "gemini-live",
    native: true,
    provider: {
      options: { adapter: "gemini-live", model: "gemini-2.5-flash", url: "wss://provider.example/live" },
      hearsHz: 16_000,
      wordless: true,
      speed: 3,
      mind: (socket, stage) => new GeminiMind(socket, stage, "client"),
    },
  },
  {
    name: "vllm-omni-duplex",
    native: true,
    seamless: true,
    provider: {
      options: {
        adapter: "vllm-omni-duplex",
        url: "wss://provider.example/v1/realtime",
        model: "MiniCPM-o-4_5",
      },
      hearsHz: 16_000,
      wordless: true,
      speed: 1,
      mind: (socket, stage) => new VllmDuplexMind(socket, stage),
    },
  },
  {
    name: "openai-live",
    native: true,
    provider: {
      options: {
        adapter: "openai-live",
        model: "gpt-live-1",
        settings: {
          delegation: { type: "responses", responses: { model: "gpt-5.5" } },
          session: { store: true },
        },
      },
      hearsHz: 24_000,
      wordless: true,
      speed: 1,
      mind: (socket, stage, request) => {
        const former = stage.minds.at(-1);
        const forks = request.url.endsWith("/fork") && former instanceof LiveMind;
        return new LiveMind(socket, stage, forks ? former : null);
      },
    },
  },
  {
    name: "openai-compatible (xai)",
    native: false,
    provider: {
      options: {
        adapter: "openai-compatible",
        url: "wss://provider.example/v1/realtime",
        model: "grok-voice-latest",
        settings: { profile: "xai" },
      },
      hearsHz: 24_000,
      speed: 3,
      mind: (socket, stage) => new OpenAiMind(socket, stage, PROFILES.xai),
    },
  },
];
