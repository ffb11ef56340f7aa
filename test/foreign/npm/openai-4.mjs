/** The official client as it was while the API was in beta: `openai/beta/realtime`. */
import { OpenAI } from "openai-4";
import { OpenAIRealtimeWS } from "openai-4/beta/realtime/ws";

import { check, expect, Log, pieces, relay } from "./report.mjs";
import { faults } from "./beta-types.mjs";

const client = new OpenAI({ apiKey: relay.key, baseURL: `${relay.tlsUrl}/v1`, maxRetries: 0 });
const logs = [];

async function dial(with_ = client) {
  const socket = new OpenAIRealtimeWS({ model: relay.model }, with_);
  const log = new Log();
  logs.push(log);
  socket.on("event", (event) => log.push(event));
  socket.on("error", () => {});
  const { session } = await log.next("session.created");
  return { socket, log, session };
}

const say = (text) => ({
  type: "conversation.item.create",
  item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
});

function speak({ socket }) {
  for (const piece of pieces(relay.speech))
    socket.send({ type: "input_audio_buffer.append", audio: piece.toString("base64") });
}

async function whole({ log }) {
  const { response } = await log.next("response.done");
  expect(response.status === "completed", `ended ${response.status}`);
  return response;
}

const call = await dial();

await check("text", async () => {
  call.socket.send(say("Hello."));
  call.socket.send({ type: "response.create", response: { modalities: ["text"], temperature: 0.7 } });
  const { text } = await call.log.next("response.text.done");
  expect(text.length > 0, "no text");
  const { output, modalities } = await whole(call);
  expect(output[0].content[0].type === "text" && String(modalities) === "text", "no text in the answer");
});

await check("audio", async () => {
  for (let turn = 0; turn < 2; turn += 1) {
    speak(call);
    await call.log.next("input_audio_buffer.committed");
    const { item } = await call.log.next("conversation.item.created");
    expect(item.role === "user" && item.content[0].type === "input_audio", JSON.stringify(item));
    await call.log.next("response.audio.done");
    const { output } = await whole(call);
    expect(output[0].content[0].transcript.length > 0, "no transcript");
  }
});

await check("tool", async () => {
  const tool = {
    type: "function",
    name: "get_weather",
    description: "The weather.",
    parameters: { type: "object" },
  };
  call.socket.send({ type: "session.update", session: { tools: [tool], tool_choice: "auto" } });
  await call.log.next("session.updated");
  call.socket.send(say("How is the weather?"));
  call.socket.send({ type: "response.create" });
  const { call_id } = await call.log.next("response.function_call_arguments.done");
  await whole(call);
  call.socket.send({
    type: "conversation.item.create",
    item: { type: "function_call_output", call_id, output: "sunny" },
  });
  call.socket.send({ type: "response.create" });
  await whole(call);
});

await check("barge-in", async () => {
  call.socket.send(say("Tell me a story."));
  call.socket.send({ type: "response.create" });
  const { item_id } = await call.log.next("response.audio.delta");
  speak(call);
  await call.log.next("input_audio_buffer.speech_started");
  const { response } = await call.log.next("response.done");
  expect(response.status === "cancelled", `ended ${response.status}`);
  call.socket.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 20 });
  await call.log.next("conversation.item.truncated");
  await whole(call);
});

await check("update", async () => {
  for (const turn_detection of [null, { type: "semantic_vad", eagerness: "high" }, { type: "server_vad" }]) {
    call.socket.send({ type: "session.update", session: { turn_detection } });
    const { session } = await call.log.next("session.updated");
    expect((session.turn_detection?.type ?? null) === (turn_detection?.type ?? null), "not in force");
  }
  call.socket.send({ type: "session.update", event_id: "wrong", session: { input_audio_format: "mp3" } });
  const { error } = await call.log.next("error", { errors: true });
  expect(error.event_id === "wrong" && error.param === "session.input_audio_format", JSON.stringify(error));
});
call.socket.close();

await check("reconnect", async () => {
  const first = await dial();
  first.socket.send(say("Hello."));
  first.socket.send({ type: "response.create" });
  await whole(first);
  first.socket.socket.terminate();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const back = await dial();
  expect(back.session.id !== first.session.id, "the same session without its name");
  back.socket.close();
});

await check("secret", async () => {
  const asked = { model: relay.model, modalities: ["text"], voice: "alloy", turn_detection: null };
  const { client_secret, ...session } = await client.beta.realtime.sessions.create(asked);
  expect(String(session.modalities) === "text" && session.voice === "alloy", JSON.stringify(session));
  const page = await dial(new OpenAI({ apiKey: client_secret.value, baseURL: `${relay.tlsUrl}/v1` }));
  expect(String(page.session.modalities) === "text", "not as it was asked for");
  page.socket.send(say("Hello."));
  page.socket.send({ type: "response.create" });
  await whole(page);
  page.socket.close();
});

await check("types", async () => {
  const found = faults(logs.flatMap(({ all }) => all));
  expect(found.length === 0, found.slice(0, 3).join("\n"));
});
process.exit(0);
