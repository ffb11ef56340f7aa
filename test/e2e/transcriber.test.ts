/** A transcription session beside the voice, through the whole relay: both are the demo voice, over real sockets. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRelay, type Relay } from "../support/relay.ts";
import { concat, silence } from "../support/sdk-audio.ts";
import { dialRaw } from "../support/sdk-raw.ts";
import { callersSentence, sendInTime } from "../support/spoken-call.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
let relay: Relay;
let speech: Uint8Array;

beforeAll(async () => {
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("transcriber-routes.ts") },
  });
  speech = await callersSentence();
});
afterAll(() => relay.close());

test("[J10] a transcriber in a session of its own gives a caller's turn its words", async () => {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=scribed`, {
    apiKey: relay.apiKey,
    protocols: ["realtime", "duplex.v1"],
  });
  const { session } = await call.log.next("session.created");
  expect(session).toMatchObject({ relay: { upstreams: ["demo"] } });
  await sendInTime(call, concat([silence(300), speech, silence(1500)]));
  const { item_id } = await call.log.next("input_audio_buffer.committed");
  const transcription = await call.log.next("conversation.item.input_audio_transcription.completed");
  expect(transcription).toMatchObject({ item_id });
  // The demo voice knows no words: it says how long it heard somebody speak.
  expect(transcription["transcript"]).toMatch(/s of speech/);
  expect((await call.log.next("response.done"))["response"]).toMatchObject({ status: "completed" });
  await call.hangUp();
});
