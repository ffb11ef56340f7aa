/** A cascade in relay.config.ts: parts that are typed and checked, each with secrets of its own. */
import { describe, expect, test } from "vitest";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { PlanError } from "../../src/config/plan-error.ts";
import { namesDefaultRoute, offeredRoutes, resolvePlan, spendsSecret } from "../../src/config/resolve.ts";

const key = (env: string) => ({ Authorization: { env, prefix: "Bearer " } });
const parts = {
  transcriber: { adapter: "deepgram-flux", headers: { Authorization: { env: "EAR_KEY", prefix: "Token " } } },
  text: { adapter: "chat-completions", url: "https://text.example/v1", model: "*", headers: key("TEXT_KEY") },
  speech: {
    adapter: "openai-speech",
    url: { env: "SPEECH_URL" },
    model: "speaker",
    settings: { voice: "ash" },
  },
};
const upstream = { name: "made", adapter: "cascade", parts };
const file = (one: object): RelayConfigInput =>
  ({ routes: { made: { upstreams: [one] } }, defaultRoute: "made" }) as never;
const bindings = { EAR_KEY: "e", TEXT_KEY: "t", SPEECH_URL: "https://speech.example/v1/audio/speech" };

describe("a cascade in relay.config.ts", () => {
  test("[U118] becomes a plan whose parts have their own addresses, models and secrets", () => {
    const plan = resolvePlan(defineRelay(file(upstream)), "any-model", bindings);
    expect(plan.upstreams[0]?.options).toEqual({
      adapter: "cascade",
      parts: {
        transcriber: { adapter: "deepgram-flux", headers: { Authorization: "Token e" } },
        text: {
          adapter: "chat-completions",
          url: "https://text.example/v1",
          model: "any-model",
          headers: { Authorization: "Bearer t" },
        },
        speech: {
          adapter: "openai-speech",
          url: bindings.SPEECH_URL,
          model: "speaker",
          settings: { voice: "ash" },
        },
      },
    });
  });

  test("[U118] without the secret of one part it is not offered, and the missing binding is named", () => {
    const config = defineRelay(file(upstream));
    expect(offeredRoutes(config, bindings)).toEqual(["made"]);
    const { TEXT_KEY: _, ...less } = bindings;
    expect(offeredRoutes(config, less)).toEqual([]);
    expect(() => resolvePlan(config, "made", less)).toThrow(PlanError);
    expect(() => resolvePlan(config, "made", less)).toThrow(/TEXT_KEY/);
  });

  test("[U118] spends what its parts spend, asks for the model that a part asks for, and dials no private host of a part's", () => {
    const config = defineRelay(file(upstream));
    expect(spendsSecret(config, "made", bindings)).toBe(true);
    const free = {
      ...upstream,
      parts: { ...parts, transcriber: { adapter: "deepgram-flux" }, text: { ...parts.text, headers: {} } },
    };
    expect(spendsSecret(defineRelay(file(free)), "made", bindings)).toBe(false);
    expect(namesDefaultRoute(config, "another", bindings)).toBe(false);
    const near = { ...bindings, SPEECH_URL: "http://127.0.0.1:9/" };
    expect(() => resolvePlan(config, "made", near)).toThrow(/SPEECH_URL/);
    expect(resolvePlan(config, "made", { ...near, RELAY_DEV: "1" }).name).toBe("made");
  });

  test.each([
    ["routes.made.upstreams.0: 'parts'", { name: "made", adapter: "cascade" }],
    ["routes.made.upstreams.0: 'parts'", { name: "made", adapter: "echo", parts }],
    [
      "routes.made.upstreams.0.parts.speech:",
      { ...upstream, parts: { transcriber: parts.transcriber, text: parts.text } },
    ],
    ["routes.made.upstreams.0.parts.ear:", { ...upstream, parts: { ...parts, ear: parts.text } }],
    [
      "routes.made.upstreams.0.parts.text.url:",
      { ...upstream, parts: { ...parts, text: { ...parts.text, url: "text" } } },
    ],
    [
      "routes.made.upstreams.0.parts.text.parts:",
      { ...upstream, parts: { ...parts, text: { adapter: "x", parts } } },
    ],
    ["routes.made.upstreams.0.fallback.0: 'parts'", { ...upstream, fallback: [{ adapter: "cascade" }] }],
  ])("[U118] a wrong part is refused when the Worker starts, with its path: %s", (message, one) => {
    expect(() => defineRelay(file(one))).toThrow(`relay.config.ts: ${message}`);
  });
});
