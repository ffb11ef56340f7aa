/** Opus as Node loads it: what the Worker imports as a module, read from `wasm/build`. And a stand-in that loses nothing. */
import { readFileSync } from "node:fs";
import type { OpusCodec } from "../../src/upstreams/codecs.ts";
import { LIBOPUS_IMPORTS, LibOpus, type LibOpusExports } from "../../src/upstreams/moshi/libopus.ts";

/** The part of the JavaScript API of WebAssembly used here; Node's types have no values for it. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;

let loaded: OpusCodec | null = null;

export function opus(): OpusCodec {
  loaded ??= new LibOpus(libopusExports());
  return loaded;
}

/** A fresh instance. */
export function libopusExports(): LibOpusExports {
  const bytes = readFileSync(new URL("../../wasm/build/opus.wasm", import.meta.url));
  return new wasm.Instance(new wasm.Module(bytes), LIBOPUS_IMPORTS).exports as LibOpusExports;
}

/** A packet is its samples: for what has to be the same byte by byte. An odd one is none. */
export const plain = (frameSamples = 480): OpusCodec => ({
  frameSamples,
  lookaheadSamples: 0,
  encoder: () => ({
    encode: (samples) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength).slice(),
  }),
  decoder: () => ({
    decode: (packet) =>
      packet.length === 0 || packet.length % 2 !== 0 ? null : new Int16Array(new Uint8Array(packet).buffer),
  }),
});
