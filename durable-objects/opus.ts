/**
 * Opus in WASM, for `codecs: { opus }` of relay.config.ts: only who imports it has it in the Worker (156 kB gzipped). Instantiated once
 * per isolate, when the first sound comes.
 */
import type { OpusCodec } from "../src/upstreams/codecs.ts";
import { LibOpus, type LibOpusExports } from "../src/upstreams/moshi/libopus.ts";
import module from "../wasm/build/opus.wasm";

let loaded: OpusCodec | null = null;

export function opus(): OpusCodec {
  loaded ??= new LibOpus(instantiate());
  return loaded;
}

/** What the module exports is checked against this interface by the adapter's own tests. */
function instantiate(): LibOpusExports {
  const exports = new WebAssembly.Instance(module, IMPORTS).exports as unknown as LibOpusExports;
  exports._initialize();
  return exports;
}

/** It prints when it gives up, which nobody reads, and then ends: that is a trap of the call that it was in. */
const IMPORTS: WebAssembly.Imports = {
  env: { emscripten_notify_memory_growth: () => undefined },
  wasi_snapshot_preview1: {
    fd_close: () => 0,
    fd_seek: () => 0,
    fd_write: () => 0,
    proc_exit() {
      throw new Error("libopus gave up.");
    },
  },
};
