/**
 * The inner loop of `src/audio/resampler-kernel.ts` in AssemblyScript with SIMD: eight 16-bit products per step,
 * summed in four 32-bit lanes. It holds no state between calls but the coefficient tables its host has placed, so
 * one instance serves every session of an isolate. Two pages of memory: input, output, 101 kB of tables.
 */
const INPUT_ADDRESS: i32 = 1024;
/** The longest filter less one (959) and one block (1024). */
const INPUT_SAMPLES: i32 = 1984;
const OUTPUT_ADDRESS: i32 = INPUT_ADDRESS + 2 * INPUT_SAMPLES;
/** One block at the largest ratio, 12, and one more where phases do not end with it. */
const OUTPUT_SAMPLES: i32 = 12296;
const TABLE_ADDRESS: i32 = OUTPUT_ADDRESS + 2 * OUTPUT_SAMPLES;

export function inputAddress(): i32 {
  return INPUT_ADDRESS;
}
export function inputSamples(): i32 {
  return INPUT_SAMPLES;
}
export function outputAddress(): i32 {
  return OUTPUT_ADDRESS;
}
export function outputSamples(): i32 {
  return OUTPUT_SAMPLES;
}
export function tableAddress(): i32 {
  return TABLE_ADDRESS;
}

/**
 * Writes `outputs` samples to the output region. The table at byte address `table` has `phases` rows of `taps`
 * coefficients (a multiple of 8) with `fractionBits` bits after the point; `phase` is the first output's row.
 */
export function run(
  table: i32,
  taps: i32,
  phases: i32,
  step: i32,
  fractionBits: i32,
  phase: i32,
  outputs: i32,
): void {
  const rowBytes = taps << 1;
  const half: i64 = (<i64>1) << (fractionBits - 1);
  let at = INPUT_ADDRESS;
  let out = OUTPUT_ADDRESS;
  const end = out + (outputs << 1);
  while (out < end) {
    const sum = dotProduct(at, table + phase * rowBytes, rowBytes);
    store<i16>(out, <i16>clamp((sum + half) >> fractionBits));
    out += 2;
    phase += step;
    while (phase >= phases) {
      phase -= phases;
      at += 2;
    }
  }
}

/** Bits of the weight between two rows. */
const WEIGHT_BITS: i32 = 15;

/**
 * As `run`, for a table of `rows + 1` rows at equal distances from one input sample to the next: the sum at `phase` (of
 * `phases`, at most 96 000) is interpolated between those of the two rows around it.
 */
export function runBetween(
  table: i32,
  taps: i32,
  rows: i32,
  phases: i32,
  step: i32,
  fractionBits: i32,
  phase: i32,
  outputs: i32,
): void {
  const rowBytes = taps << 1;
  const bits = <i64>(fractionBits + WEIGHT_BITS);
  const half: i64 = (<i64>1) << (bits - 1);
  let at = INPUT_ADDRESS;
  let out = OUTPUT_ADDRESS;
  const end = out + (outputs << 1);
  while (out < end) {
    const position = phase * rows;
    const row = position / phases;
    const weight = <i64>((<u32>(position - row * phases) << WEIGHT_BITS) / <u32>phases);
    const address = table + row * rowBytes;
    const before = dotProduct(at, address, rowBytes);
    const after = dotProduct(at, address + rowBytes, rowBytes);
    store<i16>(out, <i16>clamp(((before << WEIGHT_BITS) + (after - before) * weight + half) >> bits));
    out += 2;
    phase += step;
    while (phase >= phases) {
      phase -= phases;
      at += 2;
    }
  }
}

// @ts-ignore: decorator
@inline
function dotProduct(x: i32, c: i32, bytes: i32): i64 {
  const end = x + bytes;
  let lanes = i32x4.splat(0);
  while (x < end) {
    lanes = i32x4.add(lanes, i32x4.dot_i16x8_s(v128.load(x), v128.load(c)));
    x += 16;
    c += 16;
  }
  // No lane overflows, their sum may: the filter's design bounds each lane (LANE_LIMIT).
  const pairs = i64x2.add(i64x2.extend_low_i32x4_s(lanes), i64x2.extend_high_i32x4_s(lanes));
  return i64x2.extract_lane(pairs, 0) + i64x2.extract_lane(pairs, 1);
}

// @ts-ignore: decorator
@inline
function clamp(value: i64): i32 {
  return <i32>(value > 32767 ? 32767 : value < -32768 ? -32768 : value);
}
