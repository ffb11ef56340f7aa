/** `npm run doctor`: says before a deploy what is configured and what is missing. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { RelayConfig } from "../src/config/define.ts";
import { dialLines } from "./doctor/dial.ts";
import { describe, line, type Line } from "./doctor/line.ts";
import { machineLines } from "./doctor/machine.ts";
import { limitLines, originLines, routeLines } from "./doctor/routes.ts";
import { readSecrets, secretLines } from "./doctor/secrets.ts";
import { readWrangler, type WranglerConfig } from "./doctor/wrangler-config.ts";
import "./relay/wasm-modules.ts";

const HELP = `npm run doctor [-- options]

Says before a deploy what is configured and what is missing: wrangler.toml, keys and secrets, limits, origins, the routes of
relay.config.ts and this machine; behind each arrow, what to do. No value of a secret is printed.

  --dial          also dial the upstreams whose secrets are in .dev.vars or in this shell, and report the handshake
  --offline       do not ask wrangler which secrets are deployed
  --project DIR   where wrangler.toml, relay.config.ts and .dev.vars are    (this repository)
  --json          print one JSON object
  --help

Code 0: nothing is missing (what is unknown or a warning counts as none). 1: something is. 2: wrong arguments.
`;

class UsageError extends Error {}

interface Arguments {
  readonly project: string;
  readonly dial: boolean;
  readonly offline: boolean;
  readonly json: boolean;
}

function readArguments(argv: string[]): Arguments | "help" {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        dial: { type: "boolean" },
        offline: { type: "boolean" },
        project: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help === true) return "help";
    const project = resolve(values.project ?? fileURLToPath(new URL("../", import.meta.url)));
    if (!existsSync(project)) throw new UsageError(`--project: there is no ${project}`);
    const [dial, offline, json] = [values.dial === true, values.offline === true, values.json === true];
    return { project, dial, offline, json };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function examine({ project, dial, offline }: Arguments): Promise<readonly Line[]> {
  const lines: Line[] = [...machineLines(project)];
  const secrets = readSecrets(project, offline);
  let wrangler: WranglerConfig = { vars: {}, bindings: [], ai: null };
  try {
    const read = readWrangler(join(project, "wrangler.toml"));
    wrangler = read.config;
    lines.push(...read.lines);
  } catch (error) {
    lines.push(line("wrangler", "wrangler.toml", "missing", messageOf(error), "mend the file"));
  }
  lines.push(...secretLines(secrets));
  try {
    const file = pathToFileURL(join(project, "relay.config.ts")).href;
    const { default: config } = (await import(file)) as { default: RelayConfig };
    lines.push(...limitLines(config, wrangler), ...originLines(config));
    lines.push(...routeLines(config, wrangler, secrets));
    if (dial)
      lines.push(...(await dialLines(config, { ...process.env, ...wrangler.vars, ...secrets.local })));
  } catch (error) {
    lines.push(line("routes", "relay.config.ts", "missing", messageOf(error), "mend the file"));
  }
  return lines;
}

function messageOf(error: unknown): string {
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return first;
}

async function main(): Promise<number> {
  const settings = readArguments(process.argv.slice(2));
  if (settings === "help") {
    process.stdout.write(HELP);
    return 0;
  }
  const lines = await examine(settings);
  const missing = lines.filter(({ verdict }) => verdict === "missing").length;
  process.stdout.write(settings.json ? `${JSON.stringify({ missing, lines })}\n` : describe(lines));
  return missing === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`npm run doctor: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 70;
}
