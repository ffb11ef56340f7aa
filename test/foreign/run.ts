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
      return toolRunner("go", "go", ["run", "."], "Go 1.19 or newer (apt-get install golang-go)");
    case "rust":
      return toolRunner("rust", "cargo", ["run", "--quiet"], "Rust (https://rustup.rs)");
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
function pythonRunner({ needs, script }: ForeignClient): Runner {
  const folder = join(HERE, "python");
  const sources = process.env["FOREIGN_PYTHONPATH"];
  const env = sources === undefined ? {} : { PYTHONPATH: sources };
  const candidates = [process.env["FOREIGN_PYTHON"], join(folder, "venv/bin/python"), "python3"];
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
    missing: `Python 3.11 with ${needs[0] ?? ""}: python3 -m venv test/foreign/python/venv && test/foreign/python/venv/bin/pip install -r test/foreign/python/requirements.txt, or sources in FOREIGN_PYTHONPATH`,
  };
}

function toolRunner(folder: string, tool: string, args: readonly string[], what: string): Runner {
  const cwd = join(HERE, folder);
  if (spawnSync(tool, [tool === "go" ? "version" : "--version"], { stdio: "ignore" }).status !== 0)
    return { missing: what };
  const built = spawnSync(tool, tool === "go" ? ["build", "-o", "/dev/null", "."] : ["build", "--quiet"], {
    cwd,
    encoding: "utf8",
  });
  if (built.status !== 0)
    return {
      missing: `its modules: ${tool} build in test/foreign/${folder} failed: ${lastLine(built.stderr)}`,
    };
  return { command: [tool, ...args], env: { FOREIGN_CWD: cwd } };
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
