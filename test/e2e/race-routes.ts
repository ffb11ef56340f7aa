/** Two demo voices as one: one that takes its time, and one that does not. */
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
});

export default defineRelay({
  routes: {
    race: { plan: "race", upstreams: [voice("marin", 8000), voice("cedar", 100)] },
    hedge: { plan: "hedge", hedgeMs: 300, upstreams: [voice("marin", 8000), voice("cedar", 100)] },
    both: { plan: "race", upstreams: [voice("marin", 50), voice("cedar", 400)] },
    prompt: { plan: "hedge", hedgeMs: 10_000, upstreams: [voice("marin", 50), voice("cedar", 50)] },
  },
  defaultRoute: "race",
});
