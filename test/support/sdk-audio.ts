/** Caller audio in the form SDKs take it: s16le bytes at 24 kHz, in pieces. */
import { createHash } from "node:crypto";

const RATE_HZ = 24_000;

/** Bytes of s16le samples; a view. */
export function pcmBytes(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

export function silence(ms: number): Uint8Array {
  return new Uint8Array(Math.round((ms * RATE_HZ) / 1000) * 2);
}

/** Cuts `bytes` into pieces of `ms`; the last may be shorter. */
export function* pieces(bytes: Uint8Array, ms = 100): Generator<Uint8Array> {
  const size = Math.round((ms * RATE_HZ) / 1000) * 2;
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** Milliseconds of 24 kHz s16le in so many bytes. */
export function pcmMs(byteLength: number): number {
  return (byteLength / 2 / RATE_HZ) * 1000;
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Root mean square of s16le samples: above some hundreds something is audible. */
export function rms(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength - (bytes.byteLength % 2));
  let sum = 0;
  for (let at = 0; at < view.byteLength; at += 2) sum += view.getInt16(at, true) ** 2;
  return Math.sqrt(sum / Math.max(1, view.byteLength / 2));
}
