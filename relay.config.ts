/** Which model name leads to which plan. Typed, resolved once per isolate; secrets are named, never written. */
import { defineRelay } from "./src/config/define.ts";

export default defineRelay({
  routes: {
    demo: { upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }] },
    echo: { upstreams: [{ name: "echo", adapter: "echo" }] },
    "demo+echo": {
      upstreams: [
        { name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } },
        { name: "echo", adapter: "echo" },
      ],
    },
  },
  defaultRoute: "demo",
});
