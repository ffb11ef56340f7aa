/**
 * WASM kernels of the audio room. The core may not instantiate WebAssembly itself (that is a platform's work:
 * an imported module in workerd, a file in Node, a fetch in the browser), so whoever builds a session loads
 * them once per isolate and hands them in. `null` means "not available here": the TypeScript fallback is used
 * for the resampler and the filter bank, the energy detector for speech.
 */
export interface AudioKernels {
  readonly resampler: ResamplerKernel | null;
  readonly silero: SileroKernel | null;
  readonly bands: BandsKernel | null;
}

export const NO_KERNELS: AudioKernels = { resampler: null, silero: null, bands: null };

/** Exports of `wasm/bands.ts`, which says what each does. Memory is one page and never grows. */
export interface BandsKernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Byte addresses of the regions, and how many samples fit into the first. */
  samplesAddress(): number;
  samples(): number;
  coefficientsAddress(): number;
  stateAddress(): number;
  energiesAddress(): number;
  /** Filters that many samples. */
  run(count: number): void;
}

/** Exports of `wasm/resampler.ts`, which says what each does. Memory is two pages and never grows. */
export interface ResamplerKernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Byte addresses of the three regions, and how many samples the first two hold. */
  inputAddress(): number;
  inputSamples(): number;
  outputAddress(): number;
  outputSamples(): number;
  tableAddress(): number;
  /** Filters the input region with the table at byte address `table` and writes `outputs` samples. */
  run(
    table: number,
    taps: number,
    phases: number,
    step: number,
    fractionBits: number,
    phase: number,
    outputs: number,
  ): void;
  /** The same with a table of `rows + 1` rows, between which phases are interpolated. */
  runBetween(
    table: number,
    taps: number,
    rows: number,
    phases: number,
    step: number,
    fractionBits: number,
    phase: number,
    outputs: number,
  ): void;
}

/**
 * Exports of `wasm/silero.ts`, weights included. It holds no speaker's state: one instance serves every session of an
 * isolate, each call between the caller's copies in and out. Memory never grows.
 */
export interface SileroKernel {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Byte address of the 576 samples of s16 to judge: 64 of context, 512 new. */
  samplesAddress(): number;
  /** Byte address of the LSTM state, 256 floats: read before a call, written by it. */
  stateAddress(): number;
  /** Probability of speech, in [0, 1], of `(sample − offset) · gain`: in float, without clipping. */
  run(gain: number, offset: number): number;
}
