/**
 * A server of ElevenLabs' agents that does only what it is told, and refuses what its documentation does not have: anything
 * before the first message or a second one, members and types that there are not, overrides that the agent does not allow,
 * pongs and results that nobody asked for, halves of samples.
 */
import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ScriptedServer } from "./connection.ts";

/** Members of each message beside `type`; a question mark: it may be missing. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  conversation_initiation_client_data: [
    "conversation_config_override?",
    "custom_llm_extra_body?",
    "dynamic_variables?",
    "user_id?",
    "source_info?",
  ],
  pong: ["event_id"],
  user_message: ["text?"],
  user_activity: [],
  contextual_update: ["text", "context_id?"],
  client_tool_result: ["tool_call_id", "result", "is_error"],
};
/** Paths of the overrides that an agent may allow. */
const OVERRIDES = [
  "agent.prompt.prompt",
  "agent.first_message",
  "tts.voice_id",
  "tts.speed",
  "conversation.text_only",
];

export interface AgentOfTest {
  readonly allows?: readonly string[];
  readonly input?: string;
  readonly output?: string;
}

export class ScriptedElevenLabs implements ScriptedServer {
  readonly received: JsonObject[] = [];
  readonly refused: string[] = [];
  /** What the caller said since the last answer. */
  heard: number[] = [];
  /** How the server closed. */
  closed: { readonly code: number; readonly reason: string } | null = null;
  initiation: JsonObject | null = null;
  eventId = 0;
  readonly #agent: AgentOfTest;
  readonly #pings = new Set<number>();
  readonly #calls = new Set<string>();

  constructor(agent: AgentOfTest = {}) {
    this.#agent = agent;
  }

  opened(): readonly WireMessage[] {
    return [];
  }

  receive(message: WireMessage): readonly WireMessage[] {
    if (this.closed !== null) return this.#refuse("a message after the close");
    if (typeof message !== "string") return this.#close(1003, "binary messages are not supported");
    const event: JsonObject = JSON.parse(message);
    this.received.push(event);
    if (this.initiation === null) return this.#begin(event);
    if ("user_audio_chunk" in event) return this.#hear(event);
    const type = textAt(event, "type") ?? "";
    if (type === "conversation_initiation_client_data") return this.#invalid("a second initiation");
    const wrong = wrongMembers(type, event);
    if (wrong !== null) return this.#invalid(wrong);
    if (type === "pong" && !this.#pings.delete(Number(event["event_id"])))
      return this.#refuse("a pong to no ping");
    if (type === "client_tool_result") return this.#result(event);
    return [];
  }

  of(type: string): JsonObject[] {
    return this.received.filter((event) => event["type"] === type);
  }

  /** Pings that were not answered. */
  get unanswered(): number {
    return this.#pings.size;
  }

  ping(id: number): string {
    this.#pings.add(id);
    return say("ping", "ping_event", { event_id: id, ping_ms: 40 });
  }

  words(text: string, id = this.eventId): string {
    return say("agent_response", "agent_response_event", { agent_response: text, event_id: id });
  }

  /** A piece of sound that says which characters are spoken in it. */
  aligned(bytes: Uint8Array, text: string): string {
    const chars = Array.from(text);
    const alignment = {
      chars,
      char_start_times_ms: chars.map((_, n) => n * 60),
      char_durations_ms: chars.map(() => 60),
    };
    const event = { audio_base_64: bytes.toBase64(), event_id: this.eventId, alignment };
    return say("audio", "audio_event", event);
  }

  audio(bytes: Uint8Array, sizes: readonly number[], id = this.eventId): string[] {
    const out: string[] = [];
    for (let at = 0, n = 0; at < bytes.length; n += 1) {
      const size = sizes[n % sizes.length] ?? bytes.length;
      const audio_base_64 = bytes.subarray(at, at + size).toBase64();
      out.push(say("audio", "audio_event", { audio_base_64, event_id: id }));
      at += size;
    }
    return out;
  }

  complete(id = this.eventId): string {
    return say("agent_response_complete", "agent_response_complete_event", { event_id: id });
  }

  transcript(text: string): string {
    this.eventId += 1;
    return say("user_transcript", "user_transcription_event", {
      user_transcript: text,
      event_id: this.eventId,
    });
  }

  tentative(text: string): string {
    const event = { user_transcript: text, event_id: this.eventId };
    return say("tentative_user_transcript", "tentative_user_transcription_event", event);
  }

  /** The number of an interruption is that of the answer that comes of it. */
  interruption(): string {
    this.eventId += 1;
    return say("interruption", "interruption_event", { event_id: this.eventId });
  }

  toolCall(name: string, id: string, parameters: JsonObject): string {
    this.#calls.add(id);
    const call = { tool_name: name, tool_call_id: id, parameters, event_id: this.eventId };
    return say("client_tool_call", "client_tool_call", call);
  }

  error(kind: string, code = 1011, message = "Something went wrong."): string {
    return say("error", "error_event", { code, error_type: kind, message });
  }

  #begin(event: JsonObject): readonly WireMessage[] {
    const type = textAt(event, "type") ?? "";
    if (type !== "conversation_initiation_client_data") return this.#invalid(`${type} before the initiation`);
    const wrong = wrongMembers(type, event);
    if (wrong !== null) return this.#invalid(wrong);
    const paths = leaves(objectAt(event, "conversation_config_override") ?? {});
    const unknown = paths.find((path) => !OVERRIDES.includes(path));
    if (unknown !== undefined) return this.#invalid(`no override ${unknown}`);
    const denied = paths.find((path) => !(this.#agent.allows ?? []).includes(path));
    if (denied !== undefined) {
      const message = `Override for field '${denied}' is not allowed by config.`;
      this.#close(1008, message);
      return [this.error("override_error", 1008, message)];
    }
    this.initiation = event;
    return [
      say("conversation_initiation_metadata", "conversation_initiation_metadata_event", {
        conversation_id: "conv_1",
        agent_output_audio_format: this.#agent.output ?? "pcm_16000",
        user_input_audio_format: this.#agent.input ?? "pcm_16000",
      }),
    ];
  }

  #hear(event: JsonObject): readonly WireMessage[] {
    const audio = event["user_audio_chunk"];
    if (typeof audio !== "string" || Object.keys(event).length > 1)
      return this.#invalid("a chunk with more to it");
    const bytes = Uint8Array.fromBase64(audio);
    if (bytes.length === 0 || (bytes.length % 2 !== 0 && this.#agent.input !== "ulaw_8000"))
      return this.#refuse("no whole samples");
    for (const byte of bytes) this.heard.push(byte);
    return [];
  }

  #result(event: JsonObject): readonly WireMessage[] {
    const { tool_call_id: id, result, is_error: isError } = event;
    if (typeof id !== "string" || !this.#calls.delete(id)) return this.#refuse("a result of no call");
    if (typeof result !== "string" || typeof isError !== "boolean")
      return this.#invalid("result is no string");
    return [];
  }

  #refuse(what: string): readonly WireMessage[] {
    this.refused.push(what);
    return [];
  }

  #invalid(what: string): readonly WireMessage[] {
    this.refused.push(what);
    return [
      this.error("invalid_message", 1008, what),
      ...this.#close(1008, `Invalid message received: ${what}`),
    ];
  }

  #close(code: number, reason: string): readonly WireMessage[] {
    this.closed = { code, reason };
    return [];
  }
}

function say(type: string, member: string, event: JsonObject): string {
  return JSON.stringify({ type, [member]: event });
}

/** What of a message there is not, or is missing; null: it is one. */
function wrongMembers(type: string, event: JsonObject): string | null {
  const members = MEMBERS[type];
  if (members === undefined) return `no message ${type}`;
  const known = new Set(["type", ...members.map((name) => name.replace("?", ""))]);
  const extra = Object.keys(event).find((name) => !known.has(name));
  if (extra !== undefined) return `${type} has no ${extra}`;
  const missing = members.find((name) => !name.endsWith("?") && event[name] === undefined);
  return missing === undefined ? null : `${type} without ${missing}`;
}

function leaves(object: JsonObject, path = ""): string[] {
  return Object.entries(object).flatMap(([name, value]) =>
    isJsonObject(value) ? leaves(value, `${path}${name}.`) : [`${path}${name}`],
  );
}
