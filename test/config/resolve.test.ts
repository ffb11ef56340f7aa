import { describe, expect, test } from "vitest";
import { defineRelay } from "../../src/config/define.ts";
import { PlanError } from "../../src/config/plan-error.ts";
import { offeredRoutes, resolvePlan } from "../../src/config/resolve.ts";

const config = defineRelay({
  routes: {
    echo: { upstreams: [{ name: "echo", adapter: "echo" }] },
    keyed: {
      upstreams: [
        {
          name: "far",
          adapter: "openai-compatible",
          url: { env: "FAR_URL" },
          model: "fixed",
          headers: { Authorization: { env: "FAR_KEY", prefix: "Bearer " }, "X-Plain": "1" },
          settings: { quirk: true },
        },
      ],
      session: { instructions: "Be brief." },
      detector: "energy",
    },
    asking: {
      upstreams: [{ name: "echo", adapter: "echo" }],
      endOfTurn: { adapter: "workers-ai", model: "@cf/pipecat-ai/smart-turn-v2" },
    },
    posting: {
      upstreams: [{ name: "echo", adapter: "echo" }],
      endOfTurn: {
        adapter: "http",
        url: { env: "FAR_URL" },
        headers: { Authorization: { env: "FAR_KEY", prefix: "Bearer " } },
      },
    },
    any: { upstreams: [{ name: "any", adapter: "openai-compatible", url: "https://a.example", model: "*" }] },
  },
  defaultRoute: "any",
});
const bindings = { FAR_URL: "https://far.example", FAR_KEY: "s3cret" };

function thrown(run: () => unknown): PlanError {
  try {
    run();
  } catch (error) {
    if (error instanceof PlanError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("resolvePlan", () => {
  test("[H2] what a route says of standby, rollover, parking and length is part of its plan", () => {
    const said = defineRelay({
      routes: {
        careful: {
          upstreams: [
            {
              name: "a",
              adapter: "echo",
              standby: true,
              rolloverMs: 60_000,
              fallback: [{ adapter: "echo" }],
            },
          ],
          parkAfterMs: 0,
          sessionMinutes: 90,
        },
      },
    });
    expect(resolvePlan(said, "careful", {})).toMatchObject({
      upstreams: [{ name: "a", standby: true, rolloverMs: 60_000, fallback: [{ adapter: "echo" }] }],
      limits: { parkMs: 0, sessionMs: 5_400_000 },
    });
  });

  test("[H2] a route's own name leads to its plan, bindings filled in", () => {
    expect(resolvePlan(config, "keyed", bindings)).toEqual({
      name: "keyed",
      upstreams: [
        {
          name: "far",
          options: {
            adapter: "openai-compatible",
            url: "https://far.example",
            model: "fixed",
            headers: { Authorization: "Bearer s3cret", "X-Plain": "1" },
            settings: { quirk: true },
          },
        },
      ],
      session: { instructions: "Be brief." },
      detector: "energy",
      sounds: expect.objectContaining({ size: 1 }),
    });
  });

  test("[H41] an end-of-turn model is part of the plan, its bindings filled in, and a route without them is not offered", () => {
    const ai = { run: () => null };
    expect(resolvePlan(config, "asking", { AI: ai }).endOfTurn).toEqual({
      adapter: "workers-ai",
      model: "@cf/pipecat-ai/smart-turn-v2",
      binding: "AI",
    });
    expect(resolvePlan(config, "posting", bindings).endOfTurn).toEqual({
      adapter: "http",
      url: "https://far.example",
      headers: { Authorization: "Bearer s3cret" },
    });
    expect(offeredRoutes(config, bindings)).not.toContain("asking");
    expect(offeredRoutes(config, { ...bindings, AI: ai })).toContain("asking");
    const missing = thrown(() => resolvePlan(config, "asking", bindings));
    expect([missing.code, missing.message]).toEqual([
      "binding_missing",
      "Route 'asking' needs the binding AI for its end-of-turn model.",
    ]);
  });

  test("[H2] any other model string leads to the default route and is passed on", () => {
    for (const model of ["gpt-realtime-2.1", "toString", "__proto__", "ünïcode"]) {
      const plan = resolvePlan(config, model, bindings);
      expect([plan.name, plan.upstreams[0]?.options.model]).toEqual(["any", model]);
    }
  });

  test("[H2] no model at all leads to the default route", () => {
    expect(resolvePlan(config, null, bindings).name).toBe("any");
  });

  test("[H2] without a default route an unknown model is the client's mistake", () => {
    const strict = defineRelay({ routes: { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } } });
    const error = thrown(() => resolvePlan(strict, "other", {}));
    expect([error.code, error.message]).toEqual([
      "model_not_found",
      "No route is named 'other' and there is no default route.",
    ]);
  });

  test("[H3] a missing or empty binding is named with its route, and no value is", () => {
    for (const env of [
      { FAR_URL: "https://far.example" },
      { ...bindings, FAR_KEY: "" },
      { ...bindings, FAR_KEY: 7 },
    ]) {
      const error = thrown(() => resolvePlan(config, "keyed", env));
      expect(error.code).toBe("binding_missing");
      expect(error.message).toContain("'keyed'");
      expect(error.message).toContain("FAR_KEY");
      expect(error.message).not.toContain("far.example");
    }
  });

  test("[H3] only routes whose bindings exist are offered", () => {
    expect(offeredRoutes(config, {})).toEqual(["echo", "any"]);
    expect(offeredRoutes(config, bindings)).toEqual(["echo", "keyed", "posting", "any"]);
  });
});

describe("addresses that only a machine of one's own reaches", () => {
  const at = (url: string | { env: string }, fallback?: string) =>
    defineRelay({
      routes: {
        near: {
          upstreams: [
            {
              name: "near",
              adapter: "openai-compatible",
              url,
              ...(fallback !== undefined && { fallback: [{ adapter: "openai-compatible", url: fallback }] }),
            },
          ],
        },
      },
    });

  test.each([
    ["http://127.0.0.1:9000/v1/realtime", "IP address"],
    ["wss://203.0.113.7/v1", "IP address"],
    ["http://2130706433/", "IP address"],
    ["http://0x7f.1/", "IP address"],
    ["ws://[::1]:80/", "IP address"],
    ["https://[2001:db8::1]/", "IP address"],
    ["http://localhost:9000/", "private network"],
    ["http://voice.localhost/", "private network"],
    ["https://gpu-box/v1", "private network"],
    ["https://model.internal/v1", "private network"],
    ["https://printer.local./", "private network"],
  ])("[H86] %s is refused outside development, and the reason is named", (url, reason) => {
    const near = at(url);
    expect(offeredRoutes(near, {})).toEqual([]);
    const error = thrown(() => resolvePlan(near, "near", {}));
    expect(error.code).toBe("unreachable");
    expect(error.message).toContain(reason);
    expect(error.message).toContain("'near'");
    expect(resolvePlan(near, "near", { RELAY_DEV: "1" }).upstreams[0]?.options.url).toBe(url);
  });

  test.each(["https://api.openai.com/v1/realtime", "wss://10.example.com/", "https://a.b.local.example/"])(
    "[H86] %s is none",
    (url) => {
      expect(resolvePlan(at(url), "near", {}).upstreams[0]?.options.url).toBe(url);
    },
  );

  test("[H86] fallbacks, transcribers and end-of-turn models are looked at too; a binding is named, not its value", () => {
    const secret = "http://10.0.0.7/secret-path";
    const error = thrown(() => resolvePlan(at({ env: "NEAR_URL" }), "near", { NEAR_URL: secret }));
    expect(error.message).toContain("NEAR_URL");
    expect(error.message).not.toContain("10.0.0.7");
    expect(() => resolvePlan(at("https://a.example", "http://10.0.0.7/"), "near", {})).toThrow("IP address");
    const echo = { name: "echo", adapter: "echo" };
    const routes = {
      heard: {
        upstreams: [echo],
        transcriber: { name: "t", adapter: "openai-compatible", url: "http://localhost/" },
      },
      ended: { upstreams: [echo], endOfTurn: { adapter: "http" as const, url: "http://192.168.1.2/" } },
    };
    for (const name of ["heard", "ended"]) {
      expect(thrown(() => resolvePlan(defineRelay({ routes }), name, {})).code).toBe("unreachable");
    }
  });
});
