/** Compiles wasm/silero.ts and puts the packed weights into the module. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
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
    const pages = String(PAGES[arithmetic]);
    await run(process.execPath, [
      ...[COMPILER, fileURLToPath(KERNEL_SOURCE), "--config", "none", "--outFile", outFile],
      ...["--enable", "simd", "--runtime", "stub", "-O3", "--noAssert", "--converge"],
      ...["--initialMemory", pages, "--maximumMemory", pages],
      ...["--use", `SILERO_FLOAT=${arithmetic === "float" ? 1 : 0}`],
    ]);
    const module = withDataSegment(await readFile(outFile), packNetwork(network, arithmetic));
    await checkLayout(module, packNetwork(network, arithmetic).length, PAGES[arithmetic] * 65536);
    return module;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The kernel's addresses and the packed weights must agree to the byte. */
async function checkLayout(module: Uint8Array, dataBytes: number, memoryBytes: number): Promise<void> {
  const { instance } = await WebAssembly.instantiate(Uint8Array.from(module));
  const exported = (name: string): number => {
    const read = instance.exports[name];
    return typeof read === "function" ? Number(read()) : NaN;
  };
  if (exported("dataBytes") !== dataBytes || !(exported("usedBytes") <= memoryBytes)) {
    throw new Error(
      `speech detector: the kernel expects ${exported("dataBytes")} bytes of weights, ${dataBytes} were packed ` +
        `(${exported("usedBytes")} of ${memoryBytes} bytes of memory in use)`,
    );
  }
}
