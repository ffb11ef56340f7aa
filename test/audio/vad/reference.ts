/**
 * Silero v6 (16 kHz) written to be read: the oracle for the WASM kernel. Plain loops in double precision over the
 * unquantised weights, DFT by definition.
 */
import type { Layer, Network } from "../../../tools/build/silero/network.ts";

export interface ReferenceState {
  readonly hidden: Float64Array;
  readonly cell: Float64Array;
}

export function newReferenceState(): ReferenceState {
  return { hidden: new Float64Array(128), cell: new Float64Array(128) };
}

/** `window`: 64 samples of context and 512 new ones in [-1, 1]. Updates `state`; returns the probability. */
export function referenceProbability(
  network: Network,
  window: ArrayLike<number>,
  state: ReferenceState,
): number {
  let frames = spectrogram(window);
  network.conv.forEach((layer, index) => {
    frames = convolve(layer, frames, index === 1 || index === 2 ? 2 : 1);
  });
  lstmStep(network, frames[0] ?? [], state);
  let logit = network.outputBias;
  for (let i = 0; i < 128; i++) logit += Math.max(0, get(state.hidden, i)) * get(network.outputWeights, i);
  return sigmoid(logit);
}

function get(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`index ${index}`);
  return value;
}

const cosine = Float64Array.from({ length: 256 }, (_, i) => Math.cos((2 * Math.PI * i) / 256));

/** 4 frames of 129 magnitudes: 64 samples reflected on the right, periodic Hann, hop 128. */
function spectrogram(window: ArrayLike<number>): number[][] {
  const sample = (i: number): number => get(window, i < 576 ? i : 1150 - i);
  return [0, 128, 256, 384].map((start) => {
    const frame = Array.from({ length: 256 }, (_, n) => sample(start + n) * (0.5 - 0.5 * get(cosine, n)));
    return Array.from({ length: 129 }, (_, k) => {
      let re = 0;
      let im = 0;
      for (let n = 0; n < 256; n++) {
        re += get(frame, n) * get(cosine, (k * n) % 256);
        im += get(frame, n) * get(cosine, (k * n + 64) % 256);
      }
      return Math.hypot(re, im);
    });
  });
}

/** Kernel 3, padding 1, ReLU. */
function convolve(layer: Layer, frames: number[][], stride: number): number[][] {
  const out: number[][] = [];
  for (let centre = 0; centre < frames.length; centre += stride) {
    out.push(
      Array.from({ length: layer.outputs }, (_, row) => {
        let sum = get(layer.bias, row);
        for (let tap = 0; tap < 3; tap++) {
          const frame = frames[centre + tap - 1];
          if (frame === undefined) continue;
          for (let c = 0; c < layer.inputs; c++) {
            sum += get(layer.weights, (row * layer.inputs + c) * 3 + tap) * get(frame, c);
          }
        }
        return Math.max(0, sum);
      }),
    );
  }
  return out;
}

function lstmStep(network: Network, input: number[], state: ReferenceState): void {
  const gates = Array.from({ length: 512 }, (_, row) => {
    let sum = get(network.inputBias, row) + get(network.hiddenBias, row);
    for (let c = 0; c < 128; c++) {
      sum += get(network.inputWeights, row * 128 + c) * get(input, c);
      sum += get(network.hiddenWeights, row * 128 + c) * get(state.hidden, c);
    }
    return sum;
  });
  for (let unit = 0; unit < 128; unit++) {
    const [i = 0, f = 0, g = 0, o = 0] = [0, 128, 256, 384].map((gate) => get(gates, gate + unit));
    state.cell[unit] = sigmoid(f) * get(state.cell, unit) + sigmoid(i) * Math.tanh(g);
    state.hidden[unit] = sigmoid(o) * Math.tanh(get(state.cell, unit));
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
