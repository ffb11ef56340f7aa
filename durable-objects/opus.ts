/**
 * Opus in WASM, for `codecs: { opus }` of relay.config.ts: only who imports it has it in the Worker (156 kB gzipped). Instantiated once
 * per isolate, when the first sound comes.
 */
import type { OpusCodec } from "../src/upstreams/codecs.ts";
import { LIBOPUS_IMPORTS, LibOpus, type LibOpusExports } from "../src/upstreams/moshi/libopus.ts";
import module from "../wasm/build/opus.wasm";

let loaded: OpusCodec | null = null;

export function opus(): OpusCodec {
  loaded ??= new LibOpus(instantiate());
  return loaded;
}

/** What the module exports is checked against this interface by the adapter's own tests. */
function instantiate(): LibOpusExports {
  return new WebAssembly.Instance(module, LIBOPUS_IMPORTS).exports as unknown as LibOpusExports;
}
