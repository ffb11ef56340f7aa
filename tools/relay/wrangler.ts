/** wrangler, as the commands of this repository run it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

/** Of the process: no figures about its use, no request for a sample of `request.cf`. */
export const WRANGLER_ENV = { CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" };

/** Path of its script, for this Node. */
export function wranglerScript(): string {
  const manifest = createRequire(import.meta.url).resolve("wrangler/package.json");
  return join(dirname(manifest), "bin/wrangler.js");
}

/** What it wrote to its standard output. @throws with what it wrote instead. */
export async function runWrangler(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [wranglerScript(), ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...WRANGLER_ENV },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (out.stderr += text));
  const [code]: (number | null)[] = await once(child, "close");
  if (code === 0) return out.stdout;
  throw new Error(
    `wrangler ended with code ${code}\n${(out.stderr.trim() || out.stdout.trim()).slice(-2000)}`,
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
