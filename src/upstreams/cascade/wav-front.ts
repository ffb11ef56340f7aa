/** The front of a WAV file that is still coming: what it says before its samples, and where they begin. */
import { utf8Text } from "../utf8.ts";

/** Nobody has more to say before the first sample. */
const MOST_BYTES = 4096;
const RIFF_BYTES = 12;
const CHUNK_BYTES = 8;
const FORMAT_BYTES = 16;
const PCM = 1;
const EXTENSIBLE = 0xfffe;
/** A length from here on was not known when it was written. */
const UNKNOWN_LENGTH = 0x7fff_0000;

export type Front =
  /** It is not known yet. */
  | { readonly type: "more" }
  /** `rest` is of the samples, of which there are `length` bytes in all. */
  | { readonly type: "samples"; readonly rest: Uint8Array; readonly length: number }
  /** It is no WAV file, and this is how it begins. */
  | { readonly type: "other"; readonly rest: Uint8Array }
  /** It is one of other samples. */
  | { readonly type: "wrong" };

export class WavFront {
  readonly #rateHz: number;
  #bytes = new Uint8Array();

  /** @param rateHz of the samples that are wanted: of 16 bits, one channel */
  constructor(rateHz: number) {
    this.#rateHz = rateHz;
  }

  feed(bytes: Uint8Array): Front {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    this.#bytes = all;
    if (!begins(all)) return { type: "other", rest: all };
    return this.#chunks(all);
  }

  #chunks(all: Uint8Array<ArrayBuffer>): Front {
    const view = new DataView(all.buffer);
    let fits = false;
    for (let at = RIFF_BYTES; at + CHUNK_BYTES <= all.length;) {
      const name = utf8Text(all.subarray(at, at + 4));
      const length = view.getUint32(at + 4, true);
      const from = at + CHUNK_BYTES;
      if (name === "data") return fits ? samplesOf(all.slice(from), length) : { type: "wrong" };
      if (name === "fmt " && from + FORMAT_BYTES <= all.length) {
        fits = this.#fits(view, from);
        if (!fits) return { type: "wrong" };
      }
      at = from + length + (length % 2);
    }
    return all.length > MOST_BYTES ? { type: "wrong" } : { type: "more" };
  }

  #fits(view: DataView, at: number): boolean {
    const coded = view.getUint16(at, true);
    const [channels, rateHz] = [view.getUint16(at + 2, true), view.getUint32(at + 4, true)];
    const bits = view.getUint16(at + 14, true);
    return (
      (coded === PCM || coded === EXTENSIBLE) && channels === 1 && rateHz === this.#rateHz && bits === 16
    );
  }

  /** What came of it so far, in base64. */
  snapshot(): string {
    return this.#bytes.toBase64();
  }

  restore(bytes: string): void {
    this.#bytes = Uint8Array.fromBase64(bytes);
  }
}

/** As far as it is there. */
function begins(bytes: Uint8Array): boolean {
  const riff = utf8Text(bytes.subarray(0, 4));
  const wave = utf8Text(bytes.subarray(8, RIFF_BYTES));
  return "RIFF".startsWith(riff) && "WAVE".startsWith(wave);
}

function samplesOf(rest: Uint8Array, length: number): Front {
  const known = length > 0 && length < UNKNOWN_LENGTH ? length : Number.MAX_SAFE_INTEGER;
  return { type: "samples", rest: rest.subarray(0, Math.min(rest.length, known)), length: known };
}
