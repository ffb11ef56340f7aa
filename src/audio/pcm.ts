/**
 * Signed 16-bit little-endian bytes and samples. Every platform this runs on (workerd, Node, browsers) is
 * little-endian, so a view is a conversion.
 */

/**
 * Samples of an even number of s16le bytes. Where `byteOffset` is even this is a view on the same memory and
 * costs nothing; otherwise it is copied (into `scratch` when that is given and long enough).
 * @throws RangeError when the number of bytes is odd.
 */
export function samplesOf(bytes: Uint8Array, scratch?: Int16Array): Int16Array {
  if (bytes.byteLength % 2 !== 0)
    throw new RangeError(`PCM16 has an even length, not ${bytes.byteLength} bytes`);
  const length = bytes.byteLength / 2;
  if (bytes.byteOffset % 2 === 0) return new Int16Array(bytes.buffer, bytes.byteOffset, length);
  const target =
    scratch !== undefined && scratch.length >= length ? scratch.subarray(0, length) : new Int16Array(length);
  bytesOf(target).set(bytes);
  return target;
}

/** The s16le bytes of samples: a view on the same memory. */
export function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** A buffer that holds at least `length` samples: `current`, or a new one half as long again. Content is not kept. */
export function ensureSamples(current: Int16Array, length: number): Int16Array {
  return current.length >= length ? current : new Int16Array(Math.ceil(length * 1.5));
}
