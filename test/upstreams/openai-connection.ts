/** An `openai-compatible` adapter joined to its scripted server, for the tests of single behaviours. */
import { createUpstream } from "../../src/upstreams/index.ts";
import { PROFILES, type Quirks } from "../../src/upstreams/openai-profiles.ts";
import type { JsonObject, UpstreamConfig } from "../../src/upstreams/upstream.ts";
import { CONFIG, Connection } from "./connection.ts";
import { ScriptedOpenAi } from "./scripted-openai.ts";

export interface OpenAiScene {
  readonly quirks?: Partial<Quirks>;
  readonly settings?: JsonObject;
  readonly config?: Partial<UpstreamConfig>;
  readonly answersUpdates?: boolean;
  readonly headers?: Record<string, string>;
}

export const RESPOND = { params: {}, outOfBand: false } as const;

export function connectOpenAi(scene: OpenAiScene = {}): { connection: Connection; server: ScriptedOpenAi } {
  const server = new ScriptedOpenAi({ ...PROFILES.openai, ...scene.quirks });
  server.answersUpdates = scene.answersUpdates ?? true;
  const upstream = createUpstream({
    adapter: "openai-compatible",
    url: "wss://provider.example/v1/realtime",
    headers: scene.headers ?? {},
    settings: { ...scene.settings, quirks: { ...scene.quirks } as JsonObject },
  });
  return { connection: new Connection(upstream, server, { ...CONFIG, ...scene.config }), server };
}
