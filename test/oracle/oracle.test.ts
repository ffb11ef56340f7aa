/** Two thousand conversations with and without the relay (docs/testing.md). */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { compare } from "./compare.ts";
import { DIFFERENCES } from "./differences.ts";
import { draw } from "./draw.ts";
import { HABITS } from "./habits.ts";
import { hunt } from "./hunt.ts";
import { KNOWN } from "./known.ts";
import { mutationNamed, MUTATIONS } from "./mutations/index.ts";
import { judge, verdictOf } from "./judge.ts";
import { addReport, emptyReport, type Finding } from "./oracle.ts";
import { playDirect, playThrough } from "./play.ts";
import type { Script } from "./script.ts";
import { describeFinding } from "./show.ts";
import { isFair } from "./fair.ts";
import { shrink } from "./shrink.ts";

const SEED = 1;
const SCRIPTS = 2_000;
const BATCH = 200;
const LONG_MS = 240_000;

describe("the same conversation with and without the relay", () => {
  const total = emptyReport();
  const used = new Set<string>();

  /** Does more differ without this one of the differences? */
  function look(script: Script, direct: Streams, through: Streams, differing: number): void {
    for (const { id } of DIFFERENCES) {
      if (used.has(id)) continue;
      const others = DIFFERENCES.filter((difference) => difference.id !== id);
      if (compare(script, direct, through, others).length > differing) used.add(id);
    }
  }

  for (let from = 1; from <= SCRIPTS; from += BATCH) {
    const to = from + BATCH - 1;
    test(
      `[Z1] [Z2] what the client receives is the same in scripts ${from} to ${to} of seed ${SEED}`,
      async () => {
        const part = emptyReport();
        for (let number = from; number <= to; number += 1) {
          const script = draw(SEED, number);
          const [direct, through] = [await playDirect(script), await playThrough(script)];
          const { mismatches, known } = verdictOf(script, direct, through);
          part.scripts += 1;
          part.providers[script.provider] = (part.providers[script.provider] ?? 0) + 1;
          look(script, direct, through, mismatches.length);
          if (mismatches.length === 0) part.equal += 1;
          else if (known !== null) part.known[known] = (part.known[known] ?? 0) + 1;
          else part.findings.push({ seed: SEED, number, script, mismatches });
        }
        addReport(total, part);
        expect(await shortest(part.findings)).toEqual([]);
      },
      LONG_MS,
    );
  }

  test("[Z3] every difference that is allowed is met, and SPEC.md lists the same", async () => {
    expect(DIFFERENCES.map(({ id }) => id).filter((id) => !used.has(id))).toEqual([]);
    const spec = await readFile(new URL("../../SPEC.md", import.meta.url), "utf8");
    const [, section = ""] = spec.split(/^## Differences from the provider$/m);
    const [table = ""] = section.split(/^## /m);
    const cells = [...table.matchAll(/^\| ([^|]+?) +\| ([^|]+?) +\| [^|]+ \|$/gm)];
    // Head and rule come first.
    const rows = cells.slice(2).map(([, id, what]) => ({ id, what }));
    expect(rows).toEqual(DIFFERENCES.map(({ id, what }) => ({ id, what })));
  });

  test("[X366] two of the provider are one voice in some of them, by each strategy", () => {
    const plans = Array.from({ length: SCRIPTS }, (_, at) => draw(SEED, at + 1).plan?.name);
    for (const name of ["race", "hedge", "failover", "panel"] as const)
      expect(plans.filter((one) => one === name).length).toBeGreaterThan(50);
  });

  test("[Z1] every habit of a provider is met, and every known finding still is", () => {
    expect(HABITS.map(({ name }) => name).filter((name) => total.providers[name] === undefined)).toEqual([]);
    expect(KNOWN.map(({ id }) => id).filter((id) => total.known[id] === undefined)).toEqual([]);
  });
});

type Streams = Parameters<typeof compare>[1];

async function shortest(findings: readonly Finding[]): Promise<string[]> {
  const described: string[] = [];
  for (const finding of findings.slice(0, 3)) {
    const script = await shrink(finding.script);
    const { mismatches } = await judge(script);
    described.push(describeFinding({ ...finding, script, mismatches }));
  }
  return [...described, ...findings.slice(3).map(({ number }) => `script ${number} differs as well`)];
}

describe("what the oracle finds", () => {
  test(
    "[Z4] every kind of fault that is brought back is found within 2,000 scripts",
    async () => {
      const known = new Set(KNOWN.map(({ id }) => id));
      const ready = MUTATIONS.filter(({ waitsFor }) => waitsFor === undefined || !known.has(waitsFor));
      const { missed } = await hunt(SEED, SCRIPTS, ready);
      expect(missed).toEqual([]);
      expect(MUTATIONS.length).toBeGreaterThanOrEqual(30);
    },
    LONG_MS,
  );

  test(
    "[Z5] what it finds is made short, and still differs",
    async () => {
      const mutation = mutationNamed("a deleted item stays with the provider");
      const { found } = await hunt(SEED, SCRIPTS, [mutation]);
      const script = draw(SEED, found.get(mutation.name) ?? 0);
      const short = await shrink(script, () => mutation.tampering());
      expect(short.steps.length).toBeLessThan(script.steps.length);
      expect(short.steps.length).toBeLessThanOrEqual(7);
      expect((await judge(short, mutation.tampering())).mismatches.length).toBeGreaterThan(0);
      expect((await judge(short)).mismatches).toEqual([]);
    },
    LONG_MS,
  );

  test("[Z5] a seed and a number are one script, and one conversation to the last byte", async () => {
    const script = draw(7, 12);
    expect(draw(7, 12)).toEqual(script);
    expect(await playDirect(script)).toEqual(await playDirect(script));
    expect(await playThrough(script)).toEqual(await playThrough(script));
    expect(isFair(script.steps)).toBe(true);
  });
});
