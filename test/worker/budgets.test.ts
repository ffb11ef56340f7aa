import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Grant } from "../../durable-objects/key-ledger-rpc.ts";
import type { Budgets } from "../../durable-objects/api-key.ts";
import { bearer, call, callWith, HOST, post, type ProblemBody, problemOf } from "./doors.ts";
import { inObject, pass } from "./object.ts";
import { type ClientSocket, connect, upgrade } from "./socket.ts";
import { stubUpstreams } from "./upstream.ts";

const ECHO = "/v1/realtime?model=echo";
const NOTHING = { answers: 0, talkMs: 0 };
/** Noon of a day. */
const NOON = Date.UTC(2031, 4, 6, 12);
const MIDNIGHT = Date.UTC(2031, 4, 7);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  vi.setSystemTime(NOON);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function sha256(key: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key))).toHex();
}

/** As `npm run keys` writes it. */
async function limit(id: string, limits: object): Promise<Record<string, string>> {
  const hash = await sha256(`budget-${id}`);
  await env.RELAY_KEYS?.put(`hash:${hash}`, id);
  await env.RELAY_KEYS?.put(`id:${id}`, JSON.stringify({ sha256: hash, limits }));
  return bearer(`budget-${id}`);
}

function ledger(key: string) {
  const namespace = env.KEY_LEDGER;
  if (namespace === undefined) throw new Error("no ledger");
  return namespace.get(namespace.idFromName(key));
}

async function session(headers: Record<string, string>): Promise<{ client: ClientSocket; id: string }> {
  const client = await connect(ECHO, headers);
  const created = await client.event("session.created");
  const { id } = created["session"] as { id: string };
  return { client, id };
}

/** With a provider that is ready. */
async function talk(headers: Record<string, string>): Promise<{ client: ClientSocket; id: string }> {
  const upstreams = stubUpstreams();
  const client = await connect("/v1/realtime?model=demo", headers);
  const { id } = (await client.event("session.created"))["session"] as { id: string };
  const dialled = await upstreams.next();
  await inObject(id, () => {
    const provider = dialled.accept();
    for (const type of ["session.created", "session.updated"])
      provider.send(JSON.stringify({ type, event_id: type, session: { type: "realtime" } }));
  });
  return { client, id };
}

/** Asks for an answer. @returns null: it was given; else why not. */
async function ask({ client, id }: { client: ClientSocket; id: string }): Promise<string | null> {
  const content = [{ type: "input_text", text: "again" }];
  client.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.send({ type: "response.create", event_id: "mine" });
  for (;;) {
    const event = await client.next();
    if (event instanceof Uint8Array) continue;
    const error = event["error"] as { code: string; event_id: string; message: string } | undefined;
    if (event.type === "error") {
      expect(error).toMatchObject({ code: "rate_limit_exceeded", event_id: "mine" });
      return error?.message ?? "";
    }
    if (event.type !== "response.done") continue;
    // What it used is told, and the next share is there.
    await pass(id, 0);
    return null;
  }
}

async function limitIn(response: Response): Promise<unknown> {
  return [
    response.status,
    response.headers.get("Retry-After"),
    (await response.json<{ limit?: object }>()).limit,
  ];
}

describe("answers in a minute", () => {
  test("[H120] of all sessions of a key: one too many is an error that says when, wherever it is asked for", async () => {
    const headers = await limit("five", { answers_per_minute: 5 });
    const a = await session(headers);
    const b = await session(headers);
    for (const one of [a, b, a, b, a]) expect(await ask(one)).toBeNull();
    const said =
      "The API key may ask for 5 answers a minute, in all its sessions; this one was not. Another may be in 60 s.";
    expect([await ask(a), await ask(b)]).toEqual([said, said]);
    await pass(a.id, 61_000);
    await pass(b.id, 0);
    expect([await ask(a), await ask(b)]).toEqual([null, null]);
    const state = await (await call(`/v1/sessions/${a.id}`, { headers })).json<{ metrics: object }>();
    expect(state.metrics).toMatchObject({ answers_asked: 4, answers_refused: 1 });
    for (const { client } of [a, b]) {
      client.close(1000);
      await client.closed;
    }
  });

  test("[H120] of one session, whatever its key has left", async () => {
    const headers = await limit("one", { session_answers_per_minute: 1 });
    const [a, b] = [await session(headers), await session(headers)];
    expect([await ask(a), await ask(b)]).toEqual([null, null]);
    expect(await ask(a)).toBe(
      "At most 1 answers a minute are asked for; this one was not. Another may be in 60 s.",
    );
    for (const { client } of [a, b]) client.close(1000);
  });

  test("[H120] are shared out so that all sessions together never have more, and every one has some", async () => {
    const budgets: Budgets = { answersPerMinute: 7, minutesPerDay: null };
    const book = ledger("shares");
    const draw = (name: string, answers: number, want: "share" | "nothing" = "share") =>
      book.draw(name, { answers, talkMs: 0 }, budgets, want);
    const answers = async (grant: Promise<Grant>) => (await grant).answers;
    expect(await answers(draw("a", 0))).toBe(2);
    expect(await answers(draw("b", 0))).toBe(2);
    expect(await answers(draw("c", 0))).toBe(2);
    expect(await answers(draw("d", 0))).toBe(1);
    expect(await answers(draw("e", 0))).toBe(0);
    // Two of seven are used, and count for a minute; what another one gives back is free at once.
    expect(await answers(draw("a", 2))).toBe(0);
    expect(await answers(draw("b", 0, "nothing"))).toBe(2);
    expect(await answers(draw("e", 0))).toBe(2);
    vi.setSystemTime(NOON + 60_001);
    expect(await answers(draw("a", 0))).toBe(2);
    // Who is not heard of has no share any more.
    vi.setSystemTime(NOON + 300_000);
    expect(await answers(draw("z", 0))).toBe(2);
  });
});

describe("minutes of talk in a day", () => {
  const spent = {
    name: "minutes_per_day",
    value: 1,
    more_at: new Date(MIDNIGHT).toISOString(),
  };

  test("[H121] used up they end the session with the reason, to the tenth of a second, and none begins before midnight", async () => {
    const headers = await limit("talk", { minutes_per_day: 1 });
    const { client, id } = await talk(headers);
    const alive = async () => {
      client.send({ type: "input_audio_buffer.clear" });
      await client.event("input_audio_buffer.cleared");
    };
    // What is left of its share is drawn again before it is used up.
    for (const ms of [45_000, 6000, 8000, 900]) await pass(id, ms);
    await alive();
    for (let step = 0; step < 10; step += 1) await pass(id, 10);
    const { error } = (await client.event("error")) as unknown as { error: { message: string } };
    expect(error).toMatchObject({
      code: "rate_limit_exceeded",
      message: `This API key's minutes of talk a day, 1, are used up: there are more from ${spent.more_at}.`,
    });
    expect((await client.closed).code).toBe(1008);
    const wait = String(Math.ceil((MIDNIGHT - Date.now()) / 1000));
    expect(await limitIn(await upgrade(ECHO, headers))).toEqual([429, wait, spent]);
    expect(await limitIn(await post("/v1/sessions", { model: "echo" }, headers))).toEqual([429, wait, spent]);
    vi.setSystemTime(MIDNIGHT + 1);
    const next = await session(headers);
    next.client.close(1000);
    await next.client.closed;
  });

  test("[H121] are shared by all sessions of the key, and what a session does not use it gives back", async () => {
    const headers = await limit("shared", { minutes_per_day: 2 });
    const a = await talk(headers);
    const b = await session(headers);
    expect(await problemOf(await upgrade(ECHO, headers))).toEqual([429, "rate_limit_exceeded", null]);
    await pass(a.id, 10_000);
    const metrics = await (await call(`/v1/sessions/${b.id}`, { headers })).json<{ metrics: object }>();
    expect(metrics.metrics).not.toHaveProperty("talk_ms");
    a.client.close(1000);
    await a.client.closed;
    const budgets = { answersPerMinute: null, minutesPerDay: 2 };
    await vi.waitFor(async () => {
      const left = await ledger("shared").draw("probe", NOTHING, budgets, "nothing");
      expect(left.talkMs).toBe(50_000);
    });
    b.client.close(1000);
    await b.client.closed;
  });

  /** An account whose ledger is down at times, and what the ledger and the session were told. */
  async function accountOfOne() {
    const { KeyAccount } = await import("../../durable-objects/key-account.ts");
    const { StillClock } = await import("./scripted.ts");
    const clock = new StillClock();
    const fed: unknown[] = [];
    const told: object[] = [];
    const of = { down: false };
    const account = new KeyAccount({
      clock,
      budgets: async () => ({ answersPerMinute: 10, minutesPerDay: 1 }),
      draw: async (used) => {
        if (of.down) throw new Error("overloaded");
        told.push(used);
        return { answers: 2, talkMs: 60_000, answersAt: 0, talkAt: 0 };
      },
      feed: (input) => void fed.push(input),
      metric: () => {},
    });
    const wait = async (ms: number) => {
      clock.advance(ms);
      await vi.advanceTimersByTimeAsync(0);
    };
    return { account, fed, told, of, wait };
  }

  test("[H121] a ledger that cannot be asked ends no call, and what was used meanwhile is counted", async () => {
    const { account, fed, told, of, wait } = await accountOfOne();
    account.start();
    account.talking(true);
    await wait(0);
    of.down = true;
    account.asked();
    await wait(0);
    for (let n = 0; n < 30; n += 1) await wait(5000);
    of.down = false;
    await wait(5000);
    expect(told.at(-1)).toEqual({ answers: 1, talkMs: 155_000 });
    expect(fed.filter((each) => (each as { type: string }).type === "spent")).toEqual([]);
    expect(fed.at(-1)).toEqual({ type: "allowance", allowance: { upTo: 3, perMinute: 10, moreAt: 0 } });
  });

  test("[H121] nor is forgotten what a session used that fell asleep meanwhile", async () => {
    const { account, told, of, wait } = await accountOfOne();
    account.start();
    account.talking(true);
    await wait(0);
    of.down = true;
    await wait(3000);
    account.asked();
    await expect(account.stop()).resolves.toBeUndefined();
    await wait(0);
    of.down = false;
    account.start();
    account.talking(true);
    await wait(1000);
    expect(told.at(-1)).toEqual({ answers: 1, talkMs: 3000 });
    of.down = true;
    await expect(account.stop()).rejects.toThrow("overloaded");
    of.down = false;
    account.start();
    await wait(0);
    expect(told.at(-1)).toEqual({ answers: 0, talkMs: 1000 });
  });

  test("[R83] what a session used by its end is told when the ledger can be asked, though it could not then", async () => {
    const { account, told, of, wait } = await accountOfOne();
    account.start();
    account.talking(true);
    account.asked();
    await wait(3000);
    of.down = true;
    await expect(account.stop()).rejects.toThrow("overloaded");
    await wait(12_000);
    of.down = false;
    await wait(5000);
    expect(told.at(-1)).toEqual({ answers: 1, talkMs: 3000 });
    const { length } = told;
    await wait(60_000);
    expect(told).toHaveLength(length);
  });

  test("[R83] also where it could not be asked at all, and it is tried for half a minute", async () => {
    const { account, told, of, wait } = await accountOfOne();
    of.down = true;
    account.start();
    account.talking(true);
    account.asked();
    await wait(2000);
    await expect(account.stop()).rejects.toThrow("overloaded");
    await wait(20_000);
    of.down = false;
    await wait(5000);
    expect(told).toEqual([{ answers: 1, talkMs: 2000 }]);
  });
});

describe("limits of one session, and of one secret", () => {
  test("[H122] a session lasts as long as its key allows, where that is less than its route does", async () => {
    const headers = await limit("short", { session_minutes: 3 });
    const { client, id } = await session(headers);
    const state = await (
      await call(`/v1/sessions/${id}`, { headers })
    ).json<{
      created_at: number;
      expires_at: number;
    }>();
    expect(state.expires_at - state.created_at).toBe(180);
    client.close(1000);
    await client.closed;
  });

  test("[H123] a client secret opens as many sessions as it was minted for, and as its key allows, and no more", async () => {
    const headers = await limit("visitors", { sessions_per_secret: 2 });
    const mint = async (body: object): Promise<Record<string, string>> => {
      const minted = await post(
        "/v1/realtime/client_secrets",
        { session: { model: "echo" }, ...body },
        headers,
      );
      return bearer((await minted.json<{ value: string }>()).value);
    };
    const two = await mint({ max_sessions: 9 });
    for (const _ of [1, 2]) (await session(two)).client.close(1000);
    const refused = await upgrade("/v1/realtime", two);
    expect(await limitIn(refused)).toEqual([
      429,
      null,
      { name: "sessions_per_secret", value: 2, more_at: null },
    ]);
    const one = await mint({ max_sessions: 1, resumable: true });
    const first = await session(one);
    expect(await problemOf(await upgrade("/v1/realtime", one))).toEqual([429, "rate_limit_exceeded", null]);
    first.client.close(1001);
    await first.client.closed;
    // It goes on with the session that it has opened.
    const back = await session(one);
    expect(back.id).toBe(first.id);
    back.client.close(1000);
    await back.client.closed;
    // What is over was opened all the same.
    for (const _ of [1, 2])
      expect(await problemOf(await upgrade("/v1/realtime", one))).toEqual([429, "rate_limit_exceeded", null]);
    for (const wrong of [0, 1.5, 1001, "2"]) {
      const answer = await post("/v1/realtime/client_secrets", { max_sessions: wrong }, headers);
      expect(await problemOf(answer)).toEqual([400, "invalid_value", "max_sessions"]);
    }
  });

  test("[H123] [H48] one that is refused makes nobody make room for it", async () => {
    const headers = await limit("narrow", { concurrent: 1 });
    const body = { session: { model: "echo" }, max_sessions: 1 };
    const minted = await post("/v1/realtime/client_secrets", body, headers);
    const secret = bearer((await minted.json<{ value: string }>()).value);
    const { client, id } = await session(secret);
    client.close(1001);
    await client.closed;
    expect(await problemOf(await upgrade("/v1/realtime", secret))).toEqual([
      429,
      "rate_limit_exceeded",
      null,
    ]);
    const state = await call(`/v1/sessions/${id}`, { headers });
    expect(await state.json()).toMatchObject({ status: "waiting" });
    // Who is not refused gets the place.
    const other = await session(headers);
    other.client.close(1000);
    await other.client.closed;
  });

  test("[H123] what does not begin is not counted", async () => {
    const secret = "jti-1";
    const book = ledger("uncounted");
    expect(await book.openBy(secret, "s1", NOON + 1000, 1)).toBe(true);
    expect(await book.openBy(secret, "s1", NOON + 1000, 1)).toBe("kept");
    expect(await book.openBy(secret, "s2", NOON + 1000, 1)).toBe(false);
    await book.notOpened(secret, "s1");
    expect(await book.openBy(secret, "s2", NOON + 1000, 1)).toBe(true);
  });
});

describe("a key without budgets", () => {
  test("[H120] [H121] asks no ledger, and one with them needs it", async () => {
    const request = () =>
      new Request(`${HOST}/v1/sessions`, { method: "POST", headers: bearer("key-plain") });
    const config = (limits: object) => ({
      routes: { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } },
      defaultRoute: "echo",
      limits,
    });
    const without = { KEY_LEDGER: undefined };
    expect((await callWith(config({}), without, request())).status).toBe(201);
    const answer = await callWith(config({ minutesPerDay: 5 }), without, request());
    const { detail } = await answer.json<ProblemBody>();
    expect([answer.status, detail]).toEqual([500, "The limit 'budgets' needs the binding KEY_LEDGER."]);
  });

  test("[H124] a session that a limit refuses is a figure of its key", async () => {
    const points: unknown[] = [];
    const METRICS = { writeDataPoint: (point: unknown) => void points.push(point) };
    const config = {
      routes: { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } },
      defaultRoute: "echo",
      limits: { sessionsPerMinute: 1 },
    };
    const create = () =>
      callWith(
        config,
        { METRICS },
        new Request(`${HOST}/v1/sessions`, { method: "POST", headers: bearer("key-plain") }),
      );
    vi.setSystemTime(NOON + 3_600_000);
    expect((await create()).status).toBe(201);
    const more = new Date(Date.now() + 60_000).toISOString();
    const limitReached = { name: "sessions_per_minute", value: 1, more_at: more };
    expect(await limitIn(await create())).toEqual([429, "60", limitReached]);
    expect(points).toEqual([
      { indexes: ["plain"], blobs: ["", "sessions_refused", "sessions_per_minute"], doubles: [1] },
    ]);
  });
});
