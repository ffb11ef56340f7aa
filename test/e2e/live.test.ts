/** OpenAI's Live API through the whole relay: a full-duplex model on loopback, and a caller of OpenAI's dialect in real time. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { voiceOf } from "../../demo/stages.ts";
import { objectAt } from "../../src/upstreams/json.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { say } from "../support/say.ts";
import { base64, concat, fromBase64, pcmBytes, silence } from "../support/sdk-audio.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";
import { startAgents, type AgentServers } from "./agent-servers.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const FRAME = 960;
let agents: AgentServers;
let relay: Relay;
let speech: Uint8Array;
let call: RawCall;

beforeAll(async () => {
  agents = await startAgents();
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("agents-routes.ts") },
    vars: { LIVE_KEY: "sk-secret-0123456789", LIVE_URL: agents.liveUrl },
  });
  speech = pcmBytes(await say("I would like to change my booking to Thursday.", { rateHz: 24_000 }));
});
afterAll(async () => {
  await relay.close();
  await agents.close();
});
beforeEach(async () => {
  for (const list of [agents.turns, agents.live, agents.models, agents.requests]) list.length = 0;
  call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=live`, { apiKey: relay.apiKey });
  await call.log.next("session.created");
});
afterEach(() => call.hangUp());

/** A turn of the caller's, in real time; after it the client sends nothing at all. */
async function speak(words: string): Promise<void> {
  agents.turns.push(words);
  const audio = concat([silence(200), speech, silence(700)]);
  const began = performance.now();
  for (let at = 0; at < audio.length; at += FRAME) {
    call.send({ type: "input_audio_buffer.append", audio: base64(audio.subarray(at, at + FRAME)) });
    const dueMs = began + (at + FRAME) / 48 - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
  }
}

/** What was heard of an answer, from its first sound to its last. */
function heard(responseId = ""): Buffer {
  const deltas = call.log.all("response.output_audio.delta");
  const all = concat(
    deltas.filter((one) => one.response_id === responseId).map(({ delta }) => fromBase64(delta)),
  );
  return sounding(all);
}

function sounding(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  return Buffer.from(bytes.subarray(first, bytes.findLastIndex((byte) => byte !== 0) + 1));
}

const done = async () => (await call.log.next("response.done")).response;
const spoken = (text: string) => sounding(voiceOf(text));

test("[U195] three turns, a task and an interruption: what is said is whole, also when the client sends nothing", async () => {
  agents.live.push({ say: "Good day. What can I do for you?" });
  await speak("Good morning.");
  const first = await done();
  expect(first).toMatchObject({
    status: "completed",
    output: [{ type: "message", content: [{ transcript: "Good day. What can I do for you?" }] }],
  });
  expect(heard(first.id)).toEqual(spoken("Good day. What can I do for you?"));
  const words = await call.log.any("conversation.item.input_audio_transcription.completed");
  expect(words.transcript).toBe("Good morning.");

  agents.live.push({ say: "Let me see.", task: "item_7" }, { say: "It is done." });
  await speak("Book a table for Thursday.");
  const asked = await call.log.any("response.done", ({ response }) =>
    JSON.stringify(response.output).includes("function_call"),
  );
  const output = asked.response.output?.find(({ type }) => type === "function_call");
  expect(output).toMatchObject({
    name: "delegate",
    call_id: "item_7",
    arguments: '{"request":"Book a table for Thursday."}',
  });
  const result = { type: "function_call_output", call_id: "item_7", output: '{"ok":true}' };
  call.send({ type: "conversation.item.create", item: result });
  call.send({ type: "response.create" });
  const booked = await call.log.any("response.done", ({ response }) =>
    JSON.stringify(response.output).includes("It is done."),
  );
  // What was being said when it was asked for is its beginning.
  expect(heard(booked.response.id).includes(spoken("It is done."))).toBe(true);
  const [model] = agents.models;
  expect(model?.provider.of("session.commentary.append")).toMatchObject([
    { content: '{"ok":true}', delegation_id: "item_7" },
  ]);

  const story = "This is a long story that nobody wants to hear to its end, because it has none. ".repeat(3);
  agents.live.push({ say: story }, { say: "I stop." });
  await speak("Tell me a story.");
  await call.log.any("response.output_audio.delta", ({ response_id: id }) => id !== booked.response.id);
  await speak("Stop, please.");
  const stopped = await call.log.any("response.done", ({ response }) =>
    JSON.stringify(response.output).includes("I stop."),
  );
  expect(heard(stopped.response.id)).toEqual(spoken("I stop."));
  expect(agents.models).toHaveLength(1);
  expect(model?.provider.refused).toEqual([]);
  expect(call.log.all("error")).toEqual([]);
  expect(relay.logs.join("\n")).not.toMatch(/secret/);
  expect(agents.requests[0]?.url).toBe("/v1/live/sessions");
  expect(agents.requests[0]?.headers.authorization).toMatch(/^Bearer sk-secret/);
  await call.hangUp();
});

test("[U195] a connection that breaks in the middle of a sentence: the next session begins with what was said", async () => {
  agents.live.push({ say: "This was said before it broke off in its very middle.", breakAfter: 12 });
  await speak("Tell me.");
  await call.log.any("response.done");
  while (agents.models.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  agents.live.push({ say: "Thursday." });
  await speak("Which day is it?");
  const last = await call.log.any("response.done", ({ response }) =>
    JSON.stringify(response.output).includes("Thursday."),
  );
  expect(heard(last.response.id)).toEqual(spoken("Thursday."));
  const begun = objectAt(agents.models[1]?.provider.received[0] ?? null, "session");
  expect(JSON.stringify(begun?.["input"])).toContain("Tell me.");
  expect(JSON.stringify(agents.models[1]?.provider.received)).toContain("This was said");
  expect(agents.models[1]?.provider.refused).toEqual([]);
  expect(JSON.stringify(call.log.events)).not.toMatch(/secret|127\.0\.0\.1/);
});
