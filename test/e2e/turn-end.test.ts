/** An end-of-turn model over real HTTP: what it is sent, and what its verdict does, through the whole relay. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readWav } from "../../tools/wav.ts";
import { startJsonService, type JsonService } from "../support/json-service.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { silence } from "../support/sdk-audio.ts";
import { dialRaw } from "../support/sdk-raw.ts";
import { callersSentence, sendInTime } from "../support/spoken-call.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
let answer: () => { readonly status: number; readonly body: string };
let service: JsonService;
let relay: Relay;
let speech: Uint8Array;

beforeAll(async () => {
  service = await startJsonService(() => answer());
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("turn-end-routes.ts") },
    vars: {
      TURNS_URL: `${service.url}/turns`,
      TURNS_KEY: "a-key-that-is-not-to-be-seen",
    },
  });
  speech = await callersSentence();
});
afterAll(async () => {
  await relay.close();
  await service.close();
});

/** Real milliseconds from the last word to the turn's end. */
async function waited(): Promise<number> {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=asking`, { apiKey: relay.apiKey });
  await call.log.next("session.created");
  const turn_detection = { type: "semantic_vad", create_response: false };
  call.send({ type: "session.update", session: { type: "realtime", audio: { input: { turn_detection } } } });
  await call.log.next("session.updated");
  const audio = Buffer.concat([silence(200), speech, silence(2500)]);
  const began = performance.now();
  const stopped = call.log.next("input_audio_buffer.speech_stopped").then(() => performance.now() - began);
  let over = false;
  void stopped.then(() => (over = true));
  await sendInTime(call, audio, () => over);
  const ms = (await stopped) - 200 - speech.byteLength / 48;
  await call.hangUp();
  return ms;
}

test("[Q25] through a whole relay, a model over HTTP hears the turn and is gone by; failing, nothing depends on it", async () => {
  answer = () => ({ status: 200, body: '{"probability":0.97}' });
  // The first question of a process may be late.
  await waited();
  const sure = await waited();
  expect(service.asked.length).toBeGreaterThan(0);
  const last = service.asked.at(-1);
  expect(last?.authorization).toBe("Bearer a-key-that-is-not-to-be-seen");
  const heard = readWav(last?.body ?? Buffer.alloc(0));
  expect(heard.sampleRateHz).toBe(16_000);
  expect(Math.abs(heard.samples.length / 16 - speech.byteLength / 48)).toBeLessThan(700);
  expect(Math.max(...heard.samples)).toBeGreaterThan(0.05);

  answer = () => ({ status: 200, body: '{"probability":0.02}' });
  expect(await waited()).toBeGreaterThan(sure + 200);

  answer = () => ({ status: 500, body: "a-reason-that-is-nobody's-business" });
  const failing = await waited();
  expect(failing).toBeLessThan(2000);
  expect(relay.logs.join("\n")).not.toMatch(/a-key-that|a-reason-that/);
});
