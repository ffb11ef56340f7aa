/** Compiles wasm/silero.ts and puts the packed weights into the module. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { instantiateKernel } from "./instance.ts";
import type { Network } from "./network.ts";
import { packNetwork, type Arithmetic } from "./pack.ts";
import { withDataSegment } from "./wasm-data.ts";

export const KERNEL_SOURCE = new URL("../../../wasm/silero.ts", import.meta.url);
const COMPILER = fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"));
const run = promisify(execFile);

/** 64 kB pages of the module's only, never growing memory. */
const PAGES: Record<Arithmetic, number> = { int8: 4, float: 15 };

/** `float` is the tests' build: the same code on unquantised weights. */
export async function compileKernel(network: Network, arithmetic: Arithmetic): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "silero-"));
  try {
    const outFile = join(folder, "silero.wasm");
    const memory = `--initialMemory ${PAGES[arithmetic]} --maximumMemory ${PAGES[arithmetic]}`;
    const constants = `--use SILERO_FLOAT=${arithmetic === "float" ? 1 : 0}`;
    const options = `--config none --enable simd --runtime stub -O3 --noAssert --converge ${memory} ${constants}`;
    await run(process.execPath, [
      COMPILER,
      fileURLToPath(KERNEL_SOURCE),
      "--outFile",
      outFile,
      ...options.split(" "),
    ]);
    const data = packNetwork(network, arithmetic);
    const module = withDataSegment(await readFile(outFile), data);
    checkLayout(module, data.length);
    return module;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The kernel's addresses and the packed weights must agree to the byte. */
function checkLayout(module: Uint8Array, dataBytes: number): void {
  const kernel = instantiateKernel(module);
  const memoryBytes = kernel.memory.buffer.byteLength;
  if (kernel.dataBytes() === dataBytes && kernel.usedBytes() <= memoryBytes) return;
  throw new Error(
    `speech detector: the kernel expects ${kernel.dataBytes()} bytes of weights, ${dataBytes} were packed ` +
      `(${kernel.usedBytes()} of ${memoryBytes} bytes of memory in use)`,
  );
}
