/**
 * A server of Deepgram's Voice Agent that does only what it is told, and refuses what its documentation refuses: anything before
 * its settings and settings twice, members and types that there are not, values out of bounds, texts while somebody speaks,
 * results of no call, ends of turns where it takes them by itself.
 */
import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, objectsAt, textAt } from "../../src/upstreams/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ScriptedServer } from "./connection.ts";

/** Members of each message beside `type`; a question mark: it may be missing. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  Settings: ["audio", "agent", "flags?", "tags?", "mip_opt_out?", "experimental?"],
  KeepAlive: [],
  ForceEndTurn: [],
  InjectUserMessage: ["content"],
  InjectAgentMessage: ["message", "behavior?"],
  FunctionCallResponse: ["id?", "name", "content"],
  UpdatePrompt: ["prompt"],
  UpdateThink: ["think"],
  UpdateSpeak: ["speak"],
  UpdateListen: ["listen"],
};
const OF_AGENT = ["language", "context", "listen", "think", "speak", "greeting"];
const OF_THINK = ["provider", "endpoint", "functions", "prompt", "context_length"];

export class ScriptedDeepgramAgent implements ScriptedServer {
  readonly received: JsonObject[] = [];
  readonly refused: string[] = [];
  /** What the caller said since the last end of a turn. */
  readonly heard: number[] = [];
  readonly turns: Uint8Array[] = [];
  settings: JsonObject | null = null;
  /** How often the model was asked to answer. */
  asked = 0;
  closed = false;
  #speaking: "agent" | "user" | null = null;
  readonly #calls = new Map<string, string>();

  opened(): readonly WireMessage[] {
    return [say("Welcome", { request_id: "fc553ec9" })];
  }

  receive(message: WireMessage): readonly WireMessage[] {
    if (this.closed) this.refused.push("a message after the close");
    if (typeof message !== "string") return this.#hear(message);
    const event: JsonObject = JSON.parse(message);
    this.received.push(event);
    const type = textAt(event, "type") ?? "";
    const wrong = wrongMembers(type, event);
    if (wrong !== null) return this.#error("UNPARSABLE_CLIENT_MESSAGE", wrong);
    if (type === "Settings") return this.#apply(event);
    if (this.settings === null) return this.#error("NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", type);
    switch (type) {
      case "ForceEndTurn":
        return this.#endTurn();
      case "InjectUserMessage":
        return this.#inject(textAt(event, "content") ?? "");
      case "FunctionCallResponse":
        return this.#returned(event);
      case "UpdateThink":
        return this.#updated(objectAt(event, "think"), OF_THINK, "ThinkUpdated");
      case "UpdateSpeak":
        return this.#updated(objectAt(event, "speak"), ["provider", "endpoint"], "SpeakUpdated");
      default:
        return [];
    }
  }

  of(type: string): JsonObject[] {
    return this.received.filter((event) => event["type"] === type);
  }

  user(content: string): string {
    return say("ConversationText", { role: "user", content });
  }

  agent(content: string): string {
    return say("ConversationText", { role: "assistant", content });
  }

  userStarted(): string {
    this.#speaking = "user";
    return say("UserStartedSpeaking", {});
  }

  audio(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
    this.#speaking = "agent";
    const out: Uint8Array[] = [];
    for (let at = 0, n = 0; at < bytes.length; n += 1) {
      const size = sizes[n % sizes.length] ?? bytes.length;
      out.push(bytes.slice(at, at + size));
      at += size;
    }
    return out;
  }

  done(): string {
    this.#speaking = null;
    return say("AgentAudioDone", {});
  }

  call(name: string, id: string, args: string, more: JsonObject = {}): string {
    this.#calls.set(id, name);
    return say("FunctionCallRequest", {
      functions: [{ id, name, arguments: args, client_side: true, ...more }],
    });
  }

  cancelled(name: string, id: string): string {
    this.#calls.delete(id);
    return say("FunctionCallCancelled", { functions: [{ id, name }] });
  }

  warning(code: string): string {
    return say("Warning", { code, description: "Something is not as it should be." });
  }

  #apply(event: JsonObject): readonly WireMessage[] {
    if (this.settings !== null) return this.#error("SETTINGS_ALREADY_APPLIED", "twice");
    const agent = objectAt(event, "agent");
    const unknown = Object.keys(agent ?? {}).find((name) => !OF_AGENT.includes(name));
    if (unknown !== undefined) return this.#error("UNPARSABLE_CLIENT_MESSAGE", `agent.${unknown}`);
    const listen = objectAt(objectAt(agent, "listen"), "provider");
    const think = objectAt(agent, "think");
    const input = objectAt(objectAt(event, "audio"), "input");
    if (textAt(input, "encoding") !== "linear16" || input?.["sample_rate"] !== 16_000)
      return this.#error("INVALID_SETTINGS", "audio.input");
    const bad =
      outOf(listen?.["eot_threshold"], 0.5, 1) ||
      outOf(listen?.["eot_timeout_ms"], 500, 60_000) ||
      outOf(objectAt(objectAt(agent, "speak"), "provider")?.["speed"], 0.7, 1.5);
    if (bad) return this.#error("INVALID_SETTINGS", "a value is out of bounds");
    const wrong = this.#updated(think, OF_THINK, "SettingsApplied");
    if (!this.closed) this.settings = event;
    return wrong;
  }

  #updated(part: JsonObject | null, members: readonly string[], confirms: string): readonly WireMessage[] {
    const unknown = Object.keys(part ?? {}).find((name) => !members.includes(name));
    if (unknown !== undefined || objectAt(part, "provider") === null)
      return this.#error("UNPARSABLE_CLIENT_MESSAGE", unknown ?? "no provider");
    const functions = objectsAt(part, "functions");
    const odd = functions.some((one) =>
      Object.keys(one).some((name) => !["name", "description", "parameters", "endpoint"].includes(name)),
    );
    if (odd) return this.#error("UNPARSABLE_CLIENT_MESSAGE", "functions");
    return [say(confirms, {})];
  }

  #hear(bytes: Uint8Array): readonly WireMessage[] {
    if (this.settings === null) return this.#error("NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", "audio");
    if (bytes.length % 2 !== 0) this.refused.push("no whole samples");
    for (const byte of bytes) this.heard.push(byte);
    return [];
  }

  #endTurn(): readonly WireMessage[] {
    const listen = objectAt(objectAt(objectAt(this.settings, "agent"), "listen"), "provider");
    if (textAt(listen, "version") !== "v2") {
      this.refused.push("ForceEndTurn");
      return [this.warning("FORCE_END_TURN_UNSUPPORTED")];
    }
    this.turns.push(Uint8Array.from(this.heard.splice(0)));
    this.#speaking = null;
    this.asked += 1;
    return [];
  }

  #inject(content: string): readonly WireMessage[] {
    if (content === "") return this.#error("UNPARSABLE_CLIENT_MESSAGE", "content");
    if (this.#speaking !== null) {
      this.refused.push("an injection while somebody speaks");
      return [say("InjectionRefused", { message: `The ${this.#speaking} is speaking.` })];
    }
    this.asked += 1;
    return [this.user(content)];
  }

  #returned(event: JsonObject): readonly WireMessage[] {
    const id = textAt(event, "id") ?? "";
    if (this.#calls.get(id) !== textAt(event, "name")) this.refused.push("a result of no call");
    this.#calls.delete(id);
    if (this.#calls.size === 0) this.asked += 1;
    return [];
  }

  #error(code: string, description: string): readonly WireMessage[] {
    this.closed = true;
    this.refused.push(`${code}: ${description}`);
    return [say("Error", { code, description })];
  }
}

function say(type: string, members: JsonObject): string {
  return JSON.stringify({ type, ...members });
}

function outOf(value: unknown, least: number, most: number): boolean {
  return value !== undefined && !(typeof value === "number" && value >= least && value <= most);
}

/** What of a message there is not, or is missing; null: it is one. */
function wrongMembers(type: string, event: JsonObject): string | null {
  const members = MEMBERS[type];
  if (members === undefined || !isJsonObject(event)) return `no message ${type}`;
  const known = new Set(["type", ...members.map((name) => name.replace("?", ""))]);
  const extra = Object.keys(event).find((name) => !known.has(name));
  if (extra !== undefined) return `${type} has no ${extra}`;
  const missing = members.find((name) => !name.endsWith("?") && event[name] === undefined);
  return missing === undefined ? null : `${type} without ${missing}`;
}
