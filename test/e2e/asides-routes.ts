/** A route whose callers hear fillers, and a tool that may be taken back, which are a server of the test. */
import { defineRelay } from "../../src/config/define.ts";

const webhook = {
  url: { env: "TIME_URL" },
  secret: { env: "TOOL_SECRET" },
  timeoutMs: 5000,
  budgetMs: 8000,
};

export default defineRelay({
  routes: {
    sounding: {
      upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
      tools: [{ name: "get_time", description: "Tells the time.", webhook }],
      fillers: { afterMs: 300, everyMs: 1000, sounds: ["soft"] },
    },
    careful: {
      upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
      tools: [{ name: "get_time", description: "Tells the time.", webhook, confirmMs: 600 }],
    },
  },
  sounds: { ding: { notes: [{ hz: 880, ms: 200 }] } },
  toolHosts: ["127.0.0.1"],
});
