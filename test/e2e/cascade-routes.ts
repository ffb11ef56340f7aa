/** A route whose upstream is made of the stages of a test. */
import { defineRelay } from "../../src/config/define.ts";

export default defineRelay({
  routes: {
    cascade: {
      upstreams: [
        {
          name: "cascade",
          adapter: "cascade",
          parts: {
            transcriber: {
              adapter: "deepgram-flux",
              url: { env: "TRANSCRIBER_URL" },
              headers: { Authorization: { env: "TRANSCRIBER_KEY", prefix: "Token " } },
            },
            text: {
              adapter: "chat-completions",
              url: { env: "TEXT_URL" },
              model: "writer-1",
              headers: { Authorization: { env: "TEXT_KEY", prefix: "Bearer " } },
            },
            speech: {
              adapter: "openai-speech",
              url: { env: "SPEECH_URL" },
              model: "speaker-1",
              headers: { Authorization: { env: "SPEECH_KEY", prefix: "Bearer " } },
            },
          },
        },
      ],
      session: { instructions: "Be brief.", audio: { input: { transcription: { model: "any" } } } },
    },
  },
});
