/**
 * Checks that rules and tests agree: every rule `- **X1** …` of SPEC.md is cited by the title of at least one test
 * (`[X1] …`), every cited rule exists, and no rule has the number of another. Checks the wording as far as a program
 * can: `spec/wording.ts`. `node tools/spec.ts --list` prints which tests show which rule.
 */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { misworded } from "./spec/wording.ts";

export interface Rule {
  readonly id: string;
  /** `SPEC.md:12`. */
  readonly place: string;
}

export interface Citation {
  readonly id: string;
  readonly place: string;
  readonly title: string;
}

const RULE = /^\s*- \*\*([A-Z]{1,2}\d+)\*\*/;
/** A string that begins with one or more bracketed ids is a test's title. */
const TITLE = /(["'`])((?:\[[A-Z]{1,2}\d+\]\s*)+)((?:(?!\1).)*)/g;

export function rulesIn(file: string, text: string): Rule[] {
  return text.split("\n").flatMap((line, i) => {
    const id = RULE.exec(line)?.[1];
    return id === undefined ? [] : [{ id, place: `${file}:${i + 1}` }];
  });
}

export function citationsIn(file: string, text: string): Citation[] {
  return text
    .split("\n")
    .flatMap((line, i) =>
      [...line.matchAll(TITLE)].flatMap(([, , ids = "", title = ""]) =>
        [...ids.matchAll(/[A-Z]{1,2}\d+/g)].map(([id]) => ({ id, place: `${file}:${i + 1}`, title })),
      ),
    );
}

/** What is wrong, one line each; empty when all agree. */
export function disagreements(rules: readonly Rule[], citations: readonly Citation[]): string[] {
  const known = new Map<string, Rule>();
  const found: string[] = [];
  for (const rule of rules) {
    const first = known.get(rule.id);
    if (first === undefined) known.set(rule.id, rule);
    else found.push(`${rule.place}: rule ${rule.id} is already at ${first.place}`);
  }
  const cited = new Set(citations.map((citation) => citation.id));
  for (const rule of known.values()) {
    if (!cited.has(rule.id)) found.push(`${rule.place}: no test cites rule ${rule.id}`);
  }
  for (const { id, place } of citations) if (!known.has(id)) found.push(`${place}: there is no rule ${id}`);
  return found;
}

async function readAll(
  root: string,
  directory: string,
  ending: string,
): Promise<{ file: string; text: string }[]> {
  const names = await readdir(root + directory, { recursive: true });
  const files = names.filter((name) => name.endsWith(ending)).sort();
  return Promise.all(
    files.map(async (name) => {
      const file = `${directory}/${name}`;
      return { file, text: await readFile(root + file, "utf8") };
    }),
  );
}

async function main(): Promise<void> {
  const root = fileURLToPath(new URL("../", import.meta.url));
  const spec = await readFile(`${root}SPEC.md`, "utf8");
  const rules = rulesIn("SPEC.md", spec);
  const tests = await readAll(root, "test", ".ts");
  const citations = tests.flatMap(({ file, text }) => citationsIn(file, text));
  if (process.argv.includes("--list")) {
    for (const rule of rules) {
      process.stdout.write(`${rule.id}\n`);
      for (const { id, place, title } of citations)
        if (id === rule.id) process.stdout.write(`  ${place} ${title}\n`);
    }
  }
  const wrong = [...disagreements(rules, citations), ...misworded("SPEC.md", spec)];
  for (const line of wrong) process.stderr.write(`${line}\n`);
  process.stdout.write(`${rules.length} rules, ${citations.length} citations, ${wrong.length} faults\n`);
  if (rules.length === 0 || wrong.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
