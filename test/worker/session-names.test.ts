import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { sign } from "hono/jwt";
import { describe, expect, test } from "vitest";
import { bearer, callWith, createSession, HOST, post, problemOf } from "./doors.ts";
import { connect, upgrade } from "./socket.ts";
import { formerSessionId } from "../../src/http/session-id.ts";

type Namespace = typeof env.VOICE_SESSION;

/** Writes down how objects are found, and refuses every connection. */
function watchedNamespace() {
  const asked: string[] = [];
  let drawn = 0;
  const namespace = (where: string) => ({
    newUniqueId: () => {
      asked.push(`${where} newUniqueId`);
      drawn += 1;
      return { toString: () => drawn.toString(16).padStart(64, "0") };
    },
    idFromName: () => {
      asked.push(`${where} idFromName`);
      return {};
    },
    idFromString: (id: string) => {
      asked.push(`${where} idFromString ${Number.parseInt(id, 16)}`);
      return {};
    },
    get: () => ({ fetch: async () => Response.json({ refusal: "session_ended" }, { status: 409 }) }),
  });
  const watched: unknown = { ...namespace("world"), jurisdiction: (where: string) => namespace(where) };
  return { asked, VOICE_SESSION: watched as Namespace };
}

const JSON_BODY = { ...bearer(), "Content-Type": "application/json" };

function request(path: string, init: RequestInit = {}): Request {
  return new Request(new URL(path.replace("wss:", "https:"), HOST), init);
}

const dial = (path: string, headers: Record<string, string> = {}): Request =>
  request(path, { headers: { Upgrade: "websocket", ...headers } });

describe("the name of a new session", () => {
  test("[H82] is drawn, and its object found by it, at every door", async () => {
    const { asked, VOICE_SESSION } = watchedNamespace();
    const door = (each: Request) => callWith(null, { VOICE_SESSION }, each);
    const body = JSON.stringify({ jurisdiction: "eu", token_in_url: true });
    const created = await door(request("/v1/sessions", { method: "POST", headers: JSON_BODY, body }));
    const { id, url } = await created.json<{ id: string; url: string }>();
    expect(id).toMatch(/^sess_eu_0{63}1[0-9a-f]{24}$/);
    await door(dial(url));
    await door(dial(`/v1/sessions/${id}?resume_token=rt_1`, { "Sec-WebSocket-Protocol": "duplex.v1" }));
    await door(dial("/v1/realtime?model=echo", bearer()));
    const minted = await door(request("/v1/realtime/client_secrets", { method: "POST", headers: bearer() }));
    const { value } = await minted.json<{ value: string }>();
    await door(dial("/v1/realtime", bearer(value)));
    expect(asked).toEqual([
      "eu newUniqueId",
      "eu idFromString 1",
      "eu idFromString 1",
      "eu idFromString 1",
      "world newUniqueId",
      "world idFromString 2",
      "world newUniqueId",
      "world newUniqueId",
      "world idFromString 4",
    ]);
  });

  test("[H82] is signed, and one with another id, signature or jurisdiction reaches no object", async () => {
    const { id } = await createSession();
    const [, unique = "", signature = ""] = /^sess_([0-9a-f]{64})([0-9a-f]{24})$/.exec(id) ?? [];
    expect(unique).not.toBe("");
    const before = (await listDurableObjectIds(env.VOICE_SESSION)).length;
    const other = `${unique.startsWith("0") ? "1" : "0"}${unique.slice(1)}`;
    const foreign = env.KEY_LEDGER?.newUniqueId().toString() ?? "";
    const forged = [
      `sess_${unique}`,
      `sess_${other}${signature}`,
      `sess_${foreign}${signature}`,
      `sess_eu_${unique}${signature}`,
      `sess_fedramp-high_${unique}${signature}`,
      `sess_${unique}${"0".repeat(16)}`,
      `sess_${unique}${"0".repeat(8)}${signature.slice(8)}`,
      `sess_${unique}${signature.slice(8)}`,
    ];
    for (const name of forged) {
      const response = await upgrade(`/v1/sessions/${name}`, bearer());
      expect(await problemOf(response)).toEqual([404, "session_not_found", null]);
    }
    expect(await listDurableObjectIds(env.VOICE_SESSION)).toHaveLength(before);
  });

  test("[H82] that is no object's is 404 where names are not signed", async () => {
    const foreign = env.KEY_LEDGER?.newUniqueId().toString() ?? "";
    for (const unique of ["0".repeat(64), foreign]) {
      const unsigned = { RELAY_SIGNING_KEY: undefined };
      const response = await callWith(null, unsigned, dial(`/v1/sessions/sess_${unique}`, bearer()));
      expect(await problemOf(response)).toEqual([404, "session_not_found", null]);
    }
  });

  test("[H82] of a client secret's first session is in the secret, and its object is made by its first client", async () => {
    const before = (await listDurableObjectIds(env.VOICE_SESSION)).length;
    const secret = await (
      await post("/v1/realtime/client_secrets", { session: { model: "echo" }, resumable: true })
    ).json<{ value: string; session: { id: string } }>();
    expect(await listDurableObjectIds(env.VOICE_SESSION)).toHaveLength(before);
    const client = await connect("/v1/realtime", bearer(secret.value));
    expect((await client.event("session.created"))["session"]).toMatchObject({ id: secret.session.id });
    client.close(1000);
    await client.closed;
  });
});

describe("names that the release before gave", () => {
  test("[H83] are found as they were: of a client secret that names no session, and of a session", async () => {
    const now = Math.floor(Date.now() / 1000);
    const jti = "0123456789abcdefghijklmn";
    const claims = { iss: "relay", aud: "client_secret", sub: "", jti, exp: now + 60, iat: now };
    const grant = { key: "first", model: "echo", intent: "conversation", hint: null };
    const payload = { ...claims, ...grant, session: "{}", packed: false };
    const secret = `ek_${await sign(payload, env.RELAY_SIGNING_KEY ?? "", "HS256")}`;
    const id = await formerSessionId(env, HOST, jti);
    const client = await connect("/v1/realtime", bearer(secret));
    expect((await client.event("session.created"))["session"]).toMatchObject({ id });
    const state = await connect(`/v1/realtime?session_id=${id}`, bearer());
    expect((await state.event("session.created"))["session"]).toMatchObject({ id });
    state.close(1000);
    await state.closed;
  });
});
