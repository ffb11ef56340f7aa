/**
 * What runs inside the browser page of the SDK tests: scenarios over the official packages as a web application
 * would bundle them. Each returns plain data that the test asserts on.
 */
import OpenAI from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { agentHeard, clockAgent, dialAgent, historyWhere, itemText, plainAgent } from "./sdk-agents.ts";
import { EventLog } from "./sdk-events.ts";

export interface PageSettings {
  /** `https://127.0.0.1:PORT` */
  readonly httpsUrl: string;
  /** An ephemeral key, `ek_…`: the SDKs refuse any other in a browser. */
  readonly clientSecret: string;
  readonly model: string;
  /** Base64 of s16le at 24 kHz. */
  readonly speech: string;
}

export interface PageReport {
  readonly errors: readonly string[];
  /** What the assistant said, answer by answer. */
  readonly answers: readonly string[];
  readonly audioBytes: number;
  readonly roles: readonly string[];
  readonly wireTypes: readonly string[];
  readonly toolCalls: number;
  readonly responseStatuses: readonly string[];
  readonly truncatedAtMs: readonly number[];
}

/** Speech and half a minute of patience: two seconds of silence end any turn. */
const SILENCE = new Uint8Array(2.5 * 48_000);

const scenarios = {
  /** A typed turn, then a spoken one. */
  async conversation(settings: PageSettings): Promise<PageReport> {
    const call = await dial(settings, plainAgent());
    call.session.sendMessage("Hello.");
    await call.events.next("agent_end");
    call.speak(bytesOf(settings.speech));
    call.speak(SILENCE);
    await call.events.next("agent_end");
    await historyWhere(call, (items) => items.length === 4 && items.every((item) => itemText(item) !== ""));
    return finish(call, 0);
  },

  async tool(settings: PageSettings): Promise<PageReport> {
    const told: unknown[] = [];
    const call = await dial(settings, clockAgent(told));
    call.session.sendMessage("What time is it?");
    await call.events.next("agent_tool_end");
    await call.events.next("agent_end", ({ output }) => output.includes("a quarter to nine"));
    return finish(call, told.length);
  },

  async bargeIn(settings: PageSettings): Promise<PageReport> {
    const call = await dial(settings, plainAgent());
    call.session.sendMessage("Tell me a story.");
    await agentHeard(call, 600);
    call.speak(bytesOf(settings.speech));
    await call.events.next("audio_interrupted");
    await call.wire.any("conversation.item.truncated");
    await call.wire.any("conversation.item.retrieved");
    call.speak(SILENCE);
    await call.wire.any("response.done", ({ response }) => response.status === "completed");
    return finish(call, 0);
  },

  /** The bare `openai` client over the browser's own WebSocket. */
  async openai(settings: PageSettings): Promise<PageReport> {
    const client = new OpenAI({
      apiKey: settings.clientSecret,
      baseURL: `${settings.httpsUrl}/v1`,
      dangerouslyAllowBrowser: true,
    });
    const rt = new OpenAIRealtimeWebSocket({ model: settings.model }, client);
    const log = new EventLog<RealtimeServerEvent>();
    const errors: string[] = [];
    rt.on("event", (event) => log.push(event));
    rt.on("error", (error) => {
      errors.push(error.message);
      log.end(error.message);
    });
    await log.next("session.created");
    rt.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hello." }] },
    });
    rt.send({ type: "response.create" });
    const { response } = await log.next("response.done");
    rt.close();
    return {
      errors,
      answers: log.all("response.output_audio_transcript.done").map(({ transcript }) => transcript),
      audioBytes: log
        .all("response.output_audio.delta")
        .reduce((sum, { delta }) => sum + atob(delta).length, 0),
      roles: [],
      wireTypes: log.events.map(({ type }) => type),
      toolCalls: 0,
      responseStatuses: [response.status ?? ""],
      truncatedAtMs: [],
    };
  },
};

export type ScenarioName = keyof typeof scenarios;

function dial(settings: PageSettings, agent: Parameters<typeof dialAgent>[0]["agent"]) {
  return dialAgent({
    url: `${settings.httpsUrl.replace("https:", "wss:")}/v1/realtime?model=${settings.model}`,
    apiKey: settings.clientSecret,
    agent,
  });
}

function finish(call: Awaited<ReturnType<typeof dialAgent>>, toolCalls: number): PageReport {
  const history = call.session.history;
  call.hangUp();
  return {
    errors: call.events.all("error").map(({ error }) => error),
    answers: call.events.all("agent_end").map(({ output }) => output),
    audioBytes: call.events.all("audio").reduce((sum, { bytes }) => sum + bytes, 0),
    roles: history.map((item) => (item.type === "message" ? item.role : item.type)),
    wireTypes: call.wire.events.map(({ type }) => type),
    toolCalls,
    responseStatuses: call.wire.all("response.done").map(({ response }) => response.status ?? ""),
    truncatedAtMs: call.wire.all("conversation.item.truncated").map((event) => event.audio_end_ms),
  };
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

Object.assign(globalThis, {
  runSdkScenario: (name: ScenarioName, settings: PageSettings) => scenarios[name](settings),
});
