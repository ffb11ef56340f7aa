/** Vercel's AI SDK: it gives the events and the address, the socket is the application's. */
import { createOpenAI } from "@ai-sdk/openai";

import { check, expect, Log, pieces, relay } from "./report.mjs";

const provider = createOpenAI({ apiKey: relay.key, baseURL: `${relay.tlsUrl}/v1` });
const model = provider.experimental_realtime(relay.model, { api: "realtime" });

async function dial(sessionConfig) {
  const secret = await model.doCreateClientSecret({ sessionConfig, expiresAfterSeconds: 60 });
  const { url, protocols } = model.getWebSocketConfig(secret);
  const socket = new WebSocket(url, protocols);
  const log = new Log();
  socket.addEventListener("message", ({ data }) => {
    const events = model.parseServerEvent(JSON.parse(data));
    for (const event of Array.isArray(events) ? events : [events]) log.push(event);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("the socket was refused")));
  });
  const send = (event) => socket.send(JSON.stringify(model.serializeClientEvent(event)));
  return { socket, log, send };
}

let call;
await check("secret", async () => {
  call = await dial({ instructions: "Be brief.", turnDetection: { type: "server-vad" } });
  await call.log.next("session-created");
});
await check("update", async () => {
  call.send({
    type: "session-update",
    config: { instructions: "Be kind.", turnDetection: { type: "server-vad" } },
  });
  await call.log.next("session-updated");
});
await check("text", async () => {
  call.send({
    type: "conversation-item-create",
    item: { type: "text-message", role: "user", text: "Hello." },
  });
  call.send({ type: "response-create", options: { modalities: ["text"] } });
  await call.log.next("text-done");
  await call.log.next("response-done");
});
await check("audio", async () => {
  for (let turn = 0; turn < 3; turn += 1) {
    for (const piece of pieces(relay.speech))
      call.send({ type: "input-audio-append", audio: piece.toString("base64") });
    await call.log.next("audio-done");
    await call.log.next("response-done");
  }
});
await check("tool", async () => {
  const tools = [
    { type: "function", name: "get_weather", description: "The weather.", parameters: { type: "object" } },
  ];
  call.send({ type: "session-update", config: { tools } });
  await call.log.next("session-updated");
  call.send({
    type: "conversation-item-create",
    item: { type: "text-message", role: "user", text: "How is the weather?" },
  });
  call.send({ type: "response-create" });
  const { callId } = await call.log.next("function-call-arguments-done");
  await call.log.next("response-done");
  call.send({
    type: "conversation-item-create",
    item: { type: "function-call-output", callId, output: "sunny" },
  });
  call.send({ type: "response-create" });
  await call.log.next("response-done");
});
await check("barge-in", async () => {
  call.send({
    type: "conversation-item-create",
    item: { type: "text-message", role: "user", text: "Tell me a story." },
  });
  call.send({ type: "response-create" });
  const { itemId } = await call.log.next("audio-delta");
  call.send({ type: "response-cancel" });
  call.send({ type: "conversation-item-truncate", itemId, contentIndex: 0, audioEndMs: 20 });
  const { status } = await call.log.next("response-done");
  expect(status === "cancelled", `ended ${status}`);
});
process.exit(0);
