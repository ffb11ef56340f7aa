/** The WASM kernels, instantiated once per isolate: all sessions of an isolate share their code and memory. */
import type { AudioKernels, BandsKernel, ResamplerKernel, SileroKernel } from "../src/audio/kernels.ts";
import bands from "../wasm/build/bands.wasm";
import resampler from "../wasm/build/resampler.wasm";
import silero from "../wasm/build/silero.wasm";

let loaded: AudioKernels | null = null;

/** @throws WebAssembly.LinkError when the build is of another source: a wrong build must not pass for a slow one. */
export function loadKernels(): AudioKernels {
  loaded ??= {
    // What the modules export is checked against these interfaces by the audio room's own tests.
    resampler: instantiate(resampler) as unknown as ResamplerKernel,
    bands: instantiate(bands) as unknown as BandsKernel,
    silero: whereSupported(silero) as unknown as SileroKernel | null,
  };
  return loaded;
}

/** Null where WASM SIMD is missing: sessions fall back to the energy detector, and say so. */
function whereSupported(module: WebAssembly.Module): WebAssembly.Exports | null {
  try {
    return instantiate(module);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return null;
    throw error;
  }
}

function instantiate(module: WebAssembly.Module): WebAssembly.Exports {
  return new WebAssembly.Instance(module, {}).exports;
}
