import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { describe, expect, test } from "vitest";
import { removeEach, type Outcome } from "../../tools/defences/run.ts";
import { verdictOn, verdictOnWaiting } from "../../tools/defences/verdict.ts";
import { REMOVALS } from "../defences/index.ts";
import { without, type Removal } from "../defences/removal.ts";
import { threatsIn } from "../defences/threats.ts";
import { PROJECT, run } from "./command.ts";

const texts = new Map<string, string>();
function read(path: string): string {
  const text = texts.get(path) ?? readFileSync(PROJECT + path, "utf8");
  texts.set(path, text);
  return text;
}
const threats = threatsIn(read("docs/security.md"));

/** What is wrong with it, as sentences. */
function faultsOf(removal: Removal): string[] {
  const { threat, rule, what, file, from, to, test: named } = removal;
  const row = threats.find((one) => one.threat === threat);
  const changed = read(file).split(from).length === 2 ? without(read(file), removal) : null;
  const faults = [
    [row === undefined, `no row is called '${threat}'`],
    [row?.rules.includes(rule) === false, `its row does not name ${rule}`],
    [row?.tests.includes(named) === false, `its row does not name ${named}`],
    [!read(named).includes(`[${rule}]`), `${named} does not cite ${rule}`],
    [changed === null, `${file} does not have its text once`],
    [from === to, "nothing is taken away"],
    [file.startsWith("test/"), `${file} is no defence`],
    [changed !== null && file.endsWith(".ts") && !parses(changed), `${file} does not parse without it`],
  ] as const;
  return faults.filter(([wrong]) => wrong).map(([, fault]) => `${rule} ${what}: ${fault}`);
}

function parses(source: string): boolean {
  try {
    return stripTypeScriptTypes(source) !== "";
  } catch {
    return false;
  }
}

describe("defences that are taken away", () => {
  test("[T90] are of every threat, in one source each, for a test that the table names", () => {
    expect(threats.length).toBeGreaterThan(50);
    const without = threats.filter(({ threat }) => !REMOVALS.some((one) => one.threat === threat));
    expect(without.map(({ threat }) => threat)).toEqual([]);
    expect(REMOVALS.flatMap(faultsOf)).toEqual([]);
  });

  test("[T90] are each another one", () => {
    const names = REMOVALS.map(({ threat, rule, what, test: named }) => [threat, rule, what, named].join());
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("a defence is caught", () => {
  const failing = (fullName: string, message = "AssertionError: expected 1 to be 2") => ({
    fullName,
    status: "failed",
    failureMessages: [`${message}\n    at somewhere`],
  });
  const passing = { fullName: "a [X2] holds", status: "passed", failureMessages: [] };
  const skipped = { fullName: "a [X1] is not run", status: "skipped" };
  const TIMED_OUT = "TestTimeoutError: Test timed out in 5000ms.";
  const of = (...assertionResults: object[]) =>
    verdictOn({ testResults: [{ message: "SyntaxError: no", assertionResults }] } as never, "X1", false);

  test("[T91] by a test that cites the rule and fails in what it says, while others pass", () => {
    expect(of(failing("a [X1] [X3] is so"), passing)).toEqual({
      caughtBy: "a [X1] [X3] is so",
      detail: "AssertionError: expected 1 to be 2",
    });
    const noProblem = failing("a [X1] is refused", "SyntaxError: Unexpected end of JSON input");
    expect(of(noProblem, passing).caughtBy).toBe("a [X1] is refused");
    expect(of(failing("the only [X1]")).caughtBy).toBe("the only [X1]");
    expect(of(failing("one [X1]"), failing("another [X1]")).caughtBy).toBe("one [X1]");
    const both = { testResults: [{ assertionResults: [failing("[X1] one"), failing("[X1] two")] }] };
    expect(verdictOn(both, "X1", true).caughtBy).toBe("[X1] one");
  });

  test.each([
    ["no test ran: SyntaxError: no", []],
    ["no test ran", [skipped]],
    ["all 1 tests pass", [passing, skipped]],
    ["all 2 tests fail", [failing("[X1] one"), failing("[X2] two")]],
    ["does not cite X1", [failing("[X11] other"), passing]],
    ["fails for another reason", [failing("[X1] one", "ReferenceError: a is not defined"), passing]],
    ["ran out of time", [failing("[X1] one", TIMED_OUT), passing]],
  ])("[T91] by nothing else: %s", (detail, results) => {
    const verdict = of(...results);
    expect(verdict.caughtBy).toBeNull();
    expect(verdict.detail).toContain(detail);
  });

  test("[T91] a test that waits for what does not come has caught it if it passes where nothing is missing", () => {
    const name = "a [X1] waits";
    expect(of(failing(name, TIMED_OUT), passing)).toMatchObject({ caughtBy: null, waited: name });
    const alone = (result: object) =>
      verdictOnWaiting(name, { testResults: [{ assertionResults: [result] }] } as never);
    expect(alone({ fullName: name, status: "passed" }).caughtBy).toBe(name);
    expect(alone(failing(name, TIMED_OUT)).caughtBy).toBeNull();
    expect(alone(skipped).caughtBy).toBeNull();
  });

  const SOON = "levels of JSON are not told apart";

  test("[T91] or not, when nothing is taken away", async () => {
    const removal = REMOVALS.find(({ what }) => what === SOON);
    if (removal === undefined) throw new Error("there is no such removal");
    const harmless = { ...removal, from: "/** Characters of an `event_id`", to: "/** Of an `event_id`" };
    const told: Outcome[] = [];
    const [outcome] = await removeEach([harmless], 1, (each) => told.push(each));
    expect(outcome).toMatchObject({ caughtBy: null, detail: expect.stringMatching(/^all \d+ tests pass$/) });
    expect(told).toEqual([outcome]);
    expect(read(removal.file)).toContain(removal.from);
  });

  test("[T91] and the command says by what, with code 0", async () => {
    const { code, stdout } = await run("tools/defences.ts", ["--only", SOON, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      removed: 1,
      caught: 1,
      outcomes: [{ removal: { rule: "E90" }, caughtBy: expect.stringContaining("[E90]") }],
    });
    expect(code).toBe(0);
  });
});

test("[T91] wrong arguments are 2, with the reason", async () => {
  for (const args of [["--jobs", "many"], ["--only", "no such thing"], ["--unheard-of"]]) {
    const { code, stderr } = await run("tools/defences.ts", args);
    expect(stderr).toMatch(/^npm run defences: /);
    expect(code).toBe(2);
  }
  expect((await run("tools/defences.ts", ["--help"])).stdout).toContain("--only X");
  expect((await run("tools/defences.ts", ["--list", "--only", "E90"])).stdout).toContain("E90 ");
});
