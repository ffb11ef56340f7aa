/**
 * Calls held by `@openai/agents-realtime`, unmodified: a `RealtimeSession` over its own WebSocket transport with
 * nothing but the URL changed. Runs in Node and, bundled, in a browser: no Node imports here.
 */
import {
  OpenAIRealtimeWebSocket,
  RealtimeAgent,
  RealtimeSession,
  tool,
  type RealtimeItem,
  type RealtimeSessionConfig,
} from "@openai/agents-realtime";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { z } from "zod";
import { EventLog } from "./sdk-events.ts";

/** Session events a scenario waits for, besides the transport's. */
export type AgentEvent =
  | { readonly type: "audio"; readonly bytes: number; readonly odd: boolean }
  | { readonly type: "audio_start" }
  | { readonly type: "audio_stopped" }
  | { readonly type: "audio_interrupted" }
  | { readonly type: "agent_start" }
  | { readonly type: "agent_end"; readonly output: string }
  | { readonly type: "agent_handoff"; readonly to: string }
  | { readonly type: "agent_tool_start"; readonly tool: string }
  | { readonly type: "agent_tool_end"; readonly tool: string; readonly result: string }
  | { readonly type: "guardrail_tripped" }
  | { readonly type: "history"; readonly history: readonly RealtimeItem[] }
  | { readonly type: "error"; readonly error: string };

export interface AgentCall {
  readonly session: RealtimeSession;
  /** What the session told the application. An `error` here fails the scenario that did not expect it. */
  readonly events: EventLog<AgentEvent>;
  /** Everything the server sent. */
  readonly wire: EventLog<RealtimeServerEvent>;
  /** What the transport sent, as JSON text. */
  readonly sent: readonly string[];
  /** Appends audio in pieces of 100 ms. */
  speak(bytes: Uint8Array): void;
  hangUp(): void;
}

export interface AgentDial {
  /** `wss://…/v1/realtime?model=…` */
  readonly url: string;
  readonly apiKey: string;
  readonly agent: RealtimeAgent;
  readonly config?: Partial<RealtimeSessionConfig>;
  readonly guardrail?: (output: string) => boolean;
}

/** Pieces of 100 ms at 24 kHz. */
const PIECE_BYTES = 4800;

export async function dialAgent(dial: AgentDial): Promise<AgentCall> {
  const transport = new OpenAIRealtimeWebSocket();
  const session = new RealtimeSession(dial.agent, {
    transport,
    ...(dial.config === undefined ? {} : { config: dial.config }),
    ...(dial.guardrail === undefined ? {} : { outputGuardrails: [trips(dial.guardrail)] }),
  });
  const events = listen(session);
  const wire = new EventLog<RealtimeServerEvent>();
  session.on("transport_event", (event) => wire.push(event as RealtimeServerEvent));
  transport.on("disconnected", () => {
    wire.end("disconnected");
    events.end("disconnected");
  });
  await session.connect({ apiKey: dial.apiKey, url: dial.url });
  return {
    session,
    events,
    wire,
    sent: recordSent(transport),
    speak(bytes) {
      for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
        session.sendAudio(bytes.slice(at, at + PIECE_BYTES).buffer);
      }
    },
    hangUp: () => session.close(),
  };
}

/** Copies what the connected socket sends; the transport itself is untouched. */
function recordSent(transport: OpenAIRealtimeWebSocket): readonly string[] {
  const sent: string[] = [];
  const socket = transport.connectionState.websocket;
  if (socket === undefined) throw new Error("the transport has no socket");
  const send = socket.send.bind(socket);
  socket.send = (data: string) => {
    sent.push(data);
    send(data);
  };
  return sent;
}

function trips(matches: (output: string) => boolean) {
  return {
    name: "forbidden words",
    execute: ({ agentOutput }: { agentOutput: string }) =>
      Promise.resolve({ tripwireTriggered: matches(agentOutput), outputInfo: {} }),
  };
}

function listen(session: RealtimeSession): EventLog<AgentEvent> {
  const log = new EventLog<AgentEvent>();
  session.on("audio", ({ data }) =>
    log.push({ type: "audio", bytes: data.byteLength, odd: data.byteLength % 2 === 1 }),
  );
  session.on("audio_start", () => log.push({ type: "audio_start" }));
  session.on("audio_stopped", () => log.push({ type: "audio_stopped" }));
  session.on("audio_interrupted", () => log.push({ type: "audio_interrupted" }));
  session.on("agent_start", () => log.push({ type: "agent_start" }));
  session.on("agent_end", (_context, _agent, output) => log.push({ type: "agent_end", output }));
  session.on("agent_handoff", (_context, _from, to) => log.push({ type: "agent_handoff", to: to.name }));
  session.on("agent_tool_start", (_context, _agent, { name }) =>
    log.push({ type: "agent_tool_start", tool: name }),
  );
  session.on("agent_tool_end", (_context, _agent, { name }, result) =>
    log.push({ type: "agent_tool_end", tool: name, result }),
  );
  session.on("guardrail_tripped", () => log.push({ type: "guardrail_tripped" }));
  session.on("history_updated", (history) =>
    log.push({ type: "history", history: structuredClone(history) }),
  );
  session.on("error", ({ error }) => log.push({ type: "error", error: JSON.stringify(error) }));
  return log;
}

/** An agent with one tool; `told` collects what the tool was called with. */
export function clockAgent(told: unknown[]): RealtimeAgent {
  const getTime = tool({
    name: "get_time",
    description: "Tells what time it is.",
    parameters: z.object({ timezone: z.string().nullable().optional() }),
    execute: (args) => {
      told.push(args);
      return Promise.resolve("a quarter to nine");
    },
  });
  return new RealtimeAgent({ name: "Clock", instructions: "You tell the time.", tools: [getTime] });
}

export function plainAgent(): RealtimeAgent {
  return new RealtimeAgent({ name: "Greeter", instructions: "You are a friendly voice." });
}

/** Text and transcripts of a message item, joined. */
export function itemText(item: RealtimeItem | undefined): string {
  if (item?.type !== "message") return "";
  return item.content
    .map((part) => ("text" in part ? part.text : "transcript" in part ? (part.transcript ?? "") : ""))
    .join(" ");
}

/** Waits until the session's history satisfies `is`. */
export async function historyWhere(
  call: AgentCall,
  is: (history: readonly RealtimeItem[]) => boolean,
): Promise<readonly RealtimeItem[]> {
  return (await call.events.any("history", ({ history }) => is(history))).history;
}

/** Waits until this much more audio (24 kHz PCM) has reached the application. */
export async function agentHeard(call: AgentCall, ms: number): Promise<void> {
  for (let bytes = 0; bytes / 48 < ms;) bytes += (await call.events.next("audio")).bytes;
}
