/** HTTP: requests without end, without a key, without hurry, and larger than any door takes. */
import { randomBytes } from "node:crypto";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Attack } from "./attack.ts";
import { pause, type Attacker } from "./attacker.ts";

/** So many at once, as a machine with one address may. */
const AT_ONCE = 16;
const SLOW = 200;

/** Asks without a pause, `AT_ONCE` at a time. */
async function hammer(attacker: Attacker, ask: () => Promise<void>): Promise<void> {
  const one = async (): Promise<void> => {
    while (!attacker.over) await ask();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

function must(attacker: Attacker, status: number, allowed: readonly number[], what: string): void {
  if (status !== 0 && !allowed.includes(status)) attacker.broke(`${what} was answered by HTTP ${status}`);
}

const upgrades: Attack = {
  name: "upgrade-flood",
  what: "upgrades with a wrong key, sixteen at a time",
  run: (attacker) =>
    hammer(attacker, async () => {
      const connection = await attacker.dial({ key: `wrong-${randomBytes(8).toString("hex")}` });
      if (connection === null) return;
      attacker.broke("a wrong key opened a session");
      connection.drop();
    }),
};

const sessions: Attack = {
  name: "session-flood",
  what: "sessions by one client secret, sixteen at a time, each hung up on at once",
  run: async (attacker) => {
    const key = await attacker.secret("echo");
    await hammer(attacker, async () => {
      (await attacker.dial({ key }))?.drop();
    });
  },
};

const forged: Attack = {
  name: "forged-names",
  what: "names and tokens of sessions that never were",
  run: (attacker) => {
    const forge = (): string => `sess_${randomBytes(48).toString("base64url")}`;
    const headers = { authorization: `Bearer ${attacker.order.key}` };
    return hammer(attacker, async () => {
      const { status } = await attacker.ask("GET", `/v1/sessions/${forge()}`, { headers });
      must(attacker, status, [404], "a forged name");
      const token = `eyJhbGciOiJub25lIn0.${randomBytes(60).toString("base64url")}.`;
      const opened = await attacker.dial({ path: `/v1/sessions/${forge()}?token=${token}`, key: null });
      if (opened !== null) attacker.broke("a forged token opened a session");
      opened?.drop();
      const path = `/v1/sessions/${forge()}?resume_token=rt_${randomBytes(16).toString("base64url")}`;
      const resumed = await attacker.dial({ path, key: null, protocol: "duplex.v1" });
      // Let in and told, as browsers need it: an error and a close.
      if (
        resumed !== null &&
        (await resumed.next((event) => event["type"] === "session.resumed", 500)) !== null
      )
        attacker.broke("a forged resume token resumed a session");
      resumed?.drop();
    });
  },
};

const bodies: Attack = {
  name: "large-bodies",
  what: "bodies of 10 MB, headers of 60 KB and addresses of 15 KB",
  run: (attacker) => {
    const headers = { authorization: `Bearer ${attacker.order.key}`, "content-type": "application/json" };
    const body = JSON.stringify({ model: "echo", session: { instructions: "x".repeat(10_000_000) } });
    return hammer(attacker, async () => {
      must(attacker, (await attacker.ask("POST", "/v1/sessions", { headers, body })).status, [413], "10 MB");
      const long = { ...headers, "x-long": "x".repeat(60_000) };
      must(
        attacker,
        (await attacker.ask("GET", "/v1/models", { headers: long })).status,
        [200, 431],
        "60 KB of header",
      );
      const path = `/v1/realtime?model=${"x".repeat(15_000)}`;
      must(
        attacker,
        (await attacker.ask("GET", path, { headers })).status,
        [400, 414, 426],
        "15 KB of address",
      );
    });
  },
};

const slow: Attack = {
  name: "slow-doors",
  what: `${SLOW} connections that send a byte a second of a request that never ends`,
  run: async (attacker) => {
    const { host } = new URL(attacker.order.url);
    const open = await Promise.all(Array.from({ length: SLOW }, () => attacker.plain()));
    const begin = [
      `GET /v1/realtime?model=echo HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `,
      `POST /v1/sessions HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${attacker.order.key}\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{`,
    ];
    open.forEach((socket, at) => socket.write(begin[at % begin.length] ?? ""));
    attacker.sent(SLOW);
    while (!attacker.over) {
      for (const socket of open) if (socket.writable) socket.write("x");
      await pause(Math.min(1000, attacker.leftMs));
    }
    attacker.ended(`${open.filter((socket) => socket.writable).length} still open`);
    for (const socket of open) socket.destroy();
  },
};

/** Upgraded, and then not a word: the object waits. */
const silent: Attack = {
  name: "silent-resumes",
  what: "pending connections by a good resume token that never say anything",
  run: async (attacker) => {
    const key = await attacker.secret("echo");
    const first = await attacker.dial({ key, protocol: "duplex.v1" });
    if (first === null || !(await first.greeted())) return;
    const relay = objectAt(objectAt(first.created, "session"), "relay");
    const path = `/v1/sessions/${textAt(relay, "session_id")}?resume_token=${textAt(relay, "resume_token")}`;
    while (!attacker.over) {
      await attacker.dial({ path, key: null, protocol: "duplex.v1" });
      await pause(Math.min(5, attacker.leftMs));
    }
    if (!first.open) attacker.broke("pending connections put the client out");
  },
};

export const DOORS: readonly Attack[] = [upgrades, sessions, forged, bodies, slow, silent];
