/**
 * The two ways to run a filter of the resampler: TypeScript here, WASM-SIMD in `wasm/resampler.ts`. Both add the same
 * 16-bit products in 32-bit integers and weigh neighbouring rows in whole numbers, so they agree in every bit and a
 * snapshot taken with one goes on with the other. Measured in Node 26, microseconds per 20 ms frame, TypeScript and WASM:
 * 24 to 16 kHz 41 and 2.7, 8 to 24 kHz 40 and 2.9, 24 to 48 kHz 93 and 6.4, 48 to 16 kHz 71 to 149 and 4.6 to 5.5. A ratio
 * that is interpolated takes twice as long as one of the same length that is not.
 */
import type { ResamplerKernel } from "./kernels.ts";
import type { FilterTable, PolyphaseFilter } from "./resampler-filter.ts";

/** Bits of the weight between two rows: 2⁻¹⁵ of a 64th of a sample is no error that anybody could measure. */
const WEIGHT_BITS = 15;
const WEIGHT_UNITY = 2 ** WEIGHT_BITS;

/** Most input samples given to `run` at once, the carried ones not counted. */
export const BLOCK_SAMPLES = 1024;

/** Runs one filter over a block. Holds no stream's state, so one serves every session of an isolate. */
export interface FilterRunner {
  /**
   * Filters `carried` followed by `block` (at most `BLOCK_SAMPLES`), beginning with `phase` at the first sample, and
   * writes `outputs` samples into `out` from `outOffset`. The caller has counted how many the input suffices for.
   */
  run(
    carried: Int16Array,
    block: Int16Array,
    phase: number,
    outputs: number,
    out: Int16Array,
    outOffset: number,
  ): void;
}

export class ScriptRunner implements FilterRunner {
  readonly #filter: PolyphaseFilter;
  readonly #input: Int16Array;

  constructor(filter: PolyphaseFilter) {
    this.#filter = filter;
    this.#input = new Int16Array(filter.table.taps + BLOCK_SAMPLES);
  }

  run(
    carried: Int16Array,
    block: Int16Array,
    phase: number,
    outputs: number,
    out: Int16Array,
    outOffset: number,
  ): void {
    const { phases, step, table, interpolates } = this.#filter;
    const input = this.#input;
    input.set(carried);
    input.set(block, carried.length);
    const unity = 2 ** table.fractionBits * (interpolates ? WEIGHT_UNITY : 1);
    let at = 0;
    for (let n = 0; n < outputs; n++) {
      const sum = interpolates
        ? between(input, at, table, phase, phases)
        : dotProduct(input, at, table, phase);
      const rounded = Math.floor((sum + unity / 2) / unity);
      out[outOffset + n] = rounded > 32767 ? 32767 : rounded < -32768 ? -32768 : rounded;
      phase += step;
      while (phase >= phases) {
        phase -= phases;
        at++;
      }
    }
  }
}

/** The sum at `phase`, between those of two rows, times `WEIGHT_UNITY`. Exact: below 2^50. */
function between(x: Int16Array, at: number, table: FilterTable, phase: number, phases: number): number {
  const position = phase * table.rows;
  const row = Math.floor(position / phases);
  const weight = Math.floor(((position - row * phases) * WEIGHT_UNITY) / phases);
  const before = dotProduct(x, at, table, row);
  return before * WEIGHT_UNITY + (dotProduct(x, at, table, row + 1) - before) * weight;
}

/** Exact: no lane overflows (`LANE_LIMIT`), and a double holds their sum. */
function dotProduct(x: Int16Array, xAt: number, table: FilterTable, row: number): number {
  const { taps, coefficients: c } = table;
  let lane0 = 0;
  let lane1 = 0;
  let lane2 = 0;
  let lane3 = 0;
  for (let i = xAt, j = row * taps; i < xAt + taps; i += 8, j += 8) {
    lane0 = (lane0 + Math.imul(x[i] ?? 0, c[j] ?? 0) + Math.imul(x[i + 1] ?? 0, c[j + 1] ?? 0)) | 0;
    lane1 = (lane1 + Math.imul(x[i + 2] ?? 0, c[j + 2] ?? 0) + Math.imul(x[i + 3] ?? 0, c[j + 3] ?? 0)) | 0;
    lane2 = (lane2 + Math.imul(x[i + 4] ?? 0, c[j + 4] ?? 0) + Math.imul(x[i + 5] ?? 0, c[j + 5] ?? 0)) | 0;
    lane3 = (lane3 + Math.imul(x[i + 6] ?? 0, c[j + 6] ?? 0) + Math.imul(x[i + 7] ?? 0, c[j + 7] ?? 0)) | 0;
  }
  return lane0 + lane1 + lane2 + lane3;
}

/** Runs in the shared instance's memory, where the tables in use are copied. */
export class WasmRunner implements FilterRunner {
  readonly #kernel: ResamplerKernel;
  readonly #filter: PolyphaseFilter;
  readonly #memory: KernelMemory;

  constructor(kernel: ResamplerKernel, filter: PolyphaseFilter) {
    this.#kernel = kernel;
    this.#filter = filter;
    this.#memory = memoryOf(kernel);
  }

  run(
    carried: Int16Array,
    block: Int16Array,
    phase: number,
    outputs: number,
    out: Int16Array,
    outOffset: number,
  ): void {
    const { input, output } = this.#memory;
    input.set(carried);
    input.set(block, carried.length);
    const { phases, step, table, interpolates } = this.#filter;
    const { taps, rows, fractionBits } = table;
    const address = place(this.#kernel, this.#memory, table);
    if (!interpolates) this.#kernel.run(address, taps, phases, step, fractionBits, phase, outputs);
    else this.#kernel.runBetween(address, taps, rows, phases, step, fractionBits, phase, outputs);
    out.set(output.subarray(0, outputs), outOffset);
  }
}

interface KernelMemory {
  readonly input: Int16Array;
  readonly output: Int16Array;
  /** Byte address of each table's coefficients. */
  readonly tables: Map<FilterTable, number>;
  /** Where the next table goes. */
  free: number;
}

const memories = new WeakMap<ResamplerKernel, KernelMemory>();

function memoryOf(kernel: ResamplerKernel): KernelMemory {
  let memory = memories.get(kernel);
  if (memory === undefined) {
    const { buffer } = kernel.memory;
    memory = {
      input: new Int16Array(buffer, kernel.inputAddress(), kernel.inputSamples()),
      output: new Int16Array(buffer, kernel.outputAddress(), kernel.outputSamples()),
      tables: new Map(),
      free: kernel.tableAddress(),
    };
    memories.set(kernel, memory);
  }
  return memory;
}

/** Where the table is. When there is no room for it, all make room: those still in use come back as they are used. */
function place(kernel: ResamplerKernel, memory: KernelMemory, table: FilterTable): number {
  const placed = memory.tables.get(table);
  if (placed !== undefined) return placed;
  const { buffer } = kernel.memory;
  if (memory.free + table.coefficients.byteLength > buffer.byteLength) {
    memory.tables.clear();
    memory.free = kernel.tableAddress();
  }
  const address = memory.free;
  new Int16Array(buffer, address, table.coefficients.length).set(table.coefficients);
  memory.tables.set(table, address);
  memory.free = address + table.coefficients.byteLength;
  return address;
}
