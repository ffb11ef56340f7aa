/** A cascade through the whole relay: its three stages are real servers on loopback, and a caller speaks in real time. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { messagesOf, startStages, voiceOf, type Stages } from "../../demo/stages.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { concat, silence } from "../support/sdk-audio.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";
import { BOOK, callersSentence, heardOf, nextEnd, sendInTime } from "../support/spoken-call.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const KEYS = {
  TRANSCRIBER_KEY: "dg-secret-1234567",
  TEXT_KEY: "sk-secret-text-12345",
  SPEECH_KEY: "sk-secret-voice-123",
};
let stages: Stages;
let relay: Relay;
let speech: Uint8Array;
let call: RawCall;

beforeAll(async () => {
  stages = await startStages();
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("cascade-routes.ts") },
    vars: {
      ...KEYS,
      TRANSCRIBER_URL: stages.transcriberUrl,
      TEXT_URL: stages.textUrl,
      SPEECH_URL: stages.speechUrl,
    },
  });
  speech = await callersSentence();
});
afterAll(async () => {
  await relay.close();
  await stages.close();
});
beforeEach(async () => {
  for (const list of [stages.turns, stages.script, stages.voices, stages.asked, stages.said]) list.length = 0;
  stages.givenUp.text = 0;
  stages.givenUp.speech = 0;
  call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=cascade`, { apiKey: relay.apiKey });
  await call.log.next("session.created");
});
afterEach(() => call.hangUp());

/** A turn of the caller's, in real time, with the silence that ends it. */
async function speak(words: string): Promise<void> {
  stages.turns.push(words);
  await sendInTime(call, concat([silence(200), speech, silence(900)]));
}

const heard = (responseId = ""): Uint8Array => heardOf(call, responseId);
const done = () => nextEnd(call);

describe("a cascade through the whole relay", () => {
  test("[U110] three turns and a tool call: words are heard, sentences are spoken sample by sample", async () => {
    call.send({ type: "session.update", session: { type: "realtime", tools: [BOOK] } });
    await call.log.next("session.updated");
    stages.script.push({ say: ["Good day. ", "What can I do", " for you?"], everyMs: 20 });
    await speak("Good morning.");
    const words = await call.log.next("conversation.item.input_audio_transcription.completed");
    expect(words.transcript).toBe("Good morning.");
    const first = await done();
    expect(first).toMatchObject({ status: "completed", usage: { input_tokens: 10, output_tokens: 4 } });
    const sentences = ["Good day.", "What can I do for you?"];
    expect(stages.said).toEqual(sentences);
    expect(heard(first.id ?? "")).toEqual(concat(sentences.map(voiceOf)));

    stages.script.push(
      { call: { name: "book", id: "call_7", args: '{"day":"Thursday"}' } },
      { say: ["It is done."] },
    );
    await speak("Book a table for Thursday.");
    const asked = await done();
    expect(asked.output).toMatchObject([
      { type: "function_call", name: "book", call_id: "call_7", arguments: '{"day":"Thursday"}' },
    ]);
    const output = { type: "function_call_output", call_id: "call_7", output: '{"ok":true}' };
    call.send({ type: "conversation.item.create", item: output });
    call.send({ type: "response.create" });
    expect(await done()).toMatchObject({ status: "completed" });

    stages.script.push({ say: ["Goodbye."] });
    await speak("Thank you.");
    const last = await done();
    expect(heard(last.id ?? "")).toEqual(voiceOf("Goodbye."));
    expect(messagesOf(stages.asked.at(-1))).toMatchObject([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Good morning." },
      { role: "assistant", content: "Good day. What can I do for you?" },
      { role: "user", content: "Book a table for Thursday." },
      { role: "assistant", tool_calls: [{ id: "call_7", function: { name: "book" } }] },
      { role: "tool", tool_call_id: "call_7", content: '{"ok":true}' },
      { role: "assistant", content: "It is done." },
      { role: "user", content: "Thank you." },
    ]);
    expect(call.log.all("error")).toEqual([]);
    expect(relay.logs.join("\n")).not.toMatch(/secret/);
  });

  test("[U111] a caller who interrupts ends all stages, and the model is told what was heard and no more", async () => {
    const story = Array.from({ length: 40 }, (_, n) => `This is sentence number ${n} of a long story. `);
    stages.script.push({ say: story, everyMs: 150 });
    stages.voices.push(...story.map(() => ({ pieceMs: 20 })));
    await speak("Tell me a story.");
    const { item_id } = await call.log.next("response.output_audio.delta");
    // The first sentence takes 2520 ms; the second one has begun.
    await call.log.any("response.output_audio_transcript.delta", ({ delta }) => delta.includes("number 1"));
    stages.script.push({ say: ["I stop."] });
    const turn = speak("Stop, please.");
    await call.log.next("input_audio_buffer.speech_started");
    call.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 2000 });
    await turn;
    expect(await done()).toMatchObject({ status: "cancelled" });
    expect(await done()).toMatchObject({ status: "completed" });
    expect(stages.givenUp).toEqual({ text: 1, speech: 1 });
    const told = messagesOf(stages.asked.at(-1)).map(({ content }) => content);
    // 2000 of 2520 ms: 34 of 43 characters, less the word that they end in.
    expect(told.slice(-2)).toEqual(["This is sentence number 0 of a", "Stop, please."]);
    expect(stages.said.length).toBeLessThan(story.length / 2);
  });

  test.each(["text", "speech"] as const)(
    "[U112] the %s stage is lost in the middle of a sentence, and the call goes on where it was",
    async (stage) => {
      if (stage === "text")
        stages.script.push({ say: ["This was said. ", "This was", " lo"], ends: "break" });
      else {
        stages.script.push({ say: ["This was said. ", "This broke off in its middle."] });
        stages.voices.push({}, { breakAfter: 8000 });
      }
      stages.script.push({ say: ["And this is the rest."] });
      await speak("Tell me.");
      const broken = await call.log.any("response.done");
      expect(broken.response).toMatchObject({
        status: "failed",
        status_details: { error: { message: expect.stringContaining("broke off") } },
      });
      const rest = await call.log.any("response.done", ({ response }) => response.status === "completed");
      expect(heard(rest.response.id ?? "")).toEqual(voiceOf("And this is the rest."));
      const told = messagesOf(stages.asked.at(-1));
      expect(told[0]?.["content"]).toContain("Continue where it broke off");
      expect(told.find(({ role }) => role === "assistant")?.["content"]).toContain("This was said.");
      expect(JSON.stringify(call.log.events)).not.toMatch(/secret|127\.0\.0\.1/);
    },
  );

  test("[U113] an error in JSON under 200 is the error that it says, without the key that it repeats", async () => {
    const message = `Incorrect API key provided: ${KEYS.TEXT_KEY}`;
    stages.script.push({ json: { error: { code: "model_overfull", message } } });
    await speak("Hello.");
    const failed = await done();
    expect(failed).toMatchObject({ status: "failed", status_details: { error: { code: "model_overfull" } } });
    expect(JSON.stringify(call.log.events)).not.toMatch(/sk-secret/);
    await speak("Are you there?");
    expect(await done()).toMatchObject({ status: "completed" });
  });
});
