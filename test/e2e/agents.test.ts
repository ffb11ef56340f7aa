/** Agents of providers through the whole relay: real servers on loopback, and a caller who speaks in real time. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { voiceOf } from "../../demo/stages.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { say } from "../support/say.ts";
import { base64, concat, fromBase64, pcmBytes, silence } from "../support/sdk-audio.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";
import { startAgents, type AgentServers } from "./agent-servers.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const KEYS = { ELEVENLABS_KEY: "sk_secret_0123456789", DEEPGRAM_KEY: "dg-secret-0123456789" };
const FRAME = 960;
const tool = {
  type: "function",
  name: "book",
  description: "Books a table.",
  parameters: { type: "object", properties: { day: { type: "string" } } },
};
let agents: AgentServers;
let relay: Relay;
let speech: Uint8Array;
let call: RawCall;

beforeAll(async () => {
  agents = await startAgents();
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("agents-routes.ts") },
    vars: { ...KEYS, ELEVENLABS_URL: agents.elevenLabsUrl, DEEPGRAM_URL: agents.deepgramUrl },
  });
  speech = pcmBytes(await say("I would like to change my booking to Thursday.", { rateHz: 24_000 }));
});
afterAll(async () => {
  await relay.close();
  await agents.close();
});
beforeEach(() => {
  for (const list of [agents.turns, agents.script, agents.elevenLabs, agents.deepgram, agents.requests])
    list.length = 0;
});
afterEach(() => call.hangUp());

async function dial(model: string): Promise<void> {
  call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=${model}`, { apiKey: relay.apiKey });
  await call.log.next("session.created");
}

/** A turn of the caller's, in real time, with the silence that ends it. */
async function speak(words: string): Promise<void> {
  agents.turns.push(words);
  const audio = concat([silence(200), speech, silence(900)]);
  const began = performance.now();
  for (let at = 0; at < audio.length; at += FRAME) {
    call.send({ type: "input_audio_buffer.append", audio: base64(audio.subarray(at, at + FRAME)) });
    const dueMs = began + (at + FRAME) / 48 - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
  }
}

/** Everything that was heard of an answer. */
function heard(responseId = ""): Uint8Array {
  const deltas = call.log.all("response.output_audio.delta");
  return concat(deltas.filter((one) => one.response_id === responseId).map(({ delta }) => fromBase64(delta)));
}

const done = async () => (await call.log.next("response.done")).response;
const transcribed = async () =>
  (await call.log.next("conversation.item.input_audio_transcription.completed")).transcript;

describe.each(["elevenlabs", "deepgram"] as const)("an agent of %s through the whole relay", (provider) => {
  const connections = () => agents[provider === "elevenlabs" ? "elevenLabs" : "deepgram"];

  test("[U170] three turns and a tool call: words are heard, answers are played sample by sample", async () => {
    await dial(provider);
    call.send({ type: "session.update", session: { type: "realtime", tools: [tool] } });
    await call.log.next("session.updated");
    agents.script.push({ say: "Good day. What can I do for you?" });
    await speak("Good morning.");
    expect(await transcribed()).toBe("Good morning.");
    const first = await done();
    expect(first.status).toBe("completed");
    expect(heard(first.id)).toEqual(voiceOf("Good day. What can I do for you?"));
    expect(first.output).toMatchObject([
      { type: "message", content: [{ transcript: "Good day. What can I do for you?" }] },
    ]);

    agents.script.push(
      { call: { name: "book", id: "call_7", args: { day: "Thursday" } } },
      { say: "It is done." },
    );
    await speak("Book a table for Thursday.");
    const asked = await done();
    expect(asked.output).toMatchObject([
      { type: "function_call", name: "book", call_id: "call_7", arguments: '{"day":"Thursday"}' },
    ]);
    const output = { type: "function_call_output", call_id: "call_7", output: '{"ok":true}' };
    call.send({ type: "conversation.item.create", item: output });
    call.send({ type: "response.create" });
    const booked = await done();
    expect(heard(booked.id)).toEqual(voiceOf("It is done."));

    agents.script.push({ say: "Goodbye." });
    await speak("Thank you.");
    expect(heard((await done()).id)).toEqual(voiceOf("Goodbye."));
    expect(connections()).toHaveLength(1);
    expect(connections()[0]?.refused).toEqual([]);
    expect(JSON.stringify(connections()[0]?.received)).toContain('{\\"ok\\":true}');
    expect(call.log.all("error")).toEqual([]);
    expect(relay.logs.join("\n")).not.toMatch(/secret/);
    const [request] = agents.requests;
    expect(request?.headers[provider === "elevenlabs" ? "xi-api-key" : "authorization"]).toMatch(/secret/);
    if (provider === "elevenlabs")
      expect([request?.url, request?.headers["sec-websocket-protocol"]]).toEqual([
        "/elevenlabs?agent_id=agent_7101k5zv",
        "convai",
      ]);
  });

  test("[U170] a caller who interrupts stops the agent, and what is written to it is answered", async () => {
    await dial(provider);
    const story = "This is a long story that nobody wants to hear to its end, because it has none. ".repeat(
      4,
    );
    agents.script.push({ say: story, pieceMs: 80 }, { say: "I stop." }, { say: "Thursday." });
    await speak("Tell me a story.");
    await call.log.next("response.output_audio.delta");
    await speak("Stop, please.");
    expect(await done()).toMatchObject({ status: "cancelled", status_details: { reason: "turn_detected" } });
    const next = await done();
    expect(next.status).toBe("completed");
    expect(heard(next.id)).toEqual(voiceOf("I stop."));
    const content = [{ type: "input_text", text: "Which day is it?" }];
    call.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    call.send({ type: "response.create" });
    const written = await done();
    expect(heard(written.id)).toEqual(voiceOf("Thursday."));
    expect(connections()[0]?.refused).toEqual([]);
    expect(call.log.all("error")).toEqual([]);
  });

  test("[U170] a connection that breaks in the middle of a sentence: the next one is told what was said", async () => {
    await dial(provider);
    agents.script.push(
      { say: "This was said before it broke off in its very middle.", breakAfter: 20 },
      { say: "And this is the rest." },
      { say: "Thursday." },
    );
    await speak("Tell me.");
    const broken = await call.log.any("response.done");
    expect(broken.response.status).toBe("failed");
    const rest = await call.log.any("response.done", ({ response }) => response.status === "completed");
    expect(heard(rest.response.id)).toEqual(voiceOf("And this is the rest."));
    await speak("Which day is it?");
    const last = await call.log.any(
      "response.done",
      ({ response }) => response.status === "completed" && response.id !== rest.response.id,
    );
    expect(heard(last.response.id)).toEqual(voiceOf("Thursday."));
    expect(connections()).toHaveLength(2);
    const told = JSON.stringify(connections()[1]?.received);
    expect(told).toContain("Continue where it broke off");
    expect(told).toContain("The user said: Tell me.");
    expect(told).toContain("You said: This was said");
    expect(connections()[1]?.refused).toEqual([]);
    expect(JSON.stringify(call.log.events)).not.toMatch(/secret|127\.0\.0\.1/);
  });
});
