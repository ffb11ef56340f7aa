/** Routes whose own voice is a server of the test. */
import { defineRelay } from "../../src/config/define.ts";

const speech = {
  adapter: "openai-speech",
  url: { env: "SPEECH_URL" },
  model: "speaker-1",
  headers: { Authorization: { env: "SPEECH_KEY", prefix: "Bearer " } },
  price: { speechCharactersPerMillion: 15 },
} as const;
const demo = { name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } } as const;

export default defineRelay({
  routes: {
    speaking: {
      upstreams: [{ ...demo, headers: { "x-demo-first-audio-ms": "2500" } }],
      speech: { ...speech, clients: true },
      fillers: { afterMs: 300, everyMs: 5000, sounds: ["moment"] },
    },
    judged: {
      upstreams: [demo],
      speech,
      guard: {
        output: {
          holdMs: 1000,
          fail: "closed",
          replacement: "I would rather not talk about that.",
          moderators: [{ adapter: "patterns", patterns: { weather: ["\\bstorms?\\b"] } }],
        },
      },
    },
  },
  sounds: { moment: { text: "One moment, please." }, ding: { notes: [{ hz: 880, ms: 200 }] } },
});
