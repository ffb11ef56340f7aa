/**
 * Silero VAD v6 as a `SpeechDetector`: buffers samples into the network's windows, keeps the speaker's state between
 * calls of the shared kernel, and normalises slow changes of level.
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
 * Windows of nothing but zeros after which the network is not asked any more: its state has settled by then
 * (docs/vad.md), so the same zeros would give the same answer. A muted microphone then costs nothing.
 */
const SETTLED_WINDOWS = 64;

/**
 * Chosen once, on data/vad.
 */
export const SILERO_THRESHOLDS: DetectorThresholds = { start: 0.9, stop: 0.75, startWhileSpeaking: 0.97 };

export interface SileroOptions {
  /**
   * 2 runs a second copy of the network's state half a step later and so gives a probability every 16 ms instead of
   * every 32, at twice the cost. See docs/vad.md for what it brings.
   */
  readonly phases?: 1 | 2;
}

/** What every detector of an isolate shares: the kernel's memory as arrays. It never grows, so they stay valid. */
interface KernelViews {
  readonly samples: Int16Array;
  readonly state: Float32Array;
}

export function createSileroDetector(kernel: SileroKernel, options: SileroOptions = {}): SpeechDetector {
  return new SileroDetector(kernel, options.phases ?? 1);
}

class SileroDetector implements SpeechDetector {
  readonly name: string;
  readonly sampleRateHz = SAMPLE_RATE_HZ;
  readonly hopSamples: number;
  readonly thresholds = SILERO_THRESHOLDS;
  readonly #kernel: SileroKernel;
  readonly #views: KernelViews;
  /** One LSTM state per phase, taken in turn. */
  readonly #states: readonly Float32Array[];
  readonly #window = new Int16Array(WINDOW_SAMPLES);
  readonly #level: SpeechLevel;
  /** Samples of the window that are there; the last `hopSamples` are the ones being filled. */
  #filled: number;
  #phase = 0;
  /** Windows in a row without a sample other than zero, counted up to `SETTLED_WINDOWS`. */
  #silentWindows = 0;
  #probability = 0;

  constructor(kernel: SileroKernel, phases: 1 | 2) {
    // Another name, because another snapshot.
    this.name = phases === 1 ? "silero-v6" : "silero-v6-two-phase";
    this.#kernel = kernel;
    const { buffer } = kernel.memory;
    this.#views = {
      samples: new Int16Array(buffer, kernel.samplesAddress(), WINDOW_SAMPLES),
      state: new Float32Array(buffer, kernel.stateAddress(), STATE_FLOATS),
    };
    this.hopSamples = STEP_SAMPLES / phases;
    this.#states = Array.from({ length: phases }, () => new Float32Array(STATE_FLOATS));
    this.#level = new SpeechLevel(SAMPLE_RATE_HZ / this.hopSamples);
    this.#filled = WINDOW_SAMPLES - this.hopSamples;
  }

  push(samples: Int16Array, onHop: (probability: number) => void): void {
    for (let at = 0; at < samples.length;) {
      const taken = Math.min(samples.length - at, WINDOW_SAMPLES - this.#filled);
      this.#window.set(samples.subarray(at, at + taken), this.#filled);
      at += taken;
      this.#filled += taken;
      if (this.#filled < WINDOW_SAMPLES) return;
      this.#probability = this.#judge();
      this.#window.copyWithin(0, this.hopSamples);
      this.#filled = WINDOW_SAMPLES - this.hopSamples;
      onHop(this.#probability);
    }
  }

  reset(): void {
    for (const state of this.#states) state.fill(0);
    this.#window.fill(0);
    this.#level.reset();
    this.#filled = WINDOW_SAMPLES - this.hopSamples;
    this.#phase = 0;
    this.#silentWindows = 0;
    this.#probability = 0;
  }

  snapshot(): DetectorSnapshot {
    const states = new Float32Array(this.#states.length * STATE_FLOATS);
    this.#states.forEach((state, phase) => states.set(state, phase * STATE_FLOATS));
    return {
      detector: this.name,
      state: {
        states,
        window: this.#window.slice(0, this.#filled),
        levelDbfs: this.#level.dbfs,
        phase: this.#phase,
        silentWindows: this.#silentWindows,
        probability: this.#probability,
      },
    };
  }

  restore(snapshot: DetectorSnapshot): void {
    const { states, window, levelDbfs, phase, silentWindows, probability } = snapshot.state;
    const carried = WINDOW_SAMPLES - this.hopSamples;
    if (
      snapshot.detector !== this.name ||
      !(states instanceof Float32Array && states.length === this.#states.length * STATE_FLOATS) ||
      !(window instanceof Int16Array && window.length >= carried && window.length < WINDOW_SAMPLES) ||
      !states.every(Number.isFinite)
    ) {
      throw new RangeError(`a snapshot of ${snapshot.detector} does not fit ${this.name}`);
    }
    this.#level.restore(Number(levelDbfs));
    this.#states.forEach((state, index) => {
      state.set(states.subarray(index * STATE_FLOATS, (index + 1) * STATE_FLOATS));
    });
    this.#window.set(window);
    this.#filled = window.length;
    this.#phase = Number(phase);
    this.#silentWindows = Number(silentWindows);
    this.#probability = Number(probability);
  }

  /** Probability of the full window, by the phase whose turn it is. */
  #judge(): number {
    const power = meanSquare(this.#window, WINDOW_SAMPLES - this.hopSamples);
    const silent = power === 0 && meanSquare(this.#window, 0) === 0;
    this.#silentWindows = silent ? Math.min(this.#silentWindows + 1, SETTLED_WINDOWS) : 0;
    const state = this.#states[this.#phase];
    this.#phase = (this.#phase + 1) % this.#states.length;
    if (state === undefined || this.#silentWindows === SETTLED_WINDOWS) return this.#probability;
    this.#views.samples.set(this.#window);
    this.#views.state.set(state);
    const probability = this.#kernel.run(this.#level.gain);
    state.set(this.#views.state);
    this.#level.update(probability, power);
    return probability;
  }
}

/** Mean square of the samples from `from` on, in the s16 scale. */
function meanSquare(samples: Int16Array, from: number): number {
  let sum = 0;
  for (let i = from; i < samples.length; i++) {
    const sample = samples[i] ?? 0;
    sum += sample * sample;
  }
  return sum / (samples.length - from);
}
