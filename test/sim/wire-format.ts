/** The client's side of formats that are not the providers'. */
import { encode } from "../../src/audio/codec.ts";
import { sampleRateHz, type AudioFormat } from "../../src/audio/format.ts";

/** Samples at `rateHz` as bytes; between rates by straight lines. */
export function encodeAs(format: AudioFormat, samples: Int16Array, rateHz: number): Uint8Array {
  return encode(format, atRate(samples, rateHz, sampleRateHz(format))).slice();
}

function atRate(samples: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return samples;
  return Int16Array.from({ length: Math.round((samples.length * to) / from) }, (_, n) => {
    const at = (n * from) / to;
    const left = samples[Math.floor(at)] ?? 0;
    const right = samples[Math.ceil(at)] ?? left;
    return left + (right - left) * (at - Math.floor(at));
  });
}
