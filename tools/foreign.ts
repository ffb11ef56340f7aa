/** `npm run foreign`: other people's clients, unmodified, against a whole relay with the demo voice. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { CHECKS, CLIENTS, type ForeignClient } from "../test/foreign/clients.ts";
import { run, runnerOf, type Reported } from "../test/foreign/run.ts";
import type { Relay } from "./relay/relay.ts";

const HELP = `npm run foreign -- [NAME...] [options]

Runs clients that other people made against a whole relay with the demo voice. Without NAME: all. One that cannot be
had on this machine is skipped, with a line that says what is missing and how to get it.

  --list   name the clients
  --json   print one JSON object
  --help

Environment: FOREIGN_PYTHON (an interpreter), FOREIGN_PYTHONPATH (folders with the sources of Python clients).

Code 0: nothing failed. 1: something did. 2: wrong arguments.
`;

class UsageError extends Error {}

interface Verdict {
  readonly name: string;
  readonly what: string;
  readonly outcome: "works" | "fails" | "skipped";
  readonly checks: readonly Reported[];
  /** Why it was skipped, or how its script ended early. */
  readonly note: string | null;
}

function readArguments() {
  const parsed = parse();
  const unknown = parsed.positionals.find((name) => !CLIENTS.some((client) => client.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no client ${unknown}`);
  return parsed;
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { list: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean" } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "wrong arguments", { cause: error });
  }
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.help === true) process.stdout.write(HELP);
  else if (values.list === true)
    for (const { name, what } of CLIENTS) console.log(`${name.padEnd(22)} ${what}`);
  if (values.help === true || values.list === true) return 0;
  const chosen = CLIENTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const verdicts = await judgeAll(chosen, values.json === true ? () => {} : print);
  if (values.json === true) process.stdout.write(`${JSON.stringify({ verdicts })}\n`);
  else printTable(verdicts);
  return verdicts.some(({ outcome }) => outcome === "fails") ? 1 : 0;
}

async function judgeAll(
  clients: readonly ForeignClient[],
  told: (verdict: Verdict) => void,
): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), "foreign-"));
  let relay: Relay | null = null;
  try {
    const env = { FOREIGN_SPEECH: join(folder, "speech.pcm"), FOREIGN_CA: join(folder, "ca.pem") };
    const verdicts: Verdict[] = [];
    for (const client of clients) {
      const runner = runnerOf(client);
      if (!("missing" in runner)) relay ??= await prepare(env);
      const verdict: Verdict =
        "missing" in runner || relay === null
          ? skipped(client, "missing" in runner ? runner.missing : "")
          : await judge(client, runner.command, { ...addresses(relay, env), ...runner.env });
      told(verdict);
      verdicts.push(verdict);
    }
    return verdicts;
  } finally {
    await relay?.close();
    await rm(folder, { recursive: true });
  }
}

/** A relay with a TLS listener, its certificate, and a question spoken between two silences. */
async function prepare(env: { FOREIGN_SPEECH: string; FOREIGN_CA: string }): Promise<Relay> {
  const { say, silence, joined } = await import("../test/support/say.ts");
  const { startRelay } = await import("./relay/relay.ts");
  const question = joined(silence(300), await say("Hello. Can you hear me?"), silence(1200));
  await writeFile(env.FOREIGN_SPEECH, new Uint8Array(question.buffer));
  const relay = await startRelay({ tls: true });
  await writeFile(env.FOREIGN_CA, relay.caPem ?? "");
  return relay;
}

function addresses(relay: Relay, env: { FOREIGN_SPEECH: string; FOREIGN_CA: string }): NodeJS.ProcessEnv {
  return {
    ...env,
    FOREIGN_HTTP_URL: relay.url,
    FOREIGN_WS_URL: relay.wsUrl,
    FOREIGN_TLS_URL: relay.tlsUrl ?? "",
    FOREIGN_KEY: relay.apiKey,
    NODE_EXTRA_CA_CERTS: env.FOREIGN_CA,
    SSL_CERT_FILE: env.FOREIGN_CA,
  };
}

async function judge(
  { name, what }: ForeignClient,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Verdict> {
  const { reported, broken } = await run(command, env);
  const works = broken === null && reported.every(({ ok }) => ok);
  return { name, what, outcome: works ? "works" : "fails", checks: reported, note: broken };
}

function skipped({ name, what }: ForeignClient, missing: string): Verdict {
  return { name, what, outcome: "skipped", checks: [], note: `needs ${missing}` };
}

function print({ name, outcome, checks, note }: Verdict): void {
  const failed = checks.filter(({ ok }) => !ok);
  console.log(`${outcome.padEnd(8)} ${name}${outcome === "skipped" ? `: ${note ?? ""}` : ""}`);
  for (const { check, why } of failed) console.log(`         ${check}: ${why ?? "failed"}`);
  if (outcome === "fails" && note !== null) console.log(`         ${note.replaceAll("\n", "\n         ")}`);
}

function printTable(verdicts: readonly Verdict[]): void {
  const columns = CHECKS.map((check) => ({ check, width: check.length + 2 }));
  console.log(`\n${"".padEnd(22)}${columns.map(({ check, width }) => check.padEnd(width)).join("")}`);
  for (const { name, outcome, checks } of verdicts) {
    const cell = (check: string): string => {
      const found = checks.find((each) => each.check === check);
      return found === undefined ? "–" : found.ok ? "ok" : "NO";
    };
    const cells = columns.map(({ check, width }) => cell(check).padEnd(width)).join("");
    console.log(`${name.padEnd(22)}${outcome === "skipped" ? "skipped" : cells}`);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
