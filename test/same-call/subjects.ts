/** Providers whose sockets are killed: those that remember a conversation themselves, and others that have to be told it. */
import type { Subject } from "./killed.ts";
import { ElevenLabsMind } from "./minds/elevenlabs.ts";
import { GeminiMind } from "./minds/gemini.ts";
import { LiveMind } from "./minds/live.ts";
import { VllmDuplexMind } from "./minds/vllm-duplex.ts";
import type { Provider } from "./play.ts";
import { TABLE } from "./table.ts";

function ofTable(name: string, more: Partial<Subject> = {}, other: Partial<Provider> = {}): Subject {
  const row = TABLE.find((one) => one.name === name);
  if (row === undefined) throw new Error(`the table has no ${name}`);
  return { name, provider: { ...row.provider, ...other }, native: false, ...more };
}

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
  ofTable("gemini-live (gemini-2.5-flash, turns: server)", { native: true }),
  ofTable("openai-compatible (xai)"),
  // As agents are by default: what waits for a connection of another one waits at this rate, until it has said its own.
  ofTable(
    "elevenlabs-agents",
    {},
    {
      hearsHz: 16_000,
      mind: (socket, stage) => new ElevenLabsMind(socket, stage, 16_000),
    },
  ),
  // Its model's prompt holds the last 16,000 characters.
  ofTable("deepgram-agent (turns: client)", { toldWithTurn: true, knowsLast: 100 }),
  ofTable("deepgram-agent (turns: server)", { toldWithTurn: true, knowsLast: 100 }),
];
