import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "core", include: ["test/{session,protocol,audio,upstreams,config,client}/**/*.test.ts"] } },
      { test: { name: "sim", include: ["test/sim/**/*.test.ts"] } },
      { test: { name: "tools", include: ["test/tools/**/*.test.ts"], testTimeout: 30_000 } },
      { test: { name: "demo", include: ["test/demo/**/*.test.ts"] } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } })],
        test: { name: "worker", include: ["test/worker/**/*.test.ts"] },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
