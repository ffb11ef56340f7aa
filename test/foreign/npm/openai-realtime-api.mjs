/** A client of the beta in a browser's manner: subprotocols, its own conversation, tools that it answers by itself. */
import { RealtimeClient } from "openai-realtime-api";

import { check, expect, Log, pieces, relay } from "./report.mjs";

const SERVER_VAD = {
  type: "server_vad",
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
};

async function dial(sessionConfig = {}) {
  const client = new RealtimeClient({
    url: `${relay.wsUrl}/v1/realtime`,
    apiKey: relay.key,
    model: relay.model,
    sessionConfig: { instructions: "Be brief.", ...sessionConfig },
  });
  const log = new Log();
  // Before its own handlers, which may throw at an event that they cannot place.
  client.realtime.on("server.*", (event) => log.push(event));
  await client.connect();
  await log.next("session.created");
  const { session } = await log.next("session.updated");
  return { client, log, session };
}

const samples = (piece) =>
  new Int16Array(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.byteLength));

function speak({ client }) {
  for (const piece of pieces(relay.speech)) client.appendInputAudio(samples(piece));
}

async function whole({ log }) {
  const { response } = await log.next("response.done");
  expect(response.status === "completed", `ended ${response.status}`);
  return response;
}

const spoken = ({ client }) =>
  client.conversation.getItems().findLast(({ type, role }) => type === "message" && role === "assistant");

const call = await dial({ turn_detection: SERVER_VAD });

await check("update", async () => {
  expect(call.session.turn_detection.type === "server_vad", "no server_vad");
  expect(call.session.input_audio_format === "pcm16", `format ${call.session.input_audio_format}`);
  expect(call.session.temperature === 0.8, `temperature ${call.session.temperature}`);
  expect(call.session.max_response_output_tokens === 4096, "no longest answer");
  expect(String(call.session.modalities) === "text,audio", `modalities ${call.session.modalities}`);
  call.client.updateSession({ turn_detection: null });
  expect((await call.log.next("session.updated")).session.turn_detection === null, "still detected");
  call.client.updateSession({ turn_detection: SERVER_VAD, temperature: 0.7 });
  const { session } = await call.log.next("session.updated");
  expect(session.turn_detection?.type === "server_vad" && session.temperature === 0.7, "not in force");
});

await check("text", async () => {
  call.client.sendUserMessageContent([{ type: "input_text", text: "Hello." }]);
  const { output } = await whole(call);
  expect(output[0].content[0].type === "audio", `content ${output[0].content[0].type}`);
  const { formatted, status } = spoken(call);
  expect(formatted.audio.length > 0 && formatted.transcript.length > 0, "its conversation heard nothing");
  expect(status === "completed", `its item is ${status}`);
});

await check("audio", async () => {
  for (let turn = 0; turn < 2; turn += 1) {
    const before = spoken(call)?.id;
    speak(call);
    await call.log.next("input_audio_buffer.committed");
    await whole(call);
    expect(spoken(call).id !== before && spoken(call).formatted.audio.length > 0, "nothing heard");
  }
});

await check("transcription", async () => {
  speak(call);
  const { transcript, item_id } = await call.log.next(
    "conversation.item.input_audio_transcription.completed",
  );
  expect(transcript.length > 0, "no transcript");
  await whole(call);
  const heard = call.client.conversation.getItem(item_id);
  expect(heard.formatted.transcript === transcript, "its item has no transcript");
});

await check("tool", async () => {
  const asked = [];
  call.client.addTool(
    { name: "get_weather", description: "The weather.", parameters: { type: "object" } },
    (args) => {
      asked.push(args);
      return { weather: "sunny" };
    },
  );
  await call.log.next("session.updated");
  call.client.sendUserMessageContent([{ type: "input_text", text: "How is the weather?" }]);
  await whole(call);
  // It answers the call and asks for what follows by itself.
  await whole(call);
  expect(asked.length === 1, `its tool was called ${asked.length} times`);
  const types = call.client.conversation.getItems().map(({ type }) => type);
  expect(types.includes("function_call") && types.includes("function_call_output"), String(types));
});

await check("barge-in", async () => {
  call.client.removeTool("get_weather");
  call.client.updateSession();
  await call.log.next("session.updated");
  call.client.sendUserMessageContent([{ type: "input_text", text: "Tell me a story." }]);
  const { item_id } = await call.log.next("response.audio.delta");
  const interrupted = call.client.waitForNext("conversation.interrupted", { timeoutMs: 20_000 });
  speak(call);
  await interrupted;
  const { response } = await call.log.next("response.done");
  expect(response.status === "cancelled", `ended ${response.status}`);
  await whole(call);
  call.client.realtime.send("conversation.item.truncate", { item_id, content_index: 0, audio_end_ms: 20 });
  await call.log.next("conversation.item.truncated");
  expect(call.client.conversation.getItem(item_id).formatted.audio.length === 480, "its audio was not cut");
});
call.client.disconnect();

await check("reconnect", async () => {
  const first = await dial();
  first.client.sendUserMessageContent([{ type: "input_text", text: "Hello." }]);
  await whole(first);
  const manual = samples(relay.speech);
  first.client.appendInputAudio(manual);
  // Without turn detection it commits what it sent by itself.
  first.client.createResponse();
  await first.log.next("input_audio_buffer.committed");
  await whole(first);
  first.client.disconnect();
  const second = await dial();
  second.client.sendUserMessageContent([{ type: "input_text", text: "Hello." }]);
  await whole(second);
  second.client.disconnect();
});
process.exit(0);
