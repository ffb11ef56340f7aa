import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CloudflareApi } from "../support/cloudflare-api.ts";
import { PROJECT, run } from "./command.ts";

const LIMIT_MS = 240_000;
const KEY = /rk_[0-9a-f]{48}/;

describe("npm run deploy, with wrangler as it is", () => {
  const api = new CloudflareApi();
  let folder = "";
  beforeAll(async () => {
    await api.start();
    folder = await mkdtemp(join(tmpdir(), "relay-deploy-test-"));
  });
  afterAll(async () => {
    await api.close();
    await rm(folder, { recursive: true, force: true });
  });

  const deploy = (...args: string[]) => run("tools/deploy.ts", args, api.env);

  it(
    "[T87] [U137] makes all that a relay needs the first time, shows its key once, and replaces nothing the second time",
    { timeout: LIMIT_MS },
    async () => {
      const first = await deploy();
      expect([first.code, first.stderr, api.unknown]).toEqual([0, "", []]);
      const key = KEY.exec(first.stdout)?.[0] ?? "";
      const sha256 = createHash("sha256").update(key).digest("hex");
      expect(api.kv.get(`hash:${sha256}`)?.value).toBe("first");
      expect(JSON.parse(api.kv.get("id:first")?.value ?? "")).toEqual({ sha256 });
      expect(first.stdout).toContain("https://edge-duplex-relay.someone.workers.dev");
      expect(first.stdout).toContain("three-turns.wav --model workers-ai --url");
      expect(first.stdout).toContain(`--url wss://edge-duplex-relay.someone.workers.dev --key ${key}`);
      expect(first.stdout).toContain("npx wrangler secret put OPENAI_API_KEY");

      // Nobody's key is there, and yet it talks: by the binding, which wrangler.toml does not have.
      expect(api.uploads[0]).toMatchObject({
        bindings: expect.arrayContaining([{ name: "AI", type: "ai" }]),
      });
      expect(first.stdout).not.toContain("defaultRoute");
      expect((await readdir(PROJECT)).filter((name) => name.startsWith("wrangler"))).toEqual([
        "wrangler.toml",
      ]);

      const signing = api.secrets.get("RELAY_SIGNING_KEY") ?? "";
      expect(signing.length).toBeGreaterThanOrEqual(32);
      expect(first.stdout).not.toContain(signing);
      expect(api.uploads[0]).toMatchObject({ code_update_strategy: { mode: "deferred", max_delay: 14_400 } });

      const file = join(folder, "secrets");
      await writeFile(file, "OPENAI_API_KEY=sk-of-somebody\nRELAY_DEV=1\nDEMO_URL=http://127.0.0.1:8788\n");
      const second = await deploy("--secrets", file, "--json");
      expect(second.code, second.stderr).toBe(0);
      expect(JSON.parse(second.stdout)).toEqual({
        url: "https://edge-duplex-relay.someone.workers.dev",
        key: null,
      });
      expect(Object.fromEntries(api.secrets)).toEqual({
        RELAY_SIGNING_KEY: signing,
        OPENAI_API_KEY: "sk-of-somebody",
      });
      expect(second.stdout + second.stderr).not.toContain("sk-of-somebody");
      expect(api.kv.size).toBe(2);
      expect(api.unknown).toEqual([]);
    },
  );

  it(
    "[T87] says who is not logged in, and what in a file of secrets is none",
    { timeout: LIMIT_MS },
    async () => {
      const stranger = await run("tools/deploy.ts", [], { ...api.env, CLOUDFLARE_API_TOKEN: "another" });
      expect([stranger.code, stranger.stdout]).toEqual([1, ""]);
      expect(stranger.stderr).toContain("CLOUDFLARE_API_TOKEN");

      const file = join(folder, "wrong.json");
      await writeFile(file, '{"OPENAI_API_KEY": 7}');
      const wrong = await deploy("--secrets", file);
      expect(wrong.code).toBe(2);
      expect(wrong.stderr).toContain("OPENAI_API_KEY is no text");
      expect((await deploy("--unheard-of")).code).toBe(2);
      expect((await deploy("--help")).stdout).toContain("--secrets FILE");
    },
  );
});
