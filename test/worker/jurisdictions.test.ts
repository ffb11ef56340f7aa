import type { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { RelayConfigInput } from "../../src/config/define.ts";
import { bearer, callWith, HOST, LOOPBACK, type ProblemBody, problemOf } from "./doors.ts";

const echo = { upstreams: [{ name: "echo", adapter: "echo" }] };
const CONFIG: RelayConfigInput = {
  routes: {
    anywhere: echo,
    europe: { ...echo, jurisdiction: "eu" },
    states: { ...echo, jurisdiction: "us" },
  },
  defaultRoute: "anywhere",
};

/** Writes down where objects are asked for. Nothing begins in them. */
function places() {
  const asked: string[] = [];
  let drawn = 0;
  const namespace = (where: string) => ({
    newUniqueId: () => {
      drawn += 1;
      return { toString: () => drawn.toString(16).padStart(64, "0") };
    },
    idFromName: () => where,
    idFromString: () => where,
    get: (id: string, { locationHint }: { locationHint?: string } = {}) => {
      asked.push(locationHint === undefined ? id : `${id} ${locationHint}`);
      return {
        fetch: async () => Response.json({ refusal: "session_ended" }, { status: 409 }),
        prewarm: async () => true,
        keep: async () => {},
        kept: async () => "{}",
      };
    },
  });
  const kept: string[] = [];
  const keptIn = (where: string) => ({
    ...namespace(where),
    get: () => (kept.push(where), { keep: async () => {}, kept: async () => "{}" }),
  });
  const world: unknown = { ...namespace("world"), jurisdiction: namespace };
  const keptWorld: unknown = { ...keptIn("world"), jurisdiction: keptIn };
  const bindings = {
    VOICE_SESSION: world as typeof env.VOICE_SESSION,
    KEPT_SESSION: keptWorld as NonNullable<typeof env.KEPT_SESSION>,
  };
  return { asked, kept, door: (request: Request) => callWith(CONFIG, bindings, request) };
}

type Door = ReturnType<typeof places>["door"];

const dial = (path: string, key: Record<string, string> = bearer()) =>
  new Request(new URL(path, HOST), { headers: { Upgrade: "websocket", ...key } });

function post(path: string, body: object): Request {
  const headers = { ...bearer(), "Content-Type": "application/json" };
  return new Request(new URL(path, HOST), { method: "POST", headers, body: JSON.stringify(body) });
}

async function mint(door: Door, body: object): Promise<{ value: string; session: { id: string } }> {
  const response = await door(post("/v1/realtime/client_secrets", body));
  if (response.status !== 200) throw new Error(await response.text());
  return response.json();
}

/** A session that is long enough to be kept. */
const LONG = { instructions: crypto.getRandomValues(new Uint8Array(6000)).toHex() };

describe("a jurisdiction", () => {
  test("[H125] that a route demands holds at every door: sessions, the OpenAI door, client secrets", async () => {
    const { asked, kept, door } = places();
    const created = await door(post("/v1/sessions", { model: "europe", session: LONG }));
    const { id, token } = await created.json<{ id: string; token: string }>();
    expect(id).toMatch(/^sess_eu_/);
    expect(kept).toEqual(["eu"]);
    await door(dial(`/v1/sessions/${id}`, bearer(token)));
    await door(dial("/v1/realtime?model=europe"));
    await door(dial("/v1/realtime?model=states&jurisdiction=us"));
    const { value } = await mint(door, { session: { model: "europe", type: "realtime", ...LONG } });
    await door(dial("/v1/realtime", bearer(value)));
    const again = await mint(door, { session: { model: "europe" }, resumable: true });
    expect(again.session.id).toMatch(/^sess_eu_/);
    await door(dial("/v1/realtime", bearer(again.value)));
    await door(dial("/v1/realtime?model=anywhere"));
    expect(kept).toEqual(["eu", "eu", "eu", "eu"]);
    expect(asked).toEqual(["eu", "eu", "eu", "us", "eu", "eu", "world"]);
  });

  test("[H125] that is asked for holds too, at every door", async () => {
    const { asked, door } = places();
    await door(dial("/v1/realtime?model=anywhere&jurisdiction=fedramp"));
    const { value } = await mint(door, { session: { model: "anywhere" }, jurisdiction: "eu" });
    await door(dial("/v1/realtime", bearer(value)));
    await door(dial("/v1/realtime?jurisdiction=eu", bearer(value)));
    expect(asked).toEqual(["fedramp", "eu", "eu"]);
  });

  test.each([
    ["model=europe&jurisdiction=us", "sessions of 'europe' lie in 'eu', not in 'us'"],
    ["model=anywhere&jurisdiction=pirate", "expected one of eu, fedramp, fedramp-high, us"],
    ["model=anywhere&jurisdiction=", "expected one of"],
  ])("[H125] ?%s is refused by name, and nothing begins", async (query, detail) => {
    const { asked, door } = places();
    const answer = await door(dial(`/v1/realtime?${query}`));
    expect((await answer.clone().json<ProblemBody>()).detail).toContain(detail);
    expect(await problemOf(answer)).toEqual([400, "invalid_value", "jurisdiction"]);
    expect(asked).toEqual([]);
  });

  test("[H125] other than a secret, a session or another route of the secret has is refused by name", async () => {
    const { asked, door } = places();
    const { value, session } = await mint(door, { session: { model: "europe" }, resumable: true });
    const wrong = [400, "invalid_value", "jurisdiction"];
    expect(await problemOf(await door(dial("/v1/realtime?jurisdiction=us", bearer(value))))).toEqual(wrong);
    const other = dial(`/v1/realtime?session_id=${session.id}&jurisdiction=us`);
    expect(await problemOf(await door(other))).toEqual(wrong);
    const secrets = "/v1/realtime/client_secrets";
    const both = { models: ["europe", "states"] };
    expect(await problemOf(await door(post(secrets, both)))).toEqual([400, "invalid_value", "models"]);
    const us = { session: { model: "europe" }, jurisdiction: "us" };
    expect(await problemOf(await door(post(secrets, us)))).toEqual(wrong);
    const created = await door(post("/v1/sessions", { model: "europe", jurisdiction: "us" }));
    expect(await problemOf(created)).toEqual([422, "unprocessable", "jurisdiction"]);
    expect(asked.filter((where) => where !== "eu")).toEqual([]);
  });

  test("[H125] that this runtime does not have refuses a deployed route, and none in development", async () => {
    const request = (host: string, key: string) =>
      new Request(new URL("/v1/sessions", host), {
        method: "POST",
        headers: { ...bearer(key), "Content-Type": "application/json" },
        body: '{"model":"europe"}',
      });
    const deployed = await callWith(CONFIG, {}, request(HOST, "key-one"));
    expect(await problemOf(deployed)).toEqual([422, "unprocessable", "jurisdiction"]);
    expect((await callWith(CONFIG, {}, request(LOOPBACK, "relay-dev"))).status).toBe(201);
  });

  test.each([
    [{ prewarm: true }, "eu weur"],
    [{ prewarm: true, client_country: "PL" }, "eu eeur"],
    [{ prewarm: true, client_country: "AU" }, "eu weur"],
    [{ prewarm: true, location_hint: "eeur" }, "eu eeur"],
    [{ client_country: "PL" }, "eu eeur"],
    [{}, "eu"],
  ])("[H126] a session of Europe with %j is built at %s", async (body, where) => {
    const { asked, door } = places();
    expect((await door(post("/v1/sessions", { model: "europe", ...body }))).status).toBe(201);
    expect(asked).toEqual([where]);
  });

  test("[H126] a location outside of it is refused by name", async () => {
    const { door } = places();
    const answer = await door(post("/v1/sessions", { model: "europe", location_hint: "oc" }));
    expect((await answer.clone().json<ProblemBody>()).detail).toBe(
      "Invalid 'location_hint': 'oc' does not lie in 'eu'; weur and eeur do.",
    );
    expect(await problemOf(answer)).toEqual([422, "unprocessable", "location_hint"]);
  });
});
