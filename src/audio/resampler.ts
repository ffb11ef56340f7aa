/**
 * Streaming conversion between any two sample rates from 8 to 96 kHz.
 *
 * Output sample k stands for the input's time k · from / to: nothing is shifted. It is given out as soon as the 40
 * samples of the lower rate that follow that time are known, which is the latency: 5 ms when the lower rate is
 * 8 kHz, 2.5 ms at 16 kHz, 1.7 ms at 24 kHz; none between equal rates. Flat to 0.05 dB up to 0.9 of the lower
 * rate's Nyquist frequency, and at least 60 dB of rejection of every alias and image from that Nyquist on (measured
 * in test/audio/resampler.test.ts and resampler-rates.test.ts). Output does not depend on how the input is cut into
 * chunks, nor on whether the WASM kernel is there, in any bit.
 */
import { isRateHz, MAX_RATE_HZ, MIN_RATE_HZ } from "./format.ts";
import type { AudioKernels } from "./kernels.ts";
import { ensureSamples } from "./pcm.ts";
import { polyphaseFilter, type PolyphaseFilter } from "./resampler-filter.ts";
import { BLOCK_SAMPLES, type FilterRunner, ScriptRunner, WasmRunner } from "./resampler-kernel.ts";

export interface Resampler {
  readonly fromHz: number;
  readonly toHz: number;
  /**
   * The output that these samples complete. A view valid until the next call (between equal rates it is `samples`
   * itself). Any length is taken; memory is bounded by the longest chunk.
   */
  process(samples: Int16Array): Int16Array;
  /**
   * Ends the stream: what is still owed, as if silence followed, so that all output together has
   * round(input · to / from) samples. A view valid until the next call. What follows is a new stream.
   */
  flush(): Int16Array;
  reset(): void;
  snapshot(): ResamplerSnapshot;
  /** Takes what `snapshot` of a resampler between the same rates returned. @throws RangeError for other rates. */
  restore(snapshot: ResamplerSnapshot): void;
}

/** Structured-clonable: at most 2 kB, 1 kB between the rates of clients. */
export interface ResamplerSnapshot {
  readonly fromHz: number;
  readonly toHz: number;
  /** Input that later output still needs. */
  readonly carried: Int16Array;
  readonly phase: number;
  /** Samples taken and given since the stream began: `flush` needs them. */
  readonly taken: number;
  readonly given: number;
}

/** @throws RangeError for a rate that is not a whole number of hertz from 8 000 to 96 000. */
export function createResampler(fromHz: number, toHz: number, kernels: AudioKernels): Resampler {
  for (const rate of [fromHz, toHz]) {
    if (!isRateHz(rate))
      throw new RangeError(`${String(rate)} Hz is no whole number from ${MIN_RATE_HZ} to ${MAX_RATE_HZ}`);
  }
  if (fromHz === toHz) return new IdentityResampler(fromHz);
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const filter = polyphaseFilter(toHz / divisor, fromHz / divisor);
  const runner =
    kernels.resampler === null ? new ScriptRunner(filter) : new WasmRunner(kernels.resampler, filter);
  return new PolyphaseResampler(fromHz, toHz, filter, runner);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function checkRates(resampler: Resampler, snapshot: ResamplerSnapshot): void {
  if (snapshot.fromHz === resampler.fromHz && snapshot.toHz === resampler.toHz) return;
  throw new RangeError(
    `a snapshot of ${snapshot.fromHz} to ${snapshot.toHz} Hz does not fit ${resampler.fromHz} to ${resampler.toHz} Hz`,
  );
}

const NOTHING: Int16Array = new Int16Array(0);

class IdentityResampler implements Resampler {
  readonly fromHz: number;
  readonly toHz: number;

  constructor(rateHz: number) {
    this.fromHz = rateHz;
    this.toHz = rateHz;
  }

  process(samples: Int16Array): Int16Array {
    return samples;
  }

  flush(): Int16Array {
    return NOTHING;
  }

  reset(): void {
    // There is no state.
  }

  snapshot(): ResamplerSnapshot {
    return { fromHz: this.fromHz, toHz: this.toHz, carried: NOTHING, phase: 0, taken: 0, given: 0 };
  }

  restore(snapshot: ResamplerSnapshot): void {
    checkRates(this, snapshot);
  }
}

class PolyphaseResampler implements Resampler {
  readonly fromHz: number;
  readonly toHz: number;
  readonly #filter: PolyphaseFilter;
  readonly #runner: FilterRunner;
  /** Samples before the first output's newest one: zeros stand for the time before the stream. */
  readonly #lead: number;
  readonly #carriedBuffer: Int16Array;
  #carriedLength: number;
  #phase = 0;
  #taken = 0;
  #given = 0;
  #output: Int16Array = NOTHING;

  constructor(fromHz: number, toHz: number, filter: PolyphaseFilter, runner: FilterRunner) {
    this.fromHz = fromHz;
    this.toHz = toHz;
    this.#filter = filter;
    this.#runner = runner;
    const { taps, ahead } = filter.table;
    this.#lead = taps - 1 - ahead;
    this.#carriedBuffer = new Int16Array(taps - 1);
    this.#carriedLength = this.#lead;
  }

  process(samples: Int16Array): Int16Array {
    const ready = this.#outputsFrom(this.#carriedLength + samples.length);
    this.#output = ensureSamples(this.#output, ready);
    let done = 0;
    for (let at = 0; at < samples.length; at += BLOCK_SAMPLES) {
      done += this.#filterBlock(samples.subarray(at, at + BLOCK_SAMPLES), done);
    }
    this.#taken += samples.length;
    this.#given += done;
    return this.#output.subarray(0, done);
  }

  flush(): Int16Array {
    const owed = Math.round((this.#taken * this.toHz) / this.fromHz) - this.#given;
    const { phases, step, table } = this.#filter;
    const tail = this.process(new Int16Array(table.taps + Math.ceil(step / phases))).subarray(0, owed);
    this.reset();
    return tail;
  }

  reset(): void {
    this.#carriedBuffer.fill(0);
    this.#carriedLength = this.#lead;
    this.#phase = 0;
    this.#taken = 0;
    this.#given = 0;
  }

  snapshot(): ResamplerSnapshot {
    return {
      fromHz: this.fromHz,
      toHz: this.toHz,
      carried: this.#carriedBuffer.slice(0, this.#carriedLength),
      phase: this.#phase,
      taken: this.#taken,
      given: this.#given,
    };
  }

  restore(snapshot: ResamplerSnapshot): void {
    checkRates(this, snapshot);
    this.#carriedBuffer.set(snapshot.carried);
    this.#carriedLength = snapshot.carried.length;
    this.#phase = snapshot.phase;
    this.#taken = snapshot.taken;
    this.#given = snapshot.given;
  }

  /** How many outputs `available` samples suffice for: output n begins at sample floor((phase + n·step) / phases). */
  #outputsFrom(available: number): number {
    const { phases, step, table } = this.#filter;
    const lastStart = available - table.taps;
    if (lastStart < 0) return 0;
    return Math.floor(((lastStart + 1) * phases - 1 - this.#phase) / step) + 1;
  }

  #filterBlock(block: Int16Array, outOffset: number): number {
    const { phases, step } = this.#filter;
    const carried = this.#carriedBuffer.subarray(0, this.#carriedLength);
    const outputs = this.#outputsFrom(this.#carriedLength + block.length);
    if (outputs > 0) this.#runner.run(carried, block, this.#phase, outputs, this.#output, outOffset);
    const advanced = this.#phase + outputs * step;
    this.#phase = advanced % phases;
    this.#carry(block, Math.floor(advanced / phases));
    return outputs;
  }

  /** Keeps what follows the first `used` samples of carried input and block: always fewer than one filter length. */
  #carry(block: Int16Array, used: number): void {
    const fromCarried = Math.max(this.#carriedLength - used, 0);
    if (fromCarried > 0) this.#carriedBuffer.copyWithin(0, used, this.#carriedLength);
    const rest = block.subarray(Math.max(used - this.#carriedLength, 0));
    this.#carriedBuffer.set(rest, fromCarried);
    this.#carriedLength = fromCarried + rest.length;
  }
}
