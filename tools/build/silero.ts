/** Build step: wasm/build/silero.wasm, the speech detector with its weights. */
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { compileKernel, KERNEL_SOURCE } from "./silero/compile.ts";
import { loadNetwork, ONNX_URL } from "./silero/network.ts";

const OUTPUT = new URL("../../wasm/build/silero.wasm", import.meta.url);
const SOURCES = [
  KERNEL_SOURCE,
  ONNX_URL,
  new URL("silero.ts", import.meta.url),
  ...["compile.ts", "instance.ts", "network.ts", "onnx.ts", "pack.ts", "wasm-data.ts"].map(
    (name) => new URL(`silero/${name}`, import.meta.url),
  ),
];

/** The weights' hash is checked every time, so that a damaged file fails here even when the output looks current. */
export async function build(): Promise<void> {
  const network = await loadNetwork();
  if (await isCurrent()) return;
  const module = await compileKernel(network, "int8");
  await mkdir(new URL(".", OUTPUT), { recursive: true });
  const temporary = new URL(`silero.wasm.${process.pid}`, OUTPUT);
  await writeFile(temporary, module);
  await rename(temporary, OUTPUT);
}

async function isCurrent(): Promise<boolean> {
  const built = await stat(OUTPUT).catch(() => null);
  if (built === null) return false;
  const times = await Promise.all(SOURCES.map(async (source) => (await stat(source)).mtimeMs));
  return times.every((time) => time < built.mtimeMs);
}
