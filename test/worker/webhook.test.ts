/** Calls of tools are posted, signed and tried again, and every one settles. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { createWebhooks } from "../../durable-objects/webhook.ts";
import { Problem } from "../../src/http/problem.ts";
import { effectiveSession } from "../../src/http/session-config.ts";

afterEach(() => vi.unstubAllGlobals());

const BYTES = new Uint8Array(32).fill(9);
const WHOSE = { id: "s1", keyId: "first" };
const CALL = {
  type: "tool",
  id: "item_1",
  callId: "c1",
  name: "weather",
  arguments: '{"city":"Ghent"}',
} as const;

function tool(given = {}) {
  const webhook = {
    url: "https://tools.example.com/weather",
    secret: `whsec_${BYTES.toBase64()}`,
    timeoutMs: 200,
    budgetMs: 3000,
    retries: 2,
    ...given,
  };
  return { name: "weather", description: "Says it.", parameters: { type: "object" }, webhook };
}

const asked = (given = {}, call = CALL) => createWebhooks([tool(given)], WHOSE)(call);

/** Answers one after the other, the last of them again and again. */
function answering(...answers: (() => Response | Promise<Response>)[]) {
  const requests: { readonly headers: Headers; readonly body: string; readonly init: RequestInit }[] = [];
  vi.stubGlobal("fetch", (_url: string, init: RequestInit) => {
    requests.push({ headers: new Headers(init.headers), body: init.body as string, init });
    return Promise.resolve((answers[requests.length - 1] ?? answers.at(-1) ?? (() => new Response()))());
  });
  return requests;
}

const never = () => new Promise<Response>(() => {});
const status = (code: number) => () => new Response("a reason", { status: code });

async function signatureOf(content: string): Promise<string> {
  const key = await crypto.subtle.importKey("raw", BYTES, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(content))).toBase64();
}

describe("a call of a tool", () => {
  test("[X256] is posted as JSON, signed as standardwebhooks.com says; what comes back is its result", async () => {
    const requests = answering(() => new Response('{"sky":"grey"}'));
    expect(await asked()).toEqual({ output: '{"sky":"grey"}' });
    const [{ headers, body, init } = { headers: new Headers(), body: "", init: {} as RequestInit }] =
      requests;
    expect([init.method, init.redirect, headers.get("content-type")]).toEqual([
      "POST",
      "manual",
      "application/json",
    ]);
    expect(JSON.parse(body)).toEqual({
      type: "tool.call",
      id: "item_1",
      call_id: "c1",
      name: "weather",
      arguments: { city: "Ghent" },
      session_id: "sess_s1",
      key_id: "first",
    });
    const timestamp = headers.get("webhook-timestamp") ?? "";
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(2);
    expect(headers.get("webhook-id")).toBe("item_1");
    expect(headers.get("webhook-signature")).toBe(`v1,${await signatureOf(`item_1.${timestamp}.${body}`)}`);
  });

  test("[X391] arguments are posted as the model wrote them: no number is another one", async () => {
    const requests = answering(() => new Response("done"));
    const given = '{"order": 90071992547409931, "sum": 1.10, "for": "$1"}';
    await createWebhooks([tool()], WHOSE)({ ...CALL, arguments: `\uFEFF${given}` });
    expect(requests[0]?.body).toContain(`"arguments":${given},`);
    expect(JSON.parse(requests[0]?.body ?? "")).toMatchObject({ id: "item_1", arguments: { for: "$1" } });
  });

  test("[X256] a tool that says nothing has done it", async () => {
    answering(() => new Response(null, { status: 204 }));
    expect(await asked()).toEqual({ output: "done" });
  });

  test.each([500, 503, 429, 408])(
    "[X257] after %i it is tried again under the same name and body",
    async (code) => {
      const requests = answering(status(code), () => new Response("grey"));
      expect(await asked()).toEqual({ output: "grey" });
      expect(requests.map(({ headers }) => headers.get("webhook-id"))).toEqual(["item_1", "item_1"]);
      expect(requests[0]?.body).toBe(requests[1]?.body);
    },
  );

  test("[X257] so it is after a timeout and a lost connection, as often as its tool says", async () => {
    const requests = answering(
      never,
      () => Promise.reject(new TypeError("reset")),
      () => new Response("grey"),
    );
    expect(await asked()).toEqual({ output: "grey" });
    expect(requests).toHaveLength(3);
    const failing = answering(status(500));
    expect(await asked({ retries: 1 })).toEqual({ failure: "unreachable" });
    expect(failing).toHaveLength(2);
  });

  test("[X257] no attempt begins beyond its budget, and waits between them differ", async () => {
    const requests = answering(never);
    const began = Date.now();
    expect(await asked({ budgetMs: 600, retries: 5 })).toEqual({ failure: "timeout" });
    expect(Date.now() - began).toBeLessThan(900);
    expect(requests.length).toBeLessThan(4);
  });

  test.each([
    ["a refusal", status(403), "refused"],
    [
      "a redirect",
      () => new Response(null, { status: 302, headers: { Location: "https://b.example" } }),
      "refused",
    ],
    ["an endless answer", () => new Response("y".repeat(70_000)), "too_large"],
  ])("[X258] %s is not tried again, and is a failure", async (_, answer, failure) => {
    const requests = answering(answer);
    expect(await asked()).toEqual({ failure });
    expect(requests.map(({ init }) => init.redirect)).toEqual(["manual"]);
  });

  test("[X258] an answer that begins and does not end is a timeout", async () => {
    const stalled = () =>
      new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array([104])) }));
    answering(stalled);
    expect(await asked({ retries: 0 })).toEqual({ failure: "timeout" });
  });

  test("[X258] a tool that the route does not have any more is called nowhere", async () => {
    const requests = answering(() => new Response("grey"));
    expect(await createWebhooks([], WHOSE)(CALL)).toEqual({ failure: "not_offered" });
    expect(requests).toEqual([]);
  });
});

test("[X241] a session that brings a tool of such a name is not created", () => {
  const plan = { name: "voice", upstreams: [], session: {}, detector: "energy", tools: [tool()] } as const;
  const session = (name: string) => ({ tools: [{ type: "function", name }] });
  expect(() => effectiveSession(plan, session("weather"), "invalid_value")).toThrow(Problem);
  expect(() => effectiveSession(plan, session("weather"), "invalid_value")).toThrow(
    "'weather' is the relay's own",
  );
  expect(effectiveSession(plan, session("lights"), "invalid_value")["tools"]).toHaveLength(1);
});
