/**
 * Binary frames of `duplex.v1` (docs/wire.md): `kind u8 | stream u8 | response u16 | sequence u32`, little-endian,
 * then the payload.
 */
export const FRAME_HEADER_BYTES = 8;
export const FRAME_AUDIO = 1;

export interface FrameHeader {
  readonly kind: number;
  readonly stream: number;
  readonly response: number;
  readonly sequence: number;
}

/** Header of `frame`, or null when it is shorter than a header. The payload is `frame.subarray(8)`. */
export function readFrameHeader(frame: Uint8Array): FrameHeader | null {
  if (frame.byteLength < FRAME_HEADER_BYTES) return null;
  const at = (index: number): number => frame[index] ?? 0;
  return {
    kind: at(0),
    stream: at(1),
    response: at(2) | (at(3) << 8),
    sequence: (at(4) | (at(5) << 8) | (at(6) << 16) | (at(7) << 24)) >>> 0,
  };
}

/**
 * A frame of header and payload, in memory of its own or in `frame`, which must be as long as both. Numbers are taken
 * modulo their field's size.
 */
export function writeFrame(
  header: FrameHeader,
  payload: Uint8Array,
  frame: Uint8Array = new Uint8Array(FRAME_HEADER_BYTES + payload.byteLength),
): Uint8Array {
  frame[0] = header.kind;
  frame[1] = header.stream;
  frame[2] = header.response;
  frame[3] = header.response >>> 8;
  frame[4] = header.sequence;
  frame[5] = header.sequence >>> 8;
  frame[6] = header.sequence >>> 16;
  frame[7] = header.sequence >>> 24;
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}
