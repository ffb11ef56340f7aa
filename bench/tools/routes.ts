/** Routes whose tool is the bench's own server: called at once, and after a silence in which it may be taken back. */
import { defineRelay } from "../../src/config/define.ts";

const route = (more: { readonly confirmMs?: number } = {}) => ({
  upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
  tools: [
    {
      name: "get_time",
      description: "Tells the time.",
      // Whatever is posted twice was made twice: an attempt that is repeated is no fault.
      webhook: { url: { env: "TIME_URL" }, secret: { env: "TOOL_SECRET" }, retries: 0 },
      ...more,
    },
  ],
});

export default defineRelay({
  routes: { tooled: route(), careful: route({ confirmMs: 250 }) },
  toolHosts: ["127.0.0.1"],
});
