/** A cascade of Workers AI's models, and what comes of them in Cloudflare's own words. */
import type { JsonObject, UpstreamOptions } from "../../../src/upstreams/upstream.ts";
import { closed, data, DONE, head } from "./scripted-stages.ts";

export const WORKERS_AI: UpstreamOptions = {
  adapter: "cascade",
  parts: {
    transcriber: { adapter: "workers-ai-flux", binding: "AI" },
    text: { adapter: "workers-ai", binding: "AI", model: "@cf/meta/llama-3.3-70b-instruct-fp8-fast" },
    speech: { adapter: "workers-ai-aura", binding: "AI", model: "@cf/deepgram/aura-2-en" },
  },
};

/** The same, but for what one part has of its own. */
export function withPart(name: string, more: object): UpstreamOptions {
  const { parts = {} } = WORKERS_AI;
  return { ...WORKERS_AI, parts: Object.assign({}, parts, { [name]: { ...parts[name], ...more } }) };
}

/** One event of a stream of Workers AI's own. */
export function event(members: JsonObject): string {
  return `data: ${JSON.stringify(members)}\n\n`;
}

const END =
  event({ response: "", usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 } }) + DONE;

export function written(...pieces: readonly string[]): readonly string[] {
  return [
    head("text", 200, "text/event-stream"),
    ...pieces.map((response) => data("text", event({ response, p: "abdefgh" }))),
    data("text", END),
  ];
}

export function called(name: string, id: string, args: string): readonly string[] {
  const call = { id, type: "function", function: { name, arguments: args } };
  return [
    head("text", 200, "text/event-stream"),
    data("text", event({ response: null, tool_calls: [call] })),
    data("text", END),
  ];
}

/** A WAV file of 16-bit samples, one channel. `length`: what it says of its data. */
export function wavFile(sound: Uint8Array, { rate = 24_000, length = sound.length } = {}): Uint8Array {
  const file = new Uint8Array(44 + sound.length);
  const view = new DataView(file.buffer);
  for (const [at, word] of [
    [0, "RIFF"],
    [8, "WAVE"],
    [12, "fmt "],
    [36, "data"],
  ] as const)
    file.set(new TextEncoder().encode(word), at);
  view.setUint32(4, 36 + length, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, length, true);
  file.set(sound, 44);
  return file;
}

/** Behind its front, of an end that was not known when it began, in pieces of these sizes. */
export function spoken(sound: Uint8Array, sizes: readonly number[] = [sound.length]): readonly string[] {
  const file = wavFile(sound, { length: 0x7fff_ffff });
  const front = cut(file.subarray(0, 44), [7]);
  return [head("speech", 200, "audio/wav"), ...front, ...cut(sound, sizes), closed("speech")];
}

/** Pieces of a response of the synthesiser's. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): readonly string[] {
  const out: string[] = [];
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    out.push(data("speech", bytes.subarray(at, at + size)));
    at += size;
  }
  return out;
}
