/** Tools that the relay runs, through real workerd, with a real server that checks what it is posted. */
import { createHmac } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ResumingClient } from "../../bench/delivery/client.ts";
import { abortObject } from "../../bench/delivery/stage.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import { startRelay, type Relay } from "../support/relay.ts";

const KEY = Buffer.alloc(32, 5);
const TEXT = { type: "realtime", output_modalities: ["text"], audio: { input: { turn_detection: null } } };
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Posted {
  readonly id: string;
  readonly path: string;
  readonly signed: boolean;
  readonly body: Record<string, unknown>;
}

const posted: Posted[] = [];
/** What is done about each post, in order; the last again and again. */
let answers: ((response: ServerResponse) => void | Promise<void>)[] = [];
let server: Server;
let relay: Relay;
let client: ResumingClient;

const says = (words: string) => (response: ServerResponse) => void response.end(words);

beforeAll(async () => {
  server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const header = (name: string) => String(request.headers[name] ?? "");
      const content = `${header("webhook-id")}.${header("webhook-timestamp")}.${body}`;
      const signature = `v1,${createHmac("sha256", KEY).update(content).digest("base64")}`;
      const signed = header("webhook-signature") === signature;
      posted.push({ id: header("webhook-id"), path: request.url ?? "", signed, body: JSON.parse(body) });
      await (answers[posted.length - 1] ?? answers.at(-1))?.(response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  relay = await startRelay({
    // Its objects can be told to die.
    source: { entry: here("../../bench/delivery/relay-worker.ts"), config: here("tools-routes.ts") },
    vars: {
      TIME_URL: `${base}/time`,
      WEATHER_URL: `${base}/weather`,
      TOOL_SECRET: `whsec_${KEY.toString("base64")}`,
    },
  });
});
afterAll(async () => {
  await relay.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
afterEach(() => client.hangUp());

async function dial(): Promise<void> {
  posted.length = 0;
  client = await ResumingClient.open(relay, "tooled", TEXT);
}

function ask(words: string): void {
  const content = [{ type: "input_text", text: words }];
  client.say({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.say({ type: "response.create" });
}

/** What the model said behind the result. */
async function said(): Promise<string> {
  await client.until(
    () => client.events.some(({ type }) => type === "response.output_text.done"),
    "what is said of the result",
  );
  return textAt(await client.event("response.output_text.done"), "text") ?? "";
}

const isEnded = (id: string) => (response: JsonObject | null) =>
  textAt(response, "id") === id && textAt(response, "status") !== "in_progress";
const typesOf = () =>
  client.events.map((event) => textAt(event, "type") ?? "").filter((type) => type.startsWith("relay.tool."));

test("[X259] a call is posted, signed, and its result is spoken of; after a 500 it is posted again under the same name", async () => {
  answers = [
    (response) => void response.writeHead(500).end("a-reason-of-nobody's"),
    says('{"time":"14:05"}'),
  ];
  await dial();
  ask("What time is it?");
  expect(await said()).toBe("The answer of get time is: time 14:05.");
  expect(posted.map(({ path, signed }) => [path, signed])).toEqual([
    ["/time", true],
    ["/time", true],
  ]);
  expect(new Set(posted.map(({ id }) => id)).size).toBe(1);
  expect(posted[0]?.body).toMatchObject({
    type: "tool.call",
    name: "get_time",
    arguments: {},
    session_id: client.id,
  });
  expect(typesOf()).toEqual(["relay.tool.started", "relay.tool.completed"]);
  expect(relay.logs.join("\n")).not.toMatch(/whsec_|a-reason-of|14:05/);
});

test("[X259] two calls of one answer are made at once, and one answer speaks of both", async () => {
  answers = [
    async (response) => {
      await sleep(400);
      response.end('{"slow":1}');
    },
    says('{"quick":2}'),
  ];
  await dial();
  ask("What are the time and the weather?");
  await client.event("response.output_text.done");
  expect(posted.map(({ path }) => path).toSorted()).toEqual(["/time", "/weather"]);
  expect(new Set(posted.map(({ id }) => id)).size).toBe(2);
  const created = client.events.filter(({ type }) => type === "response.created");
  expect(created).toHaveLength(2);
});

test("[X259] one that is slow for longer than it may be is told so, and the call goes on", async () => {
  answers = [() => sleep(20_000, undefined, { ref: false })];
  await dial();
  ask("What time is it?");
  const failed = await client.event("relay.tool.failed");
  expect(failed).toMatchObject({ name: "get_time", reason: "timeout" });
  expect(posted.length).toBe(3);
  expect(new Set(posted.map(({ id }) => id)).size).toBe(1);
  expect(await said()).toContain("did not answer in time");
});

test("[X259] a server that is gone is told so", async () => {
  answers = [(response) => void response.destroy()];
  await dial();
  ask("What time is it?");
  expect(await client.event("relay.tool.failed")).toMatchObject({ reason: "unreachable" });
  expect(await said()).toContain("could not be reached");
});

test("[X259] a call that was made answers late, beside what was said since; one of an answer that is cancelled is not posted", async () => {
  answers = [
    async (response) => {
      await sleep(700);
      response.end('{"time":"15:30"}');
    },
  ];
  await dial();
  ask("What time is it?");
  await client.event("relay.tool.started");
  ask("Hello there.");
  await client.event("relay.tool.completed");
  await client.until(
    () => client.events.some((event) => (textAt(event, "text") ?? "").includes("15:30")),
    "what is said of the result",
  );
  expect(posted).toHaveLength(1);
  posted.length = 0;
  const before = client.events.length;
  ask("What time is it?");
  const id = textAt(objectAt(await client.event("response.created", before), "response"), "id") ?? "";
  client.say({ type: "response.cancel", response_id: id });
  const ended = () => client.events.map((event) => objectAt(event, "response")).findLast(isEnded(id));
  await client.until(() => ended() !== undefined, "its end");
  await sleep(1500);
  expect(posted.length > 0).toBe(textAt(ended() ?? null, "status") === "completed");
});

test("[X259] an object that dies while its tool is at work posts again under the same name, and goes on", async () => {
  answers = [() => sleep(20_000, undefined, { ref: false }), says('{"time":"16:45"}')];
  await dial();
  ask("What time is it?");
  await client.event("relay.tool.started");
  await client.until(() => posted.length === 1, "the post").catch(() => {});
  await abortObject(relay, client.id);
  await client.ended();
  await client.resume();
  await client.until(
    () => client.events.some((event) => (textAt(event, "text") ?? "").includes("16:45")),
    "what is said of the result",
  );
  expect(posted).toHaveLength(2);
  expect(posted[0]?.id).toBe(posted[1]?.id);
  expect(posted[0]?.body).toEqual(posted[1]?.body);
});
