/**
 * The sockets of Cartesia and of ElevenLabs as synthesisers: each takes what the provider's types have and refuses the rest, and
 * says a sample for each character and the times of its words (1 ms a character: 24 kHz of 16 bits, 48 bytes).
 */
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../../src/protocol/json.ts";
import { textAt } from "../../../src/upstreams/json.ts";

const BYTES_PER_CHAR = 48;

const soundOf = (text: string): string => {
  const bytes = new Uint8Array(text.length * BYTES_PER_CHAR);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (at * 7) & 0xff;
  return bytes.toBase64();
};

/** By `GenerationRequest` and `CancelContextRequest` of `@cartesia/cartesia-js` 4.2. */
export class ScriptedCartesia {
  readonly received: JsonObject[] = [];

  receive(data: string): readonly string[] {
    const asked = parseJsonObject(data);
    if (asked === null) throw new Error("no JSON object");
    this.received.push(asked);
    const fault = faultOf(asked);
    if (fault !== null)
      return [say({ type: "error", title: "Bad Request", message: fault, status_code: 400, done: true })];
    const text = textAt(asked, "transcript") ?? "";
    const at = { context_id: asked["context_id"] ?? "", status_code: 206, done: false };
    const words = [...text.matchAll(/\S+/g)];
    const seconds = (chars: number) => chars / 1000;
    return [
      say({ type: "chunk", ...at, data: soundOf(text.slice(0, 5)), step_time: 1, flush_id: 0 }),
      say({
        type: "timestamps",
        ...at,
        word_timestamps: {
          words: words.map(([word]) => word),
          start: words.map(({ index }) => seconds(index)),
          end: words.map(({ 0: word, index }) => seconds(index + word.length)),
        },
      }),
      say({ type: "chunk", ...at, data: soundOf(text.slice(5)), step_time: 1, flush_id: 0 }),
      say({ type: "flush_done", ...at, flush_done: true, flush_id: 0 }),
      say({ type: "done", ...at, done: true, status_code: 200 }),
    ];
  }
}

const MEMBERS = [
  "context_id",
  "model_id",
  "output_format",
  "transcript",
  "voice",
  "add_timestamps",
  "continue",
  "generation_config",
  "language",
];

function faultOf(asked: JsonObject): string | null {
  const unknown = Object.keys(asked).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) return `unknown member ${unknown}`;
  for (const name of ["context_id", "model_id", "transcript"])
    if (typeof asked[name] !== "string" || asked[name] === "") return `${name} is required`;
  const voice = asked["voice"];
  if (!isJsonObject(voice) || voice["mode"] !== "id" || typeof voice["id"] !== "string") return "no voice";
  const format = asked["output_format"];
  const raw = isJsonObject(format) && format["container"] === "raw" && format["encoding"] === "pcm_s16le";
  return raw && [8000, 16000, 22050, 24000, 44100, 48000].includes(Number(format["sample_rate"]))
    ? null
    : "no such format";
}

/** By `InitializeConnection`, `SendText` and `CloseConnection` of `@elevenlabs/elevenlabs-js` 2.73. */
export class ScriptedElevenLabsSpeech {
  readonly received: JsonObject[] = [];
  #text = "";

  receive(data: string): readonly string[] {
    const said = parseJsonObject(data);
    if (said === null) throw new Error("no JSON object");
    this.received.push(said);
    const text = said["text"];
    if (this.received.length === 1) return text === " " ? [] : [refusal("the first message is a blank")];
    if (said["voice_settings"] !== undefined) return [refusal("voice_settings only begin")];
    if (typeof text !== "string") return [refusal("no text")];
    if (text !== "") {
      if (!text.endsWith(" ")) return [refusal("a text ends with a blank")];
      this.#text += text;
      return [];
    }
    const [first, rest] = [this.#text.slice(0, 7), this.#text.slice(7)];
    return [chunk(first), chunk(rest), say({ audio: null, isFinal: true })];
  }
}

/** Times are of the piece. */
function chunk(text: string): string {
  const chars = Array.from(text);
  const alignment = {
    chars,
    charStartTimesMs: chars.map((_, at) => at),
    charDurationsMs: chars.map(() => 1),
  };
  return say({ audio: soundOf(text), isFinal: null, alignment, normalizedAlignment: null });
}

const refusal = (message: string): string => say({ message, error: "invalid_message", code: 1008 });
const say = (event: Record<string, Json>): string => JSON.stringify(event);
