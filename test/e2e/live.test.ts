/** OpenAI's Live API through the whole relay: a full-duplex model on loopback, and a caller of OpenAI's dialect in real time. */
import { beforeEach, expect, test } from "vitest";

import { voiceOf } from "../../demo/stages.ts";
import { objectAt } from "../../src/upstreams/json.ts";
import { AgentCalls } from "./agent-calls.ts";

const calls = new AgentCalls(({ liveUrl }) => ({ LIVE_KEY: "sk-secret-0123456789", LIVE_URL: liveUrl }));
const { done } = calls;
const speak = (words: string): Promise<void> => calls.speak(words, 700);
beforeEach(() => calls.dial("live"));

/** What was heard of an answer, from its first sound to its last. */
function heard(responseId = ""): Buffer {
  return sounding(calls.heard(responseId));
}

function sounding(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  return Buffer.from(bytes.subarray(first, bytes.findLastIndex((byte) => byte !== 0) + 1));
}

const spoken = (text: string) => sounding(voiceOf(text));

test("[U195] three turns, a task and an interruption: what is said is whole, also when the client sends nothing", async () => {
  calls.agents.live.push({ say: "Good day. What can I do for you?" });
  await speak("Good morning.");
  const first = await done();
  expect(first).toMatchObject({
    status: "completed",
    output: [{ type: "message", content: [{ transcript: "Good day. What can I do for you?" }] }],
  });
  expect(heard(first.id)).toEqual(spoken("Good day. What can I do for you?"));
  const words = await calls.call.log.any("conversation.item.input_audio_transcription.completed");
  expect(words.transcript).toBe("Good morning.");

  calls.agents.live.push({ say: "Let me see.", task: "item_7" }, { say: "It is done." });
  await speak("Book a table for Thursday.");
  const asked = await calls.call.log.any("response.done", ({ response }) =>
    JSON.stringify(response.output).includes("function_call"),
  );
  const output = asked.response.output?.find(({ type }) => type === "function_call");
  expect(output).toMatchObject({
    name: "delegate",
    call_id: "item_7",
    arguments: '{"request":"Book a table for Thursday."}',
  });
  const result = { type: "function_call_output", call_id: "item_7", output: '{"ok":true}' };
  calls.call.send({ type: "conversation.item.create", item: result });
  calls.call.send({ type: "response.create" });
  const booked = await calls.call.log.any("response.done", ({ response }) =>
    JSON.stringify(response.output).includes("It is done."),
  );
  // What was being said when it was asked for is its beginning.
  expect(heard(booked.response.id).includes(spoken("It is done."))).toBe(true);
  const [model] = calls.agents.models;
  expect(model?.provider.of("session.commentary.append")).toMatchObject([
    { content: '{"ok":true}', delegation_id: "item_7" },
  ]);

  const story = "This is a long story that nobody wants to hear to its end, because it has none. ".repeat(3);
  calls.agents.live.push({ say: story }, { say: "I stop." });
  await speak("Tell me a story.");
  await calls.call.log.any("response.output_audio.delta", ({ response_id: id }) => id !== booked.response.id);
  await speak("Stop, please.");
  const stopped = await calls.call.log.any("response.done", ({ response }) =>
    JSON.stringify(response.output).includes("I stop."),
  );
  expect(heard(stopped.response.id)).toEqual(spoken("I stop."));
  expect(calls.agents.models).toHaveLength(1);
  expect(model?.provider.refused).toEqual([]);
  expect(calls.call.log.all("error")).toEqual([]);
  expect(calls.relay.logs.join("\n")).not.toMatch(/secret/);
  expect(calls.agents.requests[0]?.url).toBe("/v1/live/sessions");
  expect(calls.agents.requests[0]?.headers.authorization).toMatch(/^Bearer sk-secret/);
  await calls.call.hangUp();
});

test("[U195] a connection that breaks in the middle of a sentence: the next session begins with what was said", async () => {
  calls.agents.live.push({ say: "This was said before it broke off in its very middle.", breakAfter: 12 });
  await speak("Tell me.");
  await calls.call.log.any("response.done");
  while (calls.agents.models.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  calls.agents.live.push({ say: "Thursday." });
  await speak("Which day is it?");
  const last = await calls.call.log.any("response.done", ({ response }) =>
    JSON.stringify(response.output).includes("Thursday."),
  );
  expect(heard(last.response.id)).toEqual(spoken("Thursday."));
  const begun = objectAt(calls.agents.models[1]?.provider.received[0] ?? null, "session");
  expect(JSON.stringify(begun?.["input"])).toContain("Tell me.");
  expect(JSON.stringify(calls.agents.models[1]?.provider.received)).toContain("This was said");
  expect(calls.agents.models[1]?.provider.refused).toEqual([]);
  expect(JSON.stringify(calls.call.log.events)).not.toMatch(/secret|127\.0\.0\.1/);
});
