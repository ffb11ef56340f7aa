/** LiveKit Agents: the plugin's realtime session, without a room. */
import { initializeLogger } from "@livekit/agents";
import * as openai from "@livekit/agents-plugin-openai";
import { AudioFrame } from "@livekit/rtc-node";

import { check, expect, Log, relay, within } from "./report.mjs";

initializeLogger({ pretty: false, level: "silent" });
const model = new openai.realtime.RealtimeModel({
  model: relay.model,
  apiKey: relay.key,
  baseURL: `${relay.httpUrl}/v1`,
});
const session = model.session();
const log = new Log();
session.on("openai_server_event_received", (event) => log.push(event));
session.on("error", ({ error }) => log.push({ type: "error", error: String(error) }));
const generations = new Log();
session.on("generation_created", (event) => generations.push({ ...event, type: "generation" }));

/** The words of an answer and the milliseconds of its audio. */
async function heard({ messageStream }) {
  let [text, samples] = ["", 0];
  for await (const message of messageStream) {
    const words = (async () => {
      for await (const piece of message.textStream) text += typeof piece === "string" ? piece : piece.text;
    })();
    for await (const frame of message.audioStream) samples += frame.samplesPerChannel;
    await words;
  }
  return { text, samples };
}

function speak() {
  const samples = new Int16Array(
    relay.speech.buffer.slice(relay.speech.byteOffset, relay.speech.byteOffset + relay.speech.length),
  );
  for (let at = 0; at < samples.length; at += 480) {
    const piece = samples.slice(at, at + 480);
    session.pushAudio(new AudioFrame(piece, 24_000, 1, piece.length));
  }
}

await check("text", async () => {
  const { text, samples } = await heard(
    await within(session.generateReply(), "generateReply() without instructions"),
  );
  expect(text.length > 0 && samples > 0, "said nothing");
  await heard(await within(session.generateReply("Say hello."), "generateReply(instructions)"));
});

await check("update", async () => {
  await session.updateInstructions("Be brief.");
  session.updateOptions({ toolChoice: "auto" });
  const context = session.chatCtx.copy();
  context.addMessage({ role: "user", content: "Hello." });
  await within(session.updateChatCtx(context), "updateChatCtx");
});

await check("audio", async () => {
  for (let turn = 0; turn < 3; turn += 1) {
    speak();
    const { samples } = await heard(await generations.next(({ userInitiated }) => !userInitiated));
    expect(samples > 0, "no audio");
  }
});

await check("barge-in", async () => {
  const context = session.chatCtx.copy();
  context.addMessage({ role: "user", content: "Tell me a story." });
  await session.updateChatCtx(context);
  const told = heard(await session.generateReply());
  const { item_id } = await log.next(({ type }) => type === "response.output_audio.delta");
  await session.interrupt();
  await session.truncate({ messageId: item_id, audioEndMs: 20 });
  await within(told, "end of the interrupted answer");
  await log.next(({ type, response }) => type === "response.done" && response.status === "cancelled");
});
process.exit(0);
