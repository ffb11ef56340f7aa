/** A Moshi server through the whole relay, in workerd and by real Opus: one model on loopback that talks to one caller after the other. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { WebSocketServer, type WebSocket } from "ws";
import { afterAll, beforeAll, expect, test } from "vitest";

import { voiceOf } from "../../demo/stages.ts";
import { likeness, MoshiModel, type MoshiScript } from "../support/moshi-model.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { say } from "../support/say.ts";
import { base64, concat, fromBase64, pcmBytes, silence } from "../support/sdk-audio.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const FRAME = 960;
const server = createServer();
const sockets = new WebSocketServer({ server, path: "/api/chat" });
const script: MoshiScript[] = [];
const models: MoshiModel[] = [];
const requests: IncomingMessage[] = [];
/** Who waits for the model's lock, and who has it first. */
const queue: { readonly socket: WebSocket; readonly model: MoshiModel }[] = [];
let relay: Relay;
let speech: Uint8Array;

beforeAll(async () => {
  sockets.on("connection", (socket, request) => {
    requests.push(request);
    const model = new MoshiModel(socket, script);
    models.push(model);
    socket.on("message", (data: Buffer, binary) =>
      model.receive(binary ? new Uint8Array(data) : data.toString("utf8")),
    );
    socket.on("close", () => {
      const at = queue.findIndex((one) => one.socket === socket);
      queue.splice(at, 1);
      if (at === 0) queue[0]?.model.begin();
    });
    if (queue.push({ socket, model }) === 1) model.begin();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("moshi-routes.ts") },
    vars: { MOSHI_KEY: "sk-secret-0123456789", MOSHI_URL: `ws://127.0.0.1:${port}` },
  });
  speech = pcmBytes(await say("I would like to change my booking to Thursday.", { rateHz: 24_000 }));
});
afterAll(async () => {
  await relay.close();
  for (const socket of sockets.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
});

async function dial(): Promise<RawCall> {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=moshi`, { apiKey: relay.apiKey });
  await call.log.next("session.created");
  return call;
}

/** What is known of the session, as JSON. */
async function stateOf(call: RawCall): Promise<string> {
  const created = call.log.all("session.created")[0]?.session as { readonly id?: string } | undefined;
  const id = created?.id ?? "";
  const headers = { Authorization: `Bearer ${relay.apiKey}` };
  return (await fetch(`${relay.url}/v1/sessions/${id}`, { headers })).text();
}

/** A turn of the caller's, in real time; after it the client sends nothing at all. */
async function speak(call: RawCall): Promise<void> {
  const audio = concat([silence(200), speech, silence(700)]);
  const began = performance.now();
  for (let at = 0; at < audio.length; at += FRAME) {
    call.send({ type: "input_audio_buffer.append", audio: base64(audio.subarray(at, at + FRAME)) });
    const dueMs = began + (at + FRAME) / 48 - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
  }
}

function heard(call: RawCall, responseId = ""): Uint8Array {
  const deltas = call.log.all("response.output_audio.delta");
  return concat(deltas.filter((one) => one.response_id === responseId).map(({ delta }) => fromBase64(delta)));
}

async function answered(call: RawCall, say: string): Promise<void> {
  const { response } = await call.log.any("response.done", (one) =>
    JSON.stringify(one.response.output).includes(say),
  );
  expect(response).toMatchObject({ status: "completed", output: [{ content: [{ transcript: say }] }] });
  expect(likeness(voiceOf(say), heard(call, response.id))).toBeGreaterThan(0.8);
}

test("[U289] two turns with PersonaPlex in workerd, by real Opus: heard as it was said, answered as it sounds; the next caller waits, and is talked to when the first has hung up", async () => {
  const first = await dial();
  script.push({ say: "Good day. What can I do for you?" }, { say: "It is done." });
  await speak(first);
  await answered(first, "Good day. What can I do for you?");
  await speak(first);
  await answered(first, "It is done.");
  const [model] = models;
  expect(model?.loudest).toBeGreaterThan(3000);
  expect(first.log.all("error")).toEqual([]);

  const second = await dial();
  // A plain client is told of no dial that is tried again (L220).
  while (!(await stateOf(second)).includes('"status":"closed"'))
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(second.log.all("error")).toEqual([]);
  await first.hangUp();
  // Its next dial is let in, however long that is under way.
  script.push({ say: "Here I am." });
  while (queue[0]?.model.heardMs === 0 || queue.length === 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await speak(second);
  await answered(second, "Here I am.");
  expect(models.flatMap(({ provider }) => provider.refused)).toEqual([]);
  expect(JSON.stringify([first.log.events, second.log.events])).not.toMatch(/secret|127\.0\.0\.1/);
  expect(relay.logs.join("\n")).not.toMatch(/secret|You%20are%20Ann/);
  const { searchParams, pathname } = new URL(requests[0]?.url ?? "", "http://x");
  expect(pathname).toBe("/api/chat");
  expect(Object.fromEntries(searchParams)).toEqual({
    voice_prompt: "NATM1.pt",
    text_prompt: "You are Ann, and brief.",
  });
  expect(requests[0]?.headers.authorization).toBe("Bearer sk-secret-0123456789");
  await second.hangUp();
});
