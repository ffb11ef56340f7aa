/**
 * The way of one item's audio from an upstream's format to the client's: odd bytes carried, resampled with state,
 * encoded. Official clients view every delta as Int16 and throw on odd lengths, so what leaves is always even.
 */
import { createDecoder, encode, type AudioDecoder } from "../../audio/codec.ts";
import { sampleRateHz, type AudioFormat } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import { createResampler, type Resampler, type ResamplerSnapshot } from "../../audio/resampler.ts";

export class OutputPath {
  readonly from: AudioFormat;
  readonly to: AudioFormat;
  readonly #decoder: AudioDecoder;
  readonly #resampler: Resampler;
  /** What the last `push` or `flush` gave, as samples at the client's rate. */
  samples: Int16Array = new Int16Array(0);

  constructor(from: AudioFormat, to: AudioFormat, kernels: AudioKernels) {
    this.from = from;
    this.to = to;
    this.#decoder = createDecoder(from);
    this.#resampler = createResampler(sampleRateHz(from), sampleRateHz(to), kernels);
  }

  /** @returns bytes in the client's format, a view valid until the next call; may be empty. */
  push(bytes: Uint8Array): Uint8Array {
    this.samples = this.#resampler.process(this.#decoder.decode(bytes));
    return encode(this.to, this.samples);
  }

  /** What was still inside the resampler. */
  flush(): Uint8Array {
    this.samples = this.#resampler.flush();
    return encode(this.to, this.samples);
  }

  snapshot(): OutputPathSnapshot {
    return {
      from: this.from,
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

export interface OutputPathSnapshot {
  readonly from: AudioFormat;
  readonly to: AudioFormat;
  readonly carried: number;
  readonly resampler: ResamplerSnapshot;
}
