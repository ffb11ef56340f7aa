/** What the doors' answers tell browsers. */
import { expect, test } from "vitest";
import { bearer, call, LOOPBACK } from "./doors.ts";

test("[S94] every answer is taken for what it says it is, and over https comes that way again", async () => {
  const knocks: (readonly [string, RequestInit])[] = [
    ["/healthz", {}],
    ["/v1/models", { headers: bearer() }],
    ["/v1/models", {}],
    ["/v1/nowhere", {}],
    ["/v1/models", { method: "PUT" }],
    ["/v1/sessions/sess_none", { headers: bearer(), method: "DELETE" }],
    ["/v1/models", { method: "OPTIONS", headers: { Origin: "https://relay.example" } }],
  ];
  for (const [path, init] of knocks) {
    const { headers } = await call(path, init);
    expect(headers.get("X-Content-Type-Options"), path).toBe("nosniff");
    expect(headers.get("Strict-Transport-Security"), path).toMatch(/^max-age=\d{8}$/);
  }
  // Not so on this machine, where other programs have no TLS: for a year a browser would find none of them.
  const own = await call("https://localhost:8443/healthz");
  expect(own.headers.get("Strict-Transport-Security")).toBeNull();
  const { headers } = await call(`${LOOPBACK}/healthz`);
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("Strict-Transport-Security")).toBeNull();
});

test("[S94] an upgrade is left as it is", async () => {
  const init = { headers: { ...bearer(), Upgrade: "websocket" } };
  const response = await call("/v1/realtime?model=echo", init);
  expect(response.status).toBe(101);
  expect(response.headers.get("X-Content-Type-Options")).toBeNull();
  response.webSocket?.accept();
  response.webSocket?.close(1000, "end");
});
