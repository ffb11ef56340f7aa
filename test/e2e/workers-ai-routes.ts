/** A route whose models are run by a binding, and a caller who names none. */
import { defineRelay } from "../../src/config/define.ts";

export default defineRelay({
  routes: {
    elsewhere: { upstreams: [{ name: "far", adapter: "openai-compatible", url: { env: "NO_SUCH_URL" } }] },
    "workers-ai": {
      upstreams: [
        {
          name: "workers-ai",
          adapter: "cascade",
          parts: {
            transcriber: { adapter: "workers-ai-flux", binding: "AI" },
            text: { adapter: "workers-ai", binding: "AI", model: "@cf/meta/llama-3.3-70b-instruct-fp8-fast" },
            speech: {
              adapter: "workers-ai-aura",
              binding: "AI",
              model: "@cf/deepgram/aura-2-en",
              settings: { voice: "thalia" },
            },
          },
        },
      ],
      session: { instructions: "Be brief.", audio: { input: { transcription: { model: "any" } } } },
    },
  },
  defaultRoute: ["elsewhere", "workers-ai"],
});
