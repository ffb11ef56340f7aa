import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// The same files are read by each of the workers and of the commands that they start: Node keeps what it made of them.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("dist/compiled", import.meta.url));

/** Enough for a test file's sessions, most of which are never ended. */
const MANY = { concurrent: null, sessions_per_minute: null };
const DRAWN_ALIKE = ["./test/support/draws.ts"];
const sha256 = (key: string): string => createHash("sha256").update(key).digest("hex");

/** They only compute: two at a time, where vitest takes one on two cores. */
const COMPUTES = { maxWorkers: 2, sequence: { groupOrder: 0 } };
/** They wait for what is spoken, in real time, and hardly work meanwhile. */
const SPEAKS = { maxWorkers: 3, sequence: { groupOrder: 1 } };
/** They start processes and wait for them. */
const STARTS = { maxWorkers: 2, sequence: { groupOrder: 2 } };
/** Those that have the clock look on come last, alone. */
const ALONE = { maxWorkers: 1, sequence: { groupOrder: 3 } };

/** The Worker itself, in workerd. */
const inWorkerd = () =>
  cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      bindings: {
        RELAY_DEV: "1",
        RELAY_SIGNING_KEY: "a signing key that only the tests know",
        RELAY_API_KEYS: JSON.stringify([
          { id: "first", sha256: sha256("key-one"), limits: MANY },
          { id: "second", sha256: sha256("key-two"), limits: MANY },
          { id: "operator", sha256: sha256("key-operator"), operator: true },
          { id: "few", sha256: sha256("key-few"), limits: { ...MANY, concurrent: 2 } },
          { id: "plain", sha256: sha256("key-plain") },
          { id: "slow", sha256: sha256("key-slow"), limits: { sessions_per_minute: 2 } },
          { id: "steady", sha256: sha256("key-steady"), limits: { sessions_per_minute: 20 } },
        ]),
        // Dialled through a stubbed `fetch` only.
        DEMO_URL: "http://demo.invalid/v1/realtime",
        DEMO_SPEECH_URL: "http://demo.invalid/v1/audio/speech",
      },
    },
  });
const WORKER = {
  ...ALONE,
  setupFiles: [...DRAWN_ALIKE, "./test/worker/nobody-left.ts"],
  testTimeout: 20_000,
};
const WORKER_TESTS = "test/worker/**/*.test.ts";
/** What an isolate has once (limits of keys, counts of requests, memory that is shared) is theirs alone. */
const OWN_ISOLATE = ["audio-pool", "doors", "sealed", "secret-bounds", "twilio-door"].map(
  (name) => `test/worker/${name}.test.ts`,
);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "core",
          ...COMPUTES,
          setupFiles: DRAWN_ALIKE,
          // No file leaves anything behind in a module, and reading them again for each takes a third of the time.
          isolate: false,
          // Properties play many calls: on a busy machine they take longer than the usual five seconds.
          testTimeout: 30_000,
          include: [
            "test/{recordings,session,same-call,protocol,audio,upstreams,config,client,types,dialects}/**/*.test.ts",
          ],
        },
      },
      { test: { name: "sim", ...COMPUTES, setupFiles: DRAWN_ALIKE, include: ["test/sim/**/*.test.ts"] } },
      {
        test: { name: "oracle", ...COMPUTES, setupFiles: DRAWN_ALIKE, include: ["test/oracle/**/*.test.ts"] },
      },
      {
        test: {
          name: "fuzz",
          ...COMPUTES,
          setupFiles: DRAWN_ALIKE,
          include: ["test/fuzz/**/*.test.ts"],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "tools",
          ...STARTS,
          setupFiles: DRAWN_ALIKE,
          include: ["test/tools/**/*.test.ts"],
          testTimeout: 30_000,
        },
      },
      { test: { name: "demo", ...ALONE, setupFiles: DRAWN_ALIKE, include: ["test/demo/**/*.test.ts"] } },
      {
        plugins: [inWorkerd()],
        // To start workerd takes longer than most files' tests.
        test: { name: "worker", ...WORKER, isolate: false, include: [WORKER_TESTS], exclude: OWN_ISOLATE },
      },
      { plugins: [inWorkerd()], test: { name: "worker-own", ...WORKER, include: OWN_ISOLATE } },
      {
        test: {
          name: "e2e",
          ...SPEAKS,
          setupFiles: DRAWN_ALIKE,
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
