import { once } from "node:events";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startDemo, type Demo } from "../../demo/server.ts";
import { Client } from "./client.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ port: 0 });
});
afterAll(() => demo.close());

async function refusal(query: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${demo.url}?${query}`, { headers });
  socket.on("error", () => undefined);
  const [, response] = await once(socket, "unexpected-response");
  const chunks: Buffer[] = await response.toArray();
  return {
    status: response.statusCode,
    retryAfter: response.headers["retry-after"],
    body: JSON.parse(Buffer.concat(chunks).toString()),
  };
}

describe("who may call", () => {
  test.each([
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Origin: "http://127.0.0.1.evil.example" },
    { Host: "rebound.example" },
    { Host: "rebound.example:8788", Origin: "http://rebound.example:8788" },
  ])("[D50] not a page of elsewhere, nor under a foreign name: %j", async (headers) => {
    expect(await refusal("", headers)).toMatchObject({
      status: 403,
      body: { error: { code: "origin_refused" } },
    });
    const asked = request({ port: demo.port, host: "127.0.0.1", path: "/stats", headers }).end();
    const [response] = await once(asked, "response");
    response.resume();
    expect(response.statusCode).toBe(403);
  });

  test.each([
    {},
    { Origin: "http://localhost:3000" },
    { Origin: "http://[::1]:3000" },
    { Host: "localhost:1" },
    { Host: "[::1]" },
  ])("[D50] programs and pages of this machine: %j", async (headers) => {
    const socket = new WebSocket(demo.url, { headers });
    await once(socket, "open");
    socket.close();
  });

  test("[D50] under any name, where it listens to more than this machine", async () => {
    const open = await startDemo({ port: 0, host: "0.0.0.0" });
    const url = open.url.replace("0.0.0.0", "127.0.0.1");
    const socket = new WebSocket(url, { headers: { Host: "voice.lan" } });
    await once(socket, "open");
    socket.close();
    const page = new WebSocket(url, { headers: { Origin: "https://evil.example" } });
    page.on("error", () => undefined);
    const [, response] = await once(page, "unexpected-response");
    expect(response.statusCode).toBe(403);
    await open.close();
  });
});

describe("handshake", () => {
  test("[D1] of the subprotocols offered, `realtime` alone is echoed; without an offer none is", async () => {
    const socket = new WebSocket(`${demo.url}?model=x`, ["realtime", "openai-insecure-api-key.secret"]);
    await once(socket, "open");
    expect(socket.protocol).toBe("realtime");
    socket.close();
    const plain = await Client.open(demo);
    expect(plain.socket.protocol).toBe("");
    await plain.hangUp();
  });

  test("[D2] the first event is session.created with the full configuration, for any model string", async () => {
    const socket = await Client.open(demo);
    const { session, event_id } = await socket.next("session.created");
    expect(socket.events[0]?.type).toBe("session.created");
    expect(event_id).toMatch(/^event_/);
    expect(session).toMatchObject({
      object: "realtime.session",
      type: "realtime",
      id: expect.stringMatching(/^sess_\w{21}$/),
      model: "demo",
      output_modalities: ["audio"],
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24000 },
          turn_detection: { type: "server_vad", create_response: true, interrupt_response: true },
        },
        output: { format: { type: "audio/pcm", rate: 24000 }, voice: "marin", speed: 1 },
      },
    });
    expect(session.expires_at).toBeGreaterThan(Date.now() / 1000 + 3500);
    await socket.hangUp();
  });

  test("[D3] the knob `refuse` answers the upgrade with that status and a JSON error", async () => {
    expect((await refusal("refuse=401")).status).toBe(401);
    const busy = await refusal("model=x", { "x-demo-refuse": "429" });
    expect(busy).toMatchObject({ status: 429, retryAfter: "1", body: { error: { code: "refused" } } });
  });

  test("[D3] a knob that cannot be read is refused with 400 and its name", async () => {
    for (const query of ["pace=fast", "piece_ms=1", "close_code=1005", "garbage=maybe", "first_audio_ms="]) {
      const { status, body } = await refusal(query);
      expect(status).toBe(400);
      expect(body.error.message).toContain(query.slice(0, query.indexOf("=")));
    }
  });

  test("[D4] other paths and methods are refused by name; /stats counts", async () => {
    const base = `http://127.0.0.1:${demo.port}`;
    expect((await fetch(`${base}/v1/realtime`)).status).toBe(426);
    expect((await fetch(`${base}/nowhere`)).status).toBe(404);
    expect((await fetch(`${base}/stats`, { method: "POST" })).status).toBe(405);
    const stats = async () => (await (await fetch(`${base}/stats`)).json()) as Record<string, number>;
    const before = await stats();
    const client = await Client.open(demo);
    await client.next("session.created");
    const after = await stats();
    expect(after["connections_total"]).toBe((before["connections_total"] ?? 0) + 1);
    await client.hangUp();
  });

  test("[D4] an upgrade that asks for nonsense does not disturb the server", async () => {
    const bad = request({
      port: demo.port,
      path: "//",
      headers: { connection: "upgrade", upgrade: "websocket" },
    });
    bad.end();
    const [response] = await once(bad, "response");
    expect(response.statusCode).toBe(404);
    response.resume();
  });

  test("[D5] closing the server closes its connections with 1001 and leaves nothing open", async () => {
    const own = await startDemo({ port: 0 });
    const client = await Client.open(own);
    await client.ask("hello", { output_modalities: ["text"] });
    await own.close();
    expect((await client.closed).code).toBe(1001);
    expect(own.stats.connections_open).toBe(0);
  });
});
