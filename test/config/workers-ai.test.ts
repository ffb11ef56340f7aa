/** Models that a binding runs, and several default routes, in relay.config.ts. */
import { describe, expect, test } from "vitest";
import relayConfig from "../../relay.config.ts";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { PlanError } from "../../src/config/plan-error.ts";
import { namesDefaultRoute, offeredRoutes, resolvePlan, spendsSecret } from "../../src/config/resolve.ts";
import { createUpstream } from "../../src/upstreams/index.ts";

const parts = {
  transcriber: { adapter: "workers-ai-flux", binding: "AI" },
  text: { adapter: "workers-ai", binding: "AI", model: "*" },
  speech: { adapter: "workers-ai-aura", binding: "VOICE", model: "@cf/deepgram/aura-1" },
};
const upstream = { name: "run", adapter: "cascade", parts };
const file = (one: object): RelayConfigInput => ({ routes: { run: { upstreams: [one] } } }) as never;
const service = { run: () => null };
const bindings = { AI: service, VOICE: service };

function thrown(what: () => unknown): PlanError {
  try {
    what();
  } catch (error) {
    if (error instanceof PlanError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a model that a binding runs", () => {
  test("[U130] is in the plan by the binding's name, and by nothing of the binding", () => {
    expect(resolvePlan(defineRelay(file(upstream)), "run", bindings).upstreams[0]?.options).toEqual({
      adapter: "cascade",
      parts: {
        transcriber: { adapter: "workers-ai-flux", binding: "AI" },
        text: { adapter: "workers-ai", binding: "AI", model: "run" },
        speech: { adapter: "workers-ai-aura", binding: "VOICE", model: "@cf/deepgram/aura-1" },
      },
    });
    const alone = file({ name: "ear", adapter: "workers-ai-flux", binding: "AI" });
    expect(resolvePlan(defineRelay(alone), "run", bindings).upstreams[0]?.options.binding).toBe("AI");
  });

  test.each([{}, { AI: service }, { AI: service, VOICE: "text" }, { ...bindings, AI: null }])(
    "[U130] is not offered without it, and the error names it (%#)",
    (env) => {
      const config = defineRelay(file(upstream));
      expect(offeredRoutes(config, env)).toEqual([]);
      const { code, message } = thrown(() => resolvePlan(config, "run", env));
      expect(code).toBe("binding_missing");
      const name = "AI" in env && env.AI !== null ? "VOICE" : "AI";
      expect(message).toBe(`Route 'run' needs the binding ${name} for its upstream 'run'.`);
    },
  );

  test("[U130] is spent for keys that may spend", () => {
    expect(spendsSecret(defineRelay(file(upstream)), "run", bindings)).toBe(true);
    const fallback = [{ adapter: "workers-ai-flux", binding: "AI" }];
    const behind = defineRelay(file({ name: "a", adapter: "echo", fallback }));
    expect(spendsSecret(behind, "run", bindings)).toBe(true);
  });

  const part = (more: object): object => ({
    ...upstream,
    parts: { ...parts, text: { ...parts.text, ...more } },
  });
  test.each([
    ["routes.run.upstreams.0.parts.text: adapters 'workers-ai", part({ binding: undefined })],
    ["routes.run.upstreams.0.parts.text: adapters 'workers-ai", part({ url: "https://x.example" })],
    ["routes.run.upstreams.0.parts.text: adapters 'workers-ai", part({ headers: {} })],
    ["routes.run.upstreams.0.parts.text: adapters 'workers-ai", part({ adapter: "chat-completions" })],
    ["routes.run.upstreams.0.parts.text.binding: ", part({ binding: "not a name" })],
    ["routes.run.upstreams.0: adapters 'workers-ai", { name: "a", adapter: "echo", binding: "AI" }],
    ["routes.run.upstreams.0: adapters 'workers-ai", { ...upstream, binding: "AI" }],
    [
      "routes.run.upstreams.0.fallback.0: adapters 'workers-ai",
      { name: "a", adapter: "echo", fallback: [{ adapter: "workers-ai-flux" }] },
    ],
  ])("[U130] what is wrong is refused when the Worker starts, with its path: %s", (message, one) => {
    expect(() => defineRelay(file(one))).toThrow(`relay.config.ts: ${message}`);
  });
});

describe("several default routes", () => {
  const routes = {
    near: { upstreams: [{ name: "a", adapter: "openai-compatible", url: { env: "NEAR" } }] },
    run: { upstreams: [upstream] },
    echo: { upstreams: [{ name: "a", adapter: "echo" }] },
  };
  const several = (...defaultRoute: string[]) => defineRelay({ routes, defaultRoute });

  test("[U136] the first that is offered takes what names no route", () => {
    const config = several("near", "run");
    const near = { NEAR: "wss://a.example/v1" };
    expect(resolvePlan(config, "gpt", { ...bindings, ...near }).name).toBe("near");
    expect(resolvePlan(config, "gpt", bindings).name).toBe("run");
    expect(resolvePlan(config, null, bindings).name).toBe("run");
    expect(resolvePlan(config, "echo", bindings).name).toBe("echo");
    expect(spendsSecret(config, "gpt", bindings)).toBe(true);
    expect(spendsSecret(config, "gpt", { ...bindings, ...near })).toBe(false);
  });

  test("[U136] where none is, the first says what it lacks", () => {
    expect(thrown(() => resolvePlan(several("near", "run"), "gpt", {})).message).toContain("binding NEAR");
  });

  test("[U136] a client that may have the default route only has the one that is", () => {
    const config = several("near", "echo");
    expect(namesDefaultRoute(config, "echo", {})).toBe(true);
    expect(namesDefaultRoute(config, "gpt", {})).toBe(true);
    expect(namesDefaultRoute(config, "near", {})).toBe(false);
    expect(namesDefaultRoute(config, "echo", { NEAR: "wss://a.example/v1" })).toBe(false);
  });

  test("[U136] each has to be a route, and there has to be one", () => {
    expect(() => several("near", "far")).toThrow("defaultRoute names no route");
    expect(() => several()).toThrow("a list of routes has one or more");
  });
});

describe("the repository's own routes", () => {
  test("[U136] call the demo voice where there is one, and Workers AI in a Worker that has its binding and no key", () => {
    expect(resolvePlan(relayConfig, null, { DEMO_URL: "http://127.0.0.1:1/", RELAY_DEV: "1" }).name).toBe(
      "demo",
    );
    const deployed = resolvePlan(relayConfig, null, { AI: service });
    expect(deployed.name).toBe("workers-ai");
    expect(offeredRoutes(relayConfig, { AI: service })).toEqual(["workers-ai", "echo"]);
    const [run] = deployed.upstreams.map(({ options }) => createUpstream(options).request().run);
    expect(run).toMatchObject({ binding: "AI", model: "@cf/deepgram/flux" });
  });
});
