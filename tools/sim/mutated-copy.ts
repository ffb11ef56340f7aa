/** A temporary copy of the sources with one expression replaced: what looks for faults has to find that one. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mutate, type Mutation } from "../../test/sim/mutations.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Runs `tool` of the copy with `args`. `copied`: what of the project it needs.
 * @returns what it printed. @throws when it printed nothing.
 */
export function runInCopy(
  copied: readonly string[],
  mutation: Mutation,
  tool: string,
  args: readonly string[],
): string {
  const copy = mkdtempSync(join(tmpdir(), "mutation-"));
  try {
    for (const path of copied) cpSync(join(PROJECT, path), join(copy, path), { recursive: true });
    symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"), "dir");
    const file = join(copy, mutation.file);
    writeFileSync(file, mutate(readFileSync(file, "utf8"), mutation));
    const { stdout, stderr } = spawnSync(process.execPath, [join(copy, tool), ...args], {
      encoding: "utf8",
      // What is compiled would be kept for files that nobody reads again.
      env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" },
      maxBuffer: 1 << 28,
    });
    if (stdout === "") throw new Error(`the mutated ${tool} said nothing: ${stderr.slice(0, 2000)}`);
    return stdout;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
