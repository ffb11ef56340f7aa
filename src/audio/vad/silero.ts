/**
 * Silero VAD v6 as a `SpeechDetector`: buffers samples into the network's windows, keeps the speaker's state between
 * calls of the shared kernel, and normalises slow changes of level.
 *
 * The network steps 32 ms at a time. Between two steps, when it is in doubt, it is asked once more about the window
 * that ends half a step later, from the state of the last step, and the state that this leaves is thrown away. So
 * speech is noticed at the next 16 ms, at 1.2 times the cost instead of twice (docs/vad.md).
 */
import type { SileroKernel } from "../kernels.ts";
import type { DetectorSnapshot, DetectorThresholds, SpeechDetector } from "./detector.ts";
import { SpeechLevel } from "./level.ts";

const SAMPLE_RATE_HZ = 16000;
/** The network's step and what it wants to see of the step before. */
const STEP_SAMPLES = 512;
const CONTEXT_SAMPLES = 64;
const WINDOW_SAMPLES = CONTEXT_SAMPLES + STEP_SAMPLES;
/** h and c of the LSTM. */
const STATE_FLOATS = 256;

/**
 * After a step with a probability between these the half step is looked at. Outside, a look has hardly ever changed a
 * decision on data/vad: 0.1 and 0.95 find the onsets that 0 and 1 find, to the millisecond, at 1.2 looks per step.
 */
const DOUBT = { above: 0.1, below: 0.95 };

/**
 * Part of the distance by which the running mean follows a step's mean (a time constant of 0.3 s). A direct current of a
 * tenth of full scale costs the bare network 0.016 of AUC; with the mean taken off it costs nothing (docs/vad.md).
 */
const MEAN_FOLLOWS = 0.1;

/**
 * Steps of nothing but zeros (2 s) after which the network is not asked any more: the probability has long been
 * under a hundredth by then and the state hardly moves, so a muted microphone may cost nothing.
 */
const SETTLED_STEPS = 64;

/**
 * Chosen once, on data/vad with every recording of prompts and digits mixed with every noise at 20 … 0 dB: at 0.93 this
 * detector finds more onsets than the unchanged network at 0.9, clean and noisy, raises fewer false ones, and is 8 ms
 * earlier. 0.9 wins 5 ms more but raises a fifth more false onsets than the network does; 0.94 loses onsets. `stop`
 * keeps the distance of 0.15 of Silero's own example. While the assistant is audible its echo may pass for a speaker:
 * 0.97 halves the false onsets again and is some 15 ms later.
 */
const SILERO_THRESHOLDS: DetectorThresholds = {
  // White and pink noise reach 0.09 in their first hops and 0.02 after four seconds, digital zeros 0.006.
  least: 0.1,
  start: 0.93,
  stop: 0.78,
  startWhileSpeaking: 0.97,
  tailMs: 48,
};

export interface SileroOptions {
  /** Look between the network's steps (default true): a probability every 16 ms instead of every 32. */
  readonly halfSteps?: boolean;
  /** Bring quiet speakers to the usual level (default true). Off, the network hears the samples as they are. */
  readonly normaliseLevel?: boolean;
}

/** The kernel's memory as arrays. It never grows, so they stay valid. */
interface KernelViews {
  readonly samples: Int16Array;
  readonly state: Float32Array;
}

export function createSileroDetector(kernel: SileroKernel, options: SileroOptions = {}): SpeechDetector {
  return new SileroDetector(kernel, options);
}

class SileroDetector implements SpeechDetector {
  readonly name = "silero-v6";
  readonly sampleRateHz = SAMPLE_RATE_HZ;
  readonly hopSamples: number;
  readonly thresholds = SILERO_THRESHOLDS;
  readonly #kernel: SileroKernel;
  readonly #views: KernelViews;
  readonly #state = new Float32Array(STATE_FLOATS);
  /** The last 576 samples, the newest ones still being filled in. */
  readonly #window = new Int16Array(WINDOW_SAMPLES);
  readonly #normaliseLevel: boolean;
  readonly #level = new SpeechLevel(SAMPLE_RATE_HZ / STEP_SAMPLES);
  /** Running mean of the samples. */
  #mean = 0;
  #filled: number;
  /** The next window is a half step. */
  #half: boolean;
  /** Steps in a row without a sample other than zero, up to `SETTLED_STEPS`. */
  #silentSteps = 0;
  /** Of the last whole step. */
  #probability = 0;

  constructor(kernel: SileroKernel, { halfSteps = true, normaliseLevel = true }: SileroOptions) {
    this.#normaliseLevel = normaliseLevel;
    this.#kernel = kernel;
    const { buffer } = kernel.memory;
    this.#views = {
      samples: new Int16Array(buffer, kernel.samplesAddress(), WINDOW_SAMPLES),
      state: new Float32Array(buffer, kernel.stateAddress(), STATE_FLOATS),
    };
    this.hopSamples = halfSteps ? STEP_SAMPLES / 2 : STEP_SAMPLES;
    this.#half = halfSteps;
    this.#filled = WINDOW_SAMPLES - this.hopSamples;
  }

  push(samples: Int16Array, onHop: (probability: number) => void): void {
    for (let at = 0; at < samples.length;) {
      const taken = Math.min(samples.length - at, WINDOW_SAMPLES - this.#filled);
      this.#window.set(samples.subarray(at, at + taken), this.#filled);
      at += taken;
      this.#filled += taken;
      if (this.#filled < WINDOW_SAMPLES) return;
      const probability = this.#half ? this.#lookBetween() : this.#step();
      if (this.hopSamples < STEP_SAMPLES) this.#half = !this.#half;
      this.#window.copyWithin(0, this.hopSamples);
      this.#filled = WINDOW_SAMPLES - this.hopSamples;
      onHop(probability);
    }
  }

  reset(): void {
    this.#state.fill(0);
    this.#window.fill(0);
    this.#level.reset();
    this.#mean = 0;
    this.#filled = WINDOW_SAMPLES - this.hopSamples;
    this.#half = this.hopSamples < STEP_SAMPLES;
    this.#silentSteps = 0;
    this.#probability = 0;
  }

  snapshot(): DetectorSnapshot {
    return {
      detector: this.name,
      state: {
        lstm: this.#state.slice(),
        window: this.#window.slice(0, this.#filled),
        mean: this.#mean,
        levelDbfs: this.#level.dbfs,
        hopSamples: this.hopSamples,
        half: this.#half ? 1 : 0,
        silentSteps: this.#silentSteps,
        probability: this.#probability,
      },
    };
  }

  /** @throws RangeError for a snapshot of another detector, of other options, or with numbers that cannot be. */
  restore(snapshot: DetectorSnapshot): void {
    const { lstm, window, mean, levelDbfs, hopSamples, half, silentSteps, probability } = snapshot.state;
    if (
      snapshot.detector !== this.name ||
      hopSamples !== this.hopSamples ||
      !(lstm instanceof Float32Array && lstm.length === STATE_FLOATS && lstm.every(Number.isFinite)) ||
      !(window instanceof Int16Array && window.length < WINDOW_SAMPLES) ||
      !(Math.abs(Number(mean)) <= 32768) ||
      window.length < WINDOW_SAMPLES - this.hopSamples
    ) {
      throw new RangeError(
        `a snapshot of ${snapshot.detector} (${String(hopSamples)} samples per hop) does not fit ` +
          `${this.name} (${this.hopSamples})`,
      );
    }
    this.#level.restore(Number(levelDbfs));
    this.#state.set(lstm);
    this.#mean = Number(mean);
    this.#window.set(window);
    this.#filled = window.length;
    this.#half = half === 1;
    this.#silentSteps = Number(silentSteps);
    this.#probability = Number(probability);
  }

  /** The network's next step. */
  #step(): number {
    const { mean, power } = statistics(this.#window, CONTEXT_SAMPLES);
    this.#silentSteps = power === 0 ? Math.min(this.#silentSteps + 1, SETTLED_STEPS) : 0;
    if (this.#silentSteps === SETTLED_STEPS) return this.#probability;
    this.#mean += MEAN_FOLLOWS * (mean - this.#mean);
    this.#probability = this.#ask();
    this.#state.set(this.#views.state);
    if (this.#normaliseLevel) this.#level.update(this.#probability, power - mean * mean);
    return this.#probability;
  }

  /** What the network would say half a step on; keeps no trace. */
  #lookBetween(): number {
    const sure = this.#probability <= DOUBT.above || this.#probability >= DOUBT.below;
    return sure ? this.#probability : this.#ask();
  }

  #ask(): number {
    this.#views.samples.set(this.#window);
    this.#views.state.set(this.#state);
    return this.#kernel.run(this.#level.gain, this.#mean);
  }
}

/** Mean and mean square of the samples from `from` on, in the s16 scale. */
function statistics(samples: Int16Array, from: number): { readonly mean: number; readonly power: number } {
  let sum = 0;
  let squares = 0;
  for (let i = from; i < samples.length; i++) {
    const sample = samples[i] ?? 0;
    sum += sample;
    squares += sample * sample;
  }
  const count = samples.length - from;
  return { mean: sum / count, power: squares / count };
}
