/**
 * Rational resampling of a whole utterance by a linear-phase polyphase filter (windowed sinc, Kaiser). The demo
 * has its own, apart from the relay's streaming one, so that a fault in either shows in the other's tests.
 */
const ZERO_CROSSINGS = 32;
/** Kaiser β for about 80 dB of stop-band attenuation (Oppenheim & Schafer, §7.5). */
const KAISER_BETA = 7.9;
/** Pass band edge as a part of the lower rate: the transition ends at its half. */
const CUTOFF = 0.46;

interface Filter {
  /** Output samples per `down` input samples. */
  readonly up: number;
  readonly down: number;
  /** Input samples on each side of a position. */
  readonly halfWidth: number;
  /** `up` phases of `2 * halfWidth` coefficients. */
  readonly phases: readonly Float64Array[];
}

const filters = new Map<string, Filter>();

/** Samples that `length` samples at `fromHz` become at `toHz`. */
export function resampledLength(length: number, fromHz: number, toHz: number): number {
  return Math.floor((length * toHz) / fromHz);
}

/**
 * Samples `[start, end)` of `input` resampled from `fromHz` to `toHz`; any split of a range gives the same
 * samples. Outside `input` there is silence. Equal rates return a copy.
 */
export function resampleRange(
  input: Int16Array,
  fromHz: number,
  toHz: number,
  start: number,
  end: number,
): Int16Array {
  if (fromHz === toHz) return input.slice(start, end);
  const { up, down, halfWidth, phases } = filterFor(fromHz, toHz);
  const output = new Int16Array(Math.max(0, end - start));
  for (let n = 0; n < output.length; n += 1) {
    const position = (start + n) * down;
    const centre = Math.floor(position / up);
    const taps = phases[position % up] ?? new Float64Array(0);
    const first = centre - halfWidth + 1;
    let sum = 0;
    for (let k = 0; k < taps.length; k += 1) sum += (taps[k] ?? 0) * (input[first + k] ?? 0);
    output[n] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
  return output;
}

export function resample(input: Int16Array, fromHz: number, toHz: number): Int16Array {
  return resampleRange(input, fromHz, toHz, 0, resampledLength(input.length, fromHz, toHz));
}

function filterFor(fromHz: number, toHz: number): Filter {
  const key = `${fromHz}:${toHz}`;
  const known = filters.get(key);
  if (known !== undefined) return known;
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const up = toHz / divisor;
  const down = fromHz / divisor;
  // Cut-off in cycles per input sample; downsampling widens the filter by the same factor.
  const cutoff = CUTOFF * Math.min(1, toHz / fromHz);
  const halfWidth = Math.ceil(ZERO_CROSSINGS * Math.max(1, fromHz / toHz));
  const phases = Array.from({ length: up }, (_, phase) => phaseTaps(phase / up, cutoff, halfWidth));
  const filter = { up, down, halfWidth, phases };
  filters.set(key, filter);
  return filter;
}

/** Coefficients for a position `fraction` of an input sample after the centre, with unit gain at DC. */
function phaseTaps(fraction: number, cutoff: number, halfWidth: number): Float64Array {
  const taps = new Float64Array(2 * halfWidth);
  let gain = 0;
  for (let k = 0; k < taps.length; k += 1) {
    const distance = k - halfWidth + 1 - fraction;
    const angle = 2 * Math.PI * cutoff * distance;
    const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
    const edge = distance / halfWidth;
    const tap =
      sinc * (bessel0(KAISER_BETA * Math.sqrt(Math.max(0, 1 - edge * edge))) / bessel0(KAISER_BETA));
    taps[k] = tap;
    gain += tap;
  }
  return taps.map((tap) => tap / gain);
}

/** Modified Bessel function of the first kind, order zero, by its power series. */
function bessel0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
