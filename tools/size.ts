/**
 * Size budgets (.size-limit.json): bundles the Worker exactly as `wrangler deploy` would upload it and the browser
 * SDK as a site would ship it, into dist/, and lets size-limit weigh them.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const require = createRequire(import.meta.url);

function run(script: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: PROJECT,
    encoding: "utf8",
    env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" },
  });
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
}

function inPackage(name: string, file: string): string {
  return join(dirname(require.resolve(`${name}/package.json`)), file);
}

try {
  await import("./build.ts");
  // A module that the Worker had before is none of it.
  rmSync(join(PROJECT, "dist/worker"), { recursive: true, force: true });
  run(inPackage("wrangler", "bin/wrangler.js"), ["deploy", "--dry-run", "--outdir", "dist/worker"]);
  await build({
    entryPoints: [join(PROJECT, "src/client/index.ts")],
    outfile: join(PROJECT, "dist/sdk/index.js"),
    bundle: true,
    minify: true,
    format: "esm",
    logLevel: "warning",
  });
  const { status } = spawnSync(process.execPath, [inPackage("size-limit", "bin.js")], {
    cwd: PROJECT,
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
