import { describe, expect, test } from "vitest";
import type { RelayConfigInput } from "../../src/config/define.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { bearer, call, callWith, HOST, post, problemOf } from "./doors.ts";
import { type ClientSocket, connect, upgrade } from "./socket.ts";

const MCP = { type: "mcp", server_label: "x", server_url: "http://169.254.169.254/latest" };
const FUNCTION = { type: "function", name: "look", parameters: {} };

async function mint(body: object, key?: string): Promise<string> {
  const response = await post("/v1/realtime/client_secrets", body, bearer(key));
  expect(response.status).toBe(200);
  return (await response.json<{ readonly value: string }>()).value;
}

async function modelOf(path: string, secret: string): Promise<unknown> {
  const client = await connect(path, bearer(secret));
  const { session } = await client.event("session.created");
  client.close(1000);
  return (session as JsonObject)["model"];
}

async function errorOf(client: ClientSocket): Promise<unknown[]> {
  const { error } = await client.event("error");
  const { code, param, event_id: id } = error as JsonObject;
  return [code, param, id];
}

describe("a client secret", () => {
  test("[H106] is for the model that it was minted for", async () => {
    const secret = await mint({ session: { model: "echo" } });
    for (const path of ["/v1/realtime", "/v1/realtime?model=echo", "/v1/realtime?deployment=echo"]) {
      expect(await modelOf(path, secret)).toBe("echo");
    }
    for (const model of ["demo", "demo%2Becho", "openai", "anything-at-all", "Echo"]) {
      const refused = await upgrade(`/v1/realtime?model=${model}`, bearer(secret));
      expect(await problemOf(refused)).toEqual([400, "invalid_value", "model"]);
    }
  });

  test("[H131] begins a third of its key's sessions a minute, and leaves the others theirs", async () => {
    const body = { session: { model: "echo" } };
    const [stolen, other] = [await mint(body, "key-slow"), await mint(body, "key-slow")];
    expect(await modelOf("/v1/realtime", stolen)).toBe("echo");
    const refused = await upgrade("/v1/realtime", bearer(stolen));
    expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(30);
    const { limit } = await refused.clone().json<{ limit: unknown }>();
    expect(limit).toMatchObject({ name: "sessions_per_minute", value: 1 });
    expect(await problemOf(refused)).toEqual([429, "rate_limited", null]);
    expect(await modelOf("/v1/realtime", other)).toBe("echo");
  });

  test("[H131] a quarter of them at once", async () => {
    const secret = await mint({ session: { model: "echo" } }, "key-steady");
    for (let n = 0; n < 2; n += 1) expect(await modelOf("/v1/realtime", secret)).toBe("echo");
    const refused = await upgrade("/v1/realtime", bearer(secret));
    const { limit } = await refused.clone().json<{ limit: unknown }>();
    expect(limit).toMatchObject({ name: "sessions_per_minute", value: 7 });
    expect(await problemOf(refused)).toEqual([429, "rate_limited", null]);
  });

  test("[H106] or for a list of models, of which the first is opened unasked", async () => {
    const secret = await mint({ models: ["echo", "demo"] });
    expect(await modelOf("/v1/realtime", secret)).toBe("echo");
    expect(await modelOf("/v1/realtime?model=demo", secret)).toBe("demo");
    const refused = await upgrade("/v1/realtime?model=demo%2Becho", bearer(secret));
    expect(await problemOf(refused)).toEqual([400, "invalid_value", "model"]);
    expect(
      await modelOf("/v1/realtime", await mint({ session: { model: "demo" }, models: ["echo", "demo"] })),
    ).toBe("demo");
  });

  test.each([
    [{ models: [] }, 400, "models"],
    [{ models: "echo" }, 400, "models"],
    [{ session: { model: "echo" }, models: ["demo"] }, 400, "models"],
    [{ models: ["openai"] }, 500, null],
    [{ locked: ["instruction"] }, 400, "locked.0"],
    [{ locked: ["audio.output.vioce"] }, 400, "locked.0"],
    [{ locked: "instructions" }, 400, "locked"],
    [{ tool_types: [7] }, 400, "tool_types.0"],
    [{ resumable: 1 }, 400, "resumable"],
  ])("[H106] [H105] one with %j is refused by name", async (body, status, param) => {
    const [code, , named] = await problemOf(await post("/v1/realtime/client_secrets", body));
    expect([code, named]).toEqual([status, param]);
  });

  test("[H47] one whose models would not fit into it is 413", async () => {
    const models = Array.from({ length: 16 }, (_, n) => `${"m".repeat(250)}${n}`);
    const response = await post("/v1/realtime/client_secrets", { models });
    expect(await problemOf(response)).toEqual([413, "session_too_large", "models"]);
  });

  test("[H106] without a model it is for the default route, by whatever name leads there", async () => {
    const secret = await mint({});
    for (const model of ["demo", "gpt-realtime"]) {
      expect(await modelOf(`/v1/realtime?model=${model}`, secret)).toBe(model);
    }
    const refused = await upgrade("/v1/realtime?model=echo", bearer(secret));
    expect(await problemOf(refused)).toEqual([400, "invalid_value", "model"]);
  });

  test("[H106] of a default route that asks for the very string it says no name but the route's", async () => {
    const routes = { any: { upstreams: [{ name: "any", adapter: "echo", model: "*" }] } };
    const config = { routes, defaultRoute: "any" };
    const secret = await mint({});
    const dial = (model: string) =>
      callWith(
        config,
        {},
        new Request(`${HOST}/v1/realtime?model=${model}`, {
          headers: { Upgrade: "websocket", ...bearer(secret) },
        }),
      );
    expect(await problemOf(await dial("gpt-dearest"))).toEqual([400, "invalid_value", "model"]);
    expect((await dial("any")).status).not.toBe(400);
  });

  test("[H107] its holder, and a session token's, is not told the names of bindings", async () => {
    const config: RelayConfigInput = {
      routes: {
        echo: {
          upstreams: [{ name: "far", adapter: "openai-compatible", url: { env: "SOME_URL" } }],
        },
      },
      defaultRoute: "echo",
    };
    const secret = await mint({ session: { model: "echo" } });
    const created = await (
      await post("/v1/sessions", { model: "echo" })
    ).json<{ id: string; token: string }>();
    const paths: [string, string][] = [
      ["/v1/realtime", secret],
      [`/v1/sessions/${created.id}`, created.token],
    ];
    for (const [path, credential] of paths) {
      const headers = { Upgrade: "websocket", ...bearer(credential) };
      const response = await callWith(config, {}, new Request(HOST + path, { headers }));
      expect(await response.clone().text()).not.toContain("SOME_URL");
      expect(await problemOf(response)).toEqual([500, "misconfigured", null]);
    }
    const owner = new Request(`${HOST}/v1/realtime?model=echo`, {
      headers: { Upgrade: "websocket", ...bearer() },
    });
    expect(await (await callWith(config, {}, owner)).text()).toContain("SOME_URL");
  });

  test("[H100] [H104] what it was minted with is locked, and its tools are functions", async () => {
    const session = { model: "echo", instructions: "Sell shoes.", tools: [MCP] };
    const client = await connect("/v1/realtime", bearer(await mint({ session, locked: ["instructions"] })));
    await client.event("session.created");
    client.send({
      type: "session.update",
      event_id: "u1",
      session: { instructions: "Obey.", tools: [MCP, FUNCTION] },
    });
    expect(await errorOf(client)).toEqual(["field_locked", "session.instructions", "u1"]);
    expect((await client.event("session.updated"))["session"]).toMatchObject({
      instructions: "Sell shoes.",
      tools: [MCP, FUNCTION],
    });
    client.send({
      type: "session.update",
      event_id: "u2",
      session: { tools: [{ ...MCP, server_label: "y" }] },
    });
    expect(await errorOf(client)).toEqual(["tool_not_allowed", "session.tools", "u2"]);
    client.close(1000);
  });

  test("[H104] an API key brings tools of any kind; a secret minted with tool_types those", async () => {
    const allowed = await mint({ session: { model: "echo" }, tool_types: ["function", "mcp"] });
    for (const credential of ["key-one", allowed]) {
      const client = await connect("/v1/realtime?model=echo", bearer(credential));
      client.send({ type: "session.update", session: { tools: [MCP] } });
      expect((await client.event("session.updated"))["session"]).toMatchObject({ tools: [MCP] });
      client.close(1000);
    }
  });

  test("[H100] [H104] likewise a session of POST /v1/sessions, also one that was pre-warmed", async () => {
    for (const warm of [{}, { prewarm: true, location_hint: "weur" }]) {
      const body = { model: "echo", locked: ["unknown"], session: { instructions: "Sell shoes." }, ...warm };
      const { id, token } = await (await post("/v1/sessions", body)).json<{ id: string; token: string }>();
      const client = await connect(`/v1/sessions/${id}`, bearer(token));
      client.send({ type: "session.update", event_id: "u", session: { service_tier: "x", tools: [MCP] } });
      expect(await errorOf(client)).toEqual(["field_locked", "session.service_tier", "u"]);
      expect(await errorOf(client)).toEqual(["tool_not_allowed", "session.tools", "u"]);
      client.close(1000);
    }
    const wrong = await post("/v1/sessions", { locked: ["voice"] });
    expect(await problemOf(wrong)).toEqual([422, "unprocessable", "locked.0"]);
  });
});

describe("a route's locks", () => {
  const config: RelayConfigInput = {
    routes: {
      echo: {
        upstreams: [{ name: "echo", adapter: "echo" }],
        session: { instructions: "Sell shoes." },
        locked: ["instructions"],
        toolTypes: ["function"],
      },
    },
    defaultRoute: "echo",
  };
  const send = (path: string, session: object) =>
    callWith(
      config,
      {},
      new Request(HOST + path, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...bearer() },
        body: JSON.stringify({ session }),
      }),
    );

  test.each([
    ["/v1/sessions", 422],
    ["/v1/realtime/client_secrets", 400],
  ])("[H105] bind what is made at %s too", async (path, status) => {
    for (const [session, param] of [
      [{ instructions: "Obey." }, "session.instructions"],
      [{ tools: [MCP] }, "session.tools"],
    ] as const) {
      const [code, , named] = await problemOf(await send(path, session));
      expect([code, named]).toEqual([status, param]);
    }
    expect((await send(path, { instructions: "Sell shoes.", tools: [FUNCTION] })).status).toBeLessThan(300);
  });
});

describe("a resume token", () => {
  test("[H110] goes as a subprotocol, and is never echoed", async () => {
    const offered = { ...bearer(), "Sec-WebSocket-Protocol": "duplex.v1" };
    const client = await connect("/v1/realtime?model=echo", offered);
    const { session } = await client.event("session.created");
    const { session_id: id, resume_token: token } = (session as JsonObject)["relay"] as {
      session_id: string;
      resume_token: string;
    };
    client.close(1001);
    const back = await connect(`/v1/sessions/${id}`, {
      "Sec-WebSocket-Protocol": `duplex.v1, relay-resume.${token}`,
    });
    expect(back.protocol).toBe("duplex.v1");
    back.send({ type: "session.resume", resume_token: token, last_received: 1 });
    expect(await back.event("session.resumed")).toMatchObject({ verdict: "resumed" });
    back.close(1000, "end");
  });

  test("[H119] nobody comes back to one session more often than five times at once and sixty a minute", async () => {
    const { id } = await (await post("/v1/sessions", { model: "echo" })).json<{ id: string }>();
    const path = `/v1/sessions/${id}?resume_token=rt_1`;
    const tried = (from?: string) =>
      upgrade(path, {
        "Sec-WebSocket-Protocol": "duplex.v1",
        ...(from !== undefined && { "CF-Connecting-IP": from }),
      });
    const letIn = async (from?: string): Promise<void> => {
      const { status, webSocket } = await tried(from);
      expect(status).toBe(101);
      webSocket?.accept();
    };
    for (let n = 0; n < 5; n += 1) await letIn();
    const refused = await tried();
    // Whoever learnt its name keeps nobody out of it who comes from elsewhere.
    await letIn("203.0.113.7");
    expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await problemOf(refused)).toEqual([429, "rate_limited", null]);
    expect(await problemOf(await upgrade(`/v1/realtime?session_id=${id}`, bearer()))).toEqual([
      429,
      "rate_limited",
      null,
    ]);
    expect((await call(`/v1/sessions/${id}`, { headers: bearer() })).status).toBe(404);
  });
});
