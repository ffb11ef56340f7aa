/** An `openai-compatible` adapter joined to its scripted server, for the tests of single behaviours. */
import { createUpstream } from "../../src/upstreams/index.ts";
import { PROFILES, type Quirks } from "../../src/upstreams/openai-compatible/profiles.ts";
import type { JsonObject, Upstream, UpstreamConfig, UpstreamEvent } from "../../src/upstreams/upstream.ts";
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
  return { connection: new Connection(makeOpenAi(scene), server, { ...CONFIG, ...scene.config }), server };
}

function makeOpenAi(scene: OpenAiScene): Upstream {
  return createUpstream({
    adapter: "openai-compatible",
    url: "wss://provider.example/v1/realtime",
    headers: scene.headers ?? {},
    settings: { ...scene.settings, quirks: { ...scene.quirks } as JsonObject },
  });
}

/** The server says events that no type describes. */
export function hear(connection: Connection, ...events: readonly JsonObject[]): readonly UpstreamEvent[] {
  return connection.hear(events.map((event) => JSON.stringify(event)));
}

/** As `connectOpenAi`, with the answer `R1` begun as `resp_1`. */
export function answeringOpenAi(scene: OpenAiScene = {}): ReturnType<typeof connectOpenAi> {
  const connected = connectOpenAi(scene);
  connected.connection.send({ type: "respond", responseId: "R1", options: RESPOND });
  connected.connection.hear(connected.server.begin("resp_1").messages);
  return connected;
}

/** A new adapter goes on from the snapshot of the one before, as after a restart. */
export function restarted(connection: Connection, scene: OpenAiScene = {}): void {
  const snapshot: JsonObject = JSON.parse(JSON.stringify(connection.upstream.snapshot()));
  connection.upstream = makeOpenAi(scene);
  connection.upstream.restore(snapshot);
}
