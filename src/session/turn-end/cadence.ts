/**
 * Whether a voice ends as sentences do: a small recurrent network (GRU, 48 units) over the last second and a half before a
 * silence, in frames of 20 ms. Trained by tools/ends/train.py on speakers of whom none is in a benchmark of this
 * repository. It hears levels and pitches only relative to the same second and a half, so it keeps nothing of anybody.
 */
import { FRAME_BANDS, FRAMES_RATE_HZ, samplesOfFrames, voiceFrames } from "../../audio/voice-frames.ts";
import { SCALES, UNITS, WEIGHTS } from "./cadence-weights.ts";

const CADENCE_FRAMES = 75;
export const CADENCE_SAMPLES: number = samplesOfFrames(CADENCE_FRAMES);
export const CADENCE_MS: number = (CADENCE_SAMPLES * 1000) / FRAMES_RATE_HZ;
/** Bands, pitch, periodicity, voiced. */
const INPUTS: number = FRAME_BANDS + 3;

/** Loud is this quantile of the frames' mean levels; a band is set against 20 dB below it. */
const LOUD = 0.95;

/** What the network sees, frame after frame. `samples` at 16 kHz: `CADENCE_SAMPLES` of them, ending in the silence. */
function cadenceInputs(samples: Int16Array): Float32Array {
  const frames = voiceFrames(samples);
  const levels = frames.map(({ bandsDb }) => bandsDb.reduce((sum, level) => sum + level, 0) / FRAME_BANDS);
  const middleDb = (levels.toSorted((a, b) => a - b)[Math.floor((levels.length - 1) * LOUD)] ?? 0) - 20;
  const pitches = frames.filter(({ pitchHz }) => pitchHz > 0).map(({ pitchHz }) => pitchHz);
  const middleHz = pitches.toSorted((a, b) => a - b)[pitches.length >> 1] ?? 1;
  const inputs = new Float32Array(frames.length * INPUTS);
  for (const [index, { bandsDb, pitchHz, periodicity }] of frames.entries()) {
    const at = index * INPUTS;
    for (const [band, level] of bandsDb.entries())
      inputs[at + band] = between(-3, (level - middleDb) / 15, 2);
    const voiced = pitchHz > 0;
    inputs[at + FRAME_BANDS] = voiced ? between(-2, 3 * Math.log2(pitchHz / middleHz), 2) : 0;
    inputs[at + FRAME_BANDS + 1] = periodicity;
    inputs[at + FRAME_BANDS + 2] = voiced ? 1 : 0;
  }
  return inputs;
}

/** Reset and update gates and the new state, from the inputs and from the last state; their biases; the head and its bias. */
const SHAPES = [3 * UNITS * INPUTS, 3 * UNITS * UNITS, 3 * UNITS, 3 * UNITS, UNITS, 1];

function unpacked(): Float32Array[] {
  const bytes = new Int8Array(Uint8Array.fromBase64(WEIGHTS).buffer);
  let at = 0;
  return SHAPES.map((length, index) => {
    const scale = SCALES[index] ?? 0;
    at += length;
    return Float32Array.from(bytes.subarray(at - length, at), (weight) => weight * scale);
  });
}

let network: Float32Array[] | null = null;

/**
 * Logarithm of how much likelier this is before an end than before a pause. `latest`: at most the last `CADENCE_MS` at
 * 16 kHz, ending in the silence; before it there was nothing.
 */
export function cadenceOf(latest: Int16Array): number {
  network ??= unpacked();
  const [, , , , head = EMPTY, bias = EMPTY] = network;
  const samples = new Int16Array(CADENCE_SAMPLES);
  samples.set(latest.subarray(-CADENCE_SAMPLES), Math.max(0, CADENCE_SAMPLES - latest.length));
  const inputs = cadenceInputs(samples);
  let state: Float32Array = new Float32Array(UNITS);
  for (let at = 0; at < inputs.length; at += INPUTS)
    state = stepped(network, inputs.subarray(at, at + INPUTS), state);
  return state.reduce((sum, value, unit) => sum + value * (head[unit] ?? 0), bias[0] ?? 0);
}

const EMPTY = new Float32Array(0);

/** One step of the recurrence (Cho et al., 2014, in the form of PyTorch and cuDNN). */
function stepped(weights: readonly Float32Array[], inputs: Float32Array, state: Float32Array): Float32Array {
  const [ofInputs = EMPTY, ofState = EMPTY, biasOfInputs = EMPTY, biasOfState = EMPTY] = weights;
  return state.map((before, unit) => {
    const [reset, update, fresh] = [unit, UNITS + unit, 2 * UNITS + unit];
    const kept = logistic(
      product(ofInputs, reset, inputs, biasOfInputs) + product(ofState, reset, state, biasOfState),
    );
    const old = logistic(
      product(ofInputs, update, inputs, biasOfInputs) + product(ofState, update, state, biasOfState),
    );
    const now = Math.tanh(
      product(ofInputs, fresh, inputs, biasOfInputs) + kept * product(ofState, fresh, state, biasOfState),
    );
    return (1 - old) * now + old * before;
  });
}

/** A row of a matrix times a vector, and the row's bias. */
function product(matrix: Float32Array, row: number, vector: Float32Array, bias: Float32Array): number {
  let sum = bias[row] ?? 0;
  const from = row * vector.length;
  for (let at = 0; at < vector.length; at += 1) sum += (matrix[from + at] ?? 0) * (vector[at] ?? 0);
  return sum;
}

function logistic(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
