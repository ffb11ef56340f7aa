/** Who is dialled: providers of each adapter, hostile ones and those that do as they are asked. */
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { Random } from "../sim/random.ts";
import { type AgentName, HonestAgent, HostileAgent } from "./agents.ts";
import { HonestGemini, HostileGemini } from "./gemini.ts";
import { HonestProvider } from "./honest.ts";
import { HonestMoshi, HostileMoshi, MOSHI_PATH } from "./moshi.ts";
import { HostileProvider } from "./provider.ts";
import { HonestTranscriber, HostileTranscriber, transcriberAt } from "./transcribers.ts";

export interface HostilePeer {
  /** What the relay sent. */
  receive(data: WireMessage, random: Random): void;
  /** The next message. `hostility`: how often it is not what was asked for, or not whole. */
  say(random: Random, hostility: number): string | Uint8Array;
}

export interface HonestPeer {
  opened(): readonly WireMessage[];
  receive(data: WireMessage): readonly WireMessage[];
}

const AGENTS: ReadonlyMap<string, AgentName> = new Map([
  ["/v1/convai/conversation", "elevenlabs-agents"],
  ["/v1/agent/converse", "deepgram-agent"],
  ["/v1/live/sessions", "openai-live"],
  ["/duplex/realtime", "vllm-omni-duplex"],
]);

/** Of the OpenAI dialect, it answers each commit. */
export const GROK = "grok.test";

/** The agent at this address, if one is. */
function agentAt(url: string): AgentName | undefined {
  return AGENTS.get(new URL(url).pathname);
}

/** The adapter that dials this address. */
export function adapterAt(url: string): string {
  const agent = agentAt(url);
  if (agent !== undefined) return agent;
  if (new URL(url).pathname === MOSHI_PATH) return "moshi";
  if (new URL(url).host.includes("googleapis")) return "gemini-live";
  return transcriberAt(url) ?? "openai";
}

export function hostileAt(url: string): HostilePeer {
  const agent = agentAt(url);
  if (agent !== undefined) return new HostileAgent(agent);
  const adapter = adapterAt(url);
  if (adapter === "gemini-live") return new HostileGemini();
  if (adapter === "moshi") return new HostileMoshi();
  return adapter === "openai" ? new HostileProvider() : new HostileTranscriber(adapter);
}

export function honestAt(url: string, name: string): HonestPeer {
  const agent = agentAt(url);
  if (agent !== undefined) return new HonestAgent(agent);
  const adapter = adapterAt(url);
  if (adapter === "gemini-live") return new HonestGemini();
  if (adapter === "moshi") return new HonestMoshi();
  if (adapter !== "openai") return new HonestTranscriber(adapter);
  return new HonestProvider(name, new URL(url).host === GROK);
}
