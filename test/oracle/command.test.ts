/** `npm run oracle` from outside. */
import { expect, test } from "vitest";
import { run } from "../tools/command.ts";

const TOOL = "tools/oracle.ts";
const LONG_MS = 120_000;

test(
  "[Z7] the command ends with 0 when all is equal, and prints how many",
  async () => {
    const { code, stdout } = await run(TOOL, ["--scripts", "20", "--jobs", "1", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ scripts: 20, findings: [] });
    expect(code).toBe(0);
  },
  LONG_MS,
);

test(
  "[Z7] it ends with 1 and the shortest script when something differs",
  async () => {
    const args = ["--scripts", "20", "--jobs", "1", "--most", "1", "--mutate", "usage is null"];
    const { code, stdout } = await run(TOOL, args);
    expect(stdout).toMatch(/script \d+ of seed 1 differs/);
    expect(stdout).toContain("shortest:");
    expect(stdout).toContain("response.usage: ");
    expect(code).toBe(1);
  },
  LONG_MS,
);

test(
  "[Z7] one script of a seed is printed, with its verdict",
  async () => {
    const { code, stdout } = await run(TOOL, ["--script", "3"]);
    expect(stdout).toContain("script 3 of seed 1");
    expect(code).toBe(0);
  },
  LONG_MS,
);

test(
  "[Z7] wrong arguments are 2, with the reason",
  async () => {
    const wrong = [
      ["--scripts", "many"],
      ["--provider", "nobody"],
      ["--mutate", "nothing"],
      ["--unheard-of"],
    ];
    for (const args of wrong) {
      const { code, stderr } = await run(TOOL, args);
      expect(stderr).toMatch(/^npm run oracle: /);
      expect(code).toBe(2);
    }
    expect((await run(TOOL, ["--help"])).stdout).toContain("--scripts N");
  },
  LONG_MS,
);
