/**
 * Reads the float tensors of one branch out of Silero's ONNX file.
 *
 * Only what that needs of the protobuf wire format (https://protobuf.dev/programming-guides/encoding) and of
 * onnx.proto: ModelProto.graph = 7; GraphProto.node = 1; NodeProto.output = 2, attribute = 5; AttributeProto.t = 5,
 * g = 6; TensorProto.dims = 1, data_type = 2, name = 8, raw_data = 9.
 */
export interface Tensor {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** Fields of one message: number, and varint or bytes. Fixed-width fields come as bytes. */
function* fields(bytes: Uint8Array): Generator<[number, number | Uint8Array]> {
  const reader = { at: 0 };
  while (reader.at < bytes.length) {
    const key = varint(bytes, reader);
    const wire = key & 7;
    if (wire === 0) {
      yield [key >>> 3, varint(bytes, reader)];
      continue;
    }
    const length = wire === 2 ? varint(bytes, reader) : wire === 1 ? 8 : wire === 5 ? 4 : -1;
    if (length < 0 || reader.at + length > bytes.length)
      throw new Error("not a valid ONNX file (protobuf damaged)");
    yield [key >>> 3, bytes.subarray(reader.at, reader.at + length)];
    reader.at += length;
  }
}

function varint(bytes: Uint8Array, reader: { at: number }): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[reader.at++];
    if (byte === undefined) throw new Error("not a valid ONNX file (protobuf ends early)");
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
}

const text = new TextDecoder();
const FLOAT = 1;

/**
 * Float constants that the nodes of a branch define, by tensor name. `outputPrefix` selects the branch: the file
 * holds the 16 kHz and the 8 kHz network side by side with equal tensor names, and only the names of the nodes'
 * outputs (`If_0_then_branch__…`) tell them apart.
 */
export function readConstants(onnx: Uint8Array, outputPrefix: string): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  for (const [number, value] of fields(onnx)) {
    if (number === 7 && value instanceof Uint8Array) readGraph(value, outputPrefix, found);
  }
  return found;
}

function readGraph(graph: Uint8Array, prefix: string, found: Map<string, Tensor>): void {
  for (const [number, value] of fields(graph)) {
    if (number === 1 && value instanceof Uint8Array) readNode(value, prefix, found);
  }
}

function readNode(node: Uint8Array, prefix: string, found: Map<string, Tensor>): void {
  let wanted = false;
  for (const [number, value] of fields(node)) {
    if (!(value instanceof Uint8Array)) continue;
    if (number === 2) wanted = text.decode(value).startsWith(prefix);
    if (number === 5) readAttribute(value, prefix, wanted, found);
  }
}

function readAttribute(
  attribute: Uint8Array,
  prefix: string,
  wanted: boolean,
  found: Map<string, Tensor>,
): void {
  for (const [number, value] of fields(attribute)) {
    if (!(value instanceof Uint8Array)) continue;
    if (number === 6) readGraph(value, prefix, found);
    if (number === 5 && wanted) readTensor(value, found);
  }
}

function readTensor(tensor: Uint8Array, found: Map<string, Tensor>): void {
  const dims: number[] = [];
  let type = 0;
  let name = "";
  let raw = new Uint8Array();
  for (const [number, value] of fields(tensor)) {
    if (typeof value === "number") {
      if (number === 1) dims.push(value);
      if (number === 2) type = value;
    } else if (number === 1) {
      const reader = { at: 0 };
      while (reader.at < value.length) dims.push(varint(value, reader));
    } else if (number === 8) name = text.decode(value);
    else if (number === 9) raw = Uint8Array.from(value);
  }
  if (type === FLOAT && name !== "") found.set(name, { dims, values: new Float32Array(raw.buffer) });
}
