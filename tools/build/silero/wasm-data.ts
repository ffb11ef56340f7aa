/**
 * Adds one active data segment at address 0 to a WebAssembly module that has none
 * (https://webassembly.github.io/spec/core/binary/modules.html): the weights travel inside the one file that every
 * platform already knows how to load.
 */
const DATA_SECTION = 11;
const DATA_COUNT_SECTION = 12;

export function withDataSegment(module: Uint8Array, data: Uint8Array): Uint8Array {
  for (let at = 8; at < module.length;) {
    const id = module[at];
    if (id === DATA_SECTION || id === DATA_COUNT_SECTION) {
      throw new Error("speech detector: the compiled kernel has data of its own");
    }
    const size = readUnsigned(module, at + 1);
    at = size.next + size.value;
  }
  // One segment; mode 0: memory 0 at the constant offset `i32.const 0`, `end`.
  const head = Uint8Array.from([1, 0, 0x41, 0, 0x0b, ...unsigned(data.length)]);
  const header = Uint8Array.from([DATA_SECTION, ...unsigned(head.length + data.length)]);
  return new Uint8Array(Buffer.concat([module, header, head, data]));
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest & 127) | 128);
  }
}

function readUnsigned(bytes: Uint8Array, from: number): { value: number; next: number } {
  let value = 0;
  for (let at = from, shift = 0; ; at++, shift += 7) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error("speech detector: the compiled kernel is not a valid module");
    value |= (byte & 127) << shift;
    if (byte < 128) return { value, next: at + 1 };
  }
}
