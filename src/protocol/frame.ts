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
  const view = new DataView(frame.buffer, frame.byteOffset, FRAME_HEADER_BYTES);
  return {
    kind: view.getUint8(0),
    stream: view.getUint8(1),
    response: view.getUint16(2, true),
    sequence: view.getUint32(4, true),
  };
}

/** A new frame of header and payload. Numbers are taken modulo their field's size. */
export function writeFrame(header: FrameHeader, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.byteLength);
  const view = new DataView(frame.buffer);
  view.setUint8(0, header.kind);
  view.setUint8(1, header.stream);
  view.setUint16(2, header.response, true);
  view.setUint32(4, header.sequence, true);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}
