/** The WASM kernels as Node loads them: what the Worker imports as modules, read from `wasm/build`. */
import { readFileSync } from "node:fs";
import type { AudioKernels, BandsKernel, ResamplerKernel, SileroKernel } from "../../src/audio/kernels.ts";

/** The part of the JavaScript API of WebAssembly used here; Node's types have no values for it. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;

let loaded: AudioKernels | null = null;

/** One instance of each kernel per process; `null` for what `npm run build` has not made. */
export function loadKernels(): AudioKernels {
  loaded ??= {
    resampler: instantiate("resampler.wasm") as ResamplerKernel | null,
    silero: instantiate("silero.wasm") as SileroKernel | null,
    bands: instantiate("bands.wasm") as BandsKernel | null,
  };
  return loaded;
}

/** The exports of a kernel: neither imports anything. Their types are a promise of the source, not checked. */
function instantiate(name: string): unknown {
  const bytes = read(new URL(`../../wasm/build/${name}`, import.meta.url));
  return bytes === null ? null : new wasm.Instance(new wasm.Module(bytes)).exports;
}

function read(file: URL): Uint8Array | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
