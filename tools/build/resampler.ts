/** Compiles the resampler's kernel, `wasm/resampler.ts`, when it is missing or older than its source. */
import { mkdir, rename, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const SOURCE = "wasm/resampler.ts";
const OUTPUT = "wasm/build/resampler.wasm";

export async function build(): Promise<void> {
  if (await isCurrent()) return;
  await mkdir(`${root}wasm/build`, { recursive: true });
  // Written beside and moved into place, so that nobody who builds or loads at the same time sees half a file.
  const temporary = `wasm/build/resampler.${process.pid}.wasm`;
  // Imported here: the compiler takes half a second to load, which a build that is current need not pay.
  const { createMemoryStream, main } = await import("assemblyscript/asc");
  const stderr = createMemoryStream();
  const options = "--config none --enable simd -O3 --noAssert --runtime stub --use abort=";
  const memory = "--initialMemory 2 --maximumMemory 2";
  const { error } = await main(
    [SOURCE, "--baseDir", root, "--outFile", temporary, ...`${options} ${memory}`.split(" ")],
    { stderr },
  );
  if (error !== null) throw new Error(`${SOURCE} does not compile:\n${stderr.toString()}`, { cause: error });
  await rename(root + temporary, root + OUTPUT);
}

async function isCurrent(): Promise<boolean> {
  const [source, script, output] = await Promise.all([
    stat(root + SOURCE),
    stat(fileURLToPath(import.meta.url)),
    stat(root + OUTPUT).catch(() => null),
  ]);
  return output !== null && output.mtimeMs >= source.mtimeMs && output.mtimeMs >= script.mtimeMs;
}
