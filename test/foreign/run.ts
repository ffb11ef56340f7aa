/** Runs the script of one foreign client against a relay and reads what it reports. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { ForeignClient } from "./clients.ts";

const HERE = fileURLToPath(new URL("./", import.meta.url));
const LIMIT_MS = 240_000;

/** How to start a client's script, or what it lacks and how that is to be had. */
export type Runner =
  | { readonly command: readonly string[]; readonly env?: NodeJS.ProcessEnv }
  | { readonly missing: string };

export interface Reported {
  readonly check: string;
  readonly ok: boolean;
  readonly why?: string;
}

export interface Run {
  readonly reported: readonly Reported[];
  /** Null when the script ended as it should; else how it ended, with the end of what it wrote. */
  readonly broken: string | null;
}

export function runnerOf(client: ForeignClient): Runner {
  switch (client.ecosystem) {
    case "npm":
      return npmRunner(client);
    case "python":
      return pythonRunner(client);
    case "go":
      return goRunner();
  }
}

function npmRunner({ needs, script }: ForeignClient): Runner {
  const folder = join(HERE, "npm");
  const lacks = (): boolean => needs.some((name) => !existsSync(join(folder, "node_modules", name)));
  if (lacks()) {
    process.stderr.write("installing the clients of test/foreign/npm/package.json, once (about 200 MB) …\n");
    const args = ["ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"];
    spawnSync("npm", args, { cwd: folder, stdio: "ignore", shell: process.platform === "win32" });
  }
  if (lacks()) return { missing: "npm --prefix test/foreign/npm ci, where the npm registry can be reached" };
  return { command: [process.execPath, join(folder, script)] };
}

/** Sources in `FOREIGN_PYTHONPATH` go before what is installed; `FOREIGN_PYTHON` names another interpreter. */
function pythonRunner({ needs, script, requirements = "requirements.txt" }: ForeignClient): Runner {
  const folder = join(HERE, "python");
  const venv = requirements.replace("requirements", "venv").replace(".txt", "");
  const sources = process.env["FOREIGN_PYTHONPATH"];
  const env = sources === undefined ? {} : { PYTHONPATH: sources };
  const candidates = [process.env["FOREIGN_PYTHON"], join(folder, venv, "bin/python"), "python3"];
  for (const python of candidates) {
    if (python === undefined || python === "") continue;
    const probe = [
      "-c",
      `import sys; sys.path.insert(0, ${JSON.stringify(folder)}); import stubs, importlib; [importlib.import_module(n) for n in ${JSON.stringify(needs)}]`,
    ];
    const { status } = spawnSync(python, probe, { env: { ...process.env, ...env }, stdio: "ignore" });
    if (status === 0) return { command: [python, join(folder, script)], env };
  }
  return {
    missing: `Python 3.11 with ${needs[0] ?? ""}: python3 -m venv test/foreign/python/${venv} && test/foreign/python/${venv}/bin/pip install -r test/foreign/python/${requirements}, or sources in FOREIGN_PYTHONPATH`,
  };
}

/** Modules come from the proxy, or, with GOWORK, from the folders that this workspace names. */
function goRunner(): Runner {
  const cwd = join(HERE, "go");
  const env = { FOREIGN_CWD: cwd, ...(process.env["GOWORK"] === undefined ? { GOFLAGS: "-mod=mod" } : {}) };
  if (spawnSync("go", ["version"], { stdio: "ignore" }).status !== 0)
    return { missing: "Go 1.19 or newer (https://go.dev/dl)" };
  const built = spawnSync("go", ["vet", "."], { cwd, encoding: "utf8", env: { ...process.env, ...env } });
  return built.status === 0
    ? { command: ["go", "run", "."], env }
    : { missing: `its Go modules (a module proxy, or GOWORK with their sources): ${lastLine(built.stderr)}` };
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
}

export function run(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Run> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    cwd: env["FOREIGN_CWD"],
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-4000)));
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ reported: [], broken: error.message }));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const reported = out.split("\n").flatMap(reportedIn);
      const ended = code === 0 && reported.length > 0;
      resolve({
        reported,
        broken: ended ? null : `ended with ${code ?? signal}: ${errors.trim().slice(-800)}`,
      });
    });
  });
}

function reportedIn(line: string): Reported[] {
  if (!line.startsWith('{"check":')) return [];
  const { check, ok, why }: Reported = JSON.parse(line);
  return [{ check, ok, ...(why === undefined ? {} : { why }) }];
}
