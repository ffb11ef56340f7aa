/** Chooses the speech detector of a session. */
import type { AudioKernels } from "../kernels.ts";
import type { SpeechDetector } from "./detector.ts";
import { createEnergyDetector } from "./energy.ts";
import { createSileroDetector, type SileroOptions } from "./silero.ts";

export { createEnergyDetector } from "./energy.ts";
export { createSileroDetector } from "./silero.ts";

/** Why the energy detector stands in: its kernel is not here (no WASM SIMD, not built), or the plan asks for it. */
export type DetectorFallback = "kernel_missing" | "plan";

export interface ChosenDetector {
  readonly detector: SpeechDetector;
  /** For an event and a metric; null when the neural detector runs. */
  readonly fallback: DetectorFallback | null;
}

export function createDetector(
  kernels: AudioKernels,
  want: "auto" | "energy",
  options: SileroOptions = {},
): ChosenDetector {
  if (want === "energy") return { detector: createEnergyDetector(), fallback: "plan" };
  if (kernels.silero === null) return { detector: createEnergyDetector(), fallback: "kernel_missing" };
  return { detector: createSileroDetector(kernels.silero, options), fallback: null };
}
