/** Moderators are asked over HTTP or by a binding, and every question settles. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { createModerate } from "../../durable-objects/moderate.ts";
import type { GuardPlan } from "../../src/session/state/guard-plan.ts";

afterEach(() => vi.unstubAllGlobals());

const OPENAI = {
  adapter: "openai",
  url: "https://moderator.example/v1/moderations",
  headers: { Authorization: "Bearer sk-secret" },
  model: "omni-moderation-latest",
} as const;
const LLAMA = { adapter: "workers-ai", binding: "AI", model: "@cf/meta/llama-guard-3-8b" } as const;
const GUARD: GuardPlan = { output: { moderators: [OPENAI, LLAMA], fail: "closed", holdMs: 500 } };

function answering(answer: () => Response | Promise<Response>): Request[] {
  const requests: Request[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    requests.push(new Request(url, init));
    return Promise.resolve(answer());
  });
  return requests;
}

const flagged = (hate: boolean) => ({
  results: [{ flagged: hate, categories: { hate }, category_scores: {} }],
});

describe("a moderator", () => {
  test("[X234] over HTTP is given the words with the plan's headers, and its verdict is the answer", async () => {
    const requests = answering(() => Response.json(flagged(true)));
    expect(await createModerate(GUARD, {})("output", 0, "Some words.")).toBe("hate");
    const [request] = requests;
    expect([request?.method, request?.redirect]).toEqual(["POST", "manual"]);
    expect(request?.headers.get("Authorization")).toBe("Bearer sk-secret");
    expect(await request?.json()).toEqual({ model: "omni-moderation-latest", input: "Some words." });
    answering(() => Response.json(flagged(false)));
    expect(await createModerate(GUARD, {})("output", 0, "Some words.")).toBeNull();
  });

  test("[X234] on Workers AI is run by its binding", async () => {
    const run = vi.fn(() => Promise.resolve(Response.json({ response: "unsafe\nS1" })));
    expect(await createModerate(GUARD, { AI: { run } })("output", 1, "Some words.")).toBe("S1");
    expect(run).toHaveBeenCalledWith(
      LLAMA.model,
      expect.objectContaining({ max_tokens: 32 }),
      expect.objectContaining({ returnRawResponse: true }),
    );
  });

  test.each([
    ["a refusal", () => Response.json(flagged(false), { status: 503 })],
    ["a redirect", () => new Response(null, { status: 302, headers: { Location: "https://b.example" } })],
    ["no JSON", () => new Response("<html>")],
    ["no verdict", () => Response.json({ results: [] })],
    ["an endless answer", () => new Response(`{"x":"${"y".repeat(70_000)}"}`)],
    ["no connection", () => Promise.reject(new TypeError("connection refused"))],
  ])("[X234] %s is a failure that repeats neither secret nor words", async (_, answer) => {
    answering(answer);
    const asked = createModerate(GUARD, {})("output", 0, "Some words.");
    const failure = await asked.then(
      () => null,
      (error: unknown) => String(error),
    );
    expect(failure).toEqual(expect.any(String));
    expect(failure).not.toMatch(/sk-secret|Some words/);
  });

  test("[X234] that the plan does not name is a failure", async () => {
    await expect(createModerate(undefined, {})("input", 0, "x")).rejects.toThrow("no such moderator");
  });
});
