import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readSnapshot } from "../../durable-objects/snapshot-versions.ts";
import { SNAPSHOT_VERSION, type SessionSnapshot } from "../../src/session/session.ts";
import { bearer, call, createSession, OTHER_KEY, problemOf } from "./doors.ts";
import { DuplexClient } from "./duplex-client.ts";
import { evict, inObject, keysOf, objectOf, pass, stateOf } from "./object.ts";
import { type ClientSocket, connect, upgrade } from "./socket.ts";

// As in voice-session.test.ts: tests say when time passes.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

interface StoredMoment {
  readonly session: { readonly rest: Readonly<Record<string, unknown>> };
}

async function talking(): Promise<{ readonly id: string; readonly client: ClientSocket }> {
  const { id, url } = await createSession();
  const client = await connect(url, { "Sec-WebSocket-Protocol": "duplex.v1" });
  await client.event("session.created");
  await pass(id, 0);
  return { id, client };
}

/** What is in the snapshot, changed as another build would have it. */
async function rewrite(id: string, change: (snapshot: Record<string, unknown>) => void): Promise<void> {
  await inObject(id, async (storage) => {
    const moment = storage.kv.get<StoredMoment>("moment");
    const rest = { ...moment?.session.rest };
    change(rest);
    storage.kv.put("moment", { ...moment, session: { ...moment?.session, rest } });
    await storage.sync();
  });
}

async function restart(id: string): Promise<void> {
  await evict(id, { webSockets: "close" });
}

const unavailable = [503, "session_unavailable", null];
const comesBack = async (id: string) =>
  problemOf(await upgrade(`/v1/sessions/${id}`, { ...bearer(), "Sec-WebSocket-Protocol": "duplex.v1" }));

describe("what is stored and cannot be read", () => {
  const changes: readonly (readonly [string, (snapshot: Record<string, unknown>) => void])[] = [
    ["a version to come", (snapshot) => (snapshot["version"] = 99)],
    ["no version", (snapshot) => delete snapshot["version"]],
    ["a member less", (snapshot) => delete snapshot["owed"]],
    [
      "a part's member less",
      (snapshot) => (snapshot["floor"] = { ...(snapshot["floor"] as object), phase: undefined }),
    ],
    ["a member of another kind", (snapshot) => (snapshot["links"] = {})],
  ];

  test.each(changes)("[O43] %s: the client is closed with 1012 and the state is kept", async (_, change) => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const { id, client } = await talking();
    await rewrite(id, change);
    await evict(id);
    client.send("what the caller said");
    expect(await client.closed).toEqual({ code: 1012, reason: "the session could not be restored" });
    expect(logged.mock.calls[0]?.[0]).toBe("a voice session could not be restored");
    expect(JSON.stringify(logged.mock.calls)).not.toContain("caller");
    expect(await keysOf(id)).toEqual(["call", "moment", "unread", "used"]);
    expect(await comesBack(id)).toEqual(unavailable);
  });

  test("[O43] goes on where it was when a rollback brings the build that can read it", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    await rewrite(client.id, (snapshot) => (snapshot["version"] = 99));
    await restart(client.id);
    expect(await comesBack(client.id)).toEqual(unavailable);
    await rewrite(client.id, (snapshot) => (snapshot["version"] = SNAPSHOT_VERSION));
    await restart(client.id);
    expect((await client.resume()).verdict).toBe("resumed");
    expect(await keysOf(client.id)).not.toContain("unread");
    await client.hangUp();
  });

  test("[O43] a storage that could not be read for a moment is asked again by the next who comes", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const client = await DuplexClient.open("echo");
    await pass(client.id, 1000);
    const crate = await inObject(client.id, async (storage) => {
      const moment = storage.kv.get("moment");
      storage.kv.put("moment", "unreadable");
      await storage.sync();
      return moment;
    });
    await restart(client.id);
    expect(await comesBack(client.id)).toEqual(unavailable);
    await inObject(client.id, (storage) => storage.kv.put("moment", crate));
    expect((await client.resume()).verdict).toBe("resumed");
    await client.hangUp();
  });

  test("[O43] a configuration that is refused by now is no reason to wipe either", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { id } = await talking();
    await inObject(id, async (storage) => {
      storage.kv.put("call", { ...storage.kv.get<object>("call"), session: { type: 7 } });
      await storage.sync();
    });
    await restart(id);
    expect(await comesBack(id)).toEqual(unavailable);
    expect(await keysOf(id)).toContain("moment");
  });

  test("[O44] is wiped by the alarm two minutes after it was first found so, whoever asked meanwhile", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { id } = await talking();
    await rewrite(id, (snapshot) => (snapshot["version"] = 99));
    await restart(id);
    expect(await comesBack(id)).toEqual(unavailable);
    const since = Date.now();
    vi.setSystemTime(since + 90_000);
    await restart(id);
    expect(await comesBack(id)).toEqual(unavailable);
    await runDurableObjectAlarm(objectOf(id));
    expect(await keysOf(id)).toContain("moment");
    const alarmAt = await inObject(id, (storage) => storage.getAlarm());
    expect(alarmAt).toBe(since + 120_000);
    vi.setSystemTime(since + 121_000);
    await restart(id);
    await runDurableObjectAlarm(objectOf(id));
    // A token that has just expired is still remembered.
    expect((await keysOf(id)).filter((key) => key !== "used")).toEqual([]);
  });

  test("[O44] is wiped at its owner's DELETE, and at nobody else's", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { id } = await talking();
    await rewrite(id, (snapshot) => (snapshot["version"] = 99));
    await restart(id);
    const remove = (headers: Record<string, string>) =>
      call(`/v1/sessions/${id}`, { method: "DELETE", headers });
    expect((await remove(bearer(OTHER_KEY))).status).toBe(404);
    expect(await keysOf(id)).toContain("moment");
    expect((await remove(bearer())).status).toBe(204);
    expect(await keysOf(id)).toEqual(["used"]);
    expect(await stateOf(id)).toMatchObject({ status: 404 });
  });
});

describe("a snapshot of another version", () => {
  // As much of one as the reader looks at.
  const fresh = { version: SNAPSHOT_VERSION, owed: true } as unknown as SessionSnapshot;
  const readers = new Map(
    [-2, -1].map((age) => [
      SNAPSHOT_VERSION + age,
      ({ owes, ...same }: Readonly<Record<string, unknown>>) => ({ ...same, owed: owes }),
    ]),
  );

  test("[O43] is brought forward by its reader when it is the one before", () => {
    const former = { version: SNAPSHOT_VERSION - 1, owes: false };
    expect(readSnapshot(former, fresh, readers)).toEqual({ version: SNAPSHOT_VERSION, owed: false });
  });

  test.each([SNAPSHOT_VERSION - 2, SNAPSHOT_VERSION + 1, "2", Number.NaN, undefined])(
    "[O43] is refused when it is %s",
    (version) => {
      expect(() => readSnapshot({ version, owes: false, owed: false }, fresh, readers)).toThrow("version");
    },
  );

  test("[O43] is refused when its reader leaves a member out", () => {
    expect(() => readSnapshot({ version: SNAPSHOT_VERSION - 1 }, fresh, readers)).toThrow("owed");
  });
});
