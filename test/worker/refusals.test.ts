import { describe, expect, test } from "vitest";
import { bearer, call, callWith, HOST, problemOf } from "./doors.ts";

const MODELS = "/v1/models";
const HELD_MS = 900;
/** As Cloudflare's edge says who it is. */
const from = (address: string, headers: Record<string, string> = {}) =>
  call(MODELS, { headers: { "CF-Connecting-IP": address, ...headers } });

async function msOf(answer: Promise<Response>): Promise<number> {
  const begun = performance.now();
  const response = await answer;
  await response.body?.cancel();
  return performance.now() - begun;
}

/** Of so many at once, how many were held back. */
async function heldOf(ask: () => Promise<Response>, count = 60): Promise<number> {
  const waits = await Promise.all(Array.from({ length: count }, () => msOf(ask())));
  return waits.filter((ms) => ms > HELD_MS).length;
}

describe("who is refused again and again", () => {
  test("[H130] waits a second for each more refusal, and has the same answer then", async () => {
    const begun = performance.now();
    const answers = await Promise.all(Array.from({ length: 60 }, () => from("198.51.100.1")));
    expect(performance.now() - begun).toBeGreaterThan(HELD_MS);
    for (const answer of answers) expect(await problemOf(answer)).toEqual([401, "invalid_credentials", null]);
    expect(await heldOf(() => from("198.51.100.1"))).toBeGreaterThan(30);
  });

  test("[H130] 500 people behind one address, beside an attacker: good credentials never wait", async () => {
    const address = "198.51.100.2";
    expect(await heldOf(() => from(address, bearer("none")))).toBeGreaterThan(0);
    const secret = await call("/v1/realtime/client_secrets", {
      method: "POST",
      headers: { "CF-Connecting-IP": address, "Content-Type": "application/json", ...bearer() },
      body: '{"session":{"type":"realtime","model":"echo"}}',
    });
    expect(secret.status).toBe(200);
    // The attacker goes on.
    const attack = Promise.all(Array.from({ length: 40 }, () => msOf(from(address, bearer("none")))));
    const answers = await Promise.all(Array.from({ length: 500 }, () => from(address, bearer())));
    const begun = performance.now();
    for (let n = 0; n < 50; n += 1) answers.push(await from(address, bearer()));
    expect((performance.now() - begun) / 50).toBeLessThan(HELD_MS / 4);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(Math.max(...(await attack))).toBeGreaterThan(HELD_MS);
  });

  test("[H130] 500 people behind one address whose tokens ran out are all told so within seconds", async () => {
    const waits = await Promise.all(Array.from({ length: 500 }, () => msOf(from("198.51.100.3"))));
    expect(Math.max(...waits)).toBeLessThan(5000);
    expect(waits.filter((ms) => ms < HELD_MS).length).toBeGreaterThanOrEqual(40);
  });

  test("[H130] a network of IPv6 is one, another one is not, and who has no address is on this machine", async () => {
    await heldOf(() => from("2001:db8:7:7::1"));
    expect(await heldOf(() => from("2001:db8:7:7::99"))).toBeGreaterThan(30);
    expect(await heldOf(() => from("2001:db8:7:8::1"), 40)).toBe(0);
    expect(await heldOf(() => call(MODELS))).toBe(0);
  });

  test("[H130] refusals of a key are its own, wherever they come from, and other keys' are not held back", async () => {
    const unknown = (key: string) => call("/v1/sessions/sess_none", { headers: bearer(key) });
    expect(await heldOf(() => unknown("key-plain"))).toBeGreaterThan(0);
    expect(await heldOf(() => unknown("key-operator"), 40)).toBe(0);
    expect(await heldOf(() => call(MODELS, { headers: bearer("key-plain") }))).toBe(0);
  });

  test("[H130] a client that is turned away by a socket waits as well", async () => {
    const made = await call("/v1/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json", ...bearer("key-two") },
      body: '{"model":"echo"}',
    });
    const { id } = await made.json<{ id: string }>();
    const resume = async (name: string) => {
      const headers = {
        Upgrade: "websocket",
        "Sec-WebSocket-Protocol": "duplex.v1",
        "CF-Connecting-IP": "198.51.100.5",
      };
      const answer = await call(`/v1/sessions/${name}?resume_token=rt_1`, { headers });
      expect(answer.status).toBe(101);
      answer.webSocket?.accept();
      answer.webSocket?.close();
      return answer;
    };
    expect(await heldOf(() => resume("sess_none"))).toBeGreaterThan(0);
    // A session that there is is known by its name.
    expect(await heldOf(() => resume(id), 5)).toBe(0);
  });

  test("[H130] of a key without a limit of sessions a minute nothing waits", async () => {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("free")));
    const RELAY_API_KEYS = JSON.stringify([
      { id: "free", sha256: hash.toHex(), limits: { sessions_per_minute: null } },
    ]);
    const refused = () =>
      callWith(null, { RELAY_API_KEYS }, new Request(`${HOST}/v1/sessions/x`, { headers: bearer("free") }));
    expect(await heldOf(refused)).toBe(0);
  });
});
