/**
 * `npm start`: builds what is missing, starts the demo voice and the relay (`wrangler dev`: it reloads on every
 * change of the source) on loopback, prints where to go, and stops both on Ctrl-C.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drawDevKey, leaveDevKey, spendingRoutes } from "./relay/dev-key.ts";
import { freePort, startProcess, waitForHealth, type Started } from "./relay/processes.ts";
import { createCertificate, startTlsFront } from "./relay/tls.ts";
import "./relay/wasm-modules.ts";
import { messageOf, WRANGLER_ENV, wranglerScript } from "./relay/wrangler.ts";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const READY_LIMIT_MS = 60_000;
const DEV_VARS = resolve(PROJECT, process.env["DEV_VARS"] || ".dev.vars");

const HELP = `npm start                 the relay and the demo voice, on loopback
npm start -- --tls        and an https/wss listener with a self-signed certificate
npm start -- --verbose    with everything that wrangler and the demo voice print

Environment:
  PORT        port of the relay        (8787; 0: any free port)
  DEMO_PORT   port of the demo voice   (8788; 0: any free port)
  DEV_VARS    file with secrets        (.dev.vars)
  TLS_PORT    port of the TLS listener (8443; 0: any free port)

Secrets for other routes of relay.config.ts are read from .dev.vars, as wrangler does. For those it draws a key and prints it.
Ends with code 0 when stopped by a signal, 1 when something failed, 2 on a wrong argument.
`;

interface Settings {
  readonly port: number;
  readonly demoPort: number;
  readonly tlsPort: number | null;
  readonly verbose: boolean;
}

class UsageError extends Error {}

const closers: (() => Promise<void>)[] = [];

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  if (settings === "help") {
    process.stdout.write(HELP);
    return;
  }
  const stopped = stopSignal();
  try {
    const children = await startAll(settings);
    const failed = await Promise.race([stopped, ...children]);
    if (failed !== null) throw new Error(failed);
  } finally {
    for (const closer of closers.splice(0).toReversed()) await closer();
  }
}

function readSettings(argv: string[]): Settings | "help" {
  let values: { tls?: boolean; verbose?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        tls: { type: "boolean" },
        verbose: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  if (values.help === true) return "help";
  return {
    port: portFrom("PORT", 8787),
    demoPort: portFrom("DEMO_PORT", 8788),
    tlsPort: values.tls === true ? portFrom("TLS_PORT", 8443) : null,
    verbose: values.verbose === true,
  };
}

function portFrom(variable: string, fallback: number): number {
  const text = process.env[variable];
  if (text === undefined || text === "") return fallback;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError(`${variable}=${text}: a port is a whole number from 0 to 65535`);
  }
  return port;
}

/** Resolves to null on the first SIGINT, SIGTERM or SIGHUP; a second one ends at once. */
function stopSignal(): Promise<null> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(130));
        resolve(null);
      });
    }
  });
}

/** Promises of which one resolves, with the reason, when a part that must not end has ended. */
async function startAll(settings: Settings): Promise<Promise<string>[]> {
  const port = await freePort(settings.port, "PORT");
  const demoPort = await freePort(settings.demoPort, "DEMO_PORT");
  const tlsPort = settings.tlsPort === null ? null : await freePort(settings.tlsPort, "TLS_PORT");
  say("building what is missing …");
  await import("./build.ts");
  say("starting …");
  const demo = startDemo(demoPort, settings.verbose);
  const paid = await routesThatSpend(demoPort);
  const key = paid.length === 0 ? null : drawDevKey();
  const relay = await startRelay(port, demoPort, key, settings.verbose);
  try {
    await waitForHealth(`http://127.0.0.1:${port}/healthz`, relay, READY_LIMIT_MS);
  } catch (error) {
    throw new Error(`the relay did not start: ${messageOf(error)}\n${relay.tail.join("\n")}`, {
      cause: error,
    });
  }
  const caFile = tlsPort === null ? null : await startTls(tlsPort, port);
  if (key !== null) closers.push(await leaveDevKey(tlsPort === null ? [port] : [port, tlsPort], key));
  process.stdout.write(directions({ port, demoPort, tlsPort, caFile, key, paid }));
  return [
    demo.ended.then((how) => `the demo voice ended (${how})\n${demo.tail.join("\n")}`),
    relay.ended.then((how) => `the relay ended (${how})\n${relay.tail.join("\n")}`),
  ];
}

function startDemo(port: number, verbose: boolean): Started {
  const demo = startProcess(process.execPath, [join(PROJECT, "demo/server.ts"), "--port", String(port)], {
    cwd: PROJECT,
    env: process.env,
    onLine: (line) => verbose && say(`demo  ${line}`),
  });
  closers.push(() => demo.stop());
  return demo;
}

/** The build has run by now: relay.config.ts is code. */
async function routesThatSpend(demoPort: number): Promise<readonly string[]> {
  const { default: config } = await import("../relay.config.ts");
  const own = existsSync(DEV_VARS) ? await readFile(DEV_VARS, "utf8") : "";
  const demos = Object.entries(demoUrls(demoPort)).map(([name, url]) => `${name}=${url}\n`);
  return spendingRoutes(config, `${own}\n${demos.join("")}`);
}

function demoUrls(port: number): Record<string, string> {
  const base = `http://127.0.0.1:${port}/v1`;
  return {
    DEMO_URL: `${base}/realtime`,
    DEMO_TEXT_URL: `${base}/chat/completions`,
    DEMO_SPEECH_URL: `${base}/audio/speech`,
  };
}

async function startRelay(
  port: number,
  demoPort: number,
  key: string | null,
  verbose: boolean,
): Promise<Started> {
  // In a file that only this user reads: arguments are visible to everybody on the machine.
  const directory = await mkdtemp(join(tmpdir(), "relay-start-"));
  closers.push(() => rm(directory, { recursive: true, force: true }));
  const vars = join(directory, "vars");
  const lines = {
    RELAY_DEV: "1",
    ...demoUrls(demoPort),
    RELAY_SIGNING_KEY: randomBytes(32).toString("base64url"),
    ...(key !== null && { RELAY_DEV_KEY: key }),
  };
  const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(vars, text.join(""), { mode: 0o600 });
  const own = existsSync(DEV_VARS) ? ["--env-file", DEV_VARS] : [];
  const args = [
    wranglerScript(),
    "dev",
    "--ip",
    "127.0.0.1",
    "--port",
    String(port),
    "--inspector-port",
    "0",
  ];
  const quiet = ["--show-interactive-dev-session=false", "--log-level", verbose ? "log" : "warn"];
  const relay = startProcess(process.execPath, [...args, ...own, "--env-file", vars, ...quiet], {
    cwd: PROJECT,
    env: { ...process.env, ...WRANGLER_ENV },
    onLine: (line) => line.trim() !== "" && say(`relay ${line}`),
  });
  closers.push(() => relay.stop());
  return relay;
}

/** Path of the certificate to trust. */
async function startTls(port: number, relayPort: number): Promise<string> {
  const certificate = await createCertificate();
  const front = await startTlsFront(port, relayPort, certificate);
  const directory = await mkdtemp(join(tmpdir(), "relay-tls-"));
  const file = join(directory, "ca.pem");
  await writeFile(file, certificate.certPem);
  closers.push(async () => {
    await front.close();
    await rm(directory, { recursive: true, force: true });
  });
  return file;
}

interface Running {
  readonly port: number;
  readonly demoPort: number;
  readonly tlsPort: number | null;
  readonly caFile: string | null;
  /** Null: there is no route that needs one. */
  readonly key: string | null;
  readonly paid: readonly string[];
}

function directions({ port, demoPort, tlsPort, caFile, key, paid }: Running): string {
  const free = key === null ? "" : ", opens no route that spends a secret";
  const lines = [
    "",
    `  playground   http://127.0.0.1:${port}/${key === null ? "" : `#key=${key}`}`,
    `  WebSocket    ws://127.0.0.1:${port}/v1/realtime?model=demo`,
    `  key          relay-dev   (accepted on loopback only${free})`,
    ...(key === null ? [] : [`  key          ${key}   (of this start; opens ${paid.join(", ")} too)`]),
    `  demo voice   ws://127.0.0.1:${demoPort}/v1/realtime`,
  ];
  if (tlsPort !== null) {
    lines.push(
      `  TLS          https://127.0.0.1:${tlsPort}/v1   (self-signed: NODE_EXTRA_CA_CERTS=${caFile})`,
    );
  }
  const url = port === 8787 ? "" : ` --url ws://127.0.0.1:${port}`;
  lines.push(
    "",
    "  In another terminal:",
    `    npm run talk -- test/fixtures/hello.wav${url}          hold a call from a recording`,
    `    curl http://127.0.0.1:${port}/v1/models -H "Authorization: Bearer relay-dev"`,
    "",
    "  Ctrl-C stops everything.",
    "",
  );
  return `${lines.join("\n")}\n`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`npm start: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
