/** `npm run doctor`: what it says of a project that is whole, and of one that is not. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { afterAll, describe, expect, test } from "vitest";
import { startDemo } from "../../demo/server.ts";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { addedBinding } from "../../tools/deploy/workers-ai.ts";
import { dialLines } from "../../tools/doctor/dial.ts";
import type { Line } from "../../tools/doctor/line.ts";
import { limitLines, originLines, routeLines } from "../../tools/doctor/routes.ts";
import { secretLines } from "../../tools/doctor/secrets.ts";
import { readWrangler } from "../../tools/doctor/wrangler-config.ts";
import { createCertificate } from "../../tools/relay/tls.ts";
import { plain } from "../support/opus.ts";
import { PROJECT, run } from "./command.ts";

const TOOL = "tools/doctor.ts";
const folder = mkdtempSync(join(tmpdir(), "doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const verdicts = (lines: readonly Line[]): Record<string, string> =>
  Object.fromEntries(lines.map(({ what, verdict }) => [what, verdict]));

describe("the command", () => {
  test("[T50] finds nothing missing in this repository, and says what to do about the rest", async () => {
    const { code, stdout } = await run(TOOL, ["--offline"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ok +VOICE_SESSION/);
    expect(stdout).toMatch(/\? +openai +needs OPENAI_API_KEY.*\n +→ npx wrangler secret put OPENAI_API_KEY/);
    expect(stdout).toMatch(/\n0 missing, \d+ warnings, \d+ unknown, \d+ ok\n$/);
  });

  test("[T50] ends with 1 when something is missing, as JSON too, and with 2 for wrong arguments", async () => {
    writeFileSync(join(folder, "wrangler.toml"), 'name = "x"\n[vars]\nRELAY_DEV = "1"\n');
    writeFileSync(join(folder, ".dev.vars"), 'RELAY_SIGNING_KEY=short-secret\nRELAY_API_KEYS="not a list"\n');
    const define = join(PROJECT, "src/config/define.ts");
    const routes = `{ routes: { a: { upstreams: [{ name: "a", adapter: "echo" }] } }, defaultRoute: "a" }`;
    writeFileSync(
      join(folder, "relay.config.ts"),
      `import { defineRelay } from ${JSON.stringify(define)};\nexport default defineRelay(${routes});\n`,
    );
    const { code, stdout } = await run(TOOL, ["--offline", "--json", "--project", folder]);
    expect(code).toBe(1);
    const { missing, lines } = JSON.parse(stdout) as { missing: number; lines: Line[] };
    const names = lines.filter(({ verdict }) => verdict === "missing").map(({ what }) => what);
    const expected = [
      "URLs in logs",
      "invocation logs",
      "VOICE_SESSION",
      "RELAY_DEV",
      "RELAY_KEYS",
      "RELAY_SIGNING_KEY",
      "RELAY_SIGNING_KEY",
      "RELAY_API_KEYS",
    ];
    expect(names).toEqual(expected);
    expect(missing).toBe(expected.length);
    expect(lines.every(({ verdict, todo }) => verdict === "ok" || todo !== null)).toBe(true);
    expect(stdout).not.toContain("short-secret");
    for (const args of [["--unheard-of"], ["--project", join(folder, "nowhere")]]) {
      expect((await run(TOOL, args)).code).toBe(2);
    }
    expect((await run(TOOL, ["--help"])).stdout).toContain("--dial");
  });
});

test("[U290] reads a relay.config.ts that brings a codec, and says of a server with one conversation at a time that it is taken", async () => {
  const project = mkdtempSync(join(tmpdir(), "doctor-codec-"));
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const [define, opus] = ["src/config/define.ts", "durable-objects/opus.ts"].map((file) =>
      JSON.stringify(join(PROJECT, file)),
    );
    const upstream = `{ name: "m", adapter: "moshi", url: "ws://127.0.0.1:${port}" }`;
    writeFileSync(
      join(project, "relay.config.ts"),
      `import { defineRelay } from ${define};\nimport { opus } from ${opus};
export default defineRelay({ codecs: { opus }, routes: { a: { upstreams: [${upstream}] } } });\n`,
    );
    writeFileSync(join(project, "wrangler.toml"), 'name = "x"\n');
    server.once("connection", (socket) => socket.send(Uint8Array.of(0)));
    const { stdout } = await run(TOOL, ["--offline", "--dial", "--json", "--project", project]);
    const { lines } = JSON.parse(stdout) as { lines: Line[] };
    const ready = { verdict: "ok", says: expect.stringMatching(/^ready after/) };
    expect(lines.find(({ area }) => area === "dial")).toMatchObject(ready);
    const config = defineRelay({
      codecs: { opus: plain },
      routes: { a: { upstreams: [{ name: "m", adapter: "moshi", url: `ws://127.0.0.1:${port}` }] } },
    });
    const [taken] = await dialLines(config, {}, 300);
    expect(taken).toMatchObject({
      verdict: "warning",
      says: expect.stringMatching(/not let in.*one conversation at a time/),
    });
  } finally {
    server.close();
    rmSync(project, { recursive: true, force: true });
  }
}, 60_000);

describe("what it looks at", () => {
  test("[T51] each setting of wrangler.toml that costs money, tokens or calls", () => {
    const { lines } = readWrangler(join(PROJECT, "wrangler.toml"));
    expect(new Set(lines.map(({ verdict }) => verdict))).toEqual(new Set(["ok"]));
    const file = join(folder, "other.toml");
    writeFileSync(
      file,
      `name = "x"
main = "worker.ts"
compatibility_date = "2026-11-02"
[observability]
enabled = true
[durable_objects.code_update_strategy]
mode = "deferred"
max_delay = 60
[[durable_objects.bindings]]
name = "VOICE_SESSION"
class_name = "VoiceSession"
`,
    );
    expect(verdicts(readWrangler(file).lines)).toMatchObject({
      logs: "ok",
      "URLs in logs": "missing",
      "invocation logs": "missing",
      deploys: "warning",
      // Bound, and without storage.
      VOICE_SESSION: "missing",
      KEY_LEDGER: "warning",
      RELAY_KEYS: "missing",
    });
    for (const [id, verdict] of [
      ["0123456789abcdef0123456789abcdef", "ok"],
      ["<id>", "missing"],
    ] as const) {
      writeFileSync(file, `name = "x"\n[[kv_namespaces]]\nbinding = "RELAY_KEYS"\nid = "${id}"\n`);
      expect(verdicts(readWrangler(file).lines)["RELAY_KEYS"]).toBe(verdict);
    }
  });

  const relay: RelayConfigInput = {
    routes: {
      plain: { upstreams: [{ name: "a", adapter: "echo" }] },
      keyed: {
        upstreams: [
          {
            name: "a",
            adapter: "openai-compatible",
            url: { env: "A_URL" },
            headers: { Authorization: { env: "A_KEY", prefix: "Bearer " } },
            fallback: [{ adapter: "openai-compatible", url: { env: "B_URL" } }],
          },
        ],
      },
      private: { upstreams: [{ name: "a", adapter: "openai-compatible", url: "ws://10.0.0.7/v1" }] },
      made: {
        upstreams: [
          {
            name: "a",
            adapter: "cascade",
            parts: {
              transcriber: { adapter: "deepgram-flux" },
              text: { adapter: "chat-completions", url: { env: "C_URL" }, model: "m" },
              speech: { adapter: "openai-speech", url: "https://speech.example/", model: "m" },
            },
          },
        ],
      },
      model: {
        upstreams: [{ name: "a", adapter: "echo" }],
        endOfTurn: { adapter: "workers-ai", model: "@cf/x" },
      },
    },
    defaultRoute: "keyed",
  };
  const nothing = { vars: {}, bindings: [], ai: null };

  test("[T52] which routes a deploy would offer, and what the others lack", () => {
    const config = defineRelay(relay);
    const offered = (deployed: readonly string[] | null, local: Record<string, string> = {}) =>
      verdicts(routeLines(config, nothing, { deployed, local, why: "" }));
    expect(offered(["A_URL", "A_KEY", "B_URL"])).toEqual({
      plain: "ok",
      keyed: "ok",
      private: "warning",
      made: "warning",
      model: "ok",
      defaultRoute: "ok",
    });
    expect(offered(["C_URL"])).toMatchObject({ made: "ok" });
    expect(offered(["A_URL"])).toMatchObject({ keyed: "warning", defaultRoute: "missing" });
    expect(offered(null)).toMatchObject({ plain: "ok", keyed: "unknown", defaultRoute: "unknown" });
    expect(offered(null, { A_URL: "ws://127.0.0.1:1/secret-path" })).toMatchObject({ keyed: "warning" });
    const [, lacks] = routeLines(config, nothing, { deployed: ["A_URL"], local: null, why: "" });
    expect(lacks?.says).toBe("not offered: not deployed: A_KEY, B_URL");
    expect(verdicts(limitLines(config, nothing))).toEqual({
      "sessions a minute": "warning",
      "sessions at once": "warning",
      "sessions of a secret": "warning",
      "answers a minute": "ok",
      "minutes of talk a day": "ok",
      KEY_LEDGER: "warning",
      RATE_LIMIT: "warning",
    });
  });

  test("[X255] a route lacks the secret of a tool like any other", () => {
    const upstreams = [{ name: "a", adapter: "openai-compatible", url: "wss://a.example" }];
    const webhook = { url: { env: "T_URL" }, secret: { env: "T_SECRET" } };
    const config = defineRelay({
      routes: { tooled: { upstreams, tools: [{ name: "look", description: "Looks.", webhook }] } },
      toolHosts: ["tools.example"],
    });
    const [route] = routeLines(config, nothing, { deployed: ["T_URL"], local: null, why: "" });
    expect(route?.says).toBe("not offered: not deployed: T_SECRET");
  });

  test("[U137] which routes have Workers AI, by the deploy or by wrangler.toml, and which name another binding than the Worker's", () => {
    const run = (binding: string, name = "a") => ({
      upstreams: [{ name, adapter: "workers-ai-flux", binding }],
    });
    const config = defineRelay({
      routes: {
        first: run("AI"),
        second: run("MODELS"),
        third: { ...run("AI"), transcriber: run("AI", "b").upstreams[0] },
      },
      defaultRoute: ["second", "first"],
    });
    const lines = (ai: string | null) =>
      routeLines(config, { ...nothing, ai }, { deployed: null, local: null, why: "" });
    expect(verdicts(lines(null))).toEqual({
      first: "ok",
      second: "warning",
      third: "ok",
      defaultRoute: "ok",
    });
    expect(lines(null)[0]?.says).toBe("offered, by the binding AI");
    const unsure = defineRelay({
      routes: { near: { upstreams: [{ name: "a", adapter: "echo", url: { env: "NEAR" } }] }, run: run("AI") },
      defaultRoute: ["near", "run"],
    });
    expect(routeLines(unsure, nothing, { deployed: null, local: null, why: "" }).at(-1)).toMatchObject({
      verdict: "ok",
      says: "'near' where it is offered, else 'run'",
    });
    expect(addedBinding(config, { ai: null })).toBe("AI");
    expect(addedBinding(config, { ai: "MODELS" })).toBe(null);
    expect(verdicts(lines("MODELS"))).toEqual({
      first: "warning",
      second: "ok",
      third: "warning",
      defaultRoute: "ok",
    });
    const other = lines("OTHER");
    expect(other[0]).toMatchObject({
      says: "not offered: no binding AI of Workers AI",
      todo: expect.stringContaining("it is OTHER"),
    });
    expect(other.at(-1)?.says).toBe(
      "'second', 'first' is not offered: a model that names no route gets an error",
    );
    expect(
      addedBinding(defineRelay({ routes: { a: { upstreams: [{ name: "a", adapter: "echo" }] } } }), {
        ai: null,
      }),
    ).toBe(null);
  });

  test("[T53] which secrets are deployed, and that RELAY_DEV is not", () => {
    const of = (deployed: readonly string[] | null) =>
      verdicts(secretLines({ deployed, local: null, why: "nobody" }));
    expect(of(null)).toMatchObject({
      deployed: "unknown",
      RELAY_SIGNING_KEY: "unknown",
      RELAY_API_KEYS: "unknown",
    });
    expect(of(["RELAY_SIGNING_KEY"])).toMatchObject({ RELAY_SIGNING_KEY: "ok", RELAY_API_KEYS: "ok" });
    expect(of(["RELAY_DEV", "RELAY_DEV_KEY"])).toMatchObject({
      RELAY_DEV: "missing",
      RELAY_DEV_KEY: "missing",
    });
    const keys = (count: number) =>
      verdicts(secretLines({ deployed: ["RELAY_SIGNING_KEY"], local: null, keys: count, why: "" }));
    expect(keys(0)).toMatchObject({ RELAY_API_KEYS: "missing" });
    expect(keys(3)).toMatchObject({ RELAY_API_KEYS: "ok" });
    // sha256 of relay-dev, which the README shows.
    const sha256 = createHash("sha256").update("relay-dev").digest("hex");
    const local = {
      RELAY_SIGNING_KEY: "x".repeat(40),
      RELAY_API_KEYS: JSON.stringify([{ id: "a", sha256 }]),
    };
    expect(verdicts(secretLines({ deployed: null, local, why: "" }))).toMatchObject({
      RELAY_SIGNING_KEY: "missing",
      RELAY_API_KEYS: "missing",
    });
  });

  test("[T70] which pages of other origins may call, and which of them may be anybody's", () => {
    const lines = (allowedOrigins: readonly string[]) =>
      verdicts(originLines(defineRelay({ ...relay, allowedOrigins: [...allowedOrigins] })));
    expect(lines([])).toEqual({ allowedOrigins: "ok" });
    const names = [
      "*",
      "null",
      "http://a.example",
      "http://localhost:5173",
      "https://*.a.example",
      "app://a",
    ];
    expect(lines(names)).toEqual({
      "*": "warning",
      null: "warning",
      "http://a.example": "warning",
      "http://localhost:5173": "warning",
      "https://*.a.example": "ok",
      "app://a": "ok",
    });
  });
});

describe("dialling", () => {
  test("[T54] reports the handshake of each upstream, and no address and no key", async () => {
    const demo = await startDemo({ port: 0 });
    const certificate = await createCertificate();
    const self = createServer({ key: certificate.keyPem, cert: certificate.certPem });
    await new Promise<void>((resolve) => self.listen(0, "127.0.0.1", resolve));
    const { port } = self.address() as AddressInfo;
    const upstream = (name: string, url: string) => ({ name, adapter: "openai-compatible", url });
    const config = defineRelay({
      routes: {
        good: { upstreams: [upstream("voice", demo.url), { name: "echo", adapter: "echo" }] },
        bad: {
          upstreams: [
            upstream("refuses", `${demo.url}?refuse=401`),
            upstream("closed", "ws://127.0.0.1:1/secret-path"),
            upstream("self", `wss://127.0.0.1:${port}/secret-path`),
          ],
        },
        keyed: { upstreams: [{ name: "a", adapter: "openai-compatible", url: { env: "NOT_HERE" } }] },
      },
    });
    try {
      const lines = await dialLines(config, {});
      expect(verdicts(lines)).toEqual({
        "good voice": "ok",
        "good echo": "ok",
        "bad refuses": "missing",
        "bad closed": "missing",
        "bad self": "missing",
        keyed: "unknown",
      });
      const says = lines.map((each) => each.says).join("\n");
      expect(says).toMatch(/ready after \d+ ms/);
      expect(says).toContain("HTTP 401");
      expect(says).toContain("ECONNREFUSED");
      expect(says).toContain("certificate is not trusted");
      expect(says).not.toContain("secret-path");
    } finally {
      self.close();
      await demo.close();
    }
  });
});
