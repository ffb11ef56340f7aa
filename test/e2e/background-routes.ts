/** Routes with a background mind that is a server of the test, and one that is the demo's. */
import { defineRelay } from "../../src/config/define.ts";

const demo = { name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } } as const;

export default defineRelay({
  routes: {
    minded: {
      upstreams: [demo],
      tools: [
        {
          name: "get_menu",
          description: "Reads the menu.",
          webhook: { url: { env: "MENU_URL" }, secret: { env: "TOOL_SECRET" } },
        },
      ],
      background: {
        text: {
          adapter: "chat-completions",
          url: { env: "MIND_URL" },
          model: "thinker",
          headers: { Authorization: { env: "MIND_KEY", prefix: "Bearer " } },
          settings: { answerMs: 3000 },
        },
        description: "Books a table.",
        tools: ["get_menu"],
        staleMs: 60_000,
      },
    },
    "demo-delegate": {
      upstreams: [demo],
      background: {
        text: { adapter: "chat-completions", url: { env: "DEMO_TEXT_URL" }, model: "demo-thinker" },
        description: "Books a table.",
      },
    },
  },
  toolHosts: ["127.0.0.1"],
});
