/** Four upstreams that hear everything, of which the first answers. */
import { defineRelay } from "../../src/config/define.ts";

const echo = (name: string) => ({ name, adapter: "openai-compatible", url: { env: "DEMO_URL" } });

export default defineRelay({
  routes: { demo: { plan: "failover", upstreams: ["one", "two", "three", "four"].map(echo) } },
  defaultRoute: "demo",
});
