/** The background mind of a route: what is refused when the Worker starts, and what a session is given. */
import { describe, expect, test } from "vitest";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { offeredRoutes, resolvePlan, spendsSecret } from "../../src/config/resolve.ts";

type Route = Extract<RelayConfigInput["routes"][string], { upstreams: unknown }>;
type Background = NonNullable<Route["background"]>;

const UPSTREAM = { name: "one", adapter: "openai-compatible", url: "wss://voice.example/v1/realtime" };
const TEXT = {
  adapter: "chat-completions",
  url: "https://mind.example/v1/chat/completions",
  model: "thinker",
} as const;
const TOOL = {
  name: "weather",
  description: "Says the weather.",
  webhook: { url: "https://tools.example.com/weather", secret: { env: "TOOL_SECRET" } },
};

function define(background: Partial<Background> = {}, route: Partial<Route> = {}) {
  return defineRelay({
    routes: { voice: { upstreams: [UPSTREAM], background: { text: TEXT, ...background }, ...route } },
    toolHosts: ["*.example.com"],
  });
}

describe("a route's background mind", () => {
  test("[X277] one that does not fit its route is refused with the place and the reason", () => {
    expect(() => define()).not.toThrow();
    expect(() => define({ tools: ["weather"] }, { tools: [TOOL] })).not.toThrow();
    const cases: readonly (readonly [Partial<Background>, Partial<Route>, string])[] = [
      [{ tools: ["weather"] }, {}, "routes.voice.background.tools.0: the route has no tool of this name"],
      [
        { tools: ["weather"] },
        { tools: [{ ...TOOL, confirmMs: 1000 }] },
        "routes.voice.background.tools.0: it has 'confirmMs'",
      ],
      [
        { name: "weather" },
        { tools: [TOOL] },
        "routes.voice.background.name: a tool of the route has this name",
      ],
      [
        {},
        { session: { tools: [{ type: "function", name: "delegate" }] } },
        "routes.voice.background.name: a function of 'session.tools' has this name",
      ],
      [{ name: "to do" }, {}, "routes.voice.background.name: a tool's name is 1 to 64 letters"],
      [{ atOnce: 9 }, {}, "routes.voice.background.atOnce"],
      [{ staleMs: 10 }, {}, "routes.voice.background.staleMs"],
      [
        { text: { ...TEXT, adapter: "openai-speech" } },
        {},
        "routes.voice.background.text: adapter: expected one of",
      ],
      [
        { text: { adapter: "chat-completions", url: TEXT.url } },
        {},
        "routes.voice.background.text: model: expected",
      ],
      [
        { text: { ...TEXT, settings: { answerMs: "soon" } } },
        {},
        "routes.voice.background.text: settings.answerMs: expected",
      ],
      [
        { text: { adapter: "workers-ai", model: "m" } },
        {},
        "routes.voice.background.text: adapters 'workers-ai",
      ],
      [
        {},
        { upstreams: [UPSTREAM, { name: "echo", adapter: "echo" }] },
        "routes.voice.upstreams.1.adapter: 'echo' hands nothing on",
      ],
      [
        {},
        { upstreams: [{ ...UPSTREAM, settings: { tools: false } }] },
        "routes.voice.upstreams.0.settings.tools: it is to hand tasks on",
      ],
      [
        { name: "think" },
        { upstreams: [{ name: "live", adapter: "openai-live" }] },
        "routes.voice.upstreams.0.settings.tool: its tasks are handed on as 'think'",
      ],
    ];
    for (const [background, route, message] of cases)
      expect(() => define(background, route)).toThrow(message);
  });

  test("[X277] what it names is looked up, and its secret is one that is spent", () => {
    const text = { ...TEXT, headers: { Authorization: { env: "MIND_KEY", prefix: "Bearer " } } };
    const config = define({ text });
    expect(offeredRoutes(config, {})).toEqual([]);
    const bindings = { MIND_KEY: "sk-1" };
    expect(offeredRoutes(config, bindings)).toEqual(["voice"]);
    expect(spendsSecret(config, "voice", bindings)).toBe(true);
    expect(spendsSecret(define(), "voice", bindings)).toBe(false);
    expect(resolvePlan(config, "voice", bindings).background).toMatchObject({
      name: "delegate",
      announce: true,
      staleMs: 60_000,
      atOnce: 4,
      tools: [],
      text: { url: TEXT.url, model: "thinker", headers: { Authorization: "Bearer sk-1" } },
    });
  });

  test("[X277] a text model of Workers AI is a binding of the Worker", () => {
    const config = define({ text: { adapter: "workers-ai", binding: "AI", model: "@cf/m" } });
    expect(offeredRoutes(config, {})).toEqual([]);
    const plan = resolvePlan(config, "voice", { AI: {} });
    expect(plan.background?.text).toEqual({ adapter: "workers-ai", binding: "AI", model: "@cf/m" });
    expect(spendsSecret(config, "voice", { AI: {} })).toBe(true);
  });
});
