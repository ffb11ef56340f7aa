/** Audio of a message that has to wait, read when it comes: it is judged then, and waits without its base64. */
import { type Base64Decoder, scanAppend } from "../../protocol/append.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader } from "../../protocol/frame.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import type { WaitingAudio } from "./budget-steps.ts";

/**
 * What a usual append or a frame says, kept for as long as it waits; null: it is none, or there is something to say of it.
 * @param extended frames were negotiated.
 */
export function waitingAudio(
  data: WireMessage,
  base64: Base64Decoder,
  extended: boolean,
): Omit<WaitingAudio, "ms"> | null {
  if (typeof data !== "string") return extended ? ofFrame(data) : null;
  const append = scanAppend(data);
  const audio = append && base64.decode(data.slice(append.from, append.to));
  return audio && { audio: base64.lent(audio) ? audio.slice() : audio, sequence: null };
}

function ofFrame(frame: Uint8Array): Omit<WaitingAudio, "ms"> | null {
  const header = readFrameHeader(frame);
  if (header?.kind !== FRAME_AUDIO || header.stream !== 0) return null;
  return { audio: frame.slice(FRAME_HEADER_BYTES), sequence: header.sequence };
}
