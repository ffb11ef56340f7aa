/** Has TypeScript judge events by the types of the newest official client. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { JsonObject } from "../../src/protocol/json.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const OPTIONS =
  "--ignoreConfig --strict --noEmit --skipLibCheck --target es2025 --module nodenext --moduleResolution nodenext --types node --pretty false";

/** What the compiler says against `union` of `openai` holding each of these events, and each event it says it of. */
export function faults(union: string, events: readonly JsonObject[], more = ""): readonly string[] {
  return judged(`import type { ${union} } from "openai/resources/realtime/realtime";`, union, events, more);
}

/** The same for any type that `imports` brings. */
export function judged(
  imports: string,
  type: string,
  events: readonly JsonObject[],
  more = "",
): readonly string[] {
  mkdirSync(join(PROJECT, "dist"), { recursive: true });
  const folder = mkdtempSync(join(PROJECT, "dist/types-"));
  try {
    const lines = [imports, ...events.map((event) => `(${JSON.stringify(event)}) satisfies ${type};`), more];
    const file = join(folder, "events.ts");
    writeFileSync(file, lines.join("\n"));
    return complaints(file).map((complaint) => named(complaint, lines));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function complaints(file: string): readonly string[] {
  const tsc = join(PROJECT, "node_modules/typescript/bin/tsc");
  try {
    execFileSync(process.execPath, [tsc, ...OPTIONS.split(" "), file], { cwd: PROJECT, encoding: "utf8" });
    return [];
  } catch (error) {
    if (
      !(error instanceof Error && "stdout" in error) ||
      typeof error.stdout !== "string" ||
      error.stdout === ""
    )
      throw error;
    // A complaint goes on in lines that are indented.
    return error.stdout.trim().split(/\n(?! )/);
  }
}

function named(complaint: string, lines: readonly string[]): string {
  const line = Number(/\((\d+),/.exec(complaint)?.[1] ?? 0);
  return `${complaint.replace(/^.*?: error /, "")}\n  in ${lines[line - 1] ?? "?"}`;
}
