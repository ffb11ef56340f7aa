import { describe, expect, test } from "vitest";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";

const echo = { name: "echo", adapter: "echo" };

function refusal(config: unknown): string {
  try {
    defineRelay(config as RelayConfigInput);
  } catch (error) {
    return String(error);
  }
  return "accepted";
}

describe("relay.config.ts", () => {
  test("[H1] a complete file is accepted as it is", () => {
    const config = {
      routes: { a: { upstreams: [echo], session: { instructions: "x" }, detector: "energy" as const } },
      defaultRoute: "a",
      allowedOrigins: ["https://app.example.com", "*"],
      limits: { sessionsPerMinute: 3 },
    };
    expect(defineRelay(config)).toEqual(config);
  });

  test.each([
    ["an unknown field", { routes: { a: { upstreams: [echo], voices: 1 } } }, "routes.a.voices"],
    ["no route", { routes: {} }, "there must be a route"],
    ["a route without upstreams", { routes: { a: { upstreams: [] } } }, "routes.a.upstreams"],
    [
      "five upstreams",
      { routes: { a: { upstreams: [1, 2, 3, 4, 5].map((n) => ({ ...echo, name: `e${n}` })) } } },
      "at most 4",
    ],
    ["two upstreams of one name", { routes: { a: { upstreams: [echo, echo] } } }, "names must differ"],
    [
      "a default that is no route",
      { routes: { a: { upstreams: [echo] } }, defaultRoute: "b" },
      "defaultRoute",
    ],
    [
      "a URL that is none",
      { routes: { a: { upstreams: [{ ...echo, url: "nowhere" }] } } },
      "upstreams.0.url",
    ],
    [
      "a binding's name that is none",
      { routes: { a: { upstreams: [{ ...echo, url: { env: "A B" } }] } } },
      "upstreams.0.url",
    ],
    [
      "an origin with a path",
      { routes: { a: { upstreams: [echo] } }, allowedOrigins: ["https://a.b/c"] },
      "allowedOrigins.0",
    ],
    [
      "settings that are a list",
      { routes: { a: { upstreams: [{ ...echo, settings: [] }] } } },
      "upstreams.0.settings",
    ],
    ["a name with a space", { routes: { "a b": { upstreams: [echo] } } }, "routes.a b"],
  ])("[H1] %s is refused by name", (_title, config, named) => {
    expect(refusal(config)).toContain("relay.config.ts");
    expect(refusal(config)).toContain(named);
  });
});
