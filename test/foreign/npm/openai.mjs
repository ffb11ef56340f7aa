/** The official client's newest release. */
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

import { check, expect, Log, pieces, relay } from "./report.mjs";

const client = new OpenAI({ apiKey: relay.key, baseURL: `${relay.tlsUrl}/v1`, maxRetries: 0 });

async function dial(options = { model: relay.model }, with_ = client) {
  const socket = new OpenAIRealtimeWS(options, with_);
  const log = new Log();
  socket.on("event", (event) => log.push(event));
  socket.on("error", () => {});
  await log.next("session.created");
  return { socket, log };
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
  call.socket.send({ type: "response.create", response: { output_modalities: ["text"] } });
  const { text } = await call.log.next("response.output_text.done");
  expect(text.length > 0, "no text");
  await whole(call);
});

await check("audio", async () => {
  for (let turn = 0; turn < 3; turn += 1) {
    speak(call);
    await call.log.next("input_audio_buffer.committed");
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
  call.socket.send({ type: "session.update", session: { type: "realtime", tools: [tool] } });
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
  const { item_id } = await call.log.next("response.output_audio.delta");
  speak(call);
  await call.log.next("input_audio_buffer.speech_started");
  const { response } = await call.log.next("response.done");
  expect(response.status === "cancelled", `ended ${response.status}`);
  expect(typeof response.usage?.input_tokens === "number", "no usage in the interrupted answer");
  call.socket.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 20 });
  await call.log.next("conversation.item.truncated");
  await whole(call);
});

await check("update", async () => {
  for (const turn_detection of [
    null,
    { type: "semantic_vad", eagerness: "high" },
    { type: "server_vad", silence_duration_ms: 300 },
  ]) {
    call.socket.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection } } },
    });
    const { session } = await call.log.next("session.updated");
    expect(
      (session.audio.input.turn_detection?.type ?? null) === (turn_detection?.type ?? null),
      "not in force",
    );
  }
});
call.socket.close();

await check("transcription", async () => {
  const other = await dial({ intent: "transcription" });
  const transcription = { model: "gpt-4o-transcribe" };
  other.socket.send({
    type: "session.update",
    session: { type: "transcription", audio: { input: { transcription } } },
  });
  await other.log.next("session.updated");
  speak(other);
  const { transcript } = await other.log.next("conversation.item.input_audio_transcription.completed");
  expect(transcript.length > 0, "no transcript");
  other.socket.close();
});

const { value } = await client.realtime.clientSecrets.create({
  session: { type: "realtime", model: relay.model },
  // The relay's own: who has the secret goes on with the session that it opened.
  resumable: true,
});
const holder = new OpenAI({ apiKey: value, baseURL: `${relay.tlsUrl}/v1` });
let kept;

await check("secret", async () => {
  kept = await dial({ model: relay.model }, holder);
  kept.socket.send(say("Hello."));
  kept.socket.send({ type: "response.create" });
  await whole(kept);
});

await check("reconnect", async () => {
  kept.socket.socket.terminate();
  // A client waits before it dials again; at once, its old connection may still stand at the relay.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const back = await dial({ model: relay.model }, holder);
  expect(back.log.all[0].session.id === kept.log.all[0].session.id, "another session");
  back.socket.send(say("Hello."));
  back.socket.send({ type: "response.create" });
  await whole(back);
});
process.exit(0);
