/** The routes of the relay that is fuzzed over sockets: the demo voice, echoes, and one whose storage is sealed. */
import { defineRelay } from "../../src/config/define.ts";

const echo = { name: "echo", adapter: "echo" } as const;
const demo = { name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } } as const;

export default defineRelay({
  routes: {
    demo: { upstreams: [demo] },
    echo: { upstreams: [echo] },
    "demo+echo": { upstreams: [demo, echo] },
    sealed: { upstreams: [demo], sealed: true, locked: ["instructions"] },
    text: { upstreams: [echo], storage: "text" },
    none: { upstreams: [echo], storage: "none" },
  },
  defaultRoute: "demo",
  limits: { sessionsPerMinute: 100_000, concurrent: 10_000 },
});
