/** What moderators are asked, and what their answers mean. */
import { describe, expect, test } from "vitest";
import type { Json } from "../../src/protocol/json.ts";
import { moderatorOf } from "../../src/session/guard/moderators/index.ts";
import type { ModeratorChoice } from "../../src/session/state/moderator-choice.ts";
import type { LocalModerator, RemoteModerator } from "../../src/session/guard/moderators/moderator.ts";
import { faultOfPattern, WINDOW_CHARS } from "../../src/session/guard/moderators/pattern-cost.ts";

const remote = (choice: ModeratorChoice) => moderatorOf(choice) as RemoteModerator;
const OPENAI = {
  adapter: "openai",
  url: "https://moderator.test/v1/moderations",
  headers: { Authorization: "Bearer k" },
  model: "omni-moderation-latest",
} as const;
const LLAMA = { adapter: "workers-ai", binding: "AI", model: "@cf/meta/llama-guard-3-8b" } as const;

const result = (
  flagged: boolean,
  categories: Record<string, boolean>,
  scores: Record<string, number> = {},
) => ({
  results: [{ flagged, categories, category_scores: scores }],
});

describe("moderators", () => {
  test("[X232] OpenAI's endpoint is asked for its verdict, and the flagged category with the highest score is told", () => {
    const moderator = remote(OPENAI);
    expect(moderator.ask("Hello.")).toEqual({
      type: "http",
      url: OPENAI.url,
      headers: OPENAI.headers,
      body: { model: OPENAI.model, input: "Hello." },
    });
    expect(moderator.read(result(false, { hate: false }))).toBeNull();
    const both = result(
      true,
      { hate: true, "hate/threatening": true, sexual: false },
      {
        hate: 0.4,
        "hate/threatening": 0.9,
        sexual: 0.95,
      },
    );
    expect(moderator.read(both)).toBe("hate/threatening");
    expect(moderator.read(result(true, {}))).toBe("other");
    expect(moderator.read(result(true, { "what <you> said was this": true }))).toBe("other");
    for (const answer of [null, "flagged", {}, { results: [] }, { results: [{}] }, { error: {} }] as Json[])
      expect(() => moderator.read(answer)).toThrow(RangeError);
  });

  test("[X232] only the categories that a route names count", () => {
    const moderator = remote({ ...OPENAI, categories: ["self-harm"] });
    expect(moderator.read(result(true, { hate: true, "self-harm": false }))).toBeNull();
    expect(moderator.read(result(true, { hate: true, "self-harm": true }))).toBe("self-harm");
  });

  test("[X233] Llama Guard on Workers AI answers in words or as an object", () => {
    const moderator = remote(LLAMA);
    expect(moderator.ask("Hello.")).toMatchObject({
      type: "service",
      binding: "AI",
      model: LLAMA.model,
      input: { messages: [{ role: "user", content: "Hello." }] },
    });
    expect(moderator.read({ response: "\n\nsafe" })).toBeNull();
    expect(moderator.read({ response: "unsafe\nS1,S10" })).toBe("S1");
    expect(moderator.read({ response: "unsafe" })).toBe("other");
    expect(moderator.read({ response: { safe: true } })).toBeNull();
    expect(moderator.read({ response: { safe: false, categories: ["S9"] } })).toBe("S9");
    for (const answer of [
      null,
      {},
      { response: "I cannot say" },
      { response: "" },
      { response: {} },
    ] as Json[])
      expect(() => moderator.read(answer)).toThrow(RangeError);
  });

  test("[X231] patterns are found whatever their case, in texts of any length, across windows", () => {
    const { judge } = moderatorOf({
      adapter: "patterns",
      patterns: { insult: ["\\bfool\\b"], plan: ["the secret plan"] },
    }) as LocalModerator;
    expect(judge("You FOOL!")).toBe("insult");
    expect(judge("foolish")).toBeNull();
    for (let before = 0; before < 3 * WINDOW_CHARS; before += 37) {
      const text = `${"so ".repeat(before / 3)}the secret plan${" and so".repeat(200)}`;
      expect(judge(text), `behind ${before}`).toBe("plan");
    }
    expect(judge("")).toBeNull();
  });

  test("[X231] what is let through is done with in time on the worst of words", () => {
    for (const source of ["[a-z]*!", "\\w{0,43}\\w{0,43}!", "a?a?a?a?a?a?a?a?a?a!", "(?:a|aa){1,9}!"]) {
      expect(faultOfPattern(source), source).toBeNull();
      const { judge } = moderatorOf({ adapter: "patterns", patterns: { x: [source] } }) as LocalModerator;
      const before = performance.now();
      judge("a".repeat(WINDOW_CHARS));
      expect(performance.now() - before, source).toBeLessThan(500);
    }
  });
});
