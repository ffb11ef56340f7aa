/**
 * WASM kernels of the audio room. The core may not instantiate WebAssembly itself (that is a platform's work:
 * an imported module in workerd, a file in Node, a fetch in the browser), so whoever builds a session loads
 * them once per isolate and hands them in. `null` means "not available here": the TypeScript fallback is used
 * for the resampler, the energy detector for speech.
 */
export interface AudioKernels {
  readonly resampler: ResamplerKernel | null;
  readonly silero: SileroKernel | null;
}

export const NO_KERNELS: AudioKernels = { resampler: null, silero: null };

/** Exports of `wasm/resampler.ts`, which says what each does. Memory is one page and never grows. */
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
}

/** Exports of `wasm/silero.ts`. Refined by the detector's own file. */
export interface SileroKernel {
  readonly memory: { readonly buffer: ArrayBuffer };
}
