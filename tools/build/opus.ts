/** Opus in WASM, taken from its package: a Worker imports modules by their path, and those of a package differ by bundler. */
import { copyFile, mkdir, rename, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const OUTPUT = fileURLToPath(new URL("../../wasm/build/opus.wasm", import.meta.url));

export async function build(): Promise<void> {
  // The one with SIMD is 22 kB larger and no faster (docs/dependencies.md).
  const source = createRequire(import.meta.url).resolve("@evan/opus/wasm/opus.wasm");
  if (await isCurrent(source)) return;
  await mkdir(fileURLToPath(new URL(".", new URL("../../wasm/build/opus.wasm", import.meta.url))), {
    recursive: true,
  });
  const temporary = OUTPUT.replace(/\.wasm$/, `.${process.pid}.wasm`);
  await copyFile(source, temporary);
  await rename(temporary, OUTPUT);
}

/** A package's files have the dates of 1985: what was built is the same by its size. */
async function isCurrent(source: string): Promise<boolean> {
  const [given, built] = await Promise.all([stat(source), stat(OUTPUT).catch(() => null)]);
  return built !== null && built.size === given.size;
}
