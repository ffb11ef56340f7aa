/** The routes of the relay that is attacked: the demo voice, the relay's own echo, a provider that gives back every frame at once, and one that means harm. */
import { defineRelay } from "../../src/config/define.ts";

const adapter = "openai-compatible";

export default defineRelay({
  routes: {
    demo: { upstreams: [{ name: "demo", adapter, url: { env: "DEMO_URL" } }] },
    echo: { upstreams: [{ name: "echo", adapter: "echo" }] },
    innocent: { upstreams: [{ name: "voice", adapter, url: { env: "MIRROR_URL" } }] },
    hostile: { upstreams: [{ name: "voice", adapter, url: { env: "HOSTILE_URL" } }] },
  },
  defaultRoute: "demo",
  // As relay.config.ts proposes.
  limits: { sessionsPerMinute: 60, concurrent: 20 },
});
