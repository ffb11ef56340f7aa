import { describe, expect, it } from "vitest";

import { createRedactor } from "../../src/upstreams/redact.ts";
import { connectOpenAi } from "./openai-connection.ts";

describe("a provider's errors", () => {
  it("[U17] announces the end of a session and gives the connection up", () => {
    const { connection, server } = connectOpenAi();
    connection.hear([
      server.error("session_expired", null, "Your session hit the maximum duration of 60 minutes."),
    ]);
    expect(connection.events.slice(1)).toMatchObject([
      { type: "expiring", inMs: 0 },
      { type: "error", error: { code: "session_expired" }, fatal: true },
    ]);
  });

  it("[U17] gives up when the key or the model is refused", () => {
    for (const code of ["invalid_api_key", "model_not_found", "insufficient_quota"]) {
      const { connection, server } = connectOpenAi();
      connection.hear([server.error(code, null)]);
      expect(connection.of("error")).toMatchObject([{ error: { code }, fatal: true }]);
    }
  });

  it("[U16] hands on no key, no header and no query of a URL", () => {
    const headers = { Authorization: "Bearer hunter2-and-more", "api-key": "0123456789abcdef" };
    const { connection, server } = connectOpenAi({ headers });
    const secrets = [
      "hunter2-and-more",
      "0123456789abcdef",
      "sk-proj-abc123DEF456ghi789",
      "ek_68af296e8e408191a1120ab6383263c2",
      "eyJhbGciOi.eyJzdWIiOi.sig",
      "token=abc",
    ];
    connection.hear([
      server.error(
        "invalid_value",
        null,
        `Refused ${secrets.slice(0, 5).join(" and ")} at https://a.example/v1?${secrets[5] ?? ""}`,
      ),
    ]);
    const message = connection.of("error")[0]?.error.message ?? "";
    for (const secret of secrets) expect(message).not.toContain(secret);
    expect(message).toContain("https://a.example/v1");
  });

  it("[U16] keeps ordinary words whole and bounds their length", () => {
    const redactor = createRedactor({ Authorization: "Bearer something-secret" });
    const words = "Bearer of bad news: conversation_already_has_active_response at item_abc.";
    expect(redactor.text(words)).toBe(words);
    expect(redactor.text("no! ".repeat(5000)).length).toBeLessThanOrEqual(500);
    expect(redactor.fault("not a code!", "", "upstream_error")).toEqual({
      code: "upstream_error",
      message: "The provider gave no reason.",
    });
    expect(redactor.fault("sk-1234567890abcdef", null, "upstream_error").code).toBe("upstream_error");
  });

  it("[U16] reads errors that are a string, or have no code", () => {
    const { connection } = connectOpenAi();
    connection.hear(['{"type":"error","error":"model is loading"}', '{"type":"error"}']);
    expect(connection.of("error").map(({ error }) => error)).toEqual([
      { code: "upstream_error", message: "model is loading" },
      { code: "upstream_error", message: "The provider gave no reason." },
    ]);
  });

  it("[U24] says what a close means", () => {
    const { connection } = connectOpenAi({ headers: { Authorization: "Bearer something-secret" } });
    const closed = (code: number, reason: string) => connection.upstream.closed(code, reason);
    expect(closed(1000, "OK")).toBeNull();
    expect(closed(1005, "")).toBeNull();
    expect(closed(0, "HTTP 401")?.code).toBe("upstream_unauthorized");
    expect(closed(0, "HTTP 404")?.code).toBe("upstream_not_found");
    expect(closed(0, "HTTP 429")?.code).toBe("upstream_rate_limited");
    expect(closed(0, "HTTP 503")?.code).toBe("upstream_unavailable");
    expect(closed(0, "")?.code).toBe("upstream_unavailable");
    expect(closed(1001, "Your session hit the maximum duration of 60 minutes.")?.code).toBe(
      "session_expired",
    );
    expect(closed(1006, "")?.code).toBe("upstream_closed");
    expect(closed(1008, "bad key something-secret")).toEqual({
      code: "upstream_policy",
      message: "The provider closed the connection (1008): bad key [redacted]",
    });
  });

  it("[U14] does not read binary, nor messages beyond a limit", () => {
    const { connection } = connectOpenAi();
    connection.hear([new TextEncoder().encode('{"type":"session.updated"}'), " ".repeat(17 * 1024 * 1024)]);
    expect(connection.of("error").map(({ error }) => error.code)).toEqual([
      "upstream_protocol_error",
      "upstream_protocol_error",
    ]);
  });

  it("[U16] passes rate limits on", () => {
    const { connection, server } = connectOpenAi();
    const limit = { name: "tokens", limit: 100, remaining: 5, reset_seconds: 2 } as const;
    connection.hear([server.say({ type: "rate_limits.updated", event_id: "e", rate_limits: [limit] })]);
    expect(connection.of("rate_limits")).toEqual([{ type: "rate_limits", rateLimits: [limit] }]);
  });
});
