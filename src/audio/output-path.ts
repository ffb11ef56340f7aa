/**
 * The way of one item's audio from an upstream's format to the client's: odd bytes carried, resampled with state,
 * encoded. Official clients view every delta as Int16 and throw on odd lengths, so what leaves is always even.
 */
import { createDecoder, encode, type AudioDecoder } from "./codec.ts";
import { formatKey, sampleRateHz, type AudioFormat, type ProviderFormat } from "./format.ts";
import type { AudioKernels } from "./kernels.ts";
import { createResampler, type Resampler, type ResamplerSnapshot } from "./resampler.ts";

const NOTHING: Int16Array = new Int16Array(0);

export class OutputPath {
  readonly to: AudioFormat;
  readonly #kernels: AudioKernels;
  #from: ProviderFormat;
  #decoder: AudioDecoder;
  #resampler: Resampler;
  /** What the last `push` or `flush` gave, as samples at the client's rate. */
  samples: Int16Array = NOTHING;

  constructor(from: ProviderFormat, to: AudioFormat, kernels: AudioKernels) {
    this.to = to;
    this.#kernels = kernels;
    this.#from = from;
    this.#decoder = createDecoder(from);
    this.#resampler = createResampler(sampleRateHz(from), sampleRateHz(to), kernels);
  }

  /**
   * Bytes in the format `from`; in another than before, what was still inside comes out first and the new format begins.
   * @returns bytes in the client's format, a view valid until the next call; may be empty.
   */
  push(bytes: Uint8Array, from: ProviderFormat): Uint8Array {
    const tail = this.#turnTo(from);
    const samples = this.#resampler.process(this.#decoder.decode(bytes));
    this.samples = tail.length === 0 ? samples : joined(tail, samples);
    return encode(this.to, this.samples);
  }

  /** @returns what was inside the path of the format before. */
  #turnTo(from: ProviderFormat): Int16Array {
    if (from === this.#from || formatKey(from) === formatKey(this.#from)) return NOTHING;
    const tail = this.#resampler.flush().slice();
    this.#from = from;
    this.#decoder = createDecoder(from);
    this.#resampler = createResampler(sampleRateHz(from), sampleRateHz(this.to), this.#kernels);
    return tail;
  }

  /** What was still inside the resampler. */
  flush(): Uint8Array {
    this.samples = this.#resampler.flush();
    return encode(this.to, this.samples);
  }

  snapshot(): OutputPathSnapshot {
    return {
      from: this.#from,
      to: this.to,
      carried: this.#decoder.snapshot(),
      resampler: this.#resampler.snapshot(),
    };
  }

  static restore(snapshot: OutputPathSnapshot, kernels: AudioKernels): OutputPath {
    const path = new OutputPath(snapshot.from, snapshot.to, kernels);
    path.#decoder.restore(snapshot.carried);
    path.#resampler.restore(snapshot.resampler);
    return path;
  }
}

function joined(first: Int16Array, second: Int16Array): Int16Array {
  const both = new Int16Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

export interface OutputPathSnapshot {
  readonly from: ProviderFormat;
  readonly to: AudioFormat;
  readonly carried: number;
  readonly resampler: ResamplerSnapshot;
}
