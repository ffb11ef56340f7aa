/**
 * Base64 pieces of audio into whole samples. Providers cut audio where they like, also inside a sample; the odd
 * byte waits for the next piece of the same item.
 */

/** What of an item's audio is not yet a whole sample. */
export interface Carry {
  /** The waiting byte, or -1. */
  odd: number;
}

const INITIAL_BYTES = 16 * 1024;
/** Larger pieces are decoded into memory of their own, so that one giant delta is not held for the whole call. */
const KEPT_BYTES = 256 * 1024;

export class PieceDecoder {
  #buffer = new Uint8Array(INITIAL_BYTES);

  /**
   * The whole samples that `base64` completes: a view that is valid until the next call, at an even offset.
   * Null when `base64` is not base64; then the carry is as before.
   */
  decode(base64: string, bytesPerSample: 1 | 2, carry: Carry): Uint8Array | null {
    const kept = bytesPerSample === 2 && carry.odd >= 0 ? 1 : 0;
    const buffer = this.#room(kept + Math.ceil((base64.length * 3) / 4) + 2);
    let length = kept;
    try {
      length += buffer.subarray(kept).setFromBase64(base64).written;
    } catch {
      return null;
    }
    if (kept === 1) buffer[0] = carry.odd;
    const whole = bytesPerSample === 2 ? length & ~1 : length;
    carry.odd = whole < length ? (buffer[whole] ?? -1) : -1;
    return buffer.subarray(0, whole);
  }

  #room(bytes: number): Uint8Array {
    if (bytes <= this.#buffer.length) return this.#buffer;
    const grown = new Uint8Array(bytes <= KEPT_BYTES ? Math.min(KEPT_BYTES, bytes * 2) : bytes);
    if (bytes <= KEPT_BYTES) this.#buffer = grown;
    return grown;
  }
}

/** The same for audio that comes as bytes: a view of them where none waits, else a copy, at an even offset. */
export function wholeSamples(bytes: Uint8Array, bytesPerSample: 1 | 2, carry: Carry): Uint8Array {
  if (bytesPerSample === 1 || bytes.length === 0) return bytes;
  const kept = carry.odd >= 0 ? 1 : 0;
  const length = (kept + bytes.length) & ~1;
  const odd = kept + bytes.length > length ? (bytes.at(-1) ?? -1) : -1;
  const waited = carry.odd;
  carry.odd = odd;
  if (kept === 0 && bytes.byteOffset % 2 === 0) return bytes.subarray(0, length);
  const whole = new Uint8Array(length);
  if (kept === 1) whole[0] = waited;
  whole.set(bytes.subarray(0, length - kept), kept);
  return whole;
}
