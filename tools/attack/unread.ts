/** Little that is asked makes much that is answered. */
import { textAt, objectAt } from "../../src/upstreams/json.ts";
import type { Attack } from "./attack.ts";
import { pause, type Attacker, type Connection } from "./attacker.ts";
import { again } from "./floods.ts";

const EMPTY_UPDATE = '{"type":"session.update","session":{}}';

/** A configuration that is nearly as large as may be: each update shows all of it. */
async function large(connection: Connection): Promise<void> {
  const heard = connection.answer("session.updated");
  const session = { type: "realtime", instructions: "x".repeat(250 * 1024) };
  connection.send({ type: "session.update", session });
  await heard;
}

const updates: Attack = {
  name: "large-updates",
  what: "a configuration of 250 KiB, then updates of 38 bytes as fast as the network takes them",
  run: (attacker) =>
    again(attacker, {}, async (connection) => {
      await large(connection);
      await connection.flood(EMPTY_UPDATE);
    }),
};

const unread: Attack = {
  name: "unread-socket",
  what: "the same from a client that reads nothing",
  run: (attacker) =>
    again(attacker, {}, async (connection) => {
      await large(connection);
      connection.socket.pause();
      await connection.flood(EMPTY_UPDATE, 3000);
      await pause(Math.min(2000, attacker.leftMs));
      // What stood in the socket is read, so that it is counted.
      connection.socket.resume();
      await pause(Math.min(500, attacker.leftMs));
    }),
};

const retrieving: Attack = {
  name: "retrieve-loop",
  what: "an item of 250 KiB, retrieved as fast as the network takes it",
  run: (attacker) =>
    again(attacker, {}, async (connection) => {
      const heard = connection.answer("conversation.item.added");
      connection.send({
        type: "conversation.item.create",
        item: {
          id: "item_large",
          type: "message",
          role: "user",
          content: [{ type: "input_text", text: "x".repeat(250 * 1024) }],
        },
      });
      await heard;
      await connection.flood('{"type":"conversation.item.retrieve","item_id":"item_large"}');
    }),
};

const returning: Attack = {
  name: "return-loop",
  what: "hangs up and resumes over and over: each return tells what was missed",
  run: async (attacker) => {
    await again(attacker, { protocol: "duplex.v1" }, async (connection) => {
      const relay = objectAt(objectAt(connection.created, "session"), "relay");
      const id = textAt(relay, "session_id");
      let token = textAt(relay, "resume_token");
      // Little enough, and the whole outbox is told with each return.
      for (let n = 0; n < 8; n += 1) connection.send(EMPTY_UPDATE);
      await pause(200);
      connection.drop();
      while (token !== null && !attacker.over) {
        const back = await attacker.dial({
          path: `/v1/sessions/${id}?resume_token=${encodeURIComponent(token)}`,
          key: null,
          protocol: "duplex.v1",
        });
        if (back === null) break;
        const heard = back.next((event) => event["type"] === "session.resumed" || event["type"] === "error");
        back.send({ type: "session.resume", resume_token: token, last_received: 0 });
        token = textAt(await heard, "resume_token");
        back.drop();
      }
    });
  },
};

/** Where its caller has nothing to say, three silences are answered at the most. */
const idle: Attack = {
  name: "idle-answers",
  what: "idle_timeout_ms, and not a word: how often is silence answered?",
  leastSeconds: 40,
  spoken: true,
  run: async (attacker: Attacker) => {
    const connection = await attacker.dial({
      path: "/v1/realtime?model=demo",
      key: await attacker.secret("demo"),
    });
    if (connection === null) return;
    let answers = 0;
    connection.socket.on("message", (data: Buffer) => {
      if (data.includes('"type":"response.created"')) answers += 1;
    });
    const turnDetection = { type: "server_vad", idle_timeout_ms: 5000 };
    connection.send({
      type: "session.update",
      session: {
        type: "realtime",
        output_modalities: ["text"],
        audio: { input: { turn_detection: turnDetection } },
      },
    });
    connection.send('{"type":"response.create"}');
    await pause(attacker.leftMs);
    attacker.ended(`${answers} answers`);
    if (answers > 4) attacker.broke(`silence was answered ${answers - 1} times`);
  },
};

export const UNREAD: readonly Attack[] = [updates, unread, retrieving, returning, idle];
