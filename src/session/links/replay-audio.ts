/** A turn of the caller's told to a connection by its sound. */
import { createDecoder, encode } from "../../audio/codec.ts";
import { durationMs, formatKey, sampleRateHz } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import { createResampler } from "../../audio/resampler.ts";
import type { AudioChunk } from "../../upstreams/upstream.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Entry } from "../memory/entry.ts";
import type { Connection } from "./connection.ts";

/** Audio that is converted goes out in pieces of this: no single message grows with the turn. */
const PIECE_MS = 100;

/** A commit of less is refused (OpenAI: 100 ms). */
export const LEAST_MS = 100;

/**
 * The turn as it was spoken, in the upstream's own format, committed under its own name.
 * @returns how many milliseconds of it are kept and were told.
 */
export function replayAudio(
  connection: Connection,
  conversation: Conversation,
  entry: Entry,
  kernels: AudioKernels,
): number {
  const format = connection.capabilities.input;
  const asIs = entry.origin === null ? conversation.audio.pieces(entry.item.id) : null;
  if (asIs && formatKey(asIs.format) === formatKey(format)) {
    const bytes = asIs.pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const ms = durationMs(format, bytes);
    if (ms < LEAST_MS) return 0;
    for (const piece of asIs.pieces) connection.command({ type: "audio", chunk: lasting(piece) });
    connection.command({ type: "commit", itemId: entry.item.id });
    return ms;
  }
  const kept = entry.origin === null ? conversation.audio.read(entry.item.id) : null;
  const ms = kept ? durationMs(kept.format, kept.bytes.byteLength) : 0;
  if (!kept || ms < LEAST_MS) return 0;
  const fromHz = sampleRateHz(kept.format);
  const resampler = createResampler(fromHz, sampleRateHz(format), kernels);
  const samples = createDecoder(kept.format).decode(kept.bytes);
  const piece = (fromHz * PIECE_MS) / 1000;
  const send = (out: Int16Array) => {
    const bytes = encode(format, out).slice();
    if (bytes.byteLength > 0) connection.command({ type: "audio", chunk: lasting(bytes) });
  };
  for (let at = 0; at < samples.length; at += piece)
    send(resampler.process(samples.subarray(at, at + piece)));
  send(resampler.flush());
  connection.command({ type: "commit", itemId: entry.item.id });
  return ms;
}

function lasting(bytes: Uint8Array): AudioChunk {
  return { bytes, lasting: true, base64: () => bytes.toBase64() };
}
