/**
 * Import this before relay.config.ts: it may bring a codec (`codecs: { opus }`), whose `.wasm` a Worker imports as a compiled module.
 * Nothing here runs one, nor need it be built yet, so Node gets none.
 */
import { registerHooks } from "node:module";

registerHooks({
  load: (url, context, nextLoad) =>
    url.endsWith(".wasm")
      ? { format: "module", source: "export default null;", shortCircuit: true }
      : nextLoad(url, context),
});
