/** The caller's audio at one rate: resampled once, its last seconds kept, addressed by ticks of 1/48 000 s. */
import type { PcmRateHz } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import { createResampler, type Resampler, type ResamplerSnapshot } from "../../audio/resampler.ts";
import { SampleRing, type RingSnapshot } from "../../audio/ring.ts";

const TICKS_PER_SECOND = 48_000;
const NOTHING = new Int16Array(0);

export class RateStream {
  readonly rateHz: PcmRateHz;
  readonly ring: SampleRing;
  /** Where its first sample lies. */
  readonly originTicks: number;
  readonly #kernels: AudioKernels;
  #resampler: Resampler;
  /** The newest samples, a view that is valid during the call in which they came. */
  #latest: Int16Array = NOTHING;
  #latestFrom = 0;

  constructor(
    fromHz: PcmRateHz,
    rateHz: PcmRateHz,
    originTicks: number,
    historySamples: number,
    kernels: AudioKernels,
  ) {
    this.rateHz = rateHz;
    this.originTicks = originTicks;
    this.#kernels = kernels;
    this.ring = new SampleRing(historySamples);
    this.#resampler = createResampler(fromHz, rateHz, kernels);
  }

  /** @returns what came out, a view valid until the next call. */
  write(samples: Int16Array): Int16Array {
    const out = this.#resampler.process(samples);
    this.#latest = out;
    this.#latestFrom = this.ring.end;
    this.ring.write(out);
    return out;
  }

  /** Samples by index, valid until the next `write`; the newest ones, which are nearly always wanted, uncopied. */
  read(from: number, to: number): Int16Array {
    if (from < this.#latestFrom || to > this.#latestFrom + this.#latest.length)
      return this.ring.read(from, to);
    return this.#latest.subarray(from - this.#latestFrom, to - this.#latestFrom);
  }

  /** The message that brought the newest samples is worked through: its memory may be used for others now. */
  release(): void {
    this.#latest = NOTHING;
  }

  /** Rate of what is written. */
  get fromHz(): number {
    return this.#resampler.fromHz;
  }

  /**
   * Pushes the resampler's tail out and starts it afresh, from another rate where one is given.
   * @returns the tail, a view valid until the next call.
   */
  flush(fromHz = this.#resampler.fromHz): Int16Array {
    const tail = this.#resampler.flush();
    this.ring.write(tail);
    this.release();
    if (fromHz === this.#resampler.fromHz) this.#resampler.reset();
    else this.#resampler = createResampler(fromHz, this.rateHz, this.#kernels);
    return tail;
  }

  indexAt(ticks: number): number {
    return Math.floor(((ticks - this.originTicks) * this.rateHz) / TICKS_PER_SECOND);
  }

  ticksAt(index: number): number {
    return this.originTicks + (index * TICKS_PER_SECOND) / this.rateHz;
  }

  /** Position after the newest sample. */
  get endTicks(): number {
    return this.ticksAt(this.ring.end);
  }

  snapshot(): StreamSnapshot {
    return {
      rateHz: this.rateHz,
      originTicks: this.originTicks,
      ring: this.ring.snapshot(),
      resampler: this.#resampler.snapshot(),
    };
  }

  restore(snapshot: StreamSnapshot): void {
    this.ring.restore(snapshot.ring);
    this.#resampler.restore(snapshot.resampler);
  }
}

export interface StreamSnapshot {
  readonly rateHz: PcmRateHz;
  readonly originTicks: number;
  readonly ring: RingSnapshot;
  readonly resampler: ResamplerSnapshot;
}
