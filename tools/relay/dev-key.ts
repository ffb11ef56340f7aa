/**
 * The key that `npm start` draws for routes for which the relay spends a secret. The other commands find it in a file of
 * this user's, by the port that they call.
 */
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import type { RelayConfig } from "../../src/config/define.ts";
import { offeredRoutes, spendsSecret } from "../../src/config/resolve.ts";

/** Opens routes for which nothing is spent, on loopback. */
const DEVELOPMENT_KEY = "relay-dev";

const FOLDER = fileURLToPath(new URL("../../.wrangler/relay-dev/", import.meta.url));
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

export function drawDevKey(): string {
  return `${DEVELOPMENT_KEY}-${randomBytes(24).toString("hex")}`;
}

/** Routes that are offered with these variables, and for which the relay spends a secret. @param vars as .dev.vars has them. */
export function spendingRoutes(config: RelayConfig, vars: string): readonly string[] {
  const bindings = { ...parseEnv(vars), RELAY_DEV: "1" };
  return offeredRoutes(config, bindings).filter((name) => spendsSecret(config, name, bindings));
}

/** Leaves the key where the other commands find it; the function returned takes it away. */
export async function leaveDevKey(ports: readonly number[], key: string): Promise<() => Promise<void>> {
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  const files = ports.map((port) => join(FOLDER, String(port)));
  for (const file of files) await writeFile(file, key, { mode: 0o600 });
  return async () => {
    for (const file of files) await rm(file, { force: true });
  };
}

/** What to call this relay with, where nobody said: the key that `npm start` left, else `relay-dev`. */
export function devKeyFor(relay: string): string {
  if (!URL.canParse(relay)) return DEVELOPMENT_KEY;
  const { hostname, port } = new URL(relay);
  // It is for nobody else.
  if (!LOOPBACK.has(hostname) || port === "") return DEVELOPMENT_KEY;
  try {
    return readFileSync(join(FOLDER, port), "utf8");
  } catch {
    return DEVELOPMENT_KEY;
  }
}
