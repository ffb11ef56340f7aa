/** The routes of the benchmark's relay: plans with and without somewhere else to turn. */
import { defineRelay } from "../../src/config/define.ts";

const adapter = "openai-compatible";

/** First choices that fail, each with a line of its own, and second ones that are near or far. */
const withFallback = (first: string, second: string, standby = false) => ({
  upstreams: [
    {
      name: "voice",
      adapter,
      url: { env: first },
      standby,
      fallback: [{ adapter, url: { env: second } }],
    },
  ],
});

export default defineRelay({
  routes: {
    plain: { upstreams: [{ name: "voice", adapter, url: { env: "FIRST_URL" } }] },
    // Every connection is changed for another one three seconds after it was opened, or by force after 3.8.
    rolling: { upstreams: [{ name: "voice", adapter, url: { env: "FIRST_URL" }, rolloverMs: 4000 }] },
    // For test/e2e/faults.test.ts.
    sliced: { upstreams: [{ name: "voice", adapter, url: { env: "FAR_URL" } }] },
    mortal: { upstreams: [{ name: "voice", adapter, url: { env: "KILLED_URL" } }] },
    mute: withFallback("MUTE_URL", "NEAR_URL"),
    stalling: withFallback("STALLING_URL", "NEAR_URL"),
    near: withFallback("FIRST_URL", "NEAR_URL"),
    far: withFallback("FIRST_URL", "FAR_URL"),
    "killed-near": withFallback("KILLED_URL", "NEAR_URL"),
    "killed-far": withFallback("KILLED_URL", "FAR_URL"),
    "near-warm": withFallback("FIRST_URL", "NEAR_URL", true),
    "far-warm": withFallback("FIRST_URL", "FAR_URL", true),
    "killed-near-warm": withFallback("KILLED_URL", "NEAR_URL", true),
    "killed-far-warm": withFallback("KILLED_URL", "FAR_URL", true),
  },
});
