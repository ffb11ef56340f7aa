/** `npm run attack` from outside: what it prints, and that what is to be refused is. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ATTACKS } from "../../tools/attack/attacks.ts";
import type { Figures } from "../../tools/attack/stage.ts";
import { missedOf, pictureOf, rowOf } from "../../tools/attack/report.ts";
import { draw } from "../../bench/report.ts";
import { PROJECT, run } from "./command.ts";

const TOOL = "tools/attack.ts";
const SHORT = ["--seconds", "1", "--quiet", "0.5", "--json"];

interface Report {
  readonly rows: readonly {
    readonly attack: string;
    readonly bytes_in: number;
    readonly bytes_out: number;
    readonly ends: Readonly<Record<string, number>>;
    readonly errors: Readonly<Record<string, number>>;
    readonly missed: readonly string[];
  }[];
  readonly missed: readonly string[];
}

async function attacked(...names: readonly string[]): Promise<Report> {
  const { stdout, stderr } = await run(TOOL, [...SHORT, ...names.flatMap((name) => ["--only", name])]);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** What is no matter of this machine's speed. */
const rules = ({ missed }: Report): readonly string[] =>
  missed.filter((each) => !/p99 is|of CPU a second/.test(each));

test(
  "[T60] lists its attacks, each with what it does; wrong arguments are 2",
  { timeout: 60_000 },
  async () => {
    const { code, stdout } = await run(TOOL, ["--list"]);
    expect(stdout.trim().split("\n")).toHaveLength(ATTACKS.length);
    expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length);
    expect(code).toBe(0);
    expect((await run(TOOL, ["--help"])).stdout).toContain("--only NAME");
    for (const args of [["--only", "nothing"], ["--seconds", "few"], ["--unheard-of"]]) {
      const refused = await run(TOOL, args);
      expect(refused.stderr).toMatch(/^npm run attack: /);
      expect(refused.code).toBe(2);
    }
  },
);

test(
  "[T61] nothing that is to be refused is taken: doors, names, tools, models, tokens",
  { timeout: 90_000 },
  async () => {
    const report = await attacked(
      "used-resume-token",
      "other-model",
      "more-sessions",
      "inherited-names",
      "foreign-tools",
      "forged-names",
      "deep-json",
      "many-tools",
      "large-bodies",
    );
    expect(rules(report)).toEqual([]);
    for (const { bytes_in, bytes_out } of report.rows) {
      expect(bytes_in).toBeGreaterThan(1000);
      expect(bytes_out).toBeGreaterThan(1000);
    }
  },
);

test(
  "[T61] [O70] a client that goes on after its close loses its connection, and dials again",
  { timeout: 60_000 },
  async () => {
    const report = await attacked("deaf-flood", "unread-socket");
    expect(rules(report)).toEqual([]);
    expect(report.rows[0]?.ends["end of TCP"]).toBeGreaterThan(0);
  },
);

const spread = { count: 100, p50: 1, p99: 2, max: 3 };
const heard = { frames: spread, late: spread, lost: 0, failure: null };
const NO_TAPE = { upgrades: 0, returns: 0, requests: [], messages: [] };
const figures: Figures = {
  attack: "some",
  what: "something",
  spoken: false,
  seen: {
    bytesSent: 1000,
    bytesReceived: 20_000,
    messages: 1,
    ends: {},
    errors: {},
    broken: [],
    seconds: 1,
    tape: NO_TAPE,
  },
  loudSeconds: 2,
  bareCpuMs: 25,
  cpu: { before: 10, during: 60 },
  memory: { before: 100, after: 100 },
  innocent: { before: heard, during: heard },
};

test("[T60] a target that is missed is named with its figure, and one that is just met is not", () => {
  expect(missedOf([rowOf(figures)])).toEqual([]);
  const late = { ...heard, frames: { ...spread, p99: 50 } };
  const worse: Figures = {
    ...figures,
    seen: { ...figures.seen, bytesReceived: 20_100, broken: ["a rule"] },
    cpu: { before: 10, during: 61 },
    innocent: { before: heard, during: late },
  };
  expect(missedOf([rowOf(worse)])).toEqual([
    "some: a rule",
    "some: the innocent call's p99 is 50 ms (2 without the attack)",
    "some: 20.1 bytes out for each byte in",
    "some: 51 ms of CPU a second, at least 12.5 of them the runtime's own",
  ]);
  expect(rowOf(figures)).toMatchObject({ cpu_ms_per_second: 50, runtime_ms_per_second: 12.5 });
  expect(missedOf([rowOf({ ...worse, bareCpuMs: null })]).at(-1)).toBe("some: 51 ms of CPU a second");
  expect(missedOf([rowOf({ ...worse, spoken: true, cpu: { before: null, during: null } })])).toHaveLength(2);
  expect(draw(pictureOf([rowOf(worse)], 0.5))).toContain("beside the attack");
});

test("[T62] every threat in docs/security.md names tests that are there, and rules that they show", async () => {
  const text = await readFile(`${PROJECT}docs/security.md`, "utf8");
  const spec = await readFile(`${PROJECT}SPEC.md`, "utf8");
  const rows = text.split("\n").filter((line) => /^\| .*`test\//.test(line));
  expect(rows.length).toBeGreaterThan(50);
  for (const row of rows) {
    const [, threat, , rule = "", tests = ""] = row.split("|").map((cell) => cell.trim());
    const files = Array.from(tests.matchAll(/`(test\/[^`]+)`/g), ([, file]) => file ?? "");
    const cited = (await Promise.all(files.map((file) => readFile(PROJECT + file, "utf8")))).join("\n");
    for (const id of rule.match(/[A-Z]\d+/g) ?? []) {
      expect(spec, `${threat}: ${id}`).toContain(`**${id}**`);
      expect(cited, `${threat}: no test of ${id} in ${files.join(", ")}`).toMatch(new RegExp(`\\[${id}\\]`));
    }
  }
});
