/** Wire bytes to samples and back, for every format a session may declare. */
import { bytesPerSample, type ProviderFormat } from "./format.ts";
import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from "./g711.ts";
import { bytesOf, ensureSamples, samplesOf } from "./pcm.ts";

export interface AudioDecoder {
  /**
   * Samples of the next bytes of the stream. PCM16 may be cut anywhere: an odd last byte is carried to the next
   * call. The result is a view on `bytes` or on a buffer of this decoder: read it before the next call and
   * before `bytes` is reused.
   */
  decode(bytes: Uint8Array): Int16Array;
  /** Drops a carried byte: the next bytes begin a new stream. */
  reset(): void;
  /** The carried byte, 0 to 255, or -1. This is all the state there is. */
  snapshot(): number;
  restore(carried: number): void;
}

export function createDecoder(format: ProviderFormat): AudioDecoder {
  if (format.type === "audio/pcm") return new PcmDecoder();
  return new G711Decoder(format.type === "audio/pcmu" ? decodeMulaw : decodeAlaw);
}

/**
 * Wire bytes of samples. With `out` they are written there and the filled part is returned. Without it, PCM is a
 * view on the memory of `samples` and G.711 a new array.
 * @throws RangeError when `out` is too short.
 */
export function encode(format: ProviderFormat, samples: Int16Array, out?: Uint8Array): Uint8Array {
  const length = samples.length * bytesPerSample(format);
  if (out !== undefined && out.length < length) {
    throw new RangeError(`${length} bytes of ${format.type} do not fit into ${out.length}`);
  }
  if (format.type === "audio/pcm") {
    const bytes = bytesOf(samples);
    if (out === undefined) return bytes;
    out.set(bytes);
    return out.subarray(0, length);
  }
  const target = out === undefined ? new Uint8Array(length) : out.subarray(0, length);
  if (format.type === "audio/pcmu") encodeMulaw(samples, target);
  else encodeAlaw(samples, target);
  return target;
}

class PcmDecoder implements AudioDecoder {
  #carried = -1;
  #scratch: Int16Array = new Int16Array(0);

  decode(bytes: Uint8Array): Int16Array {
    const carries = this.#carried >= 0;
    const available = bytes.length + (carries ? 1 : 0);
    const even = available & ~1;
    if (!carries && bytes.byteOffset % 2 === 0) {
      if (even !== available) this.#carried = bytes[even] ?? -1;
      return samplesOf(bytes.subarray(0, even));
    }
    return this.#copy(bytes, available, even);
  }

  #copy(bytes: Uint8Array, available: number, even: number): Int16Array {
    this.#scratch = ensureSamples(this.#scratch, even / 2);
    const samples = this.#scratch.subarray(0, even / 2);
    const target = bytesOf(samples);
    const offset = this.#carried >= 0 ? 1 : 0;
    const last = available === even ? -1 : (bytes[bytes.length - 1] ?? this.#carried);
    if (even > 0) {
      if (offset === 1) target[0] = this.#carried;
      target.set(bytes.subarray(0, even - offset), offset);
    }
    this.#carried = last;
    return samples;
  }

  reset(): void {
    this.#carried = -1;
  }

  snapshot(): number {
    return this.#carried;
  }

  restore(carried: number): void {
    this.#carried = carried;
  }
}

class G711Decoder implements AudioDecoder {
  readonly #table: (bytes: Uint8Array, out: Int16Array) => void;
  #scratch: Int16Array = new Int16Array(0);

  constructor(table: (bytes: Uint8Array, out: Int16Array) => void) {
    this.#table = table;
  }

  decode(bytes: Uint8Array): Int16Array {
    this.#scratch = ensureSamples(this.#scratch, bytes.length);
    this.#table(bytes, this.#scratch);
    return this.#scratch.subarray(0, bytes.length);
  }

  reset(): void {
    // One byte is one sample: nothing is carried.
  }

  snapshot(): number {
    return -1;
  }

  restore(): void {
    // As for reset.
  }
}
