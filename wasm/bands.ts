/**
 * The inner loop of `src/audio/filter-bank.ts` in AssemblyScript with SIMD: two bands per vector of doubles, two vectors
 * per loop, so that each value has others to wait beside. It holds no sound's state between calls: its host copies that in
 * and out. One page of memory.
 */
const BANDS: i32 = 10;
const SAMPLES_ADDRESS: i32 = 1024;
/** 16 ms at 96 kHz, and more. */
const SAMPLES: i32 = 2048;
/** Doubles: for each band a1, then a2. */
const COEFFICIENTS_ADDRESS: i32 = SAMPLES_ADDRESS + 2 * SAMPLES;
/** Doubles: the last two samples, then each band's y1, y2, z1, z2. */
const STATE_ADDRESS: i32 = COEFFICIENTS_ADDRESS + 16 * BANDS;
/** Doubles: what `run` writes, a band each. */
const ENERGIES_ADDRESS: i32 = STATE_ADDRESS + 8 * (2 + 4 * BANDS);

export function samplesAddress(): i32 {
  return SAMPLES_ADDRESS;
}
export function samples(): i32 {
  return SAMPLES;
}
export function coefficientsAddress(): i32 {
  return COEFFICIENTS_ADDRESS;
}
export function stateAddress(): i32 {
  return STATE_ADDRESS;
}
export function energiesAddress(): i32 {
  return ENERGIES_ADDRESS;
}

/** Filters the first `count` samples, and goes on with the state. */
export function run(count: i32): void {
  four(0, count);
  four(4, count);
  two(8, count);
  const end = SAMPLES_ADDRESS + (count << 1);
  const x1 = load<f64>(STATE_ADDRESS);
  store<f64>(STATE_ADDRESS + 8, count > 1 ? <f64>load<i16>(end - 4) : x1);
  store<f64>(STATE_ADDRESS, <f64>load<i16>(end - 2));
}

/** The coefficient of a band and of the next one. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function coefficient(band: i32, which: i32): v128 {
  return v128.load(COEFFICIENTS_ADDRESS + (which * BANDS + band) * 8);
}

/** One of the delays of a band and of the next one. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function delay(band: i32, which: i32): v128 {
  const at = STATE_ADDRESS + (2 + band * 4 + which) * 8;
  return f64x2.replace_lane(v128.load64_splat(at), 1, load<f64>(at + 32));
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function keep(band: i32, which: i32, value: v128): void {
  const at = STATE_ADDRESS + (2 + band * 4 + which) * 8;
  store<f64>(at, f64x2.extract_lane(value, 0));
  store<f64>(at + 32, f64x2.extract_lane(value, 1));
}

function four(band: i32, count: i32): void {
  const a1 = coefficient(band, 0);
  const a2 = coefficient(band, 1);
  const c1 = coefficient(band + 2, 0);
  const c2 = coefficient(band + 2, 1);
  let y1 = delay(band, 0);
  let y2 = delay(band, 1);
  let z1 = delay(band, 2);
  let z2 = delay(band, 3);
  let v1 = delay(band + 2, 0);
  let v2 = delay(band + 2, 1);
  let w1 = delay(band + 2, 2);
  let w2 = delay(band + 2, 3);
  let x1 = load<f64>(STATE_ADDRESS);
  let x2 = load<f64>(STATE_ADDRESS + 8);
  let energy = f64x2.splat(0);
  let next = f64x2.splat(0);
  const end = SAMPLES_ADDRESS + (count << 1);
  for (let at = SAMPLES_ADDRESS; at < end; at += 2) {
    const x = <f64>load<i16>(at);
    const difference = f64x2.splat(x - x2);
    x2 = x1;
    x1 = x;
    const y = f64x2.sub(f64x2.sub(difference, f64x2.mul(a2, y2)), f64x2.mul(a1, y1));
    const v = f64x2.sub(f64x2.sub(difference, f64x2.mul(c2, v2)), f64x2.mul(c1, v1));
    const z = f64x2.sub(f64x2.sub(f64x2.sub(y, y2), f64x2.mul(a2, z2)), f64x2.mul(a1, z1));
    const w = f64x2.sub(f64x2.sub(f64x2.sub(v, v2), f64x2.mul(c2, w2)), f64x2.mul(c1, w1));
    y2 = y1;
    y1 = y;
    v2 = v1;
    v1 = v;
    z2 = z1;
    z1 = z;
    w2 = w1;
    w1 = w;
    energy = f64x2.add(energy, f64x2.mul(z, z));
    next = f64x2.add(next, f64x2.mul(w, w));
  }
  keep(band, 0, y1);
  keep(band, 1, y2);
  keep(band, 2, z1);
  keep(band, 3, z2);
  keep(band + 2, 0, v1);
  keep(band + 2, 1, v2);
  keep(band + 2, 2, w1);
  keep(band + 2, 3, w2);
  v128.store(ENERGIES_ADDRESS + band * 8, energy);
  v128.store(ENERGIES_ADDRESS + band * 8 + 16, next);
}

function two(band: i32, count: i32): void {
  const a1 = coefficient(band, 0);
  const a2 = coefficient(band, 1);
  let y1 = delay(band, 0);
  let y2 = delay(band, 1);
  let z1 = delay(band, 2);
  let z2 = delay(band, 3);
  let x1 = load<f64>(STATE_ADDRESS);
  let x2 = load<f64>(STATE_ADDRESS + 8);
  let energy = f64x2.splat(0);
  const end = SAMPLES_ADDRESS + (count << 1);
  for (let at = SAMPLES_ADDRESS; at < end; at += 2) {
    const x = <f64>load<i16>(at);
    const difference = f64x2.splat(x - x2);
    x2 = x1;
    x1 = x;
    const y = f64x2.sub(f64x2.sub(difference, f64x2.mul(a2, y2)), f64x2.mul(a1, y1));
    const z = f64x2.sub(f64x2.sub(f64x2.sub(y, y2), f64x2.mul(a2, z2)), f64x2.mul(a1, z1));
    y2 = y1;
    y1 = y;
    z2 = z1;
    z1 = z;
    energy = f64x2.add(energy, f64x2.mul(z, z));
  }
  keep(band, 0, y1);
  keep(band, 1, y2);
  keep(band, 2, z1);
  keep(band, 3, z2);
  v128.store(ENERGIES_ADDRESS + band * 8, energy);
}
