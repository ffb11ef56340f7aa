/** The tools of a route: what is refused when the Worker starts, and what a session is given. */
import { describe, expect, test } from "vitest";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { PlanError } from "../../src/config/plan-error.ts";
import { offeredRoutes, resolvePlan, spendsSecret } from "../../src/config/resolve.ts";

type Route = Extract<RelayConfigInput["routes"][string], { upstreams: unknown }>;
type Tool = NonNullable<Route["tools"]>[number];

const UPSTREAM = { name: "one", adapter: "openai-compatible", url: "wss://voice.example/v1/realtime" };
const WEBHOOK = { url: "https://tools.example.com/weather", secret: { env: "TOOL_SECRET" } };
const SECRET = `whsec_${new Uint8Array(32).fill(7).toBase64()}`;

function weather(webhook: Partial<Tool["webhook"]> = {}, given: Partial<Tool> = {}): Tool {
  return { name: "weather", description: "Says the weather.", webhook: { ...WEBHOOK, ...webhook }, ...given };
}

function define(
  tools: readonly Tool[],
  route: Partial<Route> = {},
  toolHosts = ["*.example.com", "127.0.0.1"],
) {
  return defineRelay({
    routes: { voice: { upstreams: [UPSTREAM], tools: [...tools], ...route } },
    toolHosts,
  });
}

describe("a route's tools", () => {
  test("[X254] one that does not fit its route is refused with the place and the reason", () => {
    expect(() => define([weather()])).not.toThrow();
    for (const [tools, route, message] of [
      [[], {}, "routes.voice.tools: name a tool"],
      [[weather(), weather()], {}, "routes.voice.tools: tool names must differ"],
      [
        [weather({}, { name: "get weather" })],
        {},
        "routes.voice.tools.0.name: a tool's name is 1 to 64 letters",
      ],
      [[weather({}, { description: "" })], {}, "routes.voice.tools.0.description"],
      [
        [weather({}, { parameters: { type: "string" } })],
        {},
        "routes.voice.tools.0.parameters: a tool's arguments",
      ],
      [[weather({}, { confirmMs: 20_000 })], {}, "routes.voice.tools.0.confirmMs"],
      [[weather({ retries: 6 })], {}, "routes.voice.tools.0.webhook.retries"],
      [[weather({ timeoutMs: 40_000 })], {}, "routes.voice.tools.0.webhook.timeoutMs"],
      [[weather({ budgetMs: 1000 })], {}, "routes.voice.tools.0.webhook.budgetMs: all attempts together"],
      [
        [weather()],
        { session: { tools: [{ type: "function", name: "weather" }] } },
        "routes.voice.session.tools.0.name: the route has a tool of this name",
      ],
      [
        [weather()],
        { upstreams: [UPSTREAM, { name: "echo", adapter: "echo" }] },
        "routes.voice.upstreams.1.adapter: 'echo' calls no tools",
      ],
      [
        [weather()],
        { upstreams: [{ ...UPSTREAM, settings: { tools: false } }] },
        "routes.voice.upstreams.0.settings.tools: the route has tools",
      ],
    ] as const)
      expect(() => define(tools, route as Partial<Route>)).toThrow(message);
  });

  test("[X255] hosts are on a list, of which one stands for itself or for all below it", () => {
    const at = (url: string, hosts: string[]) => () => define([weather({ url })], {}, hosts);
    const place = "routes.voice.tools.0.webhook.url: its host is not in 'toolHosts'";
    expect(at("https://tools.example.com/a", ["tools.example.com"])).not.toThrow();
    expect(at("https://a.b.example.com/", ["*.example.com"])).not.toThrow();
    expect(at("https://tools.example.com/", [])).toThrow(place);
    expect(at("https://example.com/", ["*.example.com"])).toThrow(place);
    expect(at("https://tools.example.com.evil.example/", ["tools.example.com"])).toThrow(place);
    expect(at("https://notexample.com/", ["*.example.com"])).toThrow(place);
    expect(at("https://tools.example.com/", ["https://tools.example.com"])).toThrow(
      "toolHosts.0: a host is a name",
    );
  });

  test("[X255] deployed, a tool is posted by https: to a public name on the list, whatever a binding holds", () => {
    const config = define([weather({ url: { env: "TOOL_URL" } })]);
    const plan = (TOOL_URL: string, more = {}) =>
      resolvePlan(config, "voice", { TOOL_URL, TOOL_SECRET: SECRET, ...more });
    const dev = { RELAY_DEV: "1" };
    expect(plan("https://tools.example.com/a").tools?.[0]?.webhook).toEqual({
      url: "https://tools.example.com/a",
      secret: SECRET,
      timeoutMs: 5000,
      budgetMs: 15_000,
      retries: 2,
    });
    for (const [url, why] of [
      ["http://tools.example.com/", "is not posted by https:"],
      ["https://elsewhere.example/", "is posted to a host that is not in 'toolHosts'"],
      ["https://127.0.0.1/", "is an IP address"],
      ["https://2130706433/", "is an IP address"],
      ["https://tools.internal/", "is a name of a private network"],
      ["https://user:pass@tools.example.com/", "has a user or a password in its address"],
      ["not a url", "has no address"],
    ] as const)
      expect(() => plan(url), url).toThrow(why);
    expect(plan("http://127.0.0.1:8080/", dev).tools).toHaveLength(1);
    expect(() => plan("http://elsewhere.example/", dev)).toThrow("'toolHosts'");
    expect(() => plan("https://secret.elsewhere.example/")).not.toThrow(/secret\.elsewhere/);
  });

  test("[X255] what signs is a secret as standardwebhooks.com has them, of a binding; a route without is not offered", () => {
    const config = define([weather()]);
    const resolve = (TOOL_SECRET?: string) => () =>
      resolvePlan(config, "voice", { ...(TOOL_SECRET && { TOOL_SECRET }) });
    expect(resolve(SECRET)).not.toThrow();
    expect(resolve()).toThrow("needs the binding TOOL_SECRET for its tool 'weather'");
    for (const secret of ["hunter2", "whsec_!", `whsec_${new Uint8Array(8).toBase64()}`]) {
      expect(resolve(secret)).toThrow(PlanError);
      expect(resolve(secret)).toThrow(
        "needs 'whsec_' and base64 of 24 to 64 bytes in the binding TOOL_SECRET",
      );
    }
    expect(offeredRoutes(config, {})).toEqual([]);
    expect(spendsSecret(config, "voice", { TOOL_SECRET: SECRET })).toBe(true);
  });
});

describe("a tool of an MCP server", () => {
  const MCP = {
    url: "https://tools.example.com/mcp",
    authorization: { env: "SHOP_TOKEN", prefix: "Bearer " },
  };
  const { webhook: _, ...plain } = weather();

  test("[X254] [X255] has an address as a webhook has, and no webhook", () => {
    expect(() => define([{ ...plain, mcp: MCP }])).not.toThrow();
    expect(() => define([plain])).toThrow("a tool has 'webhook' or 'mcp'");
    expect(() => define([weather({}, { mcp: MCP })])).toThrow("a tool has 'webhook' or 'mcp'");
    expect(() => define([{ ...plain, mcp: { url: "https://other.example/mcp" } }])).toThrow(
      "routes.voice.tools.0.mcp.url: its host is not in 'toolHosts'",
    );
  });

  test("[X255] a session is given where it is and by what right; without the binding its route is not offered", () => {
    const config = define([{ ...plain, mcp: { ...MCP, tool: "get.weather" } }]);
    expect(resolvePlan(config, "voice", { SHOP_TOKEN: "t" }).tools?.[0]?.mcp).toEqual({
      url: MCP.url,
      tool: "get.weather",
      authorization: "Bearer t",
      timeoutMs: 15_000,
    });
    expect(offeredRoutes(config, {})).toEqual([]);
    const insecure = define([{ ...plain, mcp: { url: "http://tools.example.com/mcp" } }]);
    expect(() => resolvePlan(insecure, "voice", {})).toThrow("is not posted by https:");
  });
});
