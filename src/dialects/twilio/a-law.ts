/** A-law of a caller as the µ-law that the session is told. */
import { decodeAlaw, encodeMulaw } from "../../audio/g711.ts";

const MU_LAW = everyByte();

function everyByte(): Uint8Array {
  const samples = new Int16Array(256);
  decodeAlaw(
    Uint8Array.from({ length: 256 }, (_, byte) => byte),
    samples,
  );
  const bytes = new Uint8Array(256);
  encodeMulaw(samples, bytes);
  return bytes;
}

/** Null: it is no base64. */
export function muLawOf(payload: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(payload).map((byte) => MU_LAW[byte] ?? 0xff);
  } catch {
    return null;
  }
}
