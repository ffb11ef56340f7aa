import { describe, expect, test } from "vitest";
import { bearer, call, problemOf } from "./doors.ts";
import { connect, upgrade } from "./socket.ts";

describe("GET /v1/realtime", () => {
  test("[H10] a key in any of the three places opens a session of the route", async () => {
    const places = [
      bearer(),
      { "api-key": "key-one" },
      { "Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.key-one" },
    ];
    for (const headers of places) {
      const client = await connect("/v1/realtime?model=echo", headers);
      const created = await client.event("session.created");
      expect(created["session"]).toMatchObject({ type: "realtime", model: "echo" });
      client.close(1000);
      expect((await client.closed).code).toBe(1000);
    }
  });

  test.each([
    ["", null],
    ["realtime", "realtime"],
    ["realtime,openai-insecure-api-key.key-one", "realtime"],
    ["realtime, duplex.v1, openai-insecure-api-key.key-one", "duplex.v1"],
    ["duplex.v1", "duplex.v1"],
    ["openai-insecure-api-key.key-one", null],
    ["something.else", null],
  ])("[H11] offered %j, exactly %j is echoed", async (offered, echoed) => {
    const client = await connect("/v1/realtime?model=echo", {
      ...bearer(),
      ...(offered !== "" && { "Sec-WebSocket-Protocol": offered }),
    });
    expect(client.protocol).toBe(echoed);
    const created = await client.event("session.created");
    expect("relay" in (created["session"] as object)).toBe(echoed === "duplex.v1");
    client.close(1000);
    await client.closed;
  });

  test("[H12] without an upgrade it is 426 and says what it wants", async () => {
    const response = await call("/v1/realtime?model=echo", { headers: bearer() });
    expect(response.headers.get("Upgrade")).toBe("websocket");
    expect(await problemOf(response)).toEqual([426, "upgrade_required", null]);
  });
});
