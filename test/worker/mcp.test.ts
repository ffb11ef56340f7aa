/** Tools of MCP servers: what a server is sent, in which order, and that every call settles. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { McpClient } from "../../durable-objects/mcp.ts";
import { createWebhooks } from "../../durable-objects/webhook.ts";
import { isJsonObject, parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";

afterEach(() => vi.unstubAllGlobals());

const URL_ = "https://mcp.example.com/mcp";
const ok = (text: string) => ({ content: [{ type: "text", text }] });

function slowly(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => reject(new Error("aborted")));
  });
}

/** A server that keeps the protocol's rules, and says what was not according to them. */
class Server {
  readonly requests: { readonly method: string; readonly params: JsonObject; readonly headers: Headers }[] =
    [];
  readonly broken: string[] = [];
  readonly bodies: string[] = [];
  session = "s-1";
  forgot: () => Response = () => new Response(null, { status: 404 });
  streams = false;
  beginMs = 0;
  /** What a tool gives; or a response in place of it. */
  gives: (params: JsonObject) => JsonObject | Response | Promise<Response> = () => ok("grey");
  #begun = false;

  constructor() {
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => this.#take(url, init));
  }

  async #take(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    this.bodies.push(init.body as string);
    const message = parseJsonObject(init.body as string) ?? {};
    const method = message["method"] as string;
    const params = message["params"];
    this.requests.push({ method, params: isJsonObject(params) ? params : {}, headers });
    this.#look(url, init, headers, method);
    if (method === "initialize") {
      if (this.beginMs > 0) await slowly(this.beginMs, init.signal);
      return this.#initialized(message);
    }
    if (headers.get("mcp-session-id") !== this.session) return this.forgot();
    if (message["id"] === undefined) {
      this.#begun = true;
      return new Response(null, { status: 202 });
    }
    if (!this.#begun) this.broken.push(`${method} before it was initialized`);
    const given = await this.gives(isJsonObject(params) ? params : {});
    return given instanceof Response ? given : this.#answer(message["id"], given);
  }

  #look(url: string, init: RequestInit, headers: Headers, method: string): void {
    const accepts = headers.get("accept") ?? "";
    if (url !== URL_ || init.method !== "POST" || init.redirect !== "manual")
      this.broken.push("how it is asked");
    if (!accepts.includes("application/json") || !accepts.includes("text/event-stream"))
      this.broken.push("accept");
    const version = headers.get("mcp-protocol-version");
    if ((method === "initialize") !== (version === null))
      this.broken.push(`${method} with version ${version}`);
  }

  #initialized(message: JsonObject): Response {
    this.#begun = false;
    const result = {
      protocolVersion: "2025-06-18",
      capabilities: { tools: {} },
      serverInfo: { name: "t", version: "1" },
    };
    const body = JSON.stringify({ jsonrpc: "2.0", id: message["id"], result });
    return new Response(body, {
      headers: {
        "Content-Type": "application/json",
        ...(this.session !== "" && { "Mcp-Session-Id": this.session }),
      },
    });
  }

  #answer(id: JsonObject[string], result: JsonObject): Response {
    const answer = JSON.stringify({ jsonrpc: "2.0", id, result });
    if (!this.streams)
      return new Response(answer, { headers: { "Content-Type": "application/json; charset=utf-8" } });
    const notice = '{"jsonrpc":"2.0","method":"notifications/message","params":{}}';
    const ping = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"ping"}`;
    const events = `: hello\n\nevent: message\ndata: ${notice}\n\ndata: ${ping}\n\nid: 7\ndata: ${answer}\n\n`;
    // It stays open, and comes in pieces.
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        const bytes = new TextEncoder().encode(events);
        for (let at = 0; at < bytes.length; at += 9) controller.enqueue(bytes.slice(at, at + 9));
      },
    });
    return new Response(stream, { headers: { "Content-Type": "text/event-stream" } });
  }
}

const client = (more = {}) => new McpClient({ url: URL_, ...more });
const call = (one: McpClient, ms = 1000) => one.call("weather", '{"city":"Ghent"}', "item_1", ms);

describe("a tool of an MCP server", () => {
  test("[X305] is called in the server's session, which is begun once; the answer is JSON or a stream that stays open", async () => {
    for (const streams of [false, true]) {
      const server = new Server();
      server.streams = streams;
      const one = client({ authorization: "Bearer t" });
      expect(await Promise.all([call(one), call(one)])).toEqual([{ output: "grey" }, { output: "grey" }]);
      const methods = server.requests.map(({ method }) => method);
      expect(methods).toEqual(["initialize", "notifications/initialized", "tools/call", "tools/call"]);
      expect(server.requests.at(-1)?.params).toEqual({
        name: "weather",
        arguments: { city: "Ghent" },
        _meta: { "edge-duplex-relay/call_id": "item_1" },
      });
      expect(server.requests.every(({ headers }) => headers.get("authorization") === "Bearer t")).toBe(true);
      expect(server.broken).toEqual([]);
    }
  });

  test("[X305] a server without sessions is asked without", async () => {
    const server = new Server();
    server.session = "";
    vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
      const { id, method } = parseJsonObject(init.body as string) ?? {};
      expect(new Headers(init.headers).has("mcp-session-id")).toBe(false);
      if (id === undefined) return new Response(null, { status: 202 });
      return Response.json({
        jsonrpc: "2.0",
        id,
        result: method === "initialize" ? { protocolVersion: "2025-03-26" } : ok("grey"),
      });
    });
    expect(await call(client())).toEqual({ output: "grey" });
  });

  test("[X306] what it gave is told as text, also that it is an error; what cannot be told is named", async () => {
    const server = new Server();
    const one = client();
    for (const [result, output] of [
      [
        {
          content: [
            { type: "text", text: "a" },
            { type: "image", data: "AA" },
            { type: "text", text: "b" },
          ],
        },
        "a\n(image that cannot be told)\nb",
      ],
      [{ content: [], structuredContent: { sky: "grey" } }, '{"sky":"grey"}'],
      [{ content: [] }, "done"],
      [{ ...ok("no such city"), isError: true }, "The tool reports an error: no such city"],
    ] as const) {
      server.gives = () => result;
      expect(await call(one)).toEqual({ output });
    }
  });

  /** What servers that are made after the official SDK's example answer in place of 404. */
  const noSession = (): Response => {
    const error = { code: -32000, message: "Bad Request: No valid session ID provided" };
    return Response.json({ jsonrpc: "2.0", error, id: null }, { status: 400 });
  };

  test("[X307] a status of 400 that is about the session is taken for the same, and no other is", async () => {
    const server = new Server();
    const one = client();
    await call(one);
    server.session = "s-2";
    server.forgot = noSession;
    expect(await call(one)).toEqual({ output: "grey" });
    const begun = () => server.requests.filter(({ method }) => method === "initialize").length;
    expect(begun()).toBe(2);
    const sent = () => server.requests.filter(({ method }) => method === "tools/call").length;
    const before = sent();
    server.gives = () => new Response("the colour is wrong", { status: 400 });
    expect(await call(one)).toEqual({ failure: "refused" });
    expect([begun(), sent()]).toEqual([2, before + 1]);
    server.gives = noSession;
    expect(await call(one)).toEqual({ failure: "unreachable" });
    expect(begun()).toBe(3);
  });

  test("[X307] a session that the server has forgotten is begun anew, once", async () => {
    const server = new Server();
    const one = client();
    await call(one);
    server.session = "s-2";
    expect(await call(one)).toEqual({ output: "grey" });
    expect(server.requests.filter(({ method }) => method === "initialize")).toHaveLength(2);
    server.gives = () => new Response(null, { status: 404 });
    expect(await call(one)).toEqual({ failure: "unreachable" });
    expect(server.requests.filter(({ method }) => method === "initialize")).toHaveLength(3);
  });

  test("[X307] once for all calls that meet it", async () => {
    const server = new Server();
    const one = client();
    await call(one);
    server.session = "s-2";
    const grey = { output: "grey" };
    expect(await Promise.all([call(one), call(one), call(one)])).toEqual([grey, grey, grey]);
    expect(server.requests.filter(({ method }) => method === "initialize")).toHaveLength(2);
  });

  test("[X389] a session that begins slowly is begun for all who wait for it, each for its own time", async () => {
    const server = new Server();
    server.beginMs = 400;
    const one = client();
    expect(await Promise.all([call(one, 100), call(one, 2000)])).toEqual([
      { failure: "timeout" },
      { output: "grey" },
    ]);
    expect(server.requests.filter(({ method }) => method === "initialize")).toHaveLength(1);
    expect(server.requests.filter(({ method }) => method === "tools/call")).toHaveLength(1);
  });

  test("[X308] every call settles, and is sent once", async () => {
    const server = new Server();
    const one = client();
    const refuses = { jsonrpc: "2.0", id: 99, error: { code: -32602, message: "a reason of the server's" } };
    for (const [gives, failure] of [
      [() => new Response(null, { status: 500 }), "unreachable"],
      [() => new Response(null, { status: 401 }), "refused"],
      [() => new Response(null, { status: 307, headers: { Location: "https://b.example" } }), "refused"],
      [() => Response.json({ ...refuses, id: server.requests.length }), "unreachable"],
      [() => new Response("no json"), "unreachable"],
      [() => new Response("y".repeat(1_200_000)), "too_large"],
      [() => ok("y".repeat(70_000)), "too_large"],
      [() => Promise.reject(new TypeError("reset")), "unreachable"],
    ] as const) {
      server.gives = gives;
      const before = server.requests.length;
      expect(await call(one)).toEqual({ failure });
      expect(server.requests.slice(before).filter(({ method }) => method === "tools/call")).toHaveLength(1);
    }
    server.gives = () => new Promise<Response>(() => {});
    expect(await call(one, 150)).toEqual({ failure: "timeout" });
  });

  test("[X308] an error of the server's is a refusal", async () => {
    vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
      const { id, method } = parseJsonObject(init.body as string) ?? {};
      if (method === "initialize") return Response.json({ jsonrpc: "2.0", id, result: {} });
      if (id === undefined) return new Response(null, { status: 202 });
      return Response.json({ jsonrpc: "2.0", id, error: { code: -32602, message: "unknown tool" } });
    });
    expect(await call(client())).toEqual({ failure: "refused" });
  });

  test("[X305] a route's tools of one server share its session, under their names there", async () => {
    const server = new Server();
    const mcp = { url: URL_, tool: "get_weather", timeoutMs: 1000 };
    const plan = (name: string) => ({ name, description: "Says it.", parameters: { type: "object" }, mcp });
    const ask = createWebhooks([plan("weather"), plan("sky")], { id: "s1", keyId: "first" });
    const wanted = { type: "tool", id: "item_1", callId: "c1", arguments: "{}" } as const;
    expect(await ask({ ...wanted, name: "weather" })).toEqual({ output: "grey" });
    expect(await ask({ ...wanted, name: "sky" })).toEqual({ output: "grey" });
    expect(server.requests.filter(({ method }) => method === "initialize")).toHaveLength(1);
    expect(server.requests.at(-1)?.params["name"]).toBe("get_weather");
  });

  test("[X391] arguments are sent as the model wrote them", async () => {
    const server = new Server();
    const mcp = { url: URL_, tool: "get_weather", timeoutMs: 1000 };
    const plan = { name: "weather", description: "Says it.", parameters: { type: "object" }, mcp };
    const ask = createWebhooks([plan], { id: "s1", keyId: "first" });
    const given = '{"order": 90071992547409931, "sum": 1.10, "for": "$1"}';
    await ask({ type: "tool", id: "item_1", callId: "c1", name: "weather", arguments: `\uFEFF${given}` });
    expect(server.bodies.at(-1)).toContain(`"arguments":${given}`);
    expect(server.requests.at(-1)?.params).toMatchObject({ name: "get_weather", arguments: { for: "$1" } });
    expect(server.broken).toEqual([]);
  });

  test("[X309] what a server offers is listed, page by page", async () => {
    const server = new Server();
    const tool = (name: string) => ({ name, inputSchema: { type: "object" } });
    server.gives = ({ cursor }) =>
      cursor === undefined ? { tools: [tool("a")], nextCursor: "n" } : { tools: [tool("b")] };
    expect((await client().tools(1000)).map(({ name }) => name)).toEqual(["a", "b"]);
    server.gives = () => ({ tools: [], nextCursor: "again" });
    await client().tools(1000);
    expect(server.requests.length).toBeLessThan(30);
  });
});
