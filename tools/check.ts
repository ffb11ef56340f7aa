/**
 * `npm run check`: everything a change must pass, for people and for CI. First the build, then what reads it, as many steps at
 * once as there are cores, then the tests, which take all of them. Runs every step even after a failure, and ends with code 1
 * when any failed. `--fast` leaves the tests out; `--list` names the steps; further arguments choose steps by name.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

interface Step {
  readonly name: string;
  readonly what: string;
  readonly command: readonly string[];
  /** Nothing else runs beside it. */
  readonly alone?: true;
}

const npm = (script: string): string[] => ["npm", "run", "--silent", script];

const STEPS: readonly Step[] = [
  { name: "build", what: "kernels, weights and bundles", command: npm("build"), alone: true },
  { name: "types", what: "TypeScript, room by room", command: npm("types") },
  { name: "lint", what: "oxlint with types", command: npm("lint") },
  { name: "format", what: "oxfmt", command: ["oxfmt", "--check"] },
  { name: "dead-code", what: "knip", command: ["knip"] },
  { name: "spec", what: "rules of SPEC.md and tests", command: ["node", "tools/spec.ts"] },
  { name: "size", what: "budgets of Worker and SDK", command: ["node", "tools/size.ts"] },
  { name: "tests", what: "vitest", command: ["vitest", "run"], alone: true },
];

const PROJECT = fileURLToPath(new URL("../", import.meta.url));

async function perform(step: Step): Promise<boolean> {
  const started = performance.now();
  const [command = "", ...args] = step.command;
  // On Windows the commands are .cmd files, which only a shell starts.
  const child = spawn(command, args, {
    cwd: PROJECT,
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const code = await once(child, "close").then(
    ([status]: unknown[]) => status,
    (error: Error) => error.message,
  );
  const took = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  const outcome = code === 0 ? "ok" : "FAILED";
  process.stdout.write(`${step.name.padEnd(10)} ${step.what} … ${outcome} (${took})\n`);
  if (code !== 0)
    process.stdout.write(`${Buffer.concat(output).toString("utf8").trimEnd()}\n${String(code)}\n\n`);
  return code === 0;
}

async function main(args: readonly string[]): Promise<number> {
  const wanted = args.filter((arg) => !arg.startsWith("--"));
  const unknown = wanted.find((name) => !STEPS.some((step) => step.name === name));
  if (args.includes("--list") || args.includes("--help") || unknown !== undefined) {
    for (const step of STEPS) process.stdout.write(`${step.name.padEnd(10)} ${step.what}\n`);
    return unknown === undefined ? 0 : 2;
  }
  const steps = STEPS.filter((step) =>
    wanted.length > 0 ? wanted.includes(step.name) : step.name !== "tests" || !args.includes("--fast"),
  );
  const failed: string[] = [];
  const together: Step[] = [];
  const finish = async (): Promise<void> => {
    const worker = async (): Promise<void> => {
      for (let step = together.shift(); step !== undefined; step = together.shift())
        if (!(await perform(step))) failed.push(step.name);
    };
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
  };
  for (const step of steps) {
    if (step.alone) await finish();
    together.push(step);
    if (step.alone) await finish();
  }
  await finish();
  process.stdout.write(failed.length === 0 ? "all checks passed\n" : `failed: ${failed.join(", ")}\n`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
