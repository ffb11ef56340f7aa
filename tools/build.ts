/**
 * Builds what is not committed and is missing or older than its source: WASM kernels, detector weights, browser
 * bundle. Each room brings its own step as `tools/build/<name>.ts` exporting `build(): Promise<void>` that returns
 * at once when its output is current.
 */
import { readdir } from "node:fs/promises";

const steps = (await readdir(new URL("build/", import.meta.url)))
  .filter((name) => name.endsWith(".ts"))
  .sort();
for (const step of steps) {
  const module: { build(): Promise<void> } = await import(new URL(`build/${step}`, import.meta.url).href);
  await module.build();
}
