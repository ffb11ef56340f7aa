/** What a visitor may not do with what a visitor has. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Attack } from "./attack.ts";
import { pause, type Attacker } from "./attacker.ts";
import { again } from "./floods.ts";

const usedToken: Attack = {
  name: "used-resume-token",
  what: "takes a call over by a resume token that its client has used already",
  run: (attacker) =>
    again(attacker, { protocol: "duplex.v1" }, async (first) => {
      const relay = objectAt(objectAt(first.created, "session"), "relay");
      const path = `/v1/sessions/${textAt(relay, "session_id")}?resume_token=${textAt(relay, "resume_token")}`;
      const token = textAt(relay, "resume_token");
      const resume = { type: "session.resume", resume_token: token, last_received: 1 };
      first.drop();
      const rightful = await attacker.dial({ path, key: null, protocol: "duplex.v1" });
      if (rightful === null) return;
      const resumed = rightful.next((event) => event["type"] === "session.resumed");
      rightful.send(resume);
      const last = (await resumed)?.["server_event_seq"];
      rightful.send({ type: "session.ack", last_received: typeof last === "number" ? last + 1 : 2 });
      rightful.send('{"type":"session.heartbeat"}');
      await pause(100);
      const thief = await attacker.dial({ path, key: null, protocol: "duplex.v1" });
      const verdict = thief?.next(
        (event) => event["type"] === "session.resumed" || event["type"] === "error",
        1000,
      );
      thief?.send(resume);
      const answer = (await verdict) ?? null;
      if (textAt(answer, "verdict") === "resumed") attacker.broke("a used resume token resumed the call");
      await pause(50);
      if (!rightful.open) attacker.broke("the rightful client was put out");
      thief?.drop();
      rightful.close(1000, "end");
    }),
};

const otherModel: Attack = {
  name: "other-model",
  what: "opens other models with a client secret for one",
  run: async (attacker) => {
    const secret = await attacker.secret("echo");
    while (!attacker.over) {
      for (const model of ["demo", "innocent", "anything-at-all"]) {
        const connection = await attacker.dial({ path: `/v1/realtime?model=${model}`, key: secret });
        if (connection === null) continue;
        await connection.greeted();
        const got = textAt(objectAt(connection.created, "session"), "model");
        if (connection.created !== null && got !== "echo") attacker.broke(`a secret for echo opened ${got}`);
        connection.drop();
      }
      await pause(Math.min(100, attacker.leftMs));
    }
  },
};

/** As `relay.config.ts` of the attack has it. */
const CONCURRENT = 20;

const moreSessions: Attack = {
  name: "more-sessions",
  what: "more sessions at once than the key may hold: made in advance, failed, and two at once with one secret",
  run: async (attacker) => {
    const headers = { authorization: `Bearer ${attacker.order.key}`, "content-type": "application/json" };
    // None of these begins a session, and none may keep a place.
    const body = JSON.stringify({
      model: "echo",
      session: { type: "realtime", instructions: "é".repeat(20_000) },
    });
    for (let n = 0; n < CONCURRENT + 5; n += 1) await attacker.ask("POST", "/v1/sessions", { headers, body });
    const secret = await attacker.secret("echo");
    const open = await Promise.all(
      Array.from({ length: 2 * CONCURRENT }, () => attacker.dial({ key: secret })),
    );
    const live = open.filter((each) => each !== null);
    await Promise.all(live.map((each) => each.greeted()));
    await pause(200);
    const held = live.filter((each) => each.open && each.created !== null);
    attacker.ended(`${held.length} at once`);
    if (held.length > CONCURRENT) attacker.broke(`${held.length} sessions at once, at most ${CONCURRENT}`);
    if (held.length === 0) attacker.broke("failed creations kept the places");
    while (!attacker.over) {
      const one = await attacker.dial({ key: secret });
      one?.drop();
      await pause(Math.min(20, attacker.leftMs));
    }
  },
};

const NAMES = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"];

function inherited(name: string): readonly JsonObject[] {
  const part = { type: "input_text", text: "x" };
  const session = { type: "realtime", audio: { input: { turn_detection: { type: name } } } };
  return [
    { type: name },
    { type: "conversation.item.create", item: { type: name } },
    { type: "conversation.item.create", item: { type: "message", role: name, content: [part] } },
    { type: "conversation.item.create", item: { type: "message", role: name, content: [] } },
    { type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: name }] } },
    { type: "session.update", session },
    { type: "conversation.item.retrieve", item_id: name },
    { type: "conversation.item.delete", item_id: name },
  ];
}

const inheritedNames: Attack = {
  name: "inherited-names",
  what: "names that every object inherits, as type, role, part and item",
  run: (attacker) =>
    again(attacker, {}, async (connection) => {
      let taken = 0;
      connection.socket.on("message", (data: Buffer) => {
        if (/"type":"(conversation\.item\.(added|created)|session\.updated)"/.test(data.toString()))
          taken += 1;
      });
      for (const name of NAMES) for (const event of inherited(name)) connection.send(event);
      const heard = connection.next((event) => objectAt(event, "error")?.["event_id"] === "last");
      connection.send('{"type":"nothing","event_id":"last"}');
      if ((await heard) === null && !attacker.over) attacker.broke("a name that is inherited ended the call");
      if (taken > 0) attacker.broke("a name that is inherited was taken");
      await pause(Math.min(200, attacker.leftMs));
    }),
};

/** Each is told what it may not, and the call it has goes on as before. */
const foreignTools: Attack = {
  name: "foreign-tools",
  what: "a visitor's tools that have the provider fetch addresses",
  run: (attacker: Attacker) =>
    again(attacker, {}, async (connection) => {
      const heard = connection.answer("session.updated");
      const tool = { type: "mcp", server_label: "x", server_url: "http://169.254.169.254/latest" };
      connection.send({ type: "session.update", session: { type: "realtime", tools: [tool] } });
      if ((await heard)?.["type"] === "session.updated") attacker.broke("a visitor's MCP server was taken");
      await pause(Math.min(500, attacker.leftMs));
    }),
};

export const GATES: readonly Attack[] = [usedToken, otherModel, moreSessions, inheritedNames, foreignTools];
