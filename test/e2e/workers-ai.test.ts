/** A cascade of Workers AI's models through the whole relay and workerd's own binding, whose far side is a server on loopback. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { messagesOf, voiceOf } from "../../demo/stages.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { concat, silence } from "../support/sdk-audio.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";
import { BOOK, callersSentence, heardOf, nextEnd, sendInTime } from "../support/spoken-call.ts";
import { WorkersAi } from "../support/workers-ai.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ai = new WorkersAi();
let relay: Relay;
let speech: Uint8Array;
let call: RawCall;

beforeAll(async () => {
  await ai.listen();
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("workers-ai-routes.ts") },
    ai: ai.url,
  });
  speech = await callersSentence();
});
afterAll(async () => {
  await relay.close();
  await ai.close();
});
beforeEach(async () => {
  ai.clear();
  // A client's own name of a model: the first default route is not offered, the second is.
  call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=gpt-realtime`, { apiKey: relay.apiKey });
  await call.log.next("session.created");
});
afterEach(() => call.hangUp());

/** A turn of the caller's, in real time, with the silence that ends it. */
async function speak(words: string): Promise<void> {
  ai.turns.push(words);
  await sendInTime(call, concat([silence(200), speech, silence(900)]));
}

const heard = (responseId = ""): Uint8Array => heardOf(call, responseId);
const done = () => nextEnd(call);

describe("Workers AI through the whole relay", () => {
  test("[U139] two turns and a tool call: words are heard, sentences are spoken sample by sample", async () => {
    call.send({ type: "session.update", session: { type: "realtime", tools: [BOOK] } });
    await call.log.next("session.updated");
    ai.script.push({ say: ["Good day. ", "What can I do", " for you?"], everyMs: 20 });
    await speak("Good morning.");
    const words = await call.log.next("conversation.item.input_audio_transcription.completed");
    expect(words.transcript).toBe("Good morning.");
    const first = await done();
    expect(first).toMatchObject({ status: "completed", usage: { input_tokens: 10, output_tokens: 4 } });
    const sentences = ["Good day.", "What can I do for you?"];
    expect(ai.of("aura").map(({ text }) => text)).toEqual(sentences);
    expect(heard(first.id)).toEqual(concat(sentences.map(voiceOf)));

    ai.script.push({ call: { name: "book", arguments: { day: "Thursday" } } }, { say: ["It is done."] });
    await speak("Book a table for Thursday.");
    const [asked] = (await done()).output ?? [];
    expect(asked).toMatchObject({ type: "function_call", name: "book", arguments: '{"day":"Thursday"}' });
    const call_id = asked?.type === "function_call" ? (asked.call_id ?? "") : "";
    call.send({
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id, output: "ok" },
    });
    call.send({ type: "response.create" });
    const last = await done();
    expect(heard(last.id)).toEqual(voiceOf("It is done."));
    expect(messagesOf(ai.of("llama").at(-1))).toMatchObject([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Good morning." },
      { role: "assistant", content: "Good day. What can I do for you?" },
      { role: "user", content: "Book a table for Thursday." },
      { role: "assistant", tool_calls: [{ id: call_id, function: { name: "book" } }] },
      { role: "tool", tool_call_id: call_id, content: "ok" },
    ]);
    expect(ai.refused).toEqual([]);
    expect(ai.runs.map(({ model }) => model.split("/")[1])).toEqual(
      expect.arrayContaining(["deepgram", "meta"]),
    );
    expect(ai.runs.every(({ options }) => options["returnRawResponse"] === true)).toBe(true);
    expect(call.log.all("error")).toEqual([]);
  });

  test("[U139] a caller who interrupts ends the requests to all models", async () => {
    const story = Array.from({ length: 40 }, (_, n) => `This is sentence number ${n} of a long story. `);
    ai.script.push({ say: story, everyMs: 150 });
    ai.voices.push(...story.map(() => ({ pieceMs: 20 })));
    await speak("Tell me a story.");
    await call.log.any("response.output_audio_transcript.delta", ({ delta }) => delta.includes("number 1"));
    ai.script.push({ say: ["I stop."] });
    await speak("Stop, please.");
    expect(await done()).toMatchObject({ status: "cancelled" });
    expect(await done()).toMatchObject({ status: "completed" });
    expect(ai.givenUp).toEqual({ text: 1, speech: 1 });
    expect(ai.of("aura").length).toBeLessThan(story.length / 2);
  });

  test.each(["text", "speech"] as const)(
    "[U139] the %s model is lost in the middle of a sentence, and the call goes on where it was",
    async (stage) => {
      if (stage === "text") ai.script.push({ say: ["This was said. ", "This was", " lo"], breaks: true });
      else {
        ai.script.push({ say: ["This was said. ", "This broke off in its middle."] });
        ai.voices.push({}, { breakAfter: 8000 });
      }
      ai.script.push({ say: ["And this is the rest."] });
      await speak("Tell me.");
      const broken = await call.log.any("response.done");
      expect(broken.response).toMatchObject({ status: "failed" });
      const rest = await call.log.any("response.done", ({ response }) => response.status === "completed");
      expect(heard(rest.response.id)).toEqual(voiceOf("And this is the rest."));
      expect(messagesOf(ai.of("llama").at(-1))[0]?.["content"]).toContain("Continue where it broke off");
      expect(ai.of("flux")).toHaveLength(2);
    },
  );

  test("[U135] a refusal is told as what it is; MP3 in place of samples is asked for again and not heard", async () => {
    const body = {
      internalCode: 3036,
      name: "x",
      description: "You have used up your daily free allocation",
    };
    ai.script.push({ refusal: { status: 429, body } });
    await speak("Hello.");
    const failed = await done();
    expect(failed).toMatchObject({
      status: "failed",
      status_details: { error: { code: "insufficient_quota" } },
    });
    const told = await call.log.next("error");
    expect(told.error).toMatchObject({ code: "insufficient_quota" });
    expect(told.error.message).toContain("HTTP 429: You have used up your daily free allocation");
    ai.voices.push({ mp3: true });
    await speak("Are you there?");
    const again = await done();
    expect(again).toMatchObject({ status: "completed" });
    expect(heard(again.id)).toEqual(voiceOf("Yes."));
    expect(ai.of("aura")).toHaveLength(2);
  });

  test("[U134] a transcriber that is refused is told by its status and number, and asked again", async () => {
    await vi.waitFor(() => expect(ai.of("flux")).toHaveLength(1));
    await call.hangUp();
    const full = { status: 429, body: { errors: [{ code: 3040, message: "No room" }] } };
    const again = async () => {
      // A plain client is not told of a dial that is tried again (L220).
      const to = { apiKey: relay.apiKey, protocols: ["duplex.v1"] };
      call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=workers-ai`, to);
      await call.log.next("session.created");
    };
    ai.closedTo.push(full);
    await again();
    await speak("Good morning.");
    const { error } = await call.log.next("error");
    expect(error.message).toBe("workers-ai: The provider could not be reached: HTTP 429, error 3040");
    expect(await done()).toMatchObject({ status: "completed" });
    expect(call.frames.length).toBeGreaterThan(0);
    expect(ai.of("flux")).toHaveLength(3);
  });
});
