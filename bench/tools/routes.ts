/** Routes whose tool is the bench's own server: called at once, and after a silence in which it may be taken back. */
import { defineRelay } from "../../src/config/define.ts";

const route = (more: { readonly confirmMs?: number } = {}) => ({
  upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
  tools: [
    {
      name: "get_time",
      description: "Tells the time.",
      webhook: { url: { env: "TIME_URL" }, secret: { env: "TOOL_SECRET" } },
      ...more,
    },
  ],
});

export default defineRelay({
  routes: { tooled: route(), careful: route({ confirmMs: 250 }) },
  toolHosts: ["127.0.0.1"],
});
