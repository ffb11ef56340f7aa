/**
 * Silero VAD v6, 16 kHz branch, as one straight-line kernel of WebAssembly SIMD (AssemblyScript).
 *
 * One call of `run` takes 576 samples (64 of context and 512 new) and the LSTM state of one speaker and returns the
 * probability of speech. The module holds no speaker: the caller copies samples and state in and the state out, so
 * one instance serves every session of an isolate. It allocates nothing and its memory never grows.
 *
 * Arithmetic: weights are int8 with one scale per row, activations int16 with one scale per layer and call, products
 * are summed in int32 by `i32x4.dot_i16x8_s` (eight multiply-adds per instruction, against four in float). The largest
 * sum, 387 terms of 127 · 32767 in the first layer, is 1.6e9 and cannot overflow. Built with `--use SILERO_FLOAT=1`
 * the same code runs on float weights and activations: tests hold that build to the scalar reference within 1e-4.
 *
 * Weights are packed by tools/build/silero/pack.ts, in the order of the addresses below. A "step" is what one
 * multiply-add instruction consumes of each of four rows: two columns in int8, one in float.
 */

// @ts-expect-error: a constant given by the compiler's `--use`
const FLOAT: bool = SILERO_FLOAT != 0;

/** Columns per step, bytes of weights per step and four rows. Activations take 4 bytes per step in both builds. */
const COLUMNS: usize = FLOAT ? 1 : 2;
const WEIGHT_BYTES: usize = FLOAT ? 16 : 8;

const BINS: usize = 129;
const MAGNITUDE_STEPS: usize = (BINS + COLUMNS - 1) / COLUMNS;
/** Steps of 128 and of 64 columns. */
const STEPS_128: usize = 128 / COLUMNS;
const STEPS_64: usize = 64 / COLUMNS;

// Addresses of the data segment.
/** cos(2πi/256) for i = -64 … 255: window, twiddles and, 64 entries earlier, sines. */
const COSINE: usize = 64 * 4;
/** conv 129→128, 3 taps: [16 blocks of 8 rows][steps][3 taps][2 quads]. */
const CONV0: usize = 320 * 4;
const CONV0_SCALE: usize = CONV0 + 16 * MAGNITUDE_STEPS * 6 * WEIGHT_BYTES;
const CONV0_BIAS: usize = CONV0_SCALE + 128 * 4;
/** conv 128→64, 3 taps: [4 blocks of 16 rows][3 taps · steps][4 quads]. */
const CONV1: usize = CONV0_BIAS + 128 * 4;
const CONV1_SCALE: usize = CONV1 + 4 * 3 * STEPS_128 * 4 * WEIGHT_BYTES;
const CONV1_BIAS: usize = CONV1_SCALE + 64 * 4;
/** conv 64→64, the last two taps (the first always meets padding). */
const CONV2: usize = CONV1_BIAS + 64 * 4;
const CONV2_SCALE: usize = CONV2 + 4 * STEPS_128 * 4 * WEIGHT_BYTES;
const CONV2_BIAS: usize = CONV2_SCALE + 64 * 4;
/** conv 64→128, the middle tap (both others meet padding). */
const CONV3: usize = CONV2_BIAS + 64 * 4;
const CONV3_SCALE: usize = CONV3 + 8 * STEPS_64 * 4 * WEIGHT_BYTES;
const CONV3_BIAS: usize = CONV3_SCALE + 128 * 4;
/** LSTM: [32 blocks of 4 units][input steps, hidden steps][gates i, f, g, o]; scales and bias [32][4 gates][4]. */
const LSTM: usize = CONV3_BIAS + 128 * 4;
const LSTM_INPUT_SCALE: usize = LSTM + 32 * 2 * STEPS_128 * 4 * WEIGHT_BYTES;
const LSTM_HIDDEN_SCALE: usize = LSTM_INPUT_SCALE + 512 * 4;
const LSTM_BIAS: usize = LSTM_HIDDEN_SCALE + 512 * 4;
const OUTPUT: usize = LSTM_BIAS + 512 * 4;
const OUTPUT_BIAS: usize = OUTPUT + 128 * 4;
const DATA_END: usize = OUTPUT_BIAS + 16;

// Scratch.
/** 576 samples of s16. */
const SAMPLES: usize = DATA_END;
/** h[128], c[128] of f32. */
const HIDDEN: usize = SAMPLES + 576 * 2;
const CELL: usize = HIDDEN + 128 * 4;
/** 640 floats: the samples, 64 of them reflected at the end. */
const SIGNAL: usize = CELL + 128 * 4;
/** 128 complex numbers of four lanes, one lane per frame. */
const SPECTRUM: usize = SIGNAL + 640 * 4;
/** 129 magnitudes (and one zero) of four lanes. */
const MAGNITUDES: usize = SPECTRUM + 128 * 32;
/** Output of a layer, at most 4 frames of 128. */
const LAYER: usize = MAGNITUDES + 130 * 16;
/** Input of a layer as its multiply-adds want it. */
const ACTIVATION: usize = LAYER + 512 * 4;
const HIDDEN_ACTIVATION: usize = ACTIVATION + 512 * 4;
const END: usize = HIDDEN_ACTIVATION + 128 * 4;

/** Byte address where the caller writes 576 samples of s16 (64 of context first). */
export function samplesAddress(): usize {
  return SAMPLES;
}

/** Byte address where the caller writes and reads h[128], c[128] of f32. */
export function stateAddress(): usize {
  return HIDDEN;
}

/** Bytes of the data segment, and of all memory in use: the build checks both. */
export function dataBytes(): usize {
  return DATA_END;
}

export function usedBytes(): usize {
  return END;
}

/**
 * Probability of speech in [0, 1]. Before anything else `offset` is taken from the samples and `gain` multiplies them,
 * in float.
 */
export function run(gain: f32, offset: f32): f32 {
  signalFromSamples(gain, offset);
  spectrum();
  const magnitudes = magnitudesToActivation();
  conv0(magnitudes);
  const first = toActivation(LAYER, ACTIVATION, 512);
  rows16(CONV1, 3 * STEPS_128, STEPS_128, 2 * STEPS_128, ACTIVATION, first, CONV1_SCALE, CONV1_BIAS, LAYER, 4);
  const second = ACTIVATION + STEPS_128 * 4;
  rows16(CONV1, 3 * STEPS_128, 0, 3 * STEPS_128, second, first, CONV1_SCALE, CONV1_BIAS, LAYER + 64 * 4, 4);
  rows16(CONV2, STEPS_128, 0, STEPS_128, ACTIVATION, toActivation(LAYER, ACTIVATION, 128), CONV2_SCALE, CONV2_BIAS, LAYER, 4);
  rows16(CONV3, STEPS_64, 0, STEPS_64, ACTIVATION, toActivation(LAYER, ACTIVATION, 64), CONV3_SCALE, CONV3_BIAS, LAYER, 8);
  lstm(toActivation(LAYER, ACTIVATION, 128), toActivation(HIDDEN, HIDDEN_ACTIVATION, 128));
  return output();
}

// ---- arithmetic of both builds

/** Four rows' weights of one step. */
// @ts-expect-error: decorator
@inline function weights(at: usize): v128 {
  return FLOAT ? v128.load(at) : v128.load8x8_s(at);
}

/** acc + w · a for four rows. */
// @ts-expect-error: decorator
@inline function multiplyAdd(acc: v128, w: v128, a: v128): v128 {
  return FLOAT ? f32x4.add(acc, f32x4.mul(w, a)) : i32x4.add(acc, i32x4.dot_i16x8_s(w, a));
}

/** Sums of four rows back in the unit of the activations. */
// @ts-expect-error: decorator
@inline function toFloat(acc: v128, scale: v128): v128 {
  return FLOAT ? acc : f32x4.mul(f32x4.convert_i32x4_s(acc), scale);
}

// @ts-expect-error: decorator
@inline function relu(x: v128): v128 {
  return f32x4.max(x, f32x4.splat(0));
}

function largest(max: v128): f32 {
  const upper = f32x4.max(max, v128.shuffle<f32>(max, max, 2, 3, 0, 1));
  return max4(f32x4.extract_lane(upper, 0), f32x4.extract_lane(upper, 1));
}

// @ts-expect-error: decorator
@inline function max4(a: f32, b: f32): f32 {
  return a > b ? a : b;
}

/** Largest magnitude of the floats at `from`. `count` is a multiple of 4. */
function largestOf(from: usize, count: usize): f32 {
  let max = f32x4.splat(0);
  const end = from + count * 4;
  for (let at = from; at < end; at += 16) max = f32x4.max(max, f32x4.abs(v128.load(at)));
  return largest(max);
}

/** Writes `count` floats (a multiple of 8) as activations; returns what one unit of them is worth. */
function toActivation(from: usize, to: usize, count: usize): f32 {
  if (FLOAT) {
    memory.copy(to, from, count * 4);
    return 1;
  }
  const max = largestOf(from, count);
  const factor = f32x4.splat(max > 0 ? <f32>32767 / max : 0);
  const end = from + count * 4;
  for (let at = from; at < end; at += 32, to += 16) {
    const low = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at), factor)));
    const high = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at, 16), factor)));
    v128.store(to, i16x8.narrow_i32x4_s(low, high));
  }
  return max / <f32>32767;
}

/** The four frames' magnitudes, interleaved by frame: 4 bytes per step and frame. */
function magnitudesToActivation(): f32 {
  if (FLOAT) {
    memory.copy(ACTIVATION, MAGNITUDES, BINS * 16);
    return 1;
  }
  const max = largestOf(MAGNITUDES, BINS * 4);
  const factor = f32x4.splat(max > 0 ? <f32>32767 / max : 0);
  const low16 = i32x4.splat(0xffff);
  let to = ACTIVATION;
  for (let at = MAGNITUDES; at < MAGNITUDES + 130 * 16; at += 32, to += 16) {
    const even = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at), factor)));
    const odd = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at, 16), factor)));
    v128.store(to, v128.or(v128.and(even, low16), i32x4.shl(odd, 16)));
  }
  return max / <f32>32767;
}

// ---- spectrum: 4 frames of 256 samples, 128 apart, one per SIMD lane

/** s16 to float, 32768 to `gain`; the last 64 samples mirrored about the last one (ONNX `Pad` reflect). */
function signalFromSamples(gain: f32, offset: f32): void {
  const middle = f32x4.splat(offset);
  const factor = f32x4.splat(gain / <f32>32768);
  let to = SIGNAL;
  for (let at = SAMPLES; at < SAMPLES + 576 * 2; at += 8, to += 16) {
    v128.store(to, f32x4.mul(f32x4.sub(f32x4.convert_i32x4_s(v128.load16x4_s(at)), middle), factor));
  }
  for (let i: usize = 0; i < 64; i++) store<f32>(SIGNAL + (576 + i) * 4, load<f32>(SIGNAL + (574 - i) * 4));
}

/** Position of sample pair `n` before the first stage: 7 bits reversed. */
// @ts-expect-error: decorator
@inline function reversed(n: u32): u32 {
  n = ((n & 0x55) << 1) | ((n >> 1) & 0x55);
  n = ((n & 0x33) << 2) | ((n >> 2) & 0x33);
  return (((n & 0x0f) << 4) | (n >> 4)) >> 1;
}

/** Hann-weighted sample `n` of the four frames. */
// @ts-expect-error: decorator
@inline function hann(x: v128, n: usize): v128 {
  return f32x4.mul(x, f32x4.splat(<f32>0.5 - <f32>0.5 * load<f32>(COSINE + n * 4)));
}

/** Loads the frames as 128 complex numbers (even sample, odd sample) in bit-reversed order. */
function loadFrames(): void {
  for (let n: usize = 0; n < 256; n += 4) {
    const at = SIGNAL + n * 4;
    const a = v128.load(at);
    const b = v128.load(at, 128 * 4);
    const c = v128.load(at, 256 * 4);
    const d = v128.load(at, 384 * 4);
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    const even = SPECTRUM + reversed(<u32>n >> 1) * 32;
    const odd = SPECTRUM + reversed((<u32>n >> 1) + 1) * 32;
    v128.store(even, hann(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), n));
    v128.store(even, hann(v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), n + 1), 16);
    v128.store(odd, hann(v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5), n + 2));
    v128.store(odd, hann(v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7), n + 3), 16);
  }
}

/** 128-point complex transform in place, then the 129 magnitudes of the real 256-point one. */
function spectrum(): void {
  loadFrames();
  for (let half: usize = 1; half < 128; half <<= 1) {
    const turn: usize = 128 / half;
    for (let k: usize = 0; k < half; k++) {
      const re = v128.load32_splat(COSINE + k * turn * 4);
      const im = f32x4.neg(v128.load32_splat(COSINE + k * turn * 4 - 64 * 4));
      for (let at = SPECTRUM + k * 32; at < SPECTRUM + 128 * 32; at += half * 64) butterfly(at, at + half * 32, re, im);
    }
  }
  magnitude(0, 0);
  for (let k: usize = 1; k < 128; k++) magnitude(k, 128 - k);
  const nyquist = f32x4.sub(v128.load(SPECTRUM), v128.load(SPECTRUM, 16));
  v128.store(MAGNITUDES + 128 * 16, f32x4.abs(nyquist));
}

// @ts-expect-error: decorator
@inline function butterfly(a: usize, b: usize, re: v128, im: v128): void {
  const aRe = v128.load(a);
  const aIm = v128.load(a, 16);
  const bRe = v128.load(b);
  const bIm = v128.load(b, 16);
  const tRe = f32x4.sub(f32x4.mul(bRe, re), f32x4.mul(bIm, im));
  const tIm = f32x4.add(f32x4.mul(bRe, im), f32x4.mul(bIm, re));
  v128.store(a, f32x4.add(aRe, tRe));
  v128.store(a, f32x4.add(aIm, tIm), 16);
  v128.store(b, f32x4.sub(aRe, tRe));
  v128.store(b, f32x4.sub(aIm, tIm), 16);
}

/** Bin `k` of the real transform out of bins `k` and `-k` of the complex one. */
// @ts-expect-error: decorator
@inline function magnitude(k: usize, mirror: usize): void {
  const zRe = v128.load(SPECTRUM + k * 32);
  const zIm = v128.load(SPECTRUM + k * 32, 16);
  const mRe = v128.load(SPECTRUM + mirror * 32);
  const mIm = v128.load(SPECTRUM + mirror * 32, 16);
  const evenRe = f32x4.add(zRe, mRe);
  const evenIm = f32x4.sub(zIm, mIm);
  const oddRe = f32x4.add(zIm, mIm);
  const oddIm = f32x4.sub(mRe, zRe);
  const re = v128.load32_splat(COSINE + k * 4);
  const im = f32x4.neg(v128.load32_splat(COSINE + k * 4 - 64 * 4));
  const x = f32x4.add(evenRe, f32x4.sub(f32x4.mul(oddRe, re), f32x4.mul(oddIm, im)));
  const y = f32x4.add(evenIm, f32x4.add(f32x4.mul(oddRe, im), f32x4.mul(oddIm, re)));
  const power = f32x4.add(f32x4.mul(x, x), f32x4.mul(y, y));
  v128.store(MAGNITUDES + k * 16, f32x4.mul(f32x4.sqrt(power), f32x4.splat(0.5)));
}

// ---- layers

/**
 * The first convolution over all four frames: every weight is loaded once for the frames it meets. Eight rows per
 * turn: eight sums, four activations and a weight stay in sixteen registers.
 */
function conv0(unit: f32): void {
  let w = CONV0;
  for (let row: usize = 0; row < 128; row += 8) {
    let p0 = f32x4.splat(0), p1 = p0, p2 = p0, p3 = p0;
    let q0 = p0, q1 = p0, q2 = p0, q3 = p0;
    for (let a = ACTIVATION; a < ACTIVATION + MAGNITUDE_STEPS * 16; a += 16) {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const a2 = v128.load32_splat(a, 8);
      const a3 = v128.load32_splat(a, 12);
      let x = weights(w);
      p1 = multiplyAdd(p1, x, a0);
      p2 = multiplyAdd(p2, x, a1);
      p3 = multiplyAdd(p3, x, a2);
      x = weights(w + WEIGHT_BYTES);
      q1 = multiplyAdd(q1, x, a0);
      q2 = multiplyAdd(q2, x, a1);
      q3 = multiplyAdd(q3, x, a2);
      x = weights(w + 2 * WEIGHT_BYTES);
      p0 = multiplyAdd(p0, x, a0);
      p1 = multiplyAdd(p1, x, a1);
      p2 = multiplyAdd(p2, x, a2);
      p3 = multiplyAdd(p3, x, a3);
      x = weights(w + 3 * WEIGHT_BYTES);
      q0 = multiplyAdd(q0, x, a0);
      q1 = multiplyAdd(q1, x, a1);
      q2 = multiplyAdd(q2, x, a2);
      q3 = multiplyAdd(q3, x, a3);
      x = weights(w + 4 * WEIGHT_BYTES);
      p0 = multiplyAdd(p0, x, a1);
      p1 = multiplyAdd(p1, x, a2);
      p2 = multiplyAdd(p2, x, a3);
      x = weights(w + 5 * WEIGHT_BYTES);
      q0 = multiplyAdd(q0, x, a1);
      q1 = multiplyAdd(q1, x, a2);
      q2 = multiplyAdd(q2, x, a3);
      w += 6 * WEIGHT_BYTES;
    }
    conv0Store(row, unit, p0, p1, p2, p3);
    conv0Store(row + 4, unit, q0, q1, q2, q3);
  }
}

// @ts-expect-error: decorator
@inline function conv0Store(row: usize, unit: f32, s0: v128, s1: v128, s2: v128, s3: v128): void {
  const scale = f32x4.mul(v128.load(CONV0_SCALE + row * 4), f32x4.splat(unit));
  const bias = v128.load(CONV0_BIAS + row * 4);
  const to = LAYER + row * 4;
  v128.store(to, relu(f32x4.add(toFloat(s0, scale), bias)));
  v128.store(to, relu(f32x4.add(toFloat(s1, scale), bias)), 512);
  v128.store(to, relu(f32x4.add(toFloat(s2, scale), bias)), 1024);
  v128.store(to, relu(f32x4.add(toFloat(s3, scale), bias)), 1536);
}

/**
 * ReLU(W·a + b) for `blocks` blocks of 16 rows, over the `steps` columns from step `skip` of rows that are
 * `rowSteps` long.
 */
function rows16(
  w: usize, rowSteps: usize, skip: usize, steps: usize, activation: usize, unit: f32,
  scales: usize, biases: usize, to: usize, blocks: usize,
): void {
  const units = f32x4.splat(unit);
  for (let block: usize = 0; block < blocks; block++) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    let at = w + (block * rowSteps + skip) * 4 * WEIGHT_BYTES;
    for (let a = activation; a < activation + steps * 4; a += 4) {
      const x = v128.load32_splat(a);
      s0 = multiplyAdd(s0, weights(at), x);
      s1 = multiplyAdd(s1, weights(at + WEIGHT_BYTES), x);
      s2 = multiplyAdd(s2, weights(at + 2 * WEIGHT_BYTES), x);
      s3 = multiplyAdd(s3, weights(at + 3 * WEIGHT_BYTES), x);
      at += 4 * WEIGHT_BYTES;
    }
    const row = block * 64;
    rowsStore(s0, units, scales + row, biases + row, to + row);
    rowsStore(s1, units, scales + row + 16, biases + row + 16, to + row + 16);
    rowsStore(s2, units, scales + row + 32, biases + row + 32, to + row + 32);
    rowsStore(s3, units, scales + row + 48, biases + row + 48, to + row + 48);
  }
}

// @ts-expect-error: decorator
@inline function rowsStore(sum: v128, units: v128, scale: usize, bias: usize, to: usize): void {
  v128.store(to, relu(f32x4.add(toFloat(sum, f32x4.mul(units, v128.load(scale))), v128.load(bias))));
}

/** One LSTM step: four units at a time, their gates i, f, g, o in four sums, h and c written in place. */
function lstm(inputUnit: f32, hiddenUnit: f32): void {
  const inputUnits = f32x4.splat(inputUnit);
  const hiddenUnits = f32x4.splat(hiddenUnit);
  let w = LSTM;
  for (let unit: usize = 0; unit < 128; unit += 4) {
    let i = f32x4.splat(0), f = i, g = i, o = i;
    for (let a = ACTIVATION; a < ACTIVATION + STEPS_128 * 4; a += 4, w += 4 * WEIGHT_BYTES) {
      const x = v128.load32_splat(a);
      i = multiplyAdd(i, weights(w), x);
      f = multiplyAdd(f, weights(w + WEIGHT_BYTES), x);
      g = multiplyAdd(g, weights(w + 2 * WEIGHT_BYTES), x);
      o = multiplyAdd(o, weights(w + 3 * WEIGHT_BYTES), x);
    }
    const at = unit * 16;
    const inputI = gate(i, inputUnits, LSTM_INPUT_SCALE + at);
    const inputF = gate(f, inputUnits, LSTM_INPUT_SCALE + at + 16);
    const inputG = gate(g, inputUnits, LSTM_INPUT_SCALE + at + 32);
    const inputO = gate(o, inputUnits, LSTM_INPUT_SCALE + at + 48);
    i = f32x4.splat(0), f = i, g = i, o = i;
    for (let a = HIDDEN_ACTIVATION; a < HIDDEN_ACTIVATION + STEPS_128 * 4; a += 4, w += 4 * WEIGHT_BYTES) {
      const x = v128.load32_splat(a);
      i = multiplyAdd(i, weights(w), x);
      f = multiplyAdd(f, weights(w + WEIGHT_BYTES), x);
      g = multiplyAdd(g, weights(w + 2 * WEIGHT_BYTES), x);
      o = multiplyAdd(o, weights(w + 3 * WEIGHT_BYTES), x);
    }
    i = sum3(inputI, gate(i, hiddenUnits, LSTM_HIDDEN_SCALE + at), LSTM_BIAS + at);
    f = sum3(inputF, gate(f, hiddenUnits, LSTM_HIDDEN_SCALE + at + 16), LSTM_BIAS + at + 16);
    g = sum3(inputG, gate(g, hiddenUnits, LSTM_HIDDEN_SCALE + at + 32), LSTM_BIAS + at + 32);
    o = sum3(inputO, gate(o, hiddenUnits, LSTM_HIDDEN_SCALE + at + 48), LSTM_BIAS + at + 48);
    const kept = f32x4.mul(sigmoid(f), v128.load(CELL + unit * 4));
    const cell = f32x4.add(kept, f32x4.mul(sigmoid(i), tanh(g)));
    v128.store(CELL + unit * 4, cell);
    v128.store(HIDDEN + unit * 4, f32x4.mul(sigmoid(o), tanh(cell)));
  }
}

// @ts-expect-error: decorator
@inline function gate(sum: v128, units: v128, scale: usize): v128 {
  return toFloat(sum, f32x4.mul(units, v128.load(scale)));
}

// @ts-expect-error: decorator
@inline function sum3(a: v128, b: v128, bias: usize): v128 {
  return f32x4.add(f32x4.add(a, b), v128.load(bias));
}

function output(): f32 {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < 512; i += 16) {
    sum = f32x4.add(sum, f32x4.mul(relu(v128.load(HIDDEN + i)), v128.load(OUTPUT + i)));
  }
  const halves = f32x4.add(sum, v128.shuffle<f32>(sum, sum, 2, 3, 0, 1));
  const logit = f32x4.extract_lane(halves, 0) + f32x4.extract_lane(halves, 1) + load<f32>(OUTPUT_BIAS);
  return f32x4.extract_lane(sigmoid(f32x4.splat(logit)), 0);
}

/**
 * e^x by x = n·ln 2 + r and a polynomial of degree 6 in r (relative error below 2e-7). The clamp keeps 2^n a normal
 * number, so no input yields infinity or NaN.
 */
function exp(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f32x4.splat(-87)), f32x4.splat(87));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.4426950408889634)));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.0 / 720.0);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 120.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 24.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 6.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))));
}

/** 2·sigmoid(2x) − 1: absolute error below 2e-7, which is all the cell needs. */
function tanh(x: v128): v128 {
  return f32x4.sub(f32x4.mul(f32x4.splat(2), sigmoid(f32x4.add(x, x))), f32x4.splat(1));
}
