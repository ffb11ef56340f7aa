import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runWrangler } from "../../tools/relay/wrangler.ts";
import { type Finished, run } from "./command.ts";

const LIMIT_MS = 240_000;

describe("npm run keys", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "relay-keys-test-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const keys = (...args: string[]): Promise<Finished> =>
    run("tools/keys.ts", [...args, "--local", "--persist-to", folder]);

  async function stored(name: string): Promise<string> {
    const where = ["--binding", "RELAY_KEYS", "--local", "--persist-to", folder];
    return (await runWrangler(["kv", "key", "get", name, "--text", ...where])).trim();
  }

  it(
    "[T30] draws a key, stores its hash as the relay reads it, changes limits, replaces and revokes",
    { timeout: LIMIT_MS },
    async () => {
      const added = await keys("add", "acme", "--concurrent", "5", "--per-minute", "none", "--json");
      expect([added.code, added.stderr]).toEqual([0, ""]);
      const { id, key } = JSON.parse(added.stdout) as { id: string; key: string };
      expect(id).toBe("acme");
      expect(key).toMatch(/^rk_[0-9a-f]{48}$/);
      const sha256 = createHash("sha256").update(key).digest("hex");
      const [owner, record, again] = await Promise.all([
        stored(`hash:${sha256}`),
        stored("id:acme"),
        keys("add", "acme"),
      ]);
      expect(owner).toBe("acme");
      expect(JSON.parse(record)).toEqual({ sha256, limits: { concurrent: 5, sessions_per_minute: null } });
      expect(record).not.toContain(key);

      expect([again.code, again.stdout]).toEqual([1, ""]);
      expect(again.stderr).toContain("--replace");

      const budgets = [
        "--answers-per-minute",
        "60",
        "--minutes-per-day",
        "600",
        "--sessions-per-secret",
        "none",
      ];
      const limited = await keys("limit", "acme", "--concurrent", "7", "--per-minute", "default", ...budgets);
      expect(limited.stdout).toBe(
        "acme  sessions per minute: default  at once: 7  answers per minute: 60  minutes per day: 600  of a secret: sessions: none\n",
      );
      const replaced = await keys("add", "acme", "--replace", "--json");
      const next = createHash("sha256")
        .update((JSON.parse(replaced.stdout) as { key: string }).key)
        .digest("hex");
      const [present, former] = await Promise.all([stored("id:acme"), stored(`hash:${sha256}`)]);
      const limits = {
        concurrent: 7,
        answers_per_minute: 60,
        minutes_per_day: 600,
        sessions_per_secret: null,
      };
      expect(JSON.parse(present)).toEqual({ sha256: next, limits });
      expect(former).toBe("Value not found");

      expect((await keys("revoke", "acme")).code).toBe(0);
      const [list, last] = await Promise.all([keys("list", "--json"), stored(`hash:${next}`)]);
      expect(JSON.parse(list.stdout)).toEqual([]);
      expect(last).toBe("Value not found");
    },
  );

  it("[T30] refuses wrong arguments with code 2, and explains itself", async () => {
    for (const args of [
      ["add"],
      ["burn", "acme"],
      ["add", "a b"],
      ["add", "relay-dev"],
      ["add", "acme", "--concurrent", "0"],
      ["limit", "acme"],
      ["list", "acme"],
      ["add", "acme", "--colour"],
    ]) {
      expect((await keys(...args)).code).toBe(2);
    }
    expect((await run("tools/keys.ts", ["--help"])).stdout).toContain("npm run keys -- revoke ID");
  });
});
