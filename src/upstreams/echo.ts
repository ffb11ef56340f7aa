/**
 * The caller's own voice, full duplex and in process: every sample that goes in comes out, unchanged, as one
 * answer that never ends. It needs no key and no network, so it stands for duplex models in tests, benchmarks
 * and sound checks. A user's text is answered by that text, when an answer is asked for.
 */
import * as v from "valibot";

import { PCM_24K } from "../audio/format.ts";
import { parseJsonObject } from "../protocol/json.ts";
import { objectsAt, textAt } from "./json.ts";
import { checkedSettings } from "./common/read-settings.ts";
import type { Capabilities, Command, Item, JsonObject, Upstream, UpstreamConfig } from "./upstream.ts";
import type { UpstreamEvent, UpstreamOptions, WireMessage } from "./upstream.ts";

const MAX_TEXT_CHARS = 4096;
/** Key of the answer, and of its item, that carries all audio. */
const VOICE = "voice";

const settingsSchema = v.strictObject({
  format: v.exactOptional(
    v.variant("type", [
      v.strictObject({ type: v.literal("audio/pcm"), rate: v.picklist([8000, 16000, 24000, 48000]) }),
      v.strictObject({ type: v.literal("audio/pcmu") }),
      v.strictObject({ type: v.literal("audio/pcma") }),
    ]),
  ),
});

/** @throws UpstreamOptionsError naming the field. */
export function createEcho(options: UpstreamOptions): Upstream {
  const { format = PCM_24K } = checkedSettings(settingsSchema, options, "an audio format");
  return new EchoUpstream({
    input: format,
    output: format,
    turns: "none",
    cancel: false,
    truncate: false,
    text: true,
    tools: false,
    transcription: false,
    outOfBand: false,
    confirms: false,
    resumption: false,
    maxSessionMs: null,
    keepaliveMs: null,
  });
}

class EchoUpstream implements Upstream {
  readonly capabilities: Capabilities;
  #modality: UpstreamConfig["modality"] = "audio";
  #text = "";
  #speaking = false;

  constructor(capabilities: Capabilities) {
    this.capabilities = capabilities;
  }

  request(): { url: string; headers: Record<string, string>; protocols: string[] } {
    return { url: "loop:echo", headers: {}, protocols: [] };
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.#modality = config.modality;
    return ['{"type":"ready"}'];
  }

  encode(command: Command): readonly WireMessage[] {
    if (command.type === "audio") return command.chunk.bytes.length === 0 ? [] : [command.chunk.bytes];
    if (command.type === "configure") this.#modality = command.config.modality;
    if (command.type === "item") this.#text = userText(command.item) ?? this.#text;
    if (command.type !== "respond") return [];
    const said = JSON.stringify({ type: "answer", answers: command.responseId, text: this.#text });
    this.#text = "";
    return [said];
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    if (typeof message !== "string") return this.#voice(message);
    const event = parseJsonObject(message);
    const type = textAt(event, "type");
    if (type === "ready") return [{ type: "ready" }];
    const answers = textAt(event, "answers");
    if (type === "answer" && answers !== null) return this.#answer(answers, textAt(event, "text") ?? "");
    const error = {
      code: "upstream_protocol_error",
      message: "The echo was handed a message it never sent.",
    };
    return [{ type: "error", error, fatal: false }];
  }

  closed(): null {
    return null;
  }

  snapshot(): JsonObject {
    return { modality: this.#modality, text: this.#text, speaking: this.#speaking };
  }

  restore(snapshot: JsonObject): void {
    this.#modality = snapshot["modality"] === "text" ? "text" : "audio";
    this.#text = textAt(snapshot, "text") ?? "";
    this.#speaking = snapshot["speaking"] === true;
  }

  #voice(bytes: Uint8Array): readonly UpstreamEvent[] {
    const audio: UpstreamEvent = { type: "audio", response: VOICE, item: VOICE, bytes };
    if (this.#speaking) return [audio];
    this.#speaking = true;
    return [
      { type: "response.started", response: VOICE, answers: null },
      { type: "item.started", response: VOICE, item: VOICE, kind: "message" },
      audio,
    ];
  }

  #answer(answers: string, text: string): readonly UpstreamEvent[] {
    const response = `answer:${answers}`;
    const events: UpstreamEvent[] = [
      { type: "response.started", response, answers },
      { type: "item.started", response, item: response, kind: "message" },
    ];
    const said = this.#modality === "text" ? "text" : "transcript";
    if (text !== "") events.push({ type: said, response, item: response, delta: text });
    const end = { status: "completed", reason: null, error: null, usage: null, metadata: null } as const;
    events.push(
      { type: "item.done", response, item: response, status: "completed" },
      { type: "response.done", response, ...end },
    );
    return events;
  }
}

function userText(item: Item): string | null {
  if (item.type !== "message" || item["role"] !== "user") return null;
  const texts = objectsAt(item, "content").map((part: JsonObject) => textAt(part, "text") ?? "");
  return texts.join(" ").trim().slice(0, MAX_TEXT_CHARS);
}
