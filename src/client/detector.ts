/**
 * The relay's own speech detector in a page: the same code on the same module (`wasm/build/silero.wasm`, 198 kB
 * gzipped), hence the same probabilities. For clients that stop sending while nobody speaks, or show that somebody
 * does. An import of its own, so that only pages that use it load it.
 */
import type { SpeechDetector } from "../audio/vad/detector.ts";
import { NO_KERNELS, type SileroKernel } from "../audio/kernels.ts";
import { createDetector, type DetectorFallback } from "../audio/vad/index.ts";

export interface LoadedDetector {
  /** Takes 16 kHz samples in the s16 range. */
  readonly detector: SpeechDetector;
  /** `kernel_missing`: the browser has no WebAssembly SIMD, and the energy detector stands in. */
  readonly fallback: DetectorFallback | null;
}

/**
 * `module`: the bytes of silero.wasm, or the answer of `fetch`.
 * @throws Error when the answer is not the module's (a status other than 2xx).
 */
export async function loadDetector(module: Response | BufferSource): Promise<LoadedDetector> {
  const bytes = module instanceof Response ? await bytesOf(module) : module;
  // `validate` is false exactly where the engine does not know an instruction of the kernel.
  if (!WebAssembly.validate(bytes)) return createDetector(NO_KERNELS, "auto");
  const { instance } = await WebAssembly.instantiate(bytes);
  // What the module exports is held to this interface by the audio room's tests.
  const silero = instance.exports as unknown as SileroKernel;
  return createDetector({ ...NO_KERNELS, silero }, "auto");
}

async function bytesOf(response: Response): Promise<ArrayBuffer> {
  if (!response.ok) throw new Error(`the detector's module: HTTP ${response.status}`);
  return await response.arrayBuffer();
}
