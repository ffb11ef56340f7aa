/** Names of secrets: those of .dev.vars with their values, those that are deployed by name alone. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { demand, line, type Line } from "./line.ts";

const WRANGLER_MS = 30_000;
const SIGNING_KEY_CHARS = 32;
const SIGNING_KEY_LEAST = 10;

export interface Secrets {
  /** Null: no such file. */
  readonly local: Readonly<Record<string, string>> | null;
  /** Null: nobody is logged in here, or nothing is deployed yet. */
  readonly deployed: readonly string[] | null;
  /** API keys in the deployed RELAY_KEYS; null: not known. */
  readonly keys?: number | null;
  readonly why: string;
}

export function readSecrets(project: string, offline: boolean): Secrets {
  const file = join(project, ".dev.vars");
  const local = existsSync(file) ? (parseEnv(readFileSync(file, "utf8")) as Record<string, string>) : null;
  if (offline) return { local, deployed: null, why: "not asked (--offline)" };
  const deployed = namesBy(project, ["secret", "list"]);
  const inKv = ["kv", "key", "list", "--binding", "RELAY_KEYS", "--remote", "--prefix", "id:"];
  return {
    local,
    deployed,
    keys: deployed === null ? null : (namesBy(project, inKv)?.length ?? null),
    why: deployed === null ? "wrangler is not logged in, or nothing is deployed yet" : "",
  };
}

/** Null: wrangler has no answer. */
function namesBy(project: string, command: readonly string[]): readonly string[] | null {
  const wrangler = join(import.meta.dirname, "../../node_modules/.bin/wrangler");
  const { status, stdout } = spawnSync(wrangler, [...command, "--config", join(project, "wrangler.toml")], {
    encoding: "utf8",
    timeout: WRANGLER_MS,
    // Nobody is there to be asked.
    env: { ...process.env, CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  return status === 0 ? namesIn(stdout) : null;
}

/** The list may stand behind a banner. */
function namesIn(output: string): readonly string[] | null {
  try {
    const list = JSON.parse(output.slice(output.indexOf("["))) as { name: string }[];
    return list.map(({ name }) => name);
  } catch {
    return null;
  }
}

export function secretLines({ local, deployed, keys = null, why }: Secrets): readonly Line[] {
  return [
    demand(
      "secrets",
      "deployed",
      deployed !== null,
      [`${deployed?.length ?? 0} known by name`, why],
      "npx wrangler login, or CLOUDFLARE_API_TOKEN, tells the doctor what is there",
      "unknown",
    ),
    line(
      "secrets",
      ".dev.vars",
      "ok",
      local === null ? "none: local routes have what npm start gives" : `${Object.keys(local).length} names`,
    ),
    deployedLine(
      deployed,
      "RELAY_SIGNING_KEY",
      "nothing is signed: no tokens, no client secrets",
      "openssl rand -base64 32 | npx wrangler secret put RELAY_SIGNING_KEY",
    ),
    keysLine(deployed, keys),
    ...devLines(deployed),
    ...localLines(local ?? {}),
  ];
}

/** Keys are in Workers KV; this secret may have more. */
function keysLine(deployed: readonly string[] | null, keys: number | null): Line {
  const name = "RELAY_API_KEYS";
  const todo = "npm run keys -- list shows the keys in RELAY_KEYS";
  if (deployed === null) return line("secrets", name, "unknown", "deployed or not: not known here", todo);
  if (deployed.includes(name)) return line("secrets", name, "ok", "deployed, beside the keys in RELAY_KEYS");
  if (keys === 0) {
    const says = "not deployed, and RELAY_KEYS is empty: there is no key, and no door opens";
    return line("secrets", name, "missing", says, "npm run keys -- add ID --operator");
  }
  const says = `not deployed: the keys are those in RELAY_KEYS${keys === null ? "" : `, ${keys} of them`}`;
  return line("secrets", name, "ok", says);
}

function deployedLine(
  deployed: readonly string[] | null,
  name: string,
  otherwise: string,
  todo: string,
): Line {
  if (deployed === null) return line("secrets", name, "unknown", "deployed or not: not known here", todo);
  return demand("secrets", name, deployed.includes(name), ["deployed", `not deployed: ${otherwise}`], todo);
}

function devLines(deployed: readonly string[] | null): readonly Line[] {
  const says = "a deployed secret: private addresses and the keys of npm start are for development";
  return ["RELAY_DEV", "RELAY_DEV_KEY"]
    .filter((name) => deployed?.includes(name))
    .map((name) => line("secrets", name, "missing", says, `npx wrangler secret delete ${name}`));
}

/** Keys that stand in examples, this repository's among them: anybody may try them. */
const EXAMPLES = [
  "relay-dev",
  "key-one",
  "key-two",
  "app",
  "first",
  "key",
  "secret",
  "test",
  "changeme",
  "password",
];
const EXAMPLE_HASHES = new Set(EXAMPLES.map((key) => createHash("sha256").update(key).digest("hex")));

/** What is wrong with values that are here: they are what gets deployed next. No value is repeated. */
function localLines(local: Readonly<Record<string, string>>): readonly Line[] {
  const lines: Line[] = [];
  const { RELAY_SIGNING_KEY: signing, RELAY_API_KEYS: keys } = local;
  if (signing !== undefined && signing.length < SIGNING_KEY_CHARS) {
    const says = `has ${signing.length} characters in .dev.vars, fewer than ${SIGNING_KEY_CHARS}`;
    lines.push(line("secrets", "RELAY_SIGNING_KEY", "missing", says, "openssl rand -base64 32"));
  }
  if (keys !== undefined && [...EXAMPLE_HASHES].some((hash) => keys.toLowerCase().includes(hash))) {
    const says = "in .dev.vars it has a key that stands in examples: anybody may try it";
    lines.push(line("secrets", "RELAY_API_KEYS", "missing", says, "npm run keys -- add ID draws one"));
  }
  if (signing !== undefined && new Set(signing).size < SIGNING_KEY_LEAST) {
    const says = `has fewer than ${SIGNING_KEY_LEAST} different characters in .dev.vars: it can be guessed`;
    lines.push(line("secrets", "RELAY_SIGNING_KEY", "missing", says, "openssl rand -base64 32"));
  }
  if (keys !== undefined && !isKeyList(keys)) {
    const says = "in .dev.vars it is no list of keys, which closes every door";
    lines.push(
      line("secrets", "RELAY_API_KEYS", "missing", says, '[{"id":"first","sha256":"<64 hex digits>"}]'),
    );
  }
  return lines;
}

function isKeyList(text: string): boolean {
  try {
    const list = JSON.parse(text) as unknown;
    if (!Array.isArray(list)) return false;
    return list.every((key: unknown) => {
      const { id, sha256 } = (key ?? {}) as { id?: unknown; sha256?: unknown };
      return typeof id === "string" && typeof sha256 === "string" && /^[0-9a-f]{64}$/i.test(sha256);
    });
  } catch {
    return false;
  }
}
