/** The guard of a route: what is refused when the Worker starts, and what a session is given. */
import { describe, expect, test } from "vitest";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { PlanError } from "../../src/config/plan-error.ts";
import { resolvePlan, spendsSecret } from "../../src/config/resolve.ts";

type Route = Extract<RelayConfigInput["routes"][string], { upstreams: unknown }>;
type Guard = NonNullable<Route["guard"]>;

const UPSTREAM = { name: "one", adapter: "openai-compatible", url: "wss://voice.example/v1/realtime" };
const TRANSCRIBES = { audio: { input: { transcription: { model: "whisper" } } } };
const patterns = (...sources: string[]) => ({
  adapter: "patterns" as const,
  patterns: { insult: sources },
});
const output = (given: Partial<NonNullable<Guard["output"]>> = {}): Guard => ({
  output: { moderators: [patterns("fool")], fail: "closed", holdMs: 500, ...given },
});
const INPUT: Guard = { input: { moderators: [patterns("fool")], fail: "closed" } };

const define = (guard: Guard, route: Partial<Route> = {}) =>
  defineRelay({ routes: { voice: { upstreams: [UPSTREAM], guard, ...route } } });

describe("a route's guard", () => {
  test("[X230] one that does not fit its route is refused with the place and the reason", () => {
    expect(() => define(output({ holdMs: 2001 }))).toThrow("routes.voice.guard.output.holdMs");
    expect(() => define(output({ moderators: [] }))).toThrow(
      "routes.voice.guard.output.moderators: a guard needs a moderator",
    );
    expect(() => define(output({ holdMs: 0 }))).toThrow(
      "routes.voice.guard.output.fail: a guard that holds nothing back is 'open'",
    );
    expect(() => define(output({ holdMs: 0, fail: "open" }))).not.toThrow();
    expect(() => define(output(), { upstreams: [{ name: "echo", adapter: "echo" }] })).toThrow(
      "routes.voice.upstreams.0.adapter: 'echo' says no words that a guard could judge",
    );
    expect(() => define(INPUT)).toThrow("routes.voice.guard.input: the caller's words are needed");
    expect(() => define(INPUT, { session: TRANSCRIBES })).not.toThrow();
    expect(() => define(INPUT, { transcriber: { ...UPSTREAM, name: "ear" } })).not.toThrow();
    const server = { ...UPSTREAM, settings: { turns: "server" } };
    expect(() => define(INPUT, { session: TRANSCRIBES, upstreams: [server] })).toThrow(
      "routes.voice.upstreams.0.settings.turns: a provider that takes the turns itself",
    );
    expect(() => define(output(), { upstreams: [server] })).not.toThrow();
    const agent = { ...UPSTREAM, adapter: "elevenlabs-agents" };
    expect(() => define(INPUT, { session: TRANSCRIBES, upstreams: [agent] })).toThrow(
      "routes.voice.upstreams.0.adapter: an agent takes the turns itself",
    );
  });

  test("[X231] a pattern that is none, refers back or may take too long is refused with its place", () => {
    const place = "routes.voice.guard.output.moderators.0.patterns.insult.0: this pattern";
    for (const [source, reason] of [
      ["(", "is no regular expression"],
      ["(a+)+$", "may take too long"],
      ["(?:a|aa)*b", "may take too long"],
      ["(a*)*", "may take too long"],
      [".*.*x", "may take too long"],
      ["\\w+@\\w+\\.\\w+", "may take too long"],
      ["(?:a?){20}a{20}", "may take too long"],
      ["a?a?a?a?a?a?a?a?a?a?a?a?a?a?aaaa", "may take too long"],
      ["(?:(?:ab?){1,9}c){1,9}", "may take too long"],
      ["(\\w)\\1", "refers back"],
      ["(?<word>\\w)\\k<word>", "refers back"],
    ] as const) {
      expect(() => define(output({ moderators: [patterns(source)] })), source).toThrow(`${place} ${reason}`);
    }
    for (const source of [
      "\\bfool\\b",
      "fool|idiot|(?:very )?stupid",
      "\\d{4}[ -]?\\d{4}[ -]?\\d{4}[ -]?\\d{4}",
      "kill\\s+(?:your|him|her)self",
      "[\\w.]{1,20}@\\w{1,20}\\.\\w{2,6}",
      "(?<=my )secret",
      "\\p{Lu}{3,}",
      "[(+*]{2,5}",
    ])
      expect(() => define(output({ moderators: [patterns(source)] })), source).not.toThrow();
  });

  test("[X232] what a route names of its moderators is found when a session begins, and a secret is a secret", () => {
    const config = define({
      output: {
        holdMs: 700,
        fail: "open",
        replacement: "No.",
        moderators: [
          { adapter: "openai", headers: { Authorization: { env: "OPENAI_API_KEY", prefix: "Bearer " } } },
          { adapter: "workers-ai" },
        ],
      },
    });
    const bindings = { OPENAI_API_KEY: "sk-1", AI: {} };
    expect(resolvePlan(config, "voice", bindings).guard).toEqual({
      output: {
        holdMs: 700,
        fail: "open",
        replacement: "No.",
        moderators: [
          {
            adapter: "openai",
            url: "https://api.openai.com/v1/moderations",
            headers: { Authorization: "Bearer sk-1" },
            model: "omni-moderation-latest",
          },
          { adapter: "workers-ai", binding: "AI", model: "@cf/meta/llama-guard-3-8b" },
        ],
      },
    });
    expect(spendsSecret(config, "voice", bindings)).toBe(true);
    expect(spendsSecret(define(output()), "voice", bindings)).toBe(false);
    expect(() => resolvePlan(config, "voice", { AI: {} })).toThrow(PlanError);
    expect(() => resolvePlan(config, "voice", { OPENAI_API_KEY: "sk-1" })).toThrow(/AI/);
    const given = define({ ...INPUT }, { session: TRANSCRIBES });
    expect(resolvePlan(given, "voice", {}).guard).toMatchObject({ input: { waitMs: 2000 } });
  });
});
