/** The clients of other people that `npm run foreign` holds calls with, and what each needs to run. */

/** What a client's script reports on, in this order in the table. */
export const CHECKS = [
  "text",
  "audio",
  "tool",
  "barge-in",
  "update",
  "reconnect",
  "transcription",
  "secret",
  "types",
] as const;

export type Ecosystem = "npm" | "python" | "go";

export interface ForeignClient {
  readonly name: string;
  readonly ecosystem: Ecosystem;
  /** As its registry knows it. */
  readonly what: string;
  /** In the ecosystem's folder of test/foreign. */
  readonly script: string;
  /** What must be importable for it: npm packages or Python modules. */
  readonly needs: readonly string[];
  /** Python: what its environment is made of. Clients that want different releases of one package have one each. */
  readonly requirements?: string;
}

export const CLIENTS: readonly ForeignClient[] = [
  {
    name: "openai",
    ecosystem: "npm",
    what: "openai 7.59.0, WebSocket of ws",
    script: "openai.mjs",
    needs: ["openai"],
  },
  {
    name: "ai-sdk",
    ecosystem: "npm",
    what: "@ai-sdk/openai 4.0.118, experimental_realtime",
    script: "ai-sdk.mjs",
    needs: ["@ai-sdk/openai"],
  },
  {
    name: "livekit-js",
    ecosystem: "npm",
    what: "@livekit/agents 1.9.0 with @livekit/agents-plugin-openai",
    script: "livekit-agents.mjs",
    needs: ["@livekit/agents", "@livekit/agents-plugin-openai", "@livekit/rtc-node"],
  },
  {
    name: "openai-realtime-api",
    ecosystem: "npm",
    what: "openai-realtime-api 1.0.8, beta dialect",
    script: "openai-realtime-api.mjs",
    needs: ["openai-realtime-api"],
  },
  {
    name: "openai-4",
    ecosystem: "npm",
    what: "openai 4.104.0, beta dialect, with its types",
    script: "openai-4.mjs",
    needs: ["openai-4"],
  },
  {
    name: "openai-python",
    ecosystem: "python",
    what: "openai, typed models in strict mode",
    script: "openai_python.py",
    needs: ["openai", "websockets"],
  },
  {
    name: "openai-agents-python",
    ecosystem: "python",
    what: "openai-agents, realtime",
    script: "openai_agents.py",
    needs: ["agents.realtime", "websockets"],
  },
  {
    name: "pydantic-ai",
    ecosystem: "python",
    what: "pydantic-ai, realtime",
    script: "pydantic_ai_client.py",
    needs: ["pydantic_ai.realtime.openai"],
  },
  {
    name: "pipecat",
    ecosystem: "python",
    what: "pipecat-ai, OpenAIRealtimeLLMService",
    script: "pipecat_client.py",
    needs: ["pipecat.services.openai.realtime.llm"],
    requirements: "requirements-openai-2.txt",
  },
  {
    name: "livekit-python",
    ecosystem: "python",
    what: "livekit-agents with livekit-plugins-openai",
    script: "livekit_client.py",
    needs: ["livekit.plugins.openai"],
    requirements: "requirements-openai-2.txt",
  },
  {
    name: "go-openai-realtime",
    ecosystem: "go",
    what: "github.com/WqyJh/go-openai-realtime/v2 2.0.0-rc",
    script: "main.go",
    needs: ["go"],
  },
];
