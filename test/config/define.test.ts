import { describe, expect, test } from "vitest";
import { resolvePlan } from "../../src/config/resolve.ts";
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

describe("plans", () => {
  const voice = (name: string) => ({ name, adapter: "openai-compatible" });
  const [one, two] = [voice("one"), voice("two")];
  const server = { ...two, settings: { turns: "server" } };
  const refused = (route: object) => refusal({ routes: { a: route } });

  test("[X130] voices that are one are accepted as they are", () => {
    const a = { upstreams: [one, two], plan: "race" as const };
    const b = { upstreams: [one, two], plan: "hedge" as const, hedgeMs: 600 };
    const c = { upstreams: [one, two], plan: "failover" as const };
    const d = { upstreams: [one, two], plan: "panel" as const };
    expect(defineRelay({ routes: { a, b, c, d } })).toEqual({ routes: { a, b, c, d } });
  });

  test.each([
    ["one voice of a panel", { upstreams: [one], plan: "panel" }, "routes.a.plan: plan 'panel' needs two"],
    ["an echo to fail over to", { upstreams: [one, echo], plan: "failover" }, "routes.a.upstreams.1.adapter"],
    ["one upstream", { upstreams: [one], plan: "race" }, "routes.a.plan: plan 'race' needs two"],
    ["several for single", { upstreams: [one, two], plan: "single" }, "routes.a.plan: plan 'single'"],
    ["no deadline", { upstreams: [one, two], plan: "hedge" }, "routes.a.hedgeMs: plan 'hedge' needs"],
    ["a deadline for nobody", { upstreams: [one, two], hedgeMs: 5 }, "routes.a.hedgeMs: 'hedgeMs' belongs"],
    ["a strategy that is none", { upstreams: [one, two], plan: "choir" }, "routes.a.plan"],
    [
      "an upstream without turns",
      { upstreams: [one, echo], plan: "race" },
      "routes.a.upstreams.1.adapter: 'echo'",
    ],
    ...[
      ["openai-live", "has no turns"],
      ["vllm-omni-duplex", "has no turns"],
      ["moshi", "has no turns"],
      ["elevenlabs-agents", "takes the turns itself"],
    ].map(([adapter, why]): [string, object, string] => [
      `an upstream of ${adapter}`,
      { upstreams: [one, { name: "two", adapter }], plan: "failover" },
      `routes.a.upstreams.1.adapter: '${adapter}' ${why}`,
    ]),
    [
      "a provider that takes the turns",
      { upstreams: [one, server], plan: "hedge", hedgeMs: 600 },
      "routes.a.upstreams.1.settings.turns: a provider that takes the turns itself",
    ],
    [
      "a fallback that does",
      {
        upstreams: [{ ...one, fallback: [{ adapter: "gemini-live", settings: { turns: "server" } }] }, two],
        plan: "race",
      },
      "routes.a.upstreams.0.fallback.0.settings.turns",
    ],
  ])("[X130] %s is refused where it stands, with the reason", (_, route, reason) => {
    expect(refused(route)).toContain(reason);
  });
});

describe("shadows", () => {
  const voice = (name: string, more: object = {}) => ({ name, adapter: "openai-compatible", ...more });
  const shadow = voice("next", { role: "shadow" });
  const refused = (route: object) => refusal({ routes: { a: route } });

  test("[X339] one that does not fit its route is refused with the place and the reason", () => {
    expect(refused({ upstreams: [shadow, voice("now")] })).toBe("accepted");
    expect(refused({ plan: "single", upstreams: [voice("now"), shadow] })).toBe("accepted");
    expect(refused({ upstreams: [shadow] })).toContain("routes.a.upstreams: a shadow stands behind somebody");
    expect(refused({ plan: "race", upstreams: [voice("now"), shadow] })).toContain(
      "routes.a.plan: plan 'race' needs two",
    );
    expect(refused({ upstreams: [echo, shadow] })).toContain(
      "routes.a.upstreams.0.adapter: 'echo' has no turns",
    );
    const server = voice("next", { role: "shadow", settings: { turns: "server" } });
    expect(refused({ upstreams: [voice("now"), server] })).toContain("routes.a.upstreams.1.settings.turns");
    expect(refused({ upstreams: [voice("now", { role: "guest" })] })).toContain("routes.a.upstreams.0.role");
    expect(refused({ upstreams: [voice("now"), { ...shadow, adapter: "openai-live" }] })).toContain(
      "routes.a.upstreams.1.adapter: 'openai-live' has no turns",
    );
    const routes = { a: { upstreams: [shadow, voice("now")] } };
    const plan = resolvePlan(defineRelay({ routes }), "a", {});
    expect(plan.upstreams.map(({ name, role }) => [name, role])).toEqual([
      ["now", undefined],
      ["next", "shadow"],
    ]);
  });
});

describe("prices", () => {
  const voice = { name: "one", adapter: "openai-compatible" };
  const refused = (price: object, fallback: object = {}) =>
    refusal({
      routes: {
        a: { upstreams: [{ ...voice, price, fallback: [{ adapter: "gemini-live", ...fallback }] }] },
      },
    });

  test("[X325] one that is none, or in another currency than the others, is refused with its place", () => {
    const price = { inputTokensPerMillion: 4, openPerMinute: 0.01 };
    expect(refused(price)).toBe("accepted");
    expect(refused(price, { price: { currency: "USD" } })).toBe("accepted");
    expect(refused({ perCall: 1 })).toContain("routes.a.upstreams.0.price.perCall");
    expect(refused({ openPerMinute: -1 })).toContain("price.openPerMinute: a price is a number from 0");
    expect(refused({ openPerMinute: Number.POSITIVE_INFINITY })).toContain("price.openPerMinute");
    expect(refused({ currency: "dollars" })).toContain("price.currency: a currency is three capital letters");
    expect(refused(price, { price: { currency: "EUR" } })).toContain(
      "routes.a.upstreams: the prices of a route are in one currency: here are USD, EUR",
    );
  });
});

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
