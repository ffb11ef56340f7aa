/** Build step: public/app.js (the page with the SDK) and public/worklets.js (its audio worklets). */
import { mkdir, readdir, rename, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";

const PROJECT = new URL("../../", import.meta.url);
const BUNDLES = [
  { source: "src/client/page/main.ts", output: "public/app.js" },
  { source: "src/client/worklets/index.ts", output: "public/worklets.js" },
];
const ROOMS = ["src/client/", "src/protocol/", "src/audio/"];

export async function build(): Promise<void> {
  const newest = await newestSource();
  for (const { source, output } of BUNDLES) {
    const built = await stat(new URL(output, PROJECT)).catch(() => null);
    if (built === null || built.mtimeMs < newest) await write(source, output);
  }
}

/** Written beside and renamed, so that a page that loads meanwhile gets the old bundle or the new one whole. */
async function write(source: string, output: string): Promise<void> {
  await mkdir(new URL("public/", PROJECT), { recursive: true });
  const temporary = new URL(`${output}.${process.pid}`, PROJECT);
  await bundle({
    entryPoints: [fileURLToPath(new URL(source, PROJECT))],
    outfile: fileURLToPath(temporary),
    bundle: true,
    format: "esm",
    minify: true,
    target: ["es2022"],
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
