/** Fillers, announcements and calls that may be taken back, through real workerd and real sockets. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ResumingClient } from "../../bench/delivery/client.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { dialRaw } from "../support/sdk-raw.ts";

const MANUAL = { type: "realtime", audio: { input: { turn_detection: null } } };

let server: Server;
let relay: Relay;
let client: ResumingClient;
const posted: string[] = [];
let takesMs = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    posted.push(String(request.headers["webhook-id"]));
    request.resume();
    setTimeout(() => response.end('{"time":"14:05"}'), takesMs);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  relay = await startRelay({
    source: {
      entry: fileURLToPath(new URL("../../src/worker.ts", import.meta.url)),
      config: fileURLToPath(new URL("asides-routes.ts", import.meta.url)),
    },
    vars: {
      TIME_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/time`,
      TOOL_SECRET: `whsec_${Buffer.alloc(32, 5).toString("base64")}`,
    },
  });
});
afterAll(async () => {
  await relay.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
afterEach(() => client.hangUp());

async function dial(model: string): Promise<void> {
  posted.length = 0;
  client = await ResumingClient.open(relay, model, MANUAL);
}

function ask(words: string): void {
  const content = [{ type: "input_text", text: words }];
  client.say({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.say({ type: "response.create" });
}

const own = (kind: string): readonly JsonObject[] =>
  client.events.filter(
    (event) =>
      event["type"] === "response.created" &&
      textAt(objectAt(objectAt(event, "response"), "metadata"), "relay") === kind,
  );
const ordinalOf = (event: JsonObject | undefined): number =>
  Number(objectAt(objectAt(event ?? null, "response"), "relay")?.["ordinal"]);
/** Milliseconds of sound that came of an answer. */
const msOf = (event: JsonObject | undefined): number =>
  client.frames
    .filter(({ ordinal }) => ordinal === ordinalOf(event))
    .reduce((sum, { payload }) => sum + payload.byteLength / 48, 0);
const types = () => client.events.map((event) => textAt(event, "type") ?? "");

test("[X290] [X291] [X294] while a tool runs a sound is heard, and the answer comes behind it; no history has it", async () => {
  takesMs = 1600;
  await dial("sounding");
  ask("What time is it?");
  await client.event("relay.tool.started");
  await client.until(() => own("filler").length > 0, "a filler");
  await client.event("relay.tool.completed");
  await client.until(
    () => client.events.filter(({ type }) => type === "response.done").length >= 2 + own("filler").length,
    "the answer",
  );
  expect(msOf(own("filler")[0])).toBeGreaterThan(250);
  expect(msOf(own("filler")[0])).toBeLessThan(320);
  const items = client.events.filter(({ type }) => type === "conversation.item.added");
  const kinds = items.map((event) => textAt(objectAt(event, "item"), "type"));
  expect(kinds).toEqual(["message", "function_call", "function_call_output", "message"]);
  expect(types()).not.toContain("error");
});

test("[X310] [X315] the application has a sound said, and is told what became of it", async () => {
  takesMs = 0;
  await dial("sounding");
  const control = await dialRaw(`${relay.wsUrl}/v1/sessions/${client.id}/control`, { apiKey: relay.apiKey });
  await control.log.next("session.created");
  control.send({ type: "relay.say", say_id: "one", sound: "ding" });
  expect(await client.event("relay.say.completed")).toMatchObject({ say_id: "one", played_ms: 200 });
  expect(msOf(own("announcement")[0])).toBeCloseTo(200, -1);
  const audio = new Uint8Array(48 * 8000).toBase64();
  control.send({ type: "relay.say", say_id: "two", audio });
  await client.event("relay.say.started", client.events.length);
  client.say({ type: "output_audio_buffer.clear" });
  const cut = await client.event("relay.say.interrupted");
  expect(cut).toMatchObject({ say_id: "two" });
  expect(Number(cut["played_ms"])).toBeLessThan(4000);
  control.send({ type: "relay.say", sound: "dong" });
  await control.log.next("error");
  await control.hangUp();
});

test("[X300] [X301] a call waits for the caller's silence, and is not posted where there is none", async () => {
  takesMs = 0;
  await dial("careful");
  ask("What time is it?");
  await client.event("relay.tool.confirming");
  const at = performance.now();
  await client.event("relay.tool.started");
  expect(performance.now() - at).toBeGreaterThan(500);
  await client.event("relay.tool.completed");
  expect(posted).toHaveLength(1);
  await client.hangUp();
  await dial("careful");
  ask("What time is it?");
  await client.event("relay.tool.confirming");
  client.say({ type: "output_audio_buffer.clear" });
  expect(await client.event("relay.tool.failed")).toMatchObject({ reason: "taken_back" });
  await sleep(1000);
  expect(posted).toEqual([]);
});
