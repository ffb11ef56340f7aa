/** A transcription session beside the voice, through the whole relay: both are the demo voice, over real sockets. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRelay, type Relay } from "../support/relay.ts";
import { say } from "../support/say.ts";
import { base64, pcmBytes, silence } from "../support/sdk-audio.ts";
import { dialRaw } from "../support/sdk-raw.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
let relay: Relay;
let speech: Uint8Array;

beforeAll(async () => {
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("transcriber-routes.ts") },
  });
  speech = pcmBytes(await say("I would like to change my booking to Thursday.", { rateHz: 24_000 }));
});
afterAll(() => relay.close());

test("[J10] a transcriber in a session of its own gives a caller's turn its words", async () => {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=scribed`, {
    apiKey: relay.apiKey,
    protocols: ["realtime", "duplex.v1"],
  });
  const { session } = await call.log.next("session.created");
  expect(session).toMatchObject({ relay: { upstreams: ["demo"] } });
  const audio = Buffer.concat([silence(300), speech, silence(1500)]);
  const began = performance.now();
  const frame = 960;
  for (let at = 0; at < audio.length; at += frame) {
    call.send({ type: "input_audio_buffer.append", audio: base64(audio.subarray(at, at + frame)) });
    const dueMs = began + (at + frame) / 48 - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
  }
  const { item_id } = await call.log.next("input_audio_buffer.committed");
  const transcription = await call.log.next("conversation.item.input_audio_transcription.completed");
  expect(transcription).toMatchObject({ item_id });
  // The demo voice knows no words: it says how long it heard somebody speak.
  expect(transcription["transcript"]).toMatch(/s of speech/);
  expect((await call.log.next("response.done"))["response"]).toMatchObject({ status: "completed" });
  await call.hangUp();
});
