/** Instantiates the kernel in Node, whose types know WebAssembly as a namespace only. */
import type { SileroKernel } from "../../../src/audio/kernels.ts";

/** The kernel, and what the build checks of its layout. */
export interface CheckedKernel extends SileroKernel {
  /** Bytes of the data segment that the kernel's addresses presume. */
  dataBytes(): number;
  /** Bytes of memory in use, weights and scratch. */
  usedBytes(): number;
}

interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: CheckedKernel };
}

/** `module`: what `compileKernel` returned. */
export function instantiateKernel(module: Uint8Array): CheckedKernel {
  const wasm = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;
  return new wasm.Instance(new wasm.Module(module)).exports;
}
