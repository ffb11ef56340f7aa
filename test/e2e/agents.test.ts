/** Agents of providers through the whole relay: real servers on loopback, and a caller who speaks in real time. */
import { describe, expect, test } from "vitest";

import { voiceOf } from "../../demo/stages.ts";
import { BOOK } from "../support/spoken-call.ts";
import { AgentCalls } from "./agent-calls.ts";

const KEYS = { ELEVENLABS_KEY: "sk_secret_0123456789", DEEPGRAM_KEY: "dg-secret-0123456789" };
const calls = new AgentCalls(({ elevenLabsUrl, deepgramUrl }) => ({
  ...KEYS,
  ELEVENLABS_URL: elevenLabsUrl,
  DEEPGRAM_URL: deepgramUrl,
}));
const { heard, done } = calls;
const speak = (words: string): Promise<void> => calls.speak(words);

const transcribed = async () =>
  (await calls.call.log.next("conversation.item.input_audio_transcription.completed")).transcript;

describe.each(["elevenlabs", "deepgram"] as const)("an agent of %s through the whole relay", (provider) => {
  const connections = () => calls.agents[provider === "elevenlabs" ? "elevenLabs" : "deepgram"];

  test("[U170] three turns and a tool call: words are heard, answers are played sample by sample", async () => {
    await calls.dial(provider);
    calls.call.send({ type: "session.update", session: { type: "realtime", tools: [BOOK] } });
    await calls.call.log.next("session.updated");
    calls.agents.script.push({ say: "Good day. What can I do for you?" });
    await speak("Good morning.");
    expect(await transcribed()).toBe("Good morning.");
    const first = await done();
    expect(first.status).toBe("completed");
    expect(heard(first.id)).toEqual(voiceOf("Good day. What can I do for you?"));
    expect(first.output).toMatchObject([
      { type: "message", content: [{ transcript: "Good day. What can I do for you?" }] },
    ]);

    calls.agents.script.push(
      { call: { name: "book", id: "call_7", args: { day: "Thursday" } } },
      { say: "It is done." },
    );
    await speak("Book a table for Thursday.");
    const asked = await done();
    expect(asked.output).toMatchObject([
      { type: "function_call", name: "book", call_id: "call_7", arguments: '{"day":"Thursday"}' },
    ]);
    const output = { type: "function_call_output", call_id: "call_7", output: '{"ok":true}' };
    calls.call.send({ type: "conversation.item.create", item: output });
    calls.call.send({ type: "response.create" });
    const booked = await done();
    expect(heard(booked.id)).toEqual(voiceOf("It is done."));

    calls.agents.script.push({ say: "Goodbye." });
    await speak("Thank you.");
    expect(heard((await done()).id)).toEqual(voiceOf("Goodbye."));
    expect(connections()).toHaveLength(1);
    expect(connections()[0]?.refused).toEqual([]);
    expect(JSON.stringify(connections()[0]?.received)).toContain('{\\"ok\\":true}');
    expect(calls.call.log.all("error")).toEqual([]);
    expect(calls.relay.logs.join("\n")).not.toMatch(/secret/);
    const [request] = calls.agents.requests;
    expect(request?.headers[provider === "elevenlabs" ? "xi-api-key" : "authorization"]).toMatch(/secret/);
    if (provider === "elevenlabs")
      expect([request?.url, request?.headers["sec-websocket-protocol"]]).toEqual([
        "/elevenlabs?agent_id=agent_7101k5zv",
        "convai",
      ]);
  });

  test("[U170] a caller who interrupts stops the agent, and what is written to it is answered", async () => {
    await calls.dial(provider);
    const story = "This is a long story that nobody wants to hear to its end, because it has none. ".repeat(
      4,
    );
    calls.agents.script.push({ say: story, pieceMs: 80 }, { say: "I stop." }, { say: "Thursday." });
    await speak("Tell me a story.");
    await calls.call.log.next("response.output_audio.delta");
    await speak("Stop, please.");
    expect(await done()).toMatchObject({ status: "cancelled", status_details: { reason: "turn_detected" } });
    const next = await done();
    expect(next.status).toBe("completed");
    expect(heard(next.id)).toEqual(voiceOf("I stop."));
    const content = [{ type: "input_text", text: "Which day is it?" }];
    calls.call.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    calls.call.send({ type: "response.create" });
    const written = await done();
    expect(heard(written.id)).toEqual(voiceOf("Thursday."));
    expect(connections()[0]?.refused).toEqual([]);
    expect(calls.call.log.all("error")).toEqual([]);
  });

  test("[U170] a connection that breaks in the middle of a sentence: the next one is told what was said", async () => {
    await calls.dial(provider);
    calls.agents.script.push(
      { say: "This was said before it broke off in its very middle.", breakAfter: 20 },
      { say: "And this is the rest." },
      { say: "Thursday." },
    );
    await speak("Tell me.");
    const broken = await calls.call.log.any("response.done");
    expect(broken.response.status).toBe("failed");
    const rest = await calls.call.log.any("response.done", ({ response }) => response.status === "completed");
    expect(heard(rest.response.id)).toEqual(voiceOf("And this is the rest."));
    await speak("Which day is it?");
    const last = await calls.call.log.any(
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
    expect(JSON.stringify(calls.call.log.events)).not.toMatch(/secret|127\.0\.0\.1/);
  });
});
