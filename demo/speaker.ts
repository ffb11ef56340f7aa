/** The demo's synthesiser: OpenAI's `/v1/audio/speech`, as far as a cascade asks it: raw samples of 24 kHz, by the demo's voice. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { bodyOf } from "./thinker.ts";
import { fliteVoice, sentences, type Speech } from "./voice.ts";

export const SPEAKER_PATH = "/v1/audio/speech";
const RATE_HZ = 24_000;
const MOST_BYTES = 64 * 1024;
const MOST_CHARS = 1000;

/** Settles when all is said, or its listener is gone. */
export async function speak(
  request: IncomingMessage,
  response: ServerResponse,
  voice: Speech,
): Promise<void> {
  const body = await bodyOf(request, MOST_BYTES);
  const text = body?.["input"];
  if (typeof text !== "string" || text.length > MOST_CHARS || body?.["response_format"] !== "pcm") {
    const message = `Expected an input of at most ${MOST_CHARS} characters, and response_format: "pcm".`;
    const error = { type: "invalid_request_error", code: "invalid_value", message };
    response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error }));
    return;
  }
  const named = body["voice"];
  const speaker = fliteVoice(typeof named === "string" ? named : "marin");
  response.writeHead(200, { "content-type": "audio/pcm", "cache-control": "no-store" });
  for (const sentence of sentences(text)) {
    if (response.destroyed) return;
    const { buffer, byteOffset, byteLength } = await voice.say(sentence, speaker, 1, RATE_HZ);
    response.write(new Uint8Array(buffer, byteOffset, byteLength));
  }
  response.end();
}
