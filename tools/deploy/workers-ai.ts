/**
 * The binding of Workers AI, which a deploy adds to what wrangler.toml says. It does not stand there: with it `wrangler dev` wants
 * an account before it starts (wrangler 4.156), whether a call needs the binding or not.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RelayConfig } from "../../src/config/define.ts";
import { modelBindings } from "../doctor/bindings.ts";
import type { WranglerConfig } from "../doctor/wrangler-config.ts";

/** What a deploy binds beyond wrangler.toml; null: nothing. A Worker has one binding of Workers AI. */
export function addedBinding(relay: RelayConfig, { ai }: Pick<WranglerConfig, "ai">): string | null {
  return ai === null ? (modelBindings(relay)[0] ?? null) : null;
}

/** Runs `deploy` with arguments that name the configuration of this deploy, which is there until it has ended. */
export async function withBinding<T>(
  project: string,
  binding: string | null,
  deploy: (args: readonly string[]) => Promise<T>,
): Promise<T> {
  if (binding === null) return deploy([]);
  // Beside wrangler.toml, whose paths are relative to it.
  const file = join(project, `wrangler.deploy-${process.pid}.toml`);
  const text = await readFile(join(project, "wrangler.toml"), "utf8");
  try {
    await writeFile(file, `${text.trimEnd()}\n\n[ai]\nbinding = "${binding}"\n`);
    return await deploy(["--config", file]);
  } finally {
    await rm(file, { force: true });
  }
}
