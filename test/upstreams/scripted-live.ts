/**
 * A server of OpenAI's Live API that does only what it is told, and refuses what its types and documentation refuse: anything
 * before `session.start`, a second one, members and events that there are not, voices and histories beyond its bounds, what
 * cannot change, appends of more than 500 tokens or about tasks that there are not, and the events of a model behind where there
 * is none. Its time passes only as sound comes.
 */
import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, objectsAt, textAt } from "../../src/upstreams/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ScriptedServer } from "./connection.ts";

/** Members of each event beside `type` and `event_id`; a question mark: it may be missing. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  "session.start": ["session"],
  "session.update": ["session"],
  "session.close": [],
  "session.input_audio.append": ["audio"],
  "session.input_audio.mute": [],
  "session.input_audio.unmute": [],
  "session.instructions.append": ["content", "delegation_id"],
  "session.thinking.append": ["content", "delegation_id"],
  "session.commentary.append": ["content", "delegation_id"],
  "response.item.create": ["item"],
  "response.create": [],
};
const OF_SESSION = [
  "model",
  "audio",
  "delegation",
  "input",
  "instructions",
  "safety_identifier",
  "store",
  "triggers",
];
const OF_RESPONSES = [
  "model",
  "instructions",
  "max_output_tokens",
  "parallel_tool_calls",
  "reasoning",
  "service_tier",
  "text",
  "tool_choice",
  "tools",
];
const OF_TOOL = ["name", "type", "description", "parameters", "strict"];
const PCM_RATES: readonly unknown[] = [16_000, 24_000];
const MAX_HISTORY = 128;
const MAX_HISTORY_TOKENS = 8192;
const MAX_APPEND_TOKENS = 500;
const ROLES: Readonly<Record<string, readonly string[]>> = {
  user: ["input_text"],
  developer: ["input_text"],
  assistant: ["text", "output_text"],
};

/** Words and marks, each one token: what a tokenizer makes of plain English, about. */
const tokensOf = (text: string): number => text.match(/\w{1,6}|[^\w\s]/g)?.length ?? 0;

export class ScriptedLive implements ScriptedServer {
  readonly received: JsonObject[] = [];
  readonly refused: string[] = [];
  /** What the caller said that was not played back. */
  readonly heard: number[] = [];
  session: JsonObject | null = null;
  closed = false;
  /** Milliseconds of its time. */
  positionMs = 0;
  readonly #format: JsonObject | null;
  readonly #tasks = new Set<string>();
  readonly #calls = new Set<string>();
  #events = 0;

  readonly #stored: JsonObject | null;
  readonly #expiresAt: number;

  /** @param format the one that it takes, whatever it is asked for; @param stored the session that is forked */
  constructor(format: JsonObject | null = null, stored: JsonObject | null = null, expiresAt = 1_791_373_550) {
    this.#expiresAt = expiresAt;
    this.#format = format;
    this.#stored = stored;
  }

  opened(): readonly WireMessage[] {
    return [];
  }

  receive(message: WireMessage): readonly WireMessage[] {
    if (this.closed) this.refused.push("a message after the close");
    const event: JsonObject = typeof message === "string" ? JSON.parse(message) : {};
    this.received.push(event);
    const type = textAt(event, "type") ?? "";
    const wrong = wrongMembers(type, event);
    if (wrong !== null) return this.#refuse(event, "unknown_parameter", wrong);
    if (type === "session.start") return this.#start(event);
    if (this.session === null) return this.#refuse(event, "session_not_started", type);
    switch (type) {
      case "session.input_audio.append":
        return this.#hear(event);
      case "session.update":
        return this.#update(event);
      case "session.close":
        return [this.close("close_requested")];
      case "response.item.create":
      case "response.create":
        return this.#behind(event, type);
      case "session.instructions.append":
      case "session.thinking.append":
      case "session.commentary.append":
        return this.#append(event, type);
      default:
        return [];
    }
  }

  of(type: string): JsonObject[] {
    return this.received.filter((event) => event["type"] === type);
  }

  /** What it was told by appends of a kind. */
  told(kind: string): string[] {
    return this.of(`session.${kind}.append`).map((event) => textAt(event, "content") ?? "");
  }

  audio(bytes: Uint8Array, sizes: readonly number[] = [4800]): string[] {
    const out: string[] = [];
    for (let at = 0, n = 0; at < bytes.length; n += 1) {
      const size = sizes[n % sizes.length] ?? bytes.length;
      const delta = bytes.subarray(at, at + size).toBase64();
      out.push(JSON.stringify({ type: "session.output_audio.delta", delta }));
      at += size;
    }
    return out;
  }

  /** So much of its track without a sound. */
  silence(ms: number): string[] {
    return this.audio(new Uint8Array(ms * 48));
  }

  said(delta: string): string {
    return this.say("session.output_transcript.delta", { delta, ...this.#range() });
  }

  understood(delta: string, startMs?: number): string {
    const at = startMs === undefined ? this.#range() : { start_ms: startMs, end_ms: startMs + 200 };
    return this.say("session.input_transcript.delta", { delta, ...at });
  }

  delegates(id: string, target = "client"): string {
    if (target === "client") this.#tasks.add(id);
    return this.say("session.delegation.created", {
      delegation: { id, type: "delegation", target },
      offset_ms: this.positionMs,
    });
  }

  /** The model behind calls a function. */
  calls(name: string, id: string, args: string): string {
    this.#calls.add(id);
    const item = {
      id: `fc_${id}`,
      type: "function_call",
      status: "completed",
      name,
      call_id: id,
      arguments: args,
    };
    return this.behind({ type: "response.output_item.done", output_index: 0, item });
  }

  behind(event: JsonObject): string {
    return this.say("response.event", { event, delegation_id: null });
  }

  used(seconds: number): string {
    return this.say("session.usage.updated", { usage: { seconds }, context_window: { usage_ratio: 0.25 } });
  }

  close(reason: string): string {
    this.closed = true;
    const usage = { seconds: Math.ceil(this.positionMs / 1000) };
    return this.say("session.closed", { reason, session: this.session ?? {}, usage });
  }

  error(code: string, message = "It is not so.", more: JsonObject = {}): string {
    return this.say("error", { error: { code, message, type: "invalid_request_error", ...more } });
  }

  say(type: string, members: JsonObject): string {
    this.#events += 1;
    return JSON.stringify({ type, event_id: `event_${this.#events}`, ...members });
  }

  #range(): JsonObject {
    return { start_ms: this.positionMs, end_ms: this.positionMs + 200 };
  }

  #start(event: JsonObject): readonly WireMessage[] {
    if (this.session !== null) return this.#refuse(event, "session_already_started", "twice");
    const session = objectAt(event, "session");
    const wrong = this.#stored === null ? wrongSession(session) : wrongFork(session);
    if (wrong !== null) return this.#refuse(event, "invalid_value", wrong);
    const audio = objectAt(session, "audio");
    const format = this.#format ?? objectAt(audio, "format") ?? { type: "audio/pcm", rate: 24_000 };
    const resolved: JsonObject = {
      ...this.#stored,
      ...session,
      audio: { output: objectAt(audio, "output") ?? { voice: "marin" }, format },
      id: "live_u7",
      expires_at: this.#expiresAt,
      status: "active",
      model: "gpt-live-1",
    };
    this.session = resolved;
    return [this.say("session.started", { session: resolved })];
  }

  #hear(event: JsonObject): readonly WireMessage[] {
    const bytes = Uint8Array.fromBase64(textAt(event, "audio") ?? "");
    if (bytes.length % 2 !== 0 && !this.#g711) this.refused.push("no whole samples");
    this.positionMs += bytes.length / (this.#g711 ? 8 : 48);
    for (const byte of bytes) this.heard.push(byte);
    return [];
  }

  get #g711(): boolean {
    return textAt(objectAt(objectAt(this.session, "audio"), "format"), "type") !== "audio/pcm";
  }

  #update(event: JsonObject): readonly WireMessage[] {
    const session = objectAt(event, "session");
    const fixed = Object.keys(session ?? {}).find((name) => name !== "delegation" && name !== "triggers");
    if (fixed !== undefined) return this.#refuse(event, "immutable_field_update", `session.${fixed}`);
    const to = objectAt(session, "delegation");
    const type = textAt(objectAt(this.session, "delegation"), "type");
    if (textAt(to, "type") !== type)
      return this.#refuse(event, "immutable_field_update", "session.delegation");
    const wrong = wrongDelegation(to, false);
    if (wrong !== null) return this.#refuse(event, "unknown_parameter", wrong);
    return [this.say("session.updated", { session: this.session ?? {} })];
  }

  #behind(event: JsonObject, type: string): readonly WireMessage[] {
    if (textAt(objectAt(this.session, "delegation"), "type") !== "responses")
      return this.#refuse(event, "invalid_request", `${type} requires Responses delegation.`);
    const item = objectAt(event, "item");
    if (type === "response.item.create" && !this.#calls.delete(textAt(item, "call_id") ?? ""))
      return this.#refuse(event, "invalid_value", "a result of no call");
    if (type === "response.create" && this.#calls.size > 0)
      return this.#refuse(event, "invalid_value", "results are missing");
    return [];
  }

  #append(event: JsonObject, type: string): readonly WireMessage[] {
    const content = textAt(event, "content") ?? "";
    const task = textAt(event, "delegation_id");
    if (content.trim() === "") return this.#refuse(event, "invalid_value", "content");
    if (tokensOf(content) > MAX_APPEND_TOKENS)
      return this.#refuse(event, "string_above_max_length", "content");
    if ((task === null) !== (event["delegation_id"] === null) || (task !== null && !this.#tasks.has(task)))
      return this.#refuse(event, "invalid_value", "delegation_id");
    return [this.say(type.replace("append", "appended"), this.#range())];
  }

  #refuse(event: JsonObject, code: string, message: string): readonly WireMessage[] {
    this.refused.push(`${code}: ${message}`);
    const id = textAt(event, "event_id");
    return [this.error(code, message, id === null ? {} : { client_event_id: id })];
  }
}

/** What of an event there is not, or is missing; null: it is one. */
function wrongMembers(type: string, event: JsonObject): string | null {
  const members = MEMBERS[type];
  if (members === undefined || !isJsonObject(event)) return `no event ${type}`;
  const extra = Object.keys(event).find((name) => !["type", "event_id", ...members].includes(name));
  if (extra !== undefined) return `${type} has no ${extra}`;
  const missing = members.find((name) => event[name] === undefined);
  return missing === undefined ? null : `${type} without ${missing}`;
}

function wrongSession(session: JsonObject | null): string | null {
  const extra = Object.keys(session ?? {}).find((name) => !OF_SESSION.includes(name));
  if (extra !== undefined) return `session has no ${extra}`;
  if (textAt(session, "model") === null) return "session.model";
  const format = objectAt(objectAt(session, "audio"), "format");
  const rate = format?.["rate"];
  const fits = textAt(format, "type") === "audio/pcm" ? PCM_RATES.includes(rate) : rate === 8000;
  if (format !== null && !fits) return "session.audio.format";
  return wrongDelegation(objectAt(session, "delegation"), true) ?? wrongHistory(objectsAt(session, "input"));
}

/** A fork has the conversation and the configuration of what it goes on with. */
function wrongFork(session: JsonObject | null): string | null {
  const extra = Object.keys(session ?? {}).find((name) => !["audio", "delegation", "store"].includes(name));
  return extra === undefined ? null : `a fork takes no ${extra}`;
}

function wrongDelegation(delegation: JsonObject | null, whole: boolean): string | null {
  const type = textAt(delegation, "type") ?? "client";
  const members = ["type", "acknowledgement_delay_ms", ...(type === "client" ? [] : [type])];
  const extra = Object.keys(delegation ?? {}).find((name) => !members.includes(name));
  if (extra !== undefined) return `delegation has no ${extra}`;
  if (type !== "responses") return null;
  const responses = objectAt(delegation, "responses");
  if (whole && textAt(responses, "model") === null) return "session.delegation.responses.model";
  const odd = Object.keys(responses ?? {}).find((name) => !OF_RESPONSES.includes(name));
  const tool = objectsAt(responses, "tools").flatMap((one) => Object.keys(one));
  return odd ?? tool.find((name) => !OF_TOOL.includes(name)) ?? null;
}

function wrongHistory(input: readonly JsonObject[]): string | null {
  if (input.length > MAX_HISTORY) return "session.input has too many messages";
  let tokens = 0;
  for (const message of input) {
    const content = objectsAt(message, "content");
    const [part = null] = content;
    if (content.length !== 1) return "session.input has no one part";
    if (!ROLES[textAt(message, "role") ?? ""]?.includes(textAt(part, "type") ?? "")) return "session.input";
    tokens += tokensOf(textAt(part, "text") ?? "") + 4;
  }
  return tokens > MAX_HISTORY_TOKENS ? "session.input has too many tokens" : null;
}
