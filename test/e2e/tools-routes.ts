/** A route with tools that are a server of the test. */
import { defineRelay } from "../../src/config/define.ts";

const webhook = (path: string, more = {}) => ({
  url: { env: `${path}_URL` },
  secret: { env: "TOOL_SECRET" },
  timeoutMs: 1500,
  budgetMs: 6000,
  ...more,
});

export default defineRelay({
  routes: {
    tooled: {
      upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
      tools: [
        { name: "get_time", description: "Tells the time.", webhook: webhook("TIME") },
        { name: "get_weather", description: "Tells the weather.", webhook: webhook("WEATHER") },
      ],
    },
  },
  toolHosts: ["127.0.0.1"],
});
