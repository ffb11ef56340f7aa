import { describe, expect, it } from "vitest";

import { CLIENTS } from "../foreign/clients.ts";
import { run } from "./command.ts";

describe("npm run foreign", () => {
  it("[S64] names its clients", async () => {
    const { code, stdout } = await run("tools/foreign.ts", ["--list"]);
    expect(code).toBe(0);
    for (const { name, what } of CLIENTS)
      expect(stdout).toMatch(new RegExp(`^${name} +${what.slice(0, 10)}`, "m"));
  });

  it("[S64] ends with code 2 for a client that it does not know", async () => {
    const { code, stderr } = await run("tools/foreign.ts", ["nobody"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("there is no client nobody")]);
  });

  it("[S64] skips what cannot be had here with a line that says how to get it, and fails for nothing", async () => {
    const nowhere = { PATH: "", FOREIGN_PYTHON: "/nonexistent/python" };
    const names = ["livekit-python", "go-openai-realtime"];
    const { code, stdout } = await run("tools/foreign.ts", [...names, "--json"], nowhere);
    const { verdicts } = JSON.parse(stdout);
    expect([code, verdicts]).toEqual([
      0,
      [
        expect.objectContaining({
          name: names[0],
          outcome: "skipped",
          note: expect.stringMatching(/pip install/),
        }),
        expect.objectContaining({
          name: names[1],
          outcome: "skipped",
          note: expect.stringMatching(/Go 1\.19/),
        }),
      ],
    ]);
  });
});
