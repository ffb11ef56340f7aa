import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Summary } from "../../tools/talk/timeline.ts";
import { readWav, writeWav } from "../../tools/wav.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { run } from "./command.ts";

const HELLO = "test/fixtures/hello.wav";
const LIMIT_MS = 60_000;

let relay: Relay;
let directory: string;

beforeAll(async () => {
  relay = await startRelay();
  directory = await mkdtemp(join(tmpdir(), "talk-"));
}, LIMIT_MS);

afterAll(async () => {
  await relay?.close();
  await rm(directory, { recursive: true, force: true });
});

describe("npm run talk", () => {
  it.concurrent.for([["--binary"], ["--json-audio"]])(
    "[T5] holds a call over %s and writes what was heard",
    { timeout: LIMIT_MS },
    async ([way], { expect }) => {
      const out = join(directory, `reply${way}.wav`);
      const done = await run("tools/talk.ts", [
        HELLO,
        "--url",
        relay.wsUrl,
        way ?? "",
        "--out",
        out,
        "--json",
      ]);
      expect(done.stderr).toContain("turn 1 committed");
      expect(done.code, done.stderr).toBe(0);
      const summary: Summary = JSON.parse(done.stdout);
      expect(summary.errors).toEqual([]);
      expect(summary.turns.length).toBeGreaterThan(0);
      for (const turn of summary.turns) expect(turn.answers.length).toBe(1);
      const [answer] = summary.turns.at(-1)?.answers ?? [];
      expect(answer?.status).toBe("completed");
      expect(answer?.transcript).toContain("I heard you");
      const heard = readWav(new Uint8Array(await readFile(out)));
      expect(heard.sampleRateHz).toBe(24_000);
      expect(heard.samples.some((sample) => Math.abs(sample) > 0.1)).toBe(true);
    },
  );

  it.concurrent(
    "[T12] goes on over connections that break, and misses nothing of the answer",
    { timeout: LIMIT_MS },
    async ({ expect }) => {
      const done = await run("tools/talk.ts", [HELLO, "--url", relay.url, "--drop", "1.5", "--json"]);
      expect(done.code, done.stderr).toBe(0);
      expect(done.stderr.split("connection lost").length).toBeGreaterThan(3);
      expect(done.stderr).not.toContain("partial");
      const summary: Summary = JSON.parse(done.stdout);
      const [answer] = summary.turns[0]?.answers ?? [];
      expect(answer?.status).toBe("completed");
      // The demo voice says what it heard, and for how long: an answer of known length.
      const whole = await run("tools/talk.ts", [HELLO, "--url", relay.url, "--json"]);
      const [unbroken] = (JSON.parse(whole.stdout) as Summary).turns[0]?.answers ?? [];
      expect(answer?.transcript).toBe(unbroken?.transcript);
      expect(answer?.audioMs).toBe(unbroken?.audioMs);
    },
  );

  it.concurrent(
    "[T5] repeats the file for as many turns as are wanted",
    { timeout: LIMIT_MS },
    async ({ expect }) => {
      const done = await run("tools/talk.ts", [HELLO, "--url", relay.url, "--turns", "3", "--json"]);
      const summary: Summary = JSON.parse(done.stdout);
      expect(summary.turns.length).toBeGreaterThanOrEqual(3);
      expect(done.code).toBe(0);
    },
  );

  it.concurrent(
    "[T6] says so when there is no speech in the file",
    { timeout: LIMIT_MS },
    async ({ expect }) => {
      const silence = join(directory, "silence.wav");
      await writeFile(silence, writeWav(new Int16Array(8000), 8000));
      const done = await run("tools/talk.ts", [silence, "--url", relay.url]);
      expect(done.code).toBe(3);
      expect(done.stderr).toContain("no speech was found");
    },
  );

  it.concurrent("[T6] says why there is no connection", { timeout: LIMIT_MS }, async ({ expect }) => {
    const refused = await run("tools/talk.ts", [HELLO, "--url", relay.url, "--key", "wrong"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("HTTP 401");
    const nobody = await run("tools/talk.ts", [HELLO, "--url", "ws://127.0.0.1:9"]);
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain("nobody listens there");
  });

  it.concurrent.for([
    [[], "give one WAV file"],
    [["a.wav", "b.wav"], "give one WAV file"],
    [["/nowhere.wav"], "ENOENT"],
    [["package.json"], "not a WAV file"],
    [[HELLO, "--turns", "none"], "--turns takes a whole number"],
    [[HELLO, "--url", "ftp://x"], "not a ws or wss URL"],
    [[HELLO, "--binary", "--json-audio"], "not both"],
    [[HELLO, "--nonsense"], "--nonsense"],
  ] as const)("[T1] refuses %s", async ([args, reason], { expect }) => {
    const done = await run("tools/talk.ts", args);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain(reason);
  });
});

describe("npm run load", () => {
  it("[T9] holds calls at once and tells how long things took", { timeout: LIMIT_MS }, async () => {
    const args = ["--sessions", "4", "--seconds", "2", "--turn", "0.5", "--url", relay.url, "--json"];
    const done = await run("tools/load.ts", args);
    expect(done.code, done.stderr).toBe(0);
    const summary: { calls: number; failed: number; answers: number; turns: number } = JSON.parse(
      done.stdout,
    );
    expect(summary).toMatchObject({ calls: 4, failed: 0, ms: { connect: { count: 4 } } });
    expect(summary.answers).toBe(summary.turns);
    expect(summary.answers).toBeGreaterThanOrEqual(4);
  });

  it("[T9] ends with code 1 when a call failed", { timeout: LIMIT_MS }, async () => {
    const done = await run("tools/load.ts", [
      "--sessions",
      "2",
      "--seconds",
      "1",
      "--url",
      relay.url,
      "--key",
      "x",
    ]);
    expect(done.code).toBe(1);
    expect(done.stdout).toContain("2 failed");
  });
});
