/** A caller of a whole relay who speaks in real time, in OpenAI's dialect. */
import { say } from "./say.ts";
import { base64, concat, fromBase64, pcmBytes } from "./sdk-audio.ts";
import type { RawCall } from "./sdk-raw.ts";

const FRAME = 960;
const BYTES_PER_MS = 48;

/** What they say; what words are made of it is told to who hears it. */
export async function callersSentence(): Promise<Uint8Array> {
  return pcmBytes(await say("I would like to change my booking to Thursday.", { rateHz: 24_000 }));
}

export const BOOK = {
  type: "function",
  name: "book",
  description: "Books a table.",
  parameters: { type: "object", properties: { day: { type: "string" } } },
};

/** In time, until all is sent or it is over. */
export async function sendInTime(
  call: RawCall,
  audio: Uint8Array,
  over = (): boolean => false,
): Promise<void> {
  const began = performance.now();
  for (let at = 0; at < audio.length && !over(); at += FRAME) {
    call.send({ type: "input_audio_buffer.append", audio: base64(audio.subarray(at, at + FRAME)) });
    const dueMs = began + (at + FRAME) / BYTES_PER_MS - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
  }
}

/** Everything that was heard of an answer. */
export function heardOf(call: RawCall, responseId = ""): Uint8Array {
  const deltas = call.log.all("response.output_audio.delta");
  return concat(deltas.filter((one) => one.response_id === responseId).map(({ delta }) => fromBase64(delta)));
}

export async function nextEnd(call: RawCall) {
  return (await call.log.next("response.done")).response;
}
