/** A route with a transcriber: a second session of the demo voice that only transcribes. */
import { defineRelay } from "../../src/config/define.ts";

const demo = { adapter: "openai-compatible", url: { env: "DEMO_URL" } };

export default defineRelay({
  routes: {
    scribed: {
      upstreams: [{ name: "demo", ...demo }],
      transcriber: { name: "scribe", ...demo, settings: { turns: "server" } },
    },
  },
  defaultRoute: "scribed",
});
