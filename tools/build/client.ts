/**
 * Build step: public/worklets.js (the audio worklets), public/sdk.js (the SDK for any page, with the worklets' code built
 * in for where that file cannot be loaded) and public/app.js (the page, which loads it).
 */
import { mkdir, readFile, readdir, rename, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";

const PROJECT = new URL("../../", import.meta.url);
const WORKLETS = "public/worklets.js";
/** In this order: the SDK takes the worklets in as they were built. */
const BUNDLES = [
  { source: "src/client/worklets/index.ts", output: WORKLETS, contains: null },
  { source: "src/client/page/main.ts", output: "public/app.js", contains: null },
  { source: "src/client/index.ts", output: "public/sdk.js", contains: WORKLETS },
];
const ROOMS = ["src/client/", "src/protocol/", "src/audio/"];

export async function build(): Promise<void> {
  const newest = await newestSource();
  for (const { source, output, contains } of BUNDLES) {
    const built = await stat(new URL(output, PROJECT)).catch(() => null);
    if (built !== null && built.mtimeMs >= newest) continue;
    const code = contains === null ? null : await readFile(new URL(contains, PROJECT), "utf8");
    await write(source, output, code);
  }
}

/** Written beside and renamed, so that a page that loads meanwhile gets the old bundle or the new one whole. */
async function write(source: string, output: string, workletCode: string | null): Promise<void> {
  await mkdir(new URL("public/", PROJECT), { recursive: true });
  const temporary = new URL(`${output}.${process.pid}`, PROJECT);
  await bundle({
    entryPoints: [fileURLToPath(new URL(source, PROJECT))],
    outfile: fileURLToPath(temporary),
    bundle: true,
    format: "esm",
    minify: true,
    target: ["es2022"],
    define: workletCode === null ? {} : { WORKLET_CODE: JSON.stringify(workletCode) },
    legalComments: "none",
    logLevel: "warning",
  });
  await rename(temporary, new URL(output, PROJECT));
}

async function newestSource(): Promise<number> {
  let newest = (await stat(new URL(import.meta.url))).mtimeMs;
  for (const room of ROOMS) {
    const entries = await readdir(new URL(room, PROJECT), { recursive: true });
    for (const entry of entries)
      newest = Math.max(newest, (await stat(new URL(room + entry, PROJECT))).mtimeMs);
  }
  return newest;
}
