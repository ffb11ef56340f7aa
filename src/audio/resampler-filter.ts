/**
 * The filters of the resampler: for a ratio in lowest terms the taps that make output samples out of input.
 *
 * A Kaiser-windowed sinc, 80 samples of the lower rate long, cut at 0.95 of that rate's Nyquist frequency. By Kaiser's
 * formula (Oppenheim & Schafer, Discrete-Time Signal Processing, §7.5.3) this width and a transition from 0.9 to 1.0
 * allow 65 dB. Coefficients take as many bits as 16 hold, 15 or 16 after the point, so that their rounding stays below
 * that (test/audio/resampler.test.ts measures it).
 *
 * Where a ratio asks for few phases (between 8, 16, 24, 32, 48 and 96 kHz), each has a row of its own. Where it asks for many
 * (22 050 to 24 000 Hz: 160; 22 051 to 24 000 Hz: 24 000), rows stand at 64 instants per sample of the lower rate and a
 * phase between two of them is interpolated linearly, exactly in integers. What that adds are images of the kernel,
 * (b / 64)² of it at b cycles per sample of the lower rate: −84 dB at that rate's Nyquist frequency. So a table takes
 * at most 13.5 KiB (10.4 kB between close rates), whatever the ratio, and one table serves every rise of the rate.
 */

/** Samples of the lower rate on each side of the centre: the look-ahead, and so the latency. */
const HALF_WIDTH = 40;
const CUTOFF = 0.95;
const KAISER_BETA = 6.25;
/** Instants per sample of the lower rate at which an interpolated table has a row. */
const ROWS = 64;
const KAISER_CENTRE = besselI0(KAISER_BETA);
/**
 * Sums are kept in four 32-bit lanes (of every eight taps: the first two, the next two, …) and only the lanes' sum is
 * wider. A lane whose absolute coefficients add up to no more than this cannot overflow on any input.
 */
const LANE_LIMIT = 65535;
const MOST_FRACTION_BITS = 16;
/** Tables kept per isolate, the least recently asked for forgotten first: all pairs of client rates need eight. */
const TABLES_KEPT = 16;

export interface FilterTable {
  /** Coefficients of one row; a multiple of 8, the width of a SIMD register of 16-bit lanes. */
  readonly taps: number;
  /** How many of them are for samples after the one at or before the output's instant. */
  readonly ahead: number;
  /** Rows per input sample: row r is for instants r / `rows` of a sample after an input sample. */
  readonly rows: number;
  /** Fixed point, row after row, one more than `rows` for interpolation. Each row sums to exactly 1. */
  readonly coefficients: Int16Array;
  /** Bits after the point. */
  readonly fractionBits: number;
}

/** `phases` interpolated outputs per input sample, of which every `step`th is kept: ratio phases / step. */
export interface PolyphaseFilter {
  readonly phases: number;
  readonly step: number;
  readonly table: FilterTable;
  /** The table has fewer rows than there are phases, and one more for the end of the last interval. */
  readonly interpolates: boolean;
}

const tables = new Map<string, FilterTable>();

/** The filter for a ratio in lowest terms, 1/12 to 12. Its table is made once per isolate while it is in use. */
export function polyphaseFilter(phases: number, step: number): PolyphaseFilter {
  // Input samples per sample of the lower rate: 1 when the rate rises.
  const stretch = Math.max(1, step / phases);
  const sparse = Math.ceil(ROWS / stretch);
  // One table is never of both kinds: as many rows as `sparse` are always interpolated.
  const rows = Math.min(phases, sparse);
  const key = `${rows} ${stretch}`;
  const table = tables.get(key) ?? designTable(rows, rows < sparse ? rows : rows + 1, stretch);
  // Put last: the first is the one that nobody has asked for the longest.
  tables.delete(key);
  tables.set(key, table);
  const [oldest] = tables.keys();
  if (tables.size > TABLES_KEPT && oldest !== undefined) tables.delete(oldest);
  return { phases, step, table, interpolates: rows === sparse };
}

function designTable(rows: number, count: number, stretch: number): FilterTable {
  const half = HALF_WIDTH * stretch;
  const ahead = Math.floor(half);
  // What is left over is in the past, where it costs no latency.
  const taps = Math.ceil((ahead + Math.ceil(half)) / 8) * 8;
  const responses = Array.from({ length: count }, (_, row) =>
    Float64Array.from({ length: taps }, (__, tap) => {
      const time = tap - (taps - 1 - ahead) - row / rows;
      return sinc((time * CUTOFF) / stretch) * kaiser(time / half);
    }),
  );
  for (let fractionBits = MOST_FRACTION_BITS; ; fractionBits--) {
    const quantised = responses.map((response) => quantise(response, fractionBits));
    if (quantised.every(fits)) {
      const coefficients = new Int16Array(quantised.length * taps);
      quantised.forEach((row, index) => coefficients.set(row, index * taps));
      return { taps, ahead, rows, coefficients, fractionBits };
    }
  }
}

/** Scales to a sum of 1, rounds, and puts the rounding's rest where it errs least: a constant stays that constant. */
function quantise(response: Float64Array, fractionBits: number): Float64Array {
  const unity = 2 ** fractionBits;
  const sum = response.reduce((total, value) => total + value, 0);
  const scaled = response.map((value) => (value / sum) * unity);
  const rounded = scaled.map((value) => Math.round(value));
  const rest = unity - rounded.reduce((total, value) => total + value, 0);
  const order = Array.from(scaled, (value, index) => ({
    index,
    error: (value - (rounded[index] ?? 0)) * Math.sign(rest),
  })).sort((a, b) => b.error - a.error || a.index - b.index);
  for (const { index } of order.slice(0, Math.abs(rest)))
    rounded[index] = (rounded[index] ?? 0) + Math.sign(rest);
  return rounded;
}

/** No lane of this row overflows, and no coefficient 16 bits. */
function fits(row: Float64Array): boolean {
  const lanes = [0, 0, 0, 0];
  row.forEach((value, index) => {
    const lane = (index >> 1) & 3;
    lanes[lane] = (lanes[lane] ?? 0) + Math.abs(value);
  });
  return row.every((value) => Math.abs(value) <= 32767) && lanes.every((sum) => sum <= LANE_LIMIT);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : besselI0(KAISER_BETA * Math.sqrt(1 - x * x)) / KAISER_CENTRE;
}

function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-16; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
