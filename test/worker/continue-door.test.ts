import { describe, expect, test } from "vitest";
import { bearer, OTHER_KEY, post, problemOf } from "./doors.ts";
import { stateOf } from "./object.ts";
import { type ClientSocket, connect, turnedAway, upgrade } from "./socket.ts";

const ECHO = "/v1/realtime?model=echo";

interface Opened {
  readonly client: ClientSocket;
  readonly id: string;
}

async function open(path: string, credential: string): Promise<Opened> {
  const client = await connect(path, bearer(credential));
  const created = await client.event("session.created");
  return { client, id: (created["session"] as { readonly id: string }).id };
}

async function clientSecret(session: object = { model: "echo" }, resumable = true): Promise<string> {
  const response = await post("/v1/realtime/client_secrets", { session, resumable });
  return (await response.json<{ readonly value: string }>()).value;
}

/** Types a text and waits for the echo of it: two items. */
async function talk({ client }: Opened, text: string): Promise<void> {
  const content = [{ type: "input_text", text }];
  client.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.send({ type: "response.create" });
  await client.event("response.done");
}

async function drop({ client }: Opened): Promise<void> {
  client.close(1001);
  await client.closed;
}

async function hangUp({ client }: Opened): Promise<void> {
  client.close(1000);
  await client.closed;
}

async function textsOf({ client }: Opened, count: number): Promise<string> {
  let texts = "";
  for (let n = 0; n < count; n += 1) texts += JSON.stringify(await client.event("conversation.item.done"));
  return texts;
}

describe("a plain client that dropped", () => {
  test("[H108] is not found again by a client secret that is not resumable, but by who was told the session's id", async () => {
    const secret = await clientSecret({ model: "echo" }, false);
    const first = await open(ECHO, secret);
    await talk(first, "My PIN is 4711.");
    await drop(first);
    // Who holds the secret can read it.
    expect(atob(secret.split(".")[1] ?? "")).not.toContain(first.id);
    const stranger = await open(ECHO, secret);
    expect(stranger.id).not.toBe(first.id);
    await hangUp(stranger);
    const back = await open(`/v1/realtime?session_id=${first.id}`, secret);
    expect(await textsOf(back, 2)).toContain("4711");
    await hangUp(back);
  });

  test("[H108] nor is its session the one whose id was shown when the secret was minted", async () => {
    const response = await post("/v1/realtime/client_secrets", { session: { model: "echo" } });
    const { value, session } = await response.json<{ value: string; session: { id: string } }>();
    const first = await open(ECHO, value);
    expect(first.id).not.toBe(session.id);
    await drop(first);
    expect(await turnedAway(`/v1/realtime?session_id=${session.id}`, bearer(value))).toEqual([
      4004,
      "session_not_found",
    ]);
  });

  test("[H28] goes on with the client secret that opened its session", async () => {
    const secret = await clientSecret();
    const first = await open(ECHO, secret);
    await talk(first, "Remember me.");
    await drop(first);
    expect(await stateOf(first.id)).toMatchObject({ status: "waiting" });
    const second = await open(ECHO, secret);
    expect(second.id).toBe(first.id);
    expect(await textsOf(second, 2)).toContain("Remember me.");
    await talk(second, "And again.");
    await hangUp(second);
  });

  test("[H29] goes on with its owner's API key and the session's id, dropped or not", async () => {
    const first = await open(ECHO, "key-one");
    await talk(first, "Remember me.");
    await drop(first);
    const second = await open(`/v1/realtime?session_id=${first.id}`, "key-one");
    expect(await textsOf(second, 2)).toContain("Remember me.");
    const third = await open(`${ECHO}&session_id=${first.id}`, "key-one");
    expect(third.id).toBe(first.id);
    expect(await second.client.closed).toMatchObject({ code: 4001 });
    expect(await textsOf(third, 2)).toContain("Remember me.");
    await hangUp(third);
  });

  test("[H28] a secret never takes a live connection over: it opens another session", async () => {
    const secret = await clientSecret();
    const first = await open(ECHO, secret);
    const second = await open(ECHO, secret);
    expect(second.id).not.toBe(first.id);
    const named = `/v1/realtime?session_id=${first.id}`;
    expect(await turnedAway(named, bearer(secret))).toEqual([4003, "session_busy"]);
    await talk(first, "Still here.");
    await drop(second);
    const third = await open(`/v1/realtime?session_id=${second.id}`, secret);
    expect(third.id).toBe(second.id);
    await hangUp(third);
    await hangUp(first);
  });

  test("[H28] a secret goes on with no session that it did not open, and none of another model", async () => {
    const response = await post("/v1/realtime/client_secrets", { models: ["echo", "demo"], resumable: true });
    const { value: secret } = await response.json<{ readonly value: string }>();
    const first = await open(ECHO, secret);
    await drop(first);
    const named = `/v1/realtime?session_id=${first.id}`;
    expect(await turnedAway(named, bearer(await clientSecret()))).toEqual([4004, "session_not_found"]);
    const other = await open("/v1/realtime?model=echo&intent=transcription", secret);
    expect(other.id).not.toBe(first.id);
    for (const each of [other, await open(ECHO, secret)]) await hangUp(each);
  });

  test("[H14] the session that a resumable client secret shows is the first that it opens", async () => {
    const body = { session: { model: "echo" }, resumable: true };
    const response = await post("/v1/realtime/client_secrets", body);
    const secret = await response.json<{
      readonly value: string;
      readonly session: { readonly id: string };
    }>();
    const first = await open(ECHO, secret.value);
    expect(first.id).toBe(secret.session.id);
    await hangUp(first);
  });

  test("[H28] after its client hung up a secret opens a new session", async () => {
    const secret = await clientSecret();
    const first = await open(ECHO, secret);
    await hangUp(first);
    const second = await open(ECHO, secret);
    expect(second.id).not.toBe(first.id);
    await hangUp(second);
    const named = `/v1/realtime?session_id=${first.id}`;
    expect(await turnedAway(named, bearer(secret))).toEqual([4004, "session_not_found"]);
    expect((await turnedAway(named, bearer()))[0]).toBe(4004);
  });

  test("[H29] another owner's key finds no session, no key is 401, and no upgrade is a problem", async () => {
    const first = await open(ECHO, "key-one");
    await drop(first);
    const named = `/v1/realtime?session_id=${first.id}`;
    expect(await turnedAway(named, bearer(OTHER_KEY))).toEqual([4004, "session_not_found"]);
    expect(await problemOf(await upgrade(named))).toEqual([401, "invalid_credentials", null]);
    await hangUp(await open(named, "key-one"));
  });
});
