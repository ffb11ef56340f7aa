/** A temporary copy of the project in which one defence is missing. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { without, type Removal } from "../../test/defences/removal.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
/** Git ignores what `npm run build` makes; tests read it. */
const BUILT = ["wasm/build", "public"];

/** Paths of all that git would take, and of what is built. */
export function projectFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: PROJECT,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  const built = BUILT.flatMap((folder) =>
    readdirSync(join(PROJECT, folder)).map((name) => `${folder}/${name}`),
  );
  const all = new Set([...listed.split("\0"), ...built]);
  return [...all].filter((path) => path !== "" && existsSync(join(PROJECT, path)));
}

/** @param removal null: nothing is missing. @returns the folder; `drop` removes it. */
export function copyWithout(files: readonly string[], removal: Removal | null): string {
  const copy = mkdtempSync(join(tmpdir(), "defence-"));
  try {
    for (const path of files) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      // The one that changes is written anew: through a link the project itself would lose its defence.
      if (path !== removal?.file) linkSync(join(PROJECT, path), join(copy, path));
    }
    symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"), "dir");
    if (removal !== null) {
      const source = readFileSync(join(PROJECT, removal.file), "utf8");
      writeFileSync(join(copy, removal.file), without(source, removal));
    }
    return copy;
  } catch (error) {
    drop(copy);
    throw error;
  }
}

export function drop(copy: string): void {
  rmSync(copy, { recursive: true, force: true });
}
