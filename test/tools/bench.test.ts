import { describe, expect, it } from "vitest";
import { readFlags, UsageError } from "../../bench/flags.ts";
import { draw, markdownTable, round } from "../../bench/report.ts";
import { countTests } from "../../tools/count.ts";
import { run } from "./command.ts";

describe("npm run bench", () => {
  it("[T8] lists the benchmarks", async () => {
    const done = await run("bench/run.ts", []);
    expect(done.code).toBe(0);
    expect(done.stdout).toMatch(/\n {2}overhead +added latency/);
  });

  it("[T8] knows only its own names", async () => {
    const done = await run("bench/run.ts", ["overheads"]);
    expect([done.code, done.stderr]).toEqual([2, expect.stringContaining("overhead")]);
  });

  it("[T85] says of each what it measures, how long it takes and its flags, and runs nothing", async () => {
    const [all, one] = await Promise.all([
      run("bench/run.ts", []),
      run("bench/run.ts", ["delivery", "--help", "--full"]),
    ]);
    const listed = Array.from(all.stdout.matchAll(/^ {2}(\w+) +(\S.+)\n {12}(\S.+);/gm), ([, name]) => name);
    expect(listed).toEqual([
      "cost",
      "delivery",
      "ends",
      "handle",
      "memory",
      "opus",
      "others",
      "overhead",
      "plans",
      "resumption",
      "snapshots",
      "soak",
      "tools",
      "turns",
      "vad",
    ]);
    expect(all.stdout).toContain("[--only gaps,failover,death,rollover] [--full] [--few N]");
    expect([one.code, one.stderr]).toEqual([0, ""]);
    expect(one.stdout).toMatch(/^npm run bench -- delivery \[FLAGS\]\n\n\S.+\nIt takes \S.+\.\n/);
    for (const flag of ["only gaps,failover,death,rollover", "full", "seed N", "json", "help"])
      expect(one.stdout).toMatch(new RegExp(`^ {2}--${flag} +\\S`, "m"));
  });

  it("[T86] refuses what it does not know or cannot read", async () => {
    const refused = [
      ["delivery", "--ful"],
      ["memory", "--seconds"],
      ["handle", "rollover"],
    ];
    for (const { code, stdout, stderr } of await Promise.all(
      refused.map((args) => run("bench/run.ts", args)),
    )) {
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^\S.+\n$/);
    }
  });

  it("[T86] reads flags, numbers, lists and some of several names", () => {
    const flags = { few: { value: "N", says: "" }, only: { value: "a,b", says: "" }, full: { says: "" } };
    const given = readFlags(["--few", "3", "--only=b", "--json"], flags);
    expect([given.number("few", 1), given.numbers("few", []), given.some("only", ["a", "b"])]).toEqual([
      3,
      [3],
      ["b"],
    ]);
    expect([given.has("full"), given.has("json"), given.number("seed", 7)]).toEqual([false, true, 7]);
    expect(readFlags([], flags).some("only", ["a", "b"])).toEqual(["a", "b"]);
    expect(() => given.some("only", ["a"])).toThrow(UsageError);
    expect(() => readFlags(["--few", "-1"], flags).number("few", 1)).toThrow(UsageError);
  });

  it("[T8] draws bars, lines and tables that stand alone", () => {
    const svg = draw({
      title: "A & B <1>",
      subtitle: "on one machine",
      panels: [
        {
          kind: "bars",
          title: "Bars",
          unit: "ms",
          bars: ["a", "b"],
          groups: [{ label: "g", values: [1.5, null] }],
        },
        { kind: "lines", title: "Lines", xLabel: "x", yLabel: "y", series: [{ name: "s", points: [[0, 0], [1, 2]] }] }, // prettier-ignore
        { kind: "table", title: "Table", head: ["way", "p50"], rows: [["direct", 0.1234]] },
      ],
    });
    expect(svg).toContain("A &#38; B &#60;1&#62;");
    expect(svg).toContain("1.5 ms");
    expect(svg).toContain("<polyline");
    expect(svg).toContain(">0.123<");
    expect(svg).not.toMatch(/<script|href=|url\(|NaN|Infinity/);
  });

  it("writes numbers as people read them", () => {
    expect([0, 0.001234, 12.345, 999.9, 1234.5].map(round)).toEqual(["0", "0.00123", "12.3", "1000", "1235"]);
    expect(markdownTable(["a", "b"], [["x", 1.23456]])).toBe("| a | b |\n|---|---:|\n| x | 1.23 |");
  });
});

describe("counting tests", () => {
  const report = (passed: number, failed: number, files: unknown[] = []): string =>
    JSON.stringify({
      numPassedTests: passed,
      numFailedTests: failed,
      numPendingTests: 2,
      testResults: files,
    });

  it("[T11] adds up what passed and failed", () => {
    const files = [{ status: "failed", assertionResults: [{ status: "passed" }, { status: "failed" }] }];
    expect(countTests(report(3, 1, files))).toEqual({ passed: 3, failed: 1, skipped: 2 });
  });

  it("[T11] counts a file that could not run, and a run without tests, as failed", () => {
    expect(countTests(report(3, 0, [{ status: "failed", assertionResults: [] }]))).toMatchObject({
      failed: 1,
    });
    expect(countTests(report(0, 0))).toMatchObject({ failed: 1 });
    expect(countTests("")).toMatchObject({ passed: 0, failed: 1 });
  });
});
