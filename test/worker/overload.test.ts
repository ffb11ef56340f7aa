import type { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { bearer, callWith, HOST, OTHER_KEY, problemOf } from "./doors.ts";

afterEach(() => void vi.restoreAllMocks());

/** Every object fails as the runtime says it. */
function failing(failure: Error) {
  const fail = async (): Promise<never> => {
    throw failure;
  };
  const VOICE_SESSION: unknown = {
    newUniqueId: () => "c".repeat(64),
    idFromString: (unique: string) => unique,
    get: () => ({ fetch: fail, prewarm: fail, prepare: fail, state: fail, terminate: fail, alive: fail }),
  };
  return { VOICE_SESSION: VOICE_SESSION as typeof env.VOICE_SESSION };
}

const overloaded = () => Object.assign(new Error("Durable Object is overloaded."), { overloaded: true });
const lost = () => Object.assign(new Error("Network connection lost."), { retryable: true });

const DIAL = () =>
  new Request(`${HOST}/v1/realtime?model=echo`, { headers: { Upgrade: "websocket", ...bearer() } });

describe("an object that cannot be reached", () => {
  test.each([
    ["an overload", overloaded()],
    ["a reset", lost()],
  ])("[H85] because of %s is 503 with Retry-After, without the runtime's words", async (_, failure) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const response = await callWith(null, failing(failure), DIAL());
    expect(response.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
    expect(await response.clone().text()).not.toContain(failure.message);
    expect(await problemOf(response)).toEqual([503, "overloaded", null]);
  });

  test("[H85] any other failure is a 500 without Retry-After", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const response = await callWith(null, failing(new TypeError("a bug")), DIAL());
    expect(response.headers.get("Retry-After")).toBeNull();
    expect(await problemOf(response)).toEqual([500, "internal_error", null]);
  });

  test("[H85] gives back the place that its session was to have", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const warm = () =>
      new Request(`${HOST}/v1/sessions`, {
        method: "POST",
        headers: { ...bearer(OTHER_KEY), "Content-Type": "application/json" },
        body: JSON.stringify({ prewarm: true, location_hint: "weur" }),
      });
    const config = {
      routes: { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } },
      defaultRoute: "echo",
      limits: { concurrent: 1 },
    };
    for (let n = 0; n < 3; n += 1) {
      const response = await callWith(config, failing(overloaded()), warm());
      expect(await problemOf(response)).toEqual([503, "overloaded", null]);
    }
  });
});
