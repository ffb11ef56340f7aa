/** What a deploy asks of wrangler. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withBinding } from "./workers-ai.ts";
import { messageOf, runWrangler, WRANGLER_ENV, wranglerScript } from "../relay/wrangler.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
/** As wrangler says that there is no such Worker. */
const NO_WORKER = /Worker "[^"]*" not found/;

/** Opens a browser to log in where somebody sits there. @throws where nobody does and nobody is logged in. */
export async function requireLogin(): Promise<void> {
  if (await isLoggedIn()) return;
  if (!process.stdin.isTTY) {
    throw new Error("nobody is logged in at Cloudflare: npx wrangler login, or set CLOUDFLARE_API_TOKEN");
  }
  await tell(["login"], "inherit");
}

async function isLoggedIn(): Promise<boolean> {
  const out = await runWrangler(["whoami", "--json"]).catch(messageOf);
  return /"loggedIn": *true/.test(out);
}

/** Names of the secrets that the deployed relay has; none where it is not deployed yet. @throws what wrangler says. */
export async function deployedSecrets(): Promise<readonly string[]> {
  try {
    const out = await runWrangler(["secret", "list", "--format", "json"]);
    return (JSON.parse(out.slice(out.indexOf("["))) as { name: string }[]).map(({ name }) => name);
  } catch (error) {
    if (NO_WORKER.test(messageOf(error))) return [];
    throw error;
  }
}

/**
 * Uploads the relay and, in the same version, `secrets` (null: a dry run), with `ai` as the name of its binding of Workers AI beside
 * what wrangler.toml says (null: none). What wrangler says is passed on, to standard error if `quiet`. Returns the address that
 * it names. @throws when wrangler fails.
 */
export async function deployWith(
  secrets: Readonly<Record<string, string>> | null,
  ai: string | null,
  quiet: boolean,
): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "relay-deploy-"));
  try {
    const file = join(folder, "secrets.json");
    await writeFile(file, JSON.stringify(secrets ?? {}), { mode: 0o600 });
    const more = secrets === null ? ["--dry-run"] : ["--secrets-file", file];
    const out = await withBinding(PROJECT, ai, (args) =>
      tell(["deploy", ...args, ...more], quiet ? "errors" : "pass"),
    );
    return /https:\/\/\S+/.exec(out.slice(out.lastIndexOf("Deployed ")))?.[0] ?? null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs wrangler and passes on what it says: as it is (`inherit`), or kept as well, and told to standard output or to errors. */
async function tell(args: readonly string[], how: "inherit" | "pass" | "errors"): Promise<string> {
  const child = spawn(process.execPath, [wranglerScript(), ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...WRANGLER_ENV },
    stdio: how === "inherit" ? "inherit" : ["inherit", "pipe", "inherit"],
  });
  let out = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    (how === "pass" ? process.stdout : process.stderr).write(text);
  });
  const [code]: (number | null)[] = await once(child, "close");
  if (code !== 0) throw new Error(`wrangler ${args[0]} ended with code ${code}`);
  return out;
}
