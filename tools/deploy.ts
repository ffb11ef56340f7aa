/** `npm run deploy`: from a clone to a relay that answers, in one command; again, it uploads what changed. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs, parseEnv } from "node:util";
import { defaultRoutes } from "../src/config/define.ts";
import { deployedSecrets, deployWith, requireLogin } from "./deploy/wrangler.ts";
import { describe, type Line } from "./doctor/line.ts";
import { routeLines } from "./doctor/routes.ts";
import { addedBinding } from "./deploy/workers-ai.ts";
import { readWrangler, type WranglerConfig } from "./doctor/wrangler-config.ts";
import { KeyRecords } from "./keys/store.ts";
import "./relay/wasm-modules.ts";
import { messageOf } from "./relay/wrangler.ts";

// Read when the hook for what it may import is there.
const { default: relay } = await import("../relay.config.ts");

const HELP = `npm run deploy [-- options]

Builds and uploads the relay. The first time it also makes what a relay needs: the namespace of API keys, a signing key
(drawn, never shown), and a first API key, which is shown once. What is there is never replaced.

  --secrets FILE  also upload the secrets in this file (NAME=value lines or one JSON object), such as OPENAI_API_KEY;
                  those of npm start (RELAY_DEV…, DEMO_URL) are left out, so it may be .dev.vars
  --no-key        do not draw a first API key
  --dry-run       build and check, upload nothing, ask Cloudflare nothing
  --json          print one JSON object; what wrangler says goes to standard error
  --help

Asks Cloudflare with your login or CLOUDFLARE_API_TOKEN. Code 0: deployed. 1: something failed, and what of it. 2: wrong arguments.
`;

class UsageError extends Error {}

interface Settings {
  readonly secrets: Readonly<Record<string, string>>;
  readonly key: boolean;
  readonly dry: boolean;
  readonly json: boolean;
}

/** Of development: with them a deployed relay would open its doors to everybody, or dial this machine. */
const DEVELOPMENT = /^RELAY_DEV|^DEMO_(?:TEXT_|SPEECH_)?URL$/;
const SIGNING = "RELAY_SIGNING_KEY";
const SIGNING_BYTES = 32;

function readSettings(argv: string[]): Settings | "help" {
  const flag = { type: "boolean" } as const;
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        secrets: { type: "string" },
        "no-key": flag,
        "dry-run": flag,
        json: flag,
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help === true) return "help";
    return {
      secrets: values.secrets === undefined ? {} : secretsIn(values.secrets),
      key: values["no-key"] !== true,
      dry: values["dry-run"] === true,
      json: values.json === true,
    };
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

/** @throws saying what is wrong with the file, without a value of it. */
function secretsIn(file: string): Readonly<Record<string, string>> {
  const text = readFileSync(file, "utf8");
  const read: unknown = text.trimStart().startsWith("{") ? jsonOf(text, file) : parseEnv(text);
  const secrets = Object.entries(read as object).filter(([name]) => !DEVELOPMENT.test(name));
  for (const [name, value] of secrets) {
    if (typeof value !== "string" || value === "") throw new Error(`${file}: ${name} is no text`);
  }
  return Object.fromEntries(secrets) as Record<string, string>;
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${file} is neither JSON nor NAME=value lines`);
  }
}

interface Deployed {
  /** Null: wrangler named none, as where only a custom domain leads to it. */
  readonly url: string | null;
  /** Its first API key; null: it had one. */
  readonly key: string | null;
}

async function deploy(settings: Settings): Promise<Deployed> {
  await requireLogin();
  const there = await deployedSecrets();
  const drawn = there.includes(SIGNING) || settings.secrets[SIGNING] !== undefined;
  const secrets = drawn
    ? settings.secrets
    : { ...settings.secrets, [SIGNING]: randomBytes(SIGNING_BYTES).toString("base64") };
  const url = await deployWith(secrets, addedBinding(relay, wranglerConfig()), settings.json);
  const names = [...there, ...Object.keys(secrets)];
  const key = settings.key && !names.includes("RELAY_API_KEYS") ? await firstKey() : null;
  const lines = routeLines(relay, wranglerConfig(), { local: null, deployed: names, why: "" });
  if (!settings.json) process.stdout.write(`\n${said(url, key, talking(lines))}${lacking(lines)}`);
  return { url, key };
}

/** The route that takes what names none; where none of them is offered, the one that needs nothing. */
function talking(lines: readonly Line[]): string {
  const offered = lines.filter(({ verdict }) => verdict === "ok").map(({ what }) => what);
  return defaultRoutes(relay.defaultRoute).find((name) => offered.includes(name)) ?? "echo";
}

async function firstKey(): Promise<string | null> {
  const records = new KeyRecords("remote");
  return (await records.list()).size > 0 ? null : records.draw("first", {});
}

function said(url: string | null, key: string | null, model: string): string {
  const lines = url === null ? [] : [`The relay is at ${url}`];
  if (key !== null) {
    lines.push(`Its first API key, shown this once (npm run keys has more): ${key}`);
    const address = (url ?? "https://ITS-ADDRESS").replace(/^http/, "ws");
    lines.push(
      "Call it, from a recording:",
      `  npm run talk -- test/fixtures/three-turns.wav --model ${model} --url ${address} --key ${key}`,
    );
  }
  return lines.map((line) => `${line}\n`).join("");
}

function wranglerConfig(): WranglerConfig {
  return readWrangler(fileURLToPath(new URL("../wrangler.toml", import.meta.url))).config;
}

/** Routes that are not offered, and the default route where it is none that is. */
function lacking(lines: readonly Line[]): string {
  const wanting = lines.filter(({ verdict }) => verdict !== "ok");
  return wanting.length === 0 ? "" : `\n${describe(wanting)}`;
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  if (settings === "help") {
    process.stdout.write(HELP);
    return;
  }
  if (settings.dry) {
    await deployWith(null, addedBinding(relay, wranglerConfig()), settings.json);
    return;
  }
  const deployed = await deploy(settings);
  if (settings.json) process.stdout.write(`${JSON.stringify(deployed)}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`npm run deploy: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
