/** A whole recording in another format, where what comes is not a stream: the audio of an item. */
import { createDecoder, encode } from "./codec.ts";
import { bytesPerSample, formatKey, sampleRateHz, type AudioFormat } from "./format.ts";
import type { AudioKernels } from "./kernels.ts";
import { createResampler } from "./resampler.ts";

/** Resampled in pieces of this, so that no intermediate grows with the recording. */
const PIECE_MS = 100;

/**
 * `bytes` of `from` as bytes of `to`, of the same length in time up to a sample. Half a sample at the end is dropped.
 * The result is `bytes` itself, or a part of it, where the formats are equal.
 */
export function transcode(
  bytes: Uint8Array,
  from: AudioFormat,
  to: AudioFormat,
  kernels: AudioKernels,
): Uint8Array {
  const over = bytes.byteLength % bytesPerSample(from);
  const whole = over === 0 ? bytes : bytes.subarray(0, bytes.byteLength - over);
  if (formatKey(from) === formatKey(to)) return whole;
  const samples = createDecoder(from).decode(whole);
  const resampler = createResampler(sampleRateHz(from), sampleRateHz(to), kernels);
  const pieceSamples = (sampleRateHz(from) * PIECE_MS) / 1000;
  const room = Math.ceil((samples.length * sampleRateHz(to)) / sampleRateHz(from)) + pieceSamples;
  const out = new Uint8Array(room * bytesPerSample(to));
  let written = 0;
  const write = (piece: Int16Array) => {
    written += encode(to, piece, out.subarray(written)).byteLength;
  };
  for (let at = 0; at < samples.length; at += pieceSamples) {
    write(resampler.process(samples.subarray(at, at + pieceSamples)));
  }
  write(resampler.flush());
  return out.subarray(0, written);
}
