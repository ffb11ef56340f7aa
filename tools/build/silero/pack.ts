/**
 * Lays the weights out as wasm/silero.ts reads them: quads of four rows, so that one multiply-add serves four
 * outputs; int8 with one scale per row (or float, for the tests' build).
 */
import type { Layer, Network } from "./network.ts";

/**
 * Largest quantised magnitudes. Coarser steps compress better, and the LSTM's rows bear them: with 127 and 80 the
 * module takes 198 kB gzipped and is on average 0.0053 from the float network's probabilities; 127 for both take
 * 208 kB and are 0.0077 off, 96 for both 198 kB and 0.0104 (data/vad; docs/vad.md has the other combinations).
 */
const CONVOLUTION_LEVELS = 127;
const LSTM_LEVELS = 80;

export type Arithmetic = "int8" | "float";

/** A matrix of `rows` rows by `columns` columns, and the factor that each quantised row is to be multiplied with. */
interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: ArrayLike<number>;
  readonly scales: Float32Array;
}

/** The data segment of the kernel. */
export function packNetwork(network: Network, arithmetic: Arithmetic): Uint8Array {
  const [first, second, third, fourth] = network.conv;
  if (!first || !second || !third || !fourth) throw new Error("speech detector: four convolutions expected");
  const out = new Packer(arithmetic);
  out.floats(Float32Array.from({ length: 320 }, (_, i) => Math.cos((2 * Math.PI * (i - 64)) / 256)));
  out.firstConvolution(quantise(taps(first, [0, 1, 2]), arithmetic), first);
  out.rows16(quantise(taps(second, [0, 1, 2]), arithmetic), second.bias);
  out.rows16(quantise(taps(third, [1, 2]), arithmetic), third.bias);
  out.rows16(quantise(taps(fourth, [1]), arithmetic), fourth.bias);
  out.lstm(network);
  out.floats(network.outputWeights);
  out.floats(Float32Array.of(network.outputBias, 0, 0, 0));
  return out.bytes();
}

/** Convolution as a matrix whose columns are [tap][input channel], of the taps that ever meet data. */
function taps(layer: Layer, wanted: readonly number[]): Matrix {
  const columns = wanted.length * layer.inputs;
  const values = new Float32Array(layer.outputs * columns);
  for (let row = 0; row < layer.outputs; row++) {
    wanted.forEach((tap, index) => {
      for (let input = 0; input < layer.inputs; input++) {
        values[row * columns + index * layer.inputs + input] = at(
          layer.weights,
          (row * layer.inputs + input) * 3 + tap,
        );
      }
    });
  }
  return { rows: layer.outputs, columns, values, scales: new Float32Array(layer.outputs).fill(1) };
}

/** Rounds each row to int8 with its own scale, largest magnitude to `levels`. */
function quantise(matrix: Matrix, arithmetic: Arithmetic, levels = CONVOLUTION_LEVELS): Matrix {
  if (arithmetic === "float") return matrix;
  const values = new Int8Array(matrix.values.length);
  const scales = new Float32Array(matrix.rows);
  for (let row = 0; row < matrix.rows; row++) {
    const from = row * matrix.columns;
    const source = Array.from({ length: matrix.columns }, (_, column) => at(matrix.values, from + column));
    let largest = 0;
    for (const value of source) largest = Math.max(largest, Math.abs(value));
    const scale = largest / levels;
    scales[row] = scale;
    source.forEach((value, column) => (values[from + column] = Math.round(value / scale)));
  }
  return { ...matrix, values, scales };
}

function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error(`speech detector: weight ${index} does not exist`);
  return value;
}

class Packer {
  readonly #arithmetic: Arithmetic;
  readonly #parts: Uint8Array[] = [];

  constructor(arithmetic: Arithmetic) {
    this.#arithmetic = arithmetic;
  }

  floats(values: Float32Array): void {
    this.#parts.push(new Uint8Array(values.slice().buffer));
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }

  get #columnsPerStep(): number {
    return this.#arithmetic === "int8" ? 2 : 1;
  }

  /** One step of the rows `row` … `row + 3`: each row's `#columnsPerStep` columns, up to column `limit`. */
  #quad(matrix: Matrix, rows: readonly number[], column: number, limit: number): void {
    const values: number[] = [];
    for (const row of rows) {
      for (let c = column; c < column + this.#columnsPerStep; c++) {
        values.push(c < limit ? at(matrix.values, row * matrix.columns + c) : 0);
      }
    }
    if (this.#arithmetic === "int8") this.#parts.push(new Uint8Array(Int8Array.from(values).buffer));
    else this.floats(Float32Array.from(values));
  }

  /** [blocks of 8 rows][steps][3 taps][2 quads], scales, bias. */
  firstConvolution(matrix: Matrix, layer: Layer): void {
    for (let row = 0; row < matrix.rows; row += 8) {
      for (let column = 0; column < layer.inputs; column += this.#columnsPerStep) {
        for (let tap = 0; tap < 3; tap++) {
          const from = tap * layer.inputs;
          this.#quad(matrix, four(row), from + column, from + layer.inputs);
          this.#quad(matrix, four(row + 4), from + column, from + layer.inputs);
        }
      }
    }
    this.floats(matrix.scales);
    this.floats(layer.bias);
  }

  /** [blocks of 16 rows][steps][4 quads], scales, bias. */
  rows16(matrix: Matrix, bias: Float32Array): void {
    for (let row = 0; row < matrix.rows; row += 16) {
      for (let column = 0; column < matrix.columns; column += this.#columnsPerStep) {
        for (let quad = 0; quad < 16; quad += 4) this.#quad(matrix, four(row + quad), column, matrix.columns);
      }
    }
    this.floats(matrix.scales);
    this.floats(bias);
  }

  /** [blocks of 4 units][input steps, hidden steps][gates]; both scales and the summed bias as [block][gate][unit]. */
  lstm(network: Network): void {
    const ones = new Float32Array(512).fill(1);
    const matrix = (values: Float32Array): Matrix =>
      quantise({ rows: 512, columns: 128, values, scales: ones }, this.#arithmetic, LSTM_LEVELS);
    const input = matrix(network.inputWeights);
    const hidden = matrix(network.hiddenWeights);
    const order: number[] = [];
    for (let unit = 0; unit < 128; unit += 4) {
      for (let gate = 0; gate < 4; gate++) order.push(...four(gate * 128 + unit));
      for (const part of [input, hidden]) {
        for (let column = 0; column < 128; column += this.#columnsPerStep) {
          for (let gate = 0; gate < 4; gate++) this.#quad(part, four(gate * 128 + unit), column, 128);
        }
      }
    }
    const ordered = (value: (row: number) => number): Float32Array => Float32Array.from(order, value);
    this.floats(ordered((row) => at(input.scales, row)));
    this.floats(ordered((row) => at(hidden.scales, row)));
    this.floats(ordered((row) => at(network.inputBias, row) + at(network.hiddenBias, row)));
  }
}

function four(row: number): number[] {
  return [row, row + 1, row + 2, row + 3];
}
