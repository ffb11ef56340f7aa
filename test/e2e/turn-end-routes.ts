/** A route whose end-of-turn model is a server of the test. */
import { defineRelay } from "../../src/config/define.ts";

export default defineRelay({
  routes: {
    asking: {
      upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
      endOfTurn: {
        adapter: "http",
        url: { env: "TURNS_URL" },
        headers: { Authorization: { env: "TURNS_KEY", prefix: "Bearer " } },
      },
    },
  },
});
