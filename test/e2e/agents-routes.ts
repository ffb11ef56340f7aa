/** Routes whose upstreams are the agents of a test. */
import { defineRelay } from "../../src/config/define.ts";

export default defineRelay({
  routes: {
    elevenlabs: {
      upstreams: [
        {
          name: "eleven",
          adapter: "elevenlabs-agents",
          url: { env: "ELEVENLABS_URL" },
          model: "agent_7101k5zv",
          headers: { "xi-api-key": { env: "ELEVENLABS_KEY" } },
        },
      ],
      session: { audio: { input: { transcription: { model: "any" } } } },
    },
    live: {
      upstreams: [
        {
          name: "live",
          adapter: "openai-live",
          url: { env: "LIVE_URL" },
          headers: { Authorization: { env: "LIVE_KEY", prefix: "Bearer " } },
        },
      ],
      session: { instructions: "Be brief." },
    },
    deepgram: {
      upstreams: [
        {
          name: "deepgram",
          adapter: "deepgram-agent",
          url: { env: "DEEPGRAM_URL" },
          model: "gpt-4o-mini",
          headers: { Authorization: { env: "DEEPGRAM_KEY", prefix: "Token " } },
        },
      ],
      session: { instructions: "Be brief.", audio: { input: { transcription: { model: "any" } } } },
    },
  },
});
