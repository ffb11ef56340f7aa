/**
 * A server of Gemini Live that does only what it is told, and refuses what Google's would: anything before its setup, a
 * second setup, messages with more or fewer than one member, audio outside of an activity where detection is off.
 */
import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, objectsAt, textAt } from "../../src/upstreams/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ScriptedServer } from "./connection.ts";
import { refusedSchema } from "./gemini-schema.ts";

const MEMBERS = ["setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate"];

export class ScriptedGemini implements ScriptedServer {
  readonly received: JsonObject[] = [];
  /** What the caller said since the last `activityEnd`, as bytes. */
  readonly turns: Uint8Array[] = [];
  /** How often the model was asked to answer. */
  asked = 0;
  /** What Google's server would have closed the connection for. */
  readonly refused: string[] = [];
  setup: JsonObject | null = null;
  readonly #called = new Set<string>();
  #detects = true;
  #activity = false;
  #buffer: number[] = [];

  opened(): readonly WireMessage[] {
    return [];
  }

  receive(message: WireMessage): readonly WireMessage[] {
    const event: JsonObject = JSON.parse(String(message));
    this.received.push(event);
    const [member = "", ...more] = Object.keys(event);
    if (!MEMBERS.includes(member) || more.length > 0) this.refused.push(`no message: ${String(message)}`);
    if ((member === "setup") !== (this.setup === null)) this.refused.push(`${member} at the wrong time`);
    if (member === "setup") return this.#begin(objectAt(event, "setup") ?? {});
    const input = objectAt(event, "realtimeInput");
    if (input !== null) this.#hear(input);
    if (member === "clientContent") this.#told(objectAt(event, "clientContent"));
    if (member === "toolResponse") this.#returned(objectAt(event, "toolResponse"));
    return [];
  }

  /** JSON in a binary frame, as Google's server sends it. */
  say(event: JsonObject): Uint8Array {
    for (const { id } of objectsAt(objectAt(event, "toolCall"), "functionCalls"))
      if (typeof id === "string") this.#called.add(id);
    return new TextEncoder().encode(JSON.stringify(event));
  }

  content(serverContent: JsonObject, more: JsonObject = {}): Uint8Array {
    return this.say({ serverContent, ...more });
  }

  audio(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (let at = 0, n = 0; at < bytes.length; n += 1) {
      const size = sizes[n % sizes.length] ?? bytes.length;
      const data = bytes.subarray(at, at + size).toBase64();
      const parts = [{ inlineData: { mimeType: "audio/pcm;rate=24000", data } }];
      out.push(this.content({ modelTurn: { parts } }));
      at += size;
    }
    return out;
  }

  end(usageMetadata: JsonObject = {}): Uint8Array[] {
    return [
      this.content({ generationComplete: true }),
      this.content({ turnComplete: true }, { usageMetadata }),
    ];
  }

  /** Of models from 3.1 on the first one is their history, whole, and there is no other. */
  #told(content: JsonObject | null): void {
    const seeds = isJsonObject(this.setup?.["historyConfig"]);
    if (!seeds && content?.["turnComplete"] === true) this.#ask();
    const first = this.received.length === 2;
    if (seeds && !(first && content?.["turnComplete"] === true)) this.refused.push("content in mid-call");
  }

  #begin(setup: JsonObject): readonly WireMessage[] {
    this.setup = setup;
    const detection = objectAt(objectAt(setup, "realtimeInputConfig"), "automaticActivityDetection");
    this.#detects = detection?.["disabled"] !== true;
    if (!/^models\/.+|\/models\//.test(textAt(setup, "model") ?? "")) this.refused.push("no model");
    for (const tool of objectsAt(setup, "tools"))
      for (const { name, parameters } of objectsAt(tool, "functionDeclarations"))
        if (parameters !== undefined) this.refused.push(...refusedSchema(parameters, String(name)));
    return [this.say({ setupComplete: {} })];
  }

  #hear(input: JsonObject): void {
    if (isJsonObject(input["activityStart"])) {
      if (this.#detects || this.#activity) this.refused.push("activityStart at the wrong time");
      this.#activity = true;
    }
    const audio = objectAt(input, "audio");
    if (audio !== null) {
      if (!this.#detects && !this.#activity) this.refused.push("audio outside of an activity");
      if (audio["mimeType"] !== "audio/pcm;rate=16000") this.refused.push("no such format");
      for (const byte of Uint8Array.fromBase64(textAt(audio, "data") ?? "")) this.#buffer.push(byte);
    }
    if (isJsonObject(input["activityEnd"])) {
      if (this.#detects || !this.#activity) this.refused.push("activityEnd at the wrong time");
      this.#activity = false;
      this.#ask();
    }
  }

  #ask(): void {
    if (this.#buffer.length > 0) this.turns.push(Uint8Array.from(this.#buffer));
    this.#buffer = [];
    this.asked += 1;
  }

  #returned(response: JsonObject | null): void {
    const all = objectsAt(response, "functionResponses");
    if (all.some((one) => textAt(one, "name") === null))
      this.refused.push("a function response without a name");
    const ids = all.flatMap((one) => textAt(one, "id") ?? []);
    const unknown = ids.filter((id) => !this.#called.has(id));
    if (unknown.length > 0) this.refused.push(`function responses to no call: ${unknown.join(", ")}`);
    this.asked += 1;
  }
}
