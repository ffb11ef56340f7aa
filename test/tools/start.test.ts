import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { devKeyFor } from "../../tools/relay/dev-key.ts";
import { descendants } from "../../tools/relay/processes.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { finish, run, start } from "./command.ts";

const LIMIT_MS = 90_000;

/** Of this machine, as others see it. */
function addressesElsewhere(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address);
}

describe("npm start", () => {
  it(
    "[T2] [T3] starts everything, says where, and leaves nothing behind",
    { timeout: LIMIT_MS },
    async () => {
      const child = start("tools/start.ts", ["--tls"], { PORT: "0", DEMO_PORT: "0", TLS_PORT: "0" });
      const finished = finish(child);
      let text = "";
      await new Promise<void>((resolve, reject) => {
        child.stdout?.on("data", (piece: string) => (text += piece).includes("Ctrl-C") && resolve());
        child.once("exit", () => reject(new Error(text)));
      });
      const page = /playground +(http:\S+)/.exec(text)?.[1] ?? "";
      expect(new URL(page).hostname).toBe("127.0.0.1");
      expect((await fetch(`${page}healthz`)).status).toBe(200);
      for (const address of addressesElsewhere()) {
        const foreign = `http://${address}:${new URL(page).port}/healthz`;
        await expect(fetch(foreign, { signal: AbortSignal.timeout(2000) }), foreign).rejects.toThrow();
      }
      expect(text).toMatch(/key +relay-dev/);
      expect(text).toMatch(/WebSocket +ws:\/\/127\.0\.0\.1:\d+\/v1\/realtime\?model=demo/);
      expect(text).toMatch(/TLS +https:\/\/127\.0\.0\.1:\d+\/v1 .*NODE_EXTRA_CA_CERTS=\S+/);
      const family = descendants(child.pid ?? -1);
      expect(family.length).toBeGreaterThan(1);
      child.kill("SIGINT");
      expect((await finished).code).toBe(0);
      expect(family.filter(isRunning)).toEqual([]);
    },
  );

  it(
    "[T31] draws a key for the routes that spend a secret, prints it, and leaves it for the other commands",
    { timeout: LIMIT_MS },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "relay-start-test-"));
      await writeFile(join(folder, "vars"), "OPENAI_API_KEY=sk-of-a-test\n");
      const env = { PORT: "0", DEMO_PORT: "0", DEV_VARS: join(folder, "vars") };
      const child = start("tools/start.ts", [], env);
      const finished = finish(child);
      let text = "";
      await new Promise<void>((resolve, reject) => {
        child.stdout?.on("data", (piece: string) => (text += piece).includes("Ctrl-C") && resolve());
        child.once("exit", () => reject(new Error(text)));
      });
      const page = new URL(/playground +(http:\S+)/.exec(text)?.[1] ?? "");
      const key = new URLSearchParams(page.hash.slice(1)).get("key") ?? "";
      expect(key).toMatch(/^relay-dev-[0-9a-f]{48}$/);
      expect(text).toMatch(new RegExp(`key +${key} .*opens openai too`));
      expect(devKeyFor(`ws://127.0.0.1:${page.port}/v1`)).toBe(key);
      expect(devKeyFor(`ws://relay.example:${page.port}`)).toBe("relay-dev");
      const list = async (authorization: string): Promise<string> => {
        const response = await fetch(`${page.origin}/v1/models`, { headers: { authorization } });
        return response.text();
      };
      expect(await list(`Bearer ${key}`)).toContain('"openai"');
      const free = await list("Bearer relay-dev");
      expect(free).toContain('"demo"');
      expect(free).not.toContain('"openai"');
      child.kill("SIGINT");
      expect((await finished).code).toBe(0);
      expect(devKeyFor(`ws://127.0.0.1:${page.port}`)).toBe("relay-dev");
      await rm(folder, { recursive: true, force: true });
    },
  );

  it("[T3] names the variable when a port is in use", { timeout: LIMIT_MS }, async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const done = await run("tools/start.ts", [], { PORT: "0", DEMO_PORT: String(port) });
    server.close();
    expect(done.code).toBe(1);
    expect(done.stderr).toContain(`port ${port} is in use: set DEMO_PORT`);
  });

  it("[T3] refuses wrong arguments", async () => {
    const port = await run("tools/start.ts", [], { PORT: "http" });
    expect([port.code, port.stderr]).toEqual([2, expect.stringContaining("PORT=http")]);
    const flag = await run("tools/start.ts", ["--tsl"]);
    expect([flag.code, flag.stderr]).toEqual([2, expect.stringContaining("--tsl")]);
  });
});

describe("the TLS listener", () => {
  let relay: Relay | null = null;
  afterEach(() => relay?.close());

  it("[T2] serves the relay over https, which then names its URLs so", { timeout: LIMIT_MS }, async () => {
    relay = await startRelay({ tls: true, demoUrl: "http://127.0.0.1:9/" });
    const created = await post(`${relay.tlsUrl}/v1/sessions`, relay.caPem ?? "", relay.apiKey);
    expect(created.status).toBe(201);
    expect(JSON.parse(created.body)).toMatchObject({
      url: expect.stringMatching(`^${relay.wssUrl}/v1/sessions/`),
    });
    expect((await post(`${relay.tlsUrl}/v1/sessions`, relay.caPem ?? "", "wrong")).status).toBe(401);
  });
});

async function post(
  url: string,
  ca: string,
  key: string,
): Promise<{ status: number | undefined; body: string }> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const sent = request(url, { method: "POST", ca, headers, agent: false }).end('{"model":"demo"}');
  const [response] = await once(sent, "response");
  let body = "";
  for await (const piece of response) body += String(piece);
  return { status: response.statusCode, body };
}

/** A process that ended and waits for its parent to notice is not running. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.startsWith("Z");
}
