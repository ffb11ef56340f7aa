/** Audio that messages carry: made once, since a call has thousands of them. */
import type { Random } from "../sim/random.ts";
import { silence, voice } from "../support/signal.ts";

const LENGTHS_MS = [1, 10, 20, 20, 40, 60] as const;

const PIECES: readonly Uint8Array[] = LENGTHS_MS.flatMap((ms) =>
  [silence(ms), voice(ms), voice(ms, 8_000, 7)].map((samples) => new Uint8Array(samples.slice().buffer)),
);
const TEXTS: readonly string[] = PIECES.map((piece) => piece.toBase64());
/** A second of speech, in order: what an endpointer takes for a turn. */
const SPEECH: readonly string[] = Array.from({ length: 10 }, (_, n) =>
  new Uint8Array(voice(1_000).slice(n * 2_400, (n + 1) * 2_400).buffer).toBase64(),
);
const QUIET = new Uint8Array(silence(100).slice().buffer).toBase64();

export function soundBytes(random: Random): Uint8Array {
  return random.pick(PIECES);
}

/** Base64 of one to 400 ms. */
export function sound(random: Random): string {
  return random.pick(TEXTS);
}

/** The n-th tenth of a second of a caller who speaks for a second and is silent for another. */
export function speech(n: number): string {
  return SPEECH[n % 20] ?? QUIET;
}
