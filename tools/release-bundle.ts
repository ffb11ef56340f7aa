/**
 * Writes `test/fixtures/release/worker.br`: the Worker as it is now, for the tests in which doors and objects of two
 * releases speak to each other (`test/tools/releases.test.ts`). Once for each release, when it is made.
 */
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { bundleWorker } from "./relay/bundle.ts";

const project = resolve(process.argv[2] ?? join(import.meta.dirname, ".."));
const modules = await bundleWorker(join(project, "src/worker.ts"), undefined, true);
const text = JSON.stringify(
  modules.map(({ type, path, contents }) => ({ type, path, contents: contents.toBase64() })),
);
const packed = brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
await writeFile(new URL("../test/fixtures/release/worker.br", import.meta.url), packed);
process.stdout.write(`${packed.byteLength} bytes\n`);
