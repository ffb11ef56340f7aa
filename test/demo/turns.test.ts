import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decode, encode, type WireFormat } from "../../demo/codec.ts";
import { seededRandom } from "../../demo/ids.ts";
import { startDemo, type Demo } from "../../demo/server.ts";
import { joined, noise, say, silence } from "../support/say.ts";
import { Client, MANUAL, MANUAL_TEXT, sha256, story } from "./client.ts";

const PCM: WireFormat = { type: "audio/pcm", rate: 24_000 };

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ port: 0 });
});
afterAll(() => demo.close());

const AUDIO_ANSWER = [
  "response.created",
  "response.output_item.added",
  "conversation.item.added",
  "response.content_part.added",
  "response.output_audio.delta",
  "response.output_audio.done",
  "response.output_audio_transcript.done",
  "response.content_part.done",
  "conversation.item.done",
  "response.output_item.done",
  "response.done",
];

describe("text turns", () => {
  test("[D37] it says again what it said last, or was told that another voice said", async () => {
    const client = await Client.open(demo, "pace=0");
    const said = async (question: string): Promise<string> => {
      const done = await client.ask(question);
      return JSON.stringify(done);
    };
    expect(await said("What did you just say?")).toContain("I have said nothing yet.");
    await said("count to 3");
    expect(await said("What did you just say?")).toContain("I said: 1, 2, 3.");
    const content = [{ type: "output_text", text: "It is half past two." }];
    client.send({ type: "conversation.item.create", item: { type: "message", role: "assistant", content } });
    expect(await said("what have you said")).toContain("I said: It is half past two.");
  });

  test("[D6] a text message is answered with speech, in the documented order", async () => {
    const client = await Client.open(demo, "pace=0");
    const done = await client.ask("hello", { metadata: { ticket: "7" } });
    await client.next("rate_limits.updated");
    expect(story(client.events)).toEqual([
      "session.created",
      "conversation.item.added",
      "conversation.item.done",
      ...AUDIO_ANSWER,
      "rate_limits.updated",
    ]);
    const [message] = done["output"];
    expect(done).toMatchObject({ status: "completed", status_details: null, metadata: { ticket: "7" } });
    expect(done["conversation_id"]).toMatch(/^conv_/);
    expect(message.content).toEqual([
      { type: "output_audio", transcript: expect.stringContaining("demo voice") },
    ]);
    const words = client.all("response.output_audio_transcript.delta").map((event) => event["delta"]);
    expect(words.join("")).toBe(message.content[0].transcript);
    const samples = decode(client.audioOf(done["id"]), PCM);
    expect(samples.length).toBeGreaterThan(24_000);
    expect(Math.max(...samples)).toBeGreaterThan(3_000);
    await client.hangUp();
  });

  test("[D6] text output has its own events and no audio", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update(MANUAL_TEXT);
    const done = await client.ask("what is twelve times 7?");
    await client.next("rate_limits.updated");
    expect(story(client.events.slice(2))).toEqual([
      "conversation.item.added",
      "conversation.item.done",
      "response.created",
      "response.output_item.added",
      "conversation.item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "conversation.item.done",
      "response.output_item.done",
      "response.done",
      "rate_limits.updated",
    ]);
    expect(done["output"][0].content).toEqual([{ type: "output_text", text: "12 times 7 is 84." }]);
    expect(client.all("response.content_part.added")[0]?.["part"]).toEqual({ type: "text", text: "" });
    await client.hangUp();
  });

  test("[D7] usage counts what went in and out", async () => {
    const client = await Client.open(demo, "pace=0");
    const { usage, id } = await client.ask("count to 3");
    const ms = client.audioOf(id).byteLength / 48;
    expect(usage.output_token_details.audio_tokens).toBe(Math.ceil(ms / 50));
    expect(usage.input_token_details).toMatchObject({ audio_tokens: 0, image_tokens: 0 });
    expect(usage.total_tokens).toBe(usage.input_tokens + usage.output_tokens);
    await client.hangUp();
  });

  test("[D7] max_output_tokens ends an answer as incomplete", async () => {
    const client = await Client.open(demo, "pace=0");
    const done = await client.ask("tell me a story", { max_output_tokens: 40 });
    expect(done).toMatchObject({
      status: "incomplete",
      status_details: { type: "incomplete", reason: "max_output_tokens" },
    });
    expect(done["output"][0].status).toBe("incomplete");
    expect(client.audioOf(done["id"]).byteLength / 48).toBeLessThan(2_000);
    await client.hangUp();
  });

  test("[D8] pieces last piece_ms, and the first is held back for first_audio_ms", async () => {
    const client = await Client.open(demo, "pace=0&piece_ms=20&first_audio_ms=120");
    const begun = performance.now();
    client.write("hello");
    client.send({ type: "response.create" });
    const { delta } = await client.next("response.output_audio.delta");
    expect(performance.now() - begun).toBeGreaterThanOrEqual(119);
    expect(Buffer.from(delta, "base64").byteLength).toBe(960);
    await client.hangUp();
  });

  test("[X131] and for another part of first_audio_spread_ms each time", async () => {
    const client = await Client.open(demo, "pace=0&seed=5&first_audio_ms=20&first_audio_spread_ms=500");
    const waits: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      client.write("hello");
      client.send({ type: "response.create" });
      await client.next("response.created");
      const begun = performance.now();
      await client.next("response.output_audio.delta");
      waits.push(performance.now() - begun);
      await client.next("response.done");
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(15);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(60);
    await client.hangUp();
  });
});

describe("audio turns", () => {
  const random = seededRandom(7);
  test.each([
    ["pcm", PCM, 24_000],
    ["mu-law", { type: "audio/pcmu" } as const, 8_000],
    ["A-law", { type: "audio/pcma" } as const, 8_000],
  ])("[D9] %s: a response proves the exact samples of the turn it answers", async (_name, format, rateHz) => {
    const client = await Client.open(demo, "pace=0");
    await client.update({ audio: { input: { turn_detection: null, format } } });
    const bytes = encode(noise(11, Math.round(rateHz * 1.3)), format);
    const heard = decode(bytes, format);
    client.append(
      bytes,
      Array.from({ length: 400 }, () => 2 * Math.ceil(random() * 700)),
    );
    client.send({ type: "input_audio_buffer.commit" });
    const { item_id } = await client.next("input_audio_buffer.committed");
    client.send({ type: "response.create", response: { metadata: { a: "b" } } });
    const created = await client.next("response.created");
    const done = await client.next("response.done");
    const proof = {
      a: "b",
      demo_input_samples: String(heard.length),
      demo_input_sha256: sha256(encode(heard, PCM)),
      demo_input_item: item_id,
    };
    expect(created["response"].metadata).toEqual(proof);
    expect(done["response"].metadata).toEqual(proof);
    await client.hangUp();
  });

  test("[D10] says how long it heard the caller and plays the caller's own samples back", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update(MANUAL);
    const bytes = encode(await say("Is anybody there?"), PCM);
    client.append(bytes);
    client.send({ type: "input_audio_buffer.commit" });
    client.send({ type: "response.create" });
    const { response } = await client.next("response.done");
    const answered = client.audioOf(response.id);
    expect(sha256(answered.subarray(answered.byteLength - bytes.byteLength))).toBe(sha256(bytes));
    const length = (bytes.byteLength / 48_000).toFixed(1);
    expect(response.output[0].content[0].transcript).toMatch(
      new RegExp(`^I heard you for ${length} seconds`),
    );
    await client.hangUp();
  });

  test("[D10] the answer comes in the output format whatever the input's", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update({ audio: { ...MANUAL.audio, output: { format: { type: "audio/pcmu" } } } });
    const bytes = encode(await say("Is anybody there?"), PCM);
    client.append(bytes);
    client.send({ type: "input_audio_buffer.commit" });
    client.send({ type: "response.create" });
    const { response } = await client.next("response.done");
    expect(response.audio.output.format).toEqual({ type: "audio/pcmu" });
    expect(client.audioOf(response.id).byteLength).toBeGreaterThan(bytes.byteLength / 6);
    expect(client.audioOf(response.id).byteLength).toBeLessThan(bytes.byteLength / 6 + 8_000 * 4);
    await client.hangUp();
  });

  test("[D11] server VAD finds the turn, commits it and answers, under one item id", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update({ audio: { input: { transcription: { model: "any" } } } });
    const speech = await say("Hello. What time is it?");
    client.append(encode(joined(silence(800), speech, silence(1_000)), PCM));
    const started = await client.next("input_audio_buffer.speech_started");
    const stopped = await client.next("input_audio_buffer.speech_stopped");
    const committed = await client.next("input_audio_buffer.committed");
    const { response } = await client.next("response.done");
    await client.next("rate_limits.updated");
    expect(new Set([started["item_id"], stopped["item_id"], committed["item_id"]]).size).toBe(1);
    expect(response.metadata.demo_input_item).toBe(started["item_id"]);
    const turnMs = stopped["audio_end_ms"] - started["audio_start_ms"];
    expect(Number(response.metadata.demo_input_samples) / 24).toBeCloseTo(turnMs, 0);
    expect(started["audio_start_ms"]).toBeGreaterThanOrEqual(500);
    expect(story(client.events.slice(2)).filter((type) => !type.includes("transcription"))).toEqual([
      "input_audio_buffer.speech_started",
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      ...AUDIO_ANSWER,
      "rate_limits.updated",
    ]);
    const heard = client.all("conversation.item.input_audio_transcription.completed")[0];
    expect(heard?.["transcript"]).toMatch(/^\[\d+\.\d\d s of speech\]$/);
    await client.hangUp();
  });

  test("[D11] every turn of a call is answered, and no sample is in two of them", async () => {
    const client = await Client.open(demo, "pace=0");
    const turn = encode(joined(await say("One more."), silence(1_000)), PCM);
    let before = 0;
    for (let i = 0; i < 3; i += 1) {
      client.append(turn);
      const started = await client.next("input_audio_buffer.speech_started");
      const stopped = await client.next("input_audio_buffer.speech_stopped");
      const { response } = await client.next("response.done");
      expect(started["audio_start_ms"]).toBeGreaterThanOrEqual(before);
      expect(response.metadata.demo_input_item).toBe(started["item_id"]);
      before = stopped["audio_end_ms"];
    }
    await client.hangUp();
  });

  test("[D12] with create_response off a detected turn is committed and not answered", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update({
      audio: { input: { turn_detection: { type: "server_vad", create_response: false } } },
    });
    client.append(encode(joined(await say("Anybody?"), silence(1_000)), PCM));
    await client.next("input_audio_buffer.committed");
    await client.settled();
    expect(client.all("response.created")).toEqual([]);
    await client.hangUp();
  });

  test("[D12] clear forgets what was appended; a commit of less than 100 ms is an error", async () => {
    const client = await Client.open(demo);
    await client.update(MANUAL);
    client.append(encode(noise(3, 24_000), PCM));
    client.send({ type: "input_audio_buffer.clear" });
    await client.next("input_audio_buffer.cleared");
    client.append(encode(noise(3, 2_300), PCM));
    client.send({ type: "input_audio_buffer.commit", event_id: "mine" });
    const { error } = await client.next("error");
    expect(error).toMatchObject({ code: "input_audio_buffer_commit_empty", event_id: "mine" });
    client.append(encode(noise(3, 100), PCM));
    client.send({ type: "input_audio_buffer.commit" });
    await client.next("input_audio_buffer.committed");
    await client.hangUp();
  });

  test("[D13] nobody speaking for idle_timeout_ms is told, committed and answered", async () => {
    const client = await Client.open(demo, "pace=0&reply=.");
    await client.update({
      audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: 20 } } },
    });
    await client.ask("hello");
    client.append(encode(silence(200), PCM));
    const timeout = await client.next("input_audio_buffer.timeout_triggered");
    const committed = await client.next("input_audio_buffer.committed");
    expect(committed["item_id"]).toBe(timeout["item_id"]);
    expect(timeout["audio_end_ms"]).toBeGreaterThanOrEqual(timeout["audio_start_ms"]);
    await client.next("response.created");
    await client.hangUp();
  });

  test("[D14] a transcription session hears, transcribes and never answers", async () => {
    const client = await Client.open(demo, "intent=transcription");
    const { session } = await client.next("session.created");
    expect(session).toMatchObject({ type: "transcription", object: "realtime.transcription_session" });
    client.append(encode(joined(await say("Write this down."), silence(1_000)), PCM));
    await client.next("input_audio_buffer.committed");
    await client.next("conversation.item.input_audio_transcription.completed");
    client.send({ type: "response.create" });
    expect((await client.next("error"))["error"].code).toBe("invalid_event_for_session");
    expect(client.all("response.created")).toEqual([]);
    await client.hangUp();
  });
});
