/** Samples of 16 bits, whole however they are cut. */
export class Halves {
  /** Half of a sample, which waits for its other half; -1: none. */
  odd = -1;

  /** At an even offset. */
  whole(bytes: Uint8Array): Uint8Array {
    const kept = this.odd;
    const length = bytes.length + (kept >= 0 ? 1 : 0);
    const even = length & ~1;
    const copied = kept >= 0 || bytes.byteOffset % 2 === 1;
    const whole = copied ? new Uint8Array(length) : bytes;
    if (copied) whole.set(bytes, length - bytes.length);
    if (kept >= 0) whole[0] = kept;
    this.odd = even < length ? (whole[even] ?? -1) : -1;
    return whole.subarray(0, even);
  }
}
