/** A guarded voice: its words are judged by a service of the test. */
import { defineRelay } from "../../src/config/define.ts";

export default defineRelay({
  routes: {
    judged: {
      upstreams: [
        {
          name: "voice",
          adapter: "openai-compatible",
          url: { env: "DEMO_URL" },
          headers: {
            // Refused by its first word: however slowly the rest comes, no piece of the sentence passes by itself.
            "x-demo-reply": "All is well here. Secrets are in a small red box. Nobody hears of this.",
          },
        },
      ],
      guard: {
        output: {
          holdMs: 2000,
          fail: "closed",
          replacement: "Let us talk of something else.",
          moderators: [
            {
              adapter: "openai",
              url: { env: "MODERATOR_URL" },
              headers: { Authorization: { env: "MODERATOR_KEY", prefix: "Bearer " } },
            },
          ],
        },
      },
    },
  },
  defaultRoute: "judged",
});
