/** Wrong keys, tokens, origins and upstreams at a running relay: problem details over HTTP, error events in a call. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRelay, type Relay } from "../support/relay.ts";
import { dialRaw, Refused, textTurn, type RawDial } from "../support/sdk-raw.ts";

let relay: Relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.close());

const key = (): Record<string, string> => ({ Authorization: `Bearer ${relay.apiKey}` });

/** RFC 9457, with OpenAI's `error` beside it. */
async function problem(response: Response, status: number): Promise<string> {
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  return checkProblem(await response.text(), status);
}

function checkProblem(body: string, status: number): string {
  const value = JSON.parse(body) as { title: string; detail: string; error: { message: string } };
  expect(value).toMatchObject({
    status,
    type: expect.any(String),
    title: expect.any(String),
    detail: expect.any(String),
  });
  expect(value.error.message.length).toBeGreaterThan(0);
  return value.detail;
}

async function refusedDial(url: string, dial: RawDial): Promise<Refused> {
  const outcome = await dialRaw(url, dial).then(
    (call) => call.hangUp(),
    (error: unknown) => error,
  );
  if (!(outcome instanceof Refused)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome;
}

interface CreatedSession {
  readonly id: string;
  readonly url: string;
  readonly token: string;
}

async function createSession(body: object = {}): Promise<CreatedSession> {
  const response = await fetch(`${relay.url}/v1/sessions`, {
    method: "POST",
    headers: { ...key(), "content-type": "application/json" },
    body: JSON.stringify({ token_in_url: true, ...body }),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as CreatedSession;
}

const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${relay.url}${path}`, {
    method: "POST",
    headers: { ...key(), "content-type": "application/json", ...headers },
    body,
  });

describe("keys and tokens", () => {
  test("[S37] a wrong key and no key are refused with 401 at every door", async () => {
    for (const headers of [{}, { Authorization: "Bearer sk-wrong" }]) {
      const dialled = await refusedDial(`${relay.wsUrl}/v1/realtime?model=demo`, { headers });
      expect(dialled.status).toBe(401);
      checkProblem(dialled.body, 401);
      for (const path of ["/v1/sessions", "/v1/realtime/client_secrets"]) {
        await problem(await fetch(`${relay.url}${path}`, { method: "POST", headers, body: "{}" }), 401);
      }
      await problem(await fetch(`${relay.url}/v1/models`, { headers }), 401);
    }
  });

  test("[S38] a session token opens its session once; used and wrong tokens are refused", async () => {
    const session = await createSession({ model: "demo" });
    const call = await dialRaw(session.url);
    await call.log.next("session.created");
    expect((await textTurn(call)).length).toBeGreaterThan(0);

    const used = await refusedDial(session.url, {});
    expect(used.status).toBe(409);
    expect(checkProblem(used.body, 409)).toMatch(/once/);
    const forged = new URL(session.url);
    forged.searchParams.set("token", `${session.token.slice(0, -4)}AAAA`);
    expect((await refusedDial(forged.href, {})).status).toBe(401);
    const other = await createSession();
    const crossed = new URL(session.url);
    crossed.searchParams.set("token", other.token);
    expect([401, 403]).toContain((await refusedDial(crossed.href, {})).status);

    // The call that holds the session has not noticed.
    expect((await textTurn(call)).length).toBeGreaterThan(0);
    await call.hangUp();
  });

  test("[S38] a deleted session closes its call and stays closed", async () => {
    const session = await createSession();
    const call = await dialRaw(session.url);
    await call.log.next("session.created");
    const deleted = await fetch(`${relay.url}/v1/sessions/${session.id}`, {
      method: "DELETE",
      headers: key(),
    });
    expect(deleted.ok).toBe(true);
    expect((await call.closed).code).not.toBe(1006);
    expect((await refusedDial(session.url, {})).status).toBeGreaterThanOrEqual(400);
  });

  test("[S39] a foreign origin is refused with 403, the relay's own is welcome", async () => {
    const url = `${relay.wsUrl}/v1/realtime?model=demo`;
    const refused = await refusedDial(url, { headers: { ...key(), Origin: "https://evil.example" } });
    expect(refused.status).toBe(403);
    expect(checkProblem(refused.body, 403)).toMatch(/origin/i);
    await problem(await post("/v1/sessions", "{}", { Origin: "https://evil.example" }), 403);
    const call = await dialRaw(url, { headers: { ...key(), Origin: relay.url } });
    await call.log.next("session.created");
    await call.hangUp();
  });
});

describe("requests", () => {
  test("[H42] the OpenAI door is found under every spelling of a base URL, and other addresses name the nearest", async () => {
    const base = relay.url.replace(/^http/, "ws");
    for (const path of [
      "//v1/realtime",
      "/v1//realtime/",
      "/realtime",
      "/openai/realtime/",
      "/v1/v1/realtime",
    ]) {
      const call = await dialRaw(`${base}${path}?model=echo`, { apiKey: relay.apiKey });
      await call.hangUp();
    }
    const detail = await problem(await fetch(`${relay.url}/v1/realtimes`, { headers: key() }), 404);
    expect(detail).toContain("/v1/realtime");
  });

  test("[S40] bad bodies are refused by status, naming the field", async () => {
    await problem(await post("/v1/sessions", "{not json"), 400);
    await problem(await post("/v1/sessions", "[]"), 400);
    expect(await problem(await post("/v1/sessions", '{"model":5}'), 422)).toContain("model");
    expect(await problem(await post("/v1/sessions", '{"session":"x"}'), 422)).toContain("session");
    expect(
      await problem(await post("/v1/realtime/client_secrets", '{"expires_after":{"seconds":5}}'), 400),
    ).toContain("expires_after.seconds");
    // No larger than a socket takes at once: a client that is still sending may find the connection closed instead.
    await problem(await post("/v1/sessions", JSON.stringify({ session: { x: "y".repeat(200_000) } })), 413);
    await problem(
      await post("/v1/sessions", "model=demo", { "content-type": "application/x-www-form-urlencoded" }),
      415,
    );
    await problem(await fetch(`${relay.url}/v1/realtime?model=demo`, { headers: key() }), 426);
    await problem(await fetch(`${relay.url}/v1/sessions`, { method: "PUT", headers: key() }), 405);
    await problem(await fetch(`${relay.url}/v1/nothing`, { headers: key() }), 404);
  });

  test("[S41] an unknown model is no error: it takes the default route", async () => {
    const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=gpt-of-next-year`, { apiKey: relay.apiKey });
    const { session } = await call.log.next("session.created");
    expect(session).toMatchObject({ model: "gpt-of-next-year" });
    expect((await textTurn(call)).length).toBeGreaterThan(0);
    await call.hangUp();
  });
});

describe("upstreams", () => {
  async function withDemoUrl(query: string, play: (bad: Relay) => Promise<void>): Promise<void> {
    const bad = await startRelay({ demoUrl: `${relay.demo?.url.replace(/^ws/, "http")}?${query}` });
    try {
      await play(bad);
      expect(bad.logs).toEqual([]);
    } finally {
      await bad.close();
    }
  }

  // What may be had by another attempt a plain client is not told.
  test.each([
    ["401", "realtime"],
    ["429", "duplex.v1"],
    ["503", "duplex.v1"],
  ])(
    "[S42] [L220] an upstream that refuses with %s is told to %s, and the call stays open",
    (status, protocol) =>
      withDemoUrl(`refuse=${status}`, async (bad) => {
        const to = { apiKey: bad.apiKey, protocols: [protocol] };
        const call = await dialRaw(`${bad.wsUrl}/v1/realtime?model=demo`, to);
        await call.log.next("session.created");
        const { error } = await call.log.next("error");
        expect(error.type).toBe("server_error");
        expect(error.message).toContain(status);
        expect(error.message).not.toContain("127.0.0.1");
        call.send({ type: "session.update", session: { type: "realtime", instructions: "Still there?" } });
        const { session } = await call.log.any("session.updated");
        expect(session).toMatchObject({ instructions: "Still there?" });
        await call.hangUp();
      }),
  );

  test("[S42] where one of two upstreams refuses, the other goes on", () =>
    withDemoUrl("refuse=503", async (bad) => {
      const call = await dialRaw(`${bad.wsUrl}/v1/realtime?model=demo%2Becho`, {
        apiKey: bad.apiKey,
        protocols: ["duplex.v1"],
      });
      await call.log.any("error", ({ error }) => error.type === "server_error");
      call.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(48_000, 1).toString("base64") });
      await call.framesUntil(
        (frames) => frames.reduce((sum, { payload }) => sum + payload.byteLength, 0) >= 48_000,
      );
      await call.hangUp();
    }));

  test("[S43] an upstream that talks nonsense is told of, and its sense still gets through", () =>
    withDemoUrl("garbage=1", async (bad) => {
      const to = { apiKey: bad.apiKey, protocols: ["duplex.v1"] };
      const call = await dialRaw(`${bad.wsUrl}/v1/realtime?model=demo`, to);
      await call.log.next("session.created");
      expect((await textTurn(call)).length).toBeGreaterThan(0);
      for (const { error } of call.log.all("error")) {
        expect(error).toMatchObject({ type: "server_error", code: "upstream_protocol_error" });
      }
      await call.hangUp();
    }));
});

test("[H26] who comes back in vain is told over a real socket, and the TCP connection ends with it", async () => {
  const { id, url } = await createSession({ model: "echo" });
  const live = await dialRaw(url, { protocols: ["duplex.v1"] });
  await live.log.next("session.created");
  for (const [name, code, reason] of [
    [id, 4003, "resume_refused"],
    [`${id.slice(0, -2)}zz`, 4004, "session_not_found"],
  ] as const) {
    const call = await dialRaw(`${relay.wsUrl}/v1/sessions/${name}?resume_token=rt_x`, {
      protocols: ["duplex.v1"],
    });
    expect((await call.log.any("error")).error).toMatchObject({
      type: "invalid_request_error",
      code: reason,
    });
    expect((await call.closed).code).toBe(code);
  }
  await live.hangUp();
});

test("[H30] DELETE ends a live call: its client has the close and the end of TCP within a second", async () => {
  for (const protocols of [["realtime"], ["duplex.v1"]]) {
    const { id, url } = await createSession({ model: "echo" });
    const call = await dialRaw(url, { protocols });
    call.send({ type: "session.update", session: { type: "realtime" } });
    await call.log.next("session.updated");
    const before = performance.now();
    const response = await fetch(`${relay.url}/v1/sessions/${id}`, { method: "DELETE", headers: key() });
    expect(response.status).toBe(204);
    expect(await call.closed).toEqual({ code: 1000, reason: "session ended by the application" });
    expect(performance.now() - before).toBeLessThan(1000);
  }
});

test("[H31] a key with a limit of one session at once is refused the second until the first has ended", async () => {
  const sha256 = createHash("sha256").update("key-single").digest("hex");
  const keys = JSON.stringify([{ id: "single", sha256, limits: { concurrent: 1 } }]);
  const limited = await startRelay({ vars: { RELAY_API_KEYS: keys } });
  try {
    const url = `${limited.wsUrl}/v1/realtime?model=echo`;
    const first = await dialRaw(url, { apiKey: "key-single" });
    await first.log.next("session.created");
    const second = await refusedDial(url, { apiKey: "key-single" });
    expect(second.status).toBe(429);
    expect(checkProblem(second.body, 429)).toContain("1 session at once");
    await first.hangUp();
    await expect
      .poll(() => dialRaw(url, { apiKey: "key-single" }).then((call) => call.hangUp(), String))
      .toBeUndefined();
  } finally {
    await limited.close();
  }
});
