/** A demo voice with a price, and another one that is tried out behind it. */
import { defineRelay } from "../../src/config/define.ts";

const voice = (name: string, firstAudioMs: number) => ({
  name,
  adapter: "openai-compatible",
  url: { env: "DEMO_URL" },
  headers: {
    "x-demo-voice": name,
    "x-demo-reply": `This is what ${name} says.`,
    "x-demo-first-audio-ms": String(firstAudioMs),
  },
  price: { inputTokensPerMillion: 1_000_000, outputTokensPerMillion: 1_000_000 },
});

export default defineRelay({
  routes: {
    trial: { upstreams: [{ ...voice("cedar", 0), role: "shadow" as const }, voice("marin", 200)] },
    split: {
      experiment: {
        arms: [
          { route: "trial", weight: 1 },
          { route: "lone", weight: 1 },
        ],
      },
    },
    lone: { upstreams: [voice("cedar", 50)] },
  },
  defaultRoute: "trial",
});
