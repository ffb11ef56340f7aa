/** Compiles the kernels written in AssemblyScript, those that are missing or older than their source. */
import { mkdir, rename, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Name of `wasm/….ts`, and pages of memory. */
const KERNELS = { resampler: 2, bands: 1 };

export async function build(): Promise<void> {
  for (const [name, pages] of Object.entries(KERNELS)) await compile(name, pages);
}

async function compile(name: string, pages: number): Promise<void> {
  const source = `wasm/${name}.ts`;
  const output = `wasm/build/${name}.wasm`;
  if (await isCurrent(source, output)) return;
  await mkdir(`${root}wasm/build`, { recursive: true });
  // Written beside and moved into place, so that nobody who builds or loads at the same time sees half a file.
  const temporary = `wasm/build/${name}.${process.pid}.wasm`;
  // Imported here: the compiler takes half a second to load, which a build that is current need not pay.
  const { createMemoryStream, main } = await import("assemblyscript/asc");
  const stderr = createMemoryStream();
  const options = "--config none --enable simd -O3 --noAssert --runtime stub --use abort=";
  const memory = `--initialMemory ${pages} --maximumMemory ${pages}`;
  const { error } = await main(
    [source, "--baseDir", root, "--outFile", temporary, ...`${options} ${memory}`.split(" ")],
    { stderr },
  );
  if (error !== null) throw new Error(`${source} does not compile:\n${stderr.toString()}`, { cause: error });
  await rename(root + temporary, root + output);
}

async function isCurrent(source: string, output: string): Promise<boolean> {
  const [written, script, built] = await Promise.all([
    stat(root + source),
    stat(fileURLToPath(import.meta.url)),
    stat(root + output).catch(() => null),
  ]);
  return built !== null && built.mtimeMs >= written.mtimeMs && built.mtimeMs >= script.mtimeMs;
}
