/** The beta of OpenAI Realtime: the same session under other names. */
import { describe, expect, test } from "vitest";
import { CLIENT } from "../../src/session/io.ts";
import { changed } from "../support/changed.ts";
import { Call, type CallOptions, type Received } from "../support/call.ts";
import { seeded, silence, voice } from "../support/signal.ts";

const beta = (options: CallOptions = {}) => new Call({ dialect: "openai-beta", ...options });
const session = (event: Received) => event["session"] as Record<string, unknown>;
const item = (event: Received) => event["item"] as { id: string; content: { type: string }[] };
const update = (call: Call, fields: object, event_id?: string) =>
  call.client({
    type: "session.update",
    ...(event_id !== undefined && { event_id }),
    session: { ...fields },
  });
const samples = (ms: number) => new Int16Array(24 * ms).fill(500);

describe("the session of the beta", () => {
  test("[N20] is flat, and begins with the beta's defaults", () => {
    const shown = session(beta().last("session.created"));
    expect(shown).toMatchObject({
      object: "realtime.session",
      model: "demo",
      modalities: ["text", "audio"],
      input_audio_format: "pcm16",
      output_audio_format: "pcm16",
      input_audio_transcription: null,
      turn_detection: { type: "server_vad", threshold: 0.5 },
      tools: [],
      tool_choice: "auto",
      temperature: 0.8,
      max_response_output_tokens: "inf",
    });
    for (const own of ["audio", "output_modalities", "max_output_tokens", "type"])
      expect(shown).not.toHaveProperty(own);
  });

  test("[N20] takes each flat field, and says what holds", () => {
    const call = beta();
    const set = {
      instructions: "Be brief.",
      modalities: ["text"],
      voice: "alloy",
      speed: 1.2,
      input_audio_format: "g711_ulaw",
      output_audio_format: "g711_alaw",
      input_audio_transcription: { model: "whisper-1" },
      input_audio_noise_reduction: { type: "near_field" },
      turn_detection: { type: "semantic_vad", eagerness: "low" },
      max_response_output_tokens: 77,
      temperature: 0.7,
      tools: [{ type: "function", name: "look" }],
    };
    update(call, { ...set, tool_choice: { type: "function", function: { name: "look" } } });
    expect(session(call.last("session.updated"))).toMatchObject({
      ...set,
      tool_choice: { type: "function", name: "look" },
    });
    expect(call.commands().findLast(({ type }) => type === "configure")).toMatchObject({
      config: {
        modality: "text",
        maxOutputTokens: 77,
        turnDetection: { type: "semantic_vad", eagerness: "low" },
        transcription: { model: "whisper-1" },
        voice: "alloy",
        speed: 1.2,
        toolChoice: { type: "function", name: "look" },
      },
    });
    expect(JSON.stringify(call.commands())).not.toContain("temperature");
    update(call, { turn_detection: null, input_audio_transcription: null, temperature: null });
    expect(session(call.last("session.updated"))).toMatchObject({
      turn_detection: null,
      input_audio_transcription: null,
      temperature: 0.8,
    });
  });

  test("[N20] can be sent back as it was shown, and takes the spellings of Azure's client", () => {
    const call = beta();
    const shown = session(call.last("session.created"));
    update(call, shown);
    expect(session(call.last("session.updated"))).toEqual(shown);
    update(call, { turn_detection: { type: "none" }, input_audio_format: "g711-ulaw" });
    expect(session(call.last("session.updated"))).toMatchObject({
      turn_detection: null,
      input_audio_format: "g711_ulaw",
    });
    expect(call.types()).not.toContain("error");
  });

  test.each([
    [{ input_audio_format: "mp3" }, "session.input_audio_format"],
    [{ modalities: ["video"] }, "session.modalities"],
    [{ modalities: [] }, "session.modalities"],
    [{ temperature: 3 }, "session.temperature"],
    [{ max_response_output_tokens: -1 }, "session.max_response_output_tokens"],
    [{ turn_detection: { threshold: 7 } }, "session.turn_detection.threshold"],
    [{ voice: 7 }, "session.voice"],
  ])("[N23] %j is refused by the name that it has there, under the id of the event", (fields, param) => {
    const call = beta();
    const before = session(call.last("session.created"));
    update(call, fields, "mine");
    const error = call.last("error")["error"] as { message: string };
    expect(error).toMatchObject({ type: "invalid_request_error", param, event_id: "mine" });
    expect(error.message).toContain(param);
    update(call, {});
    expect(session(call.last("session.updated"))).toEqual(before);
  });

  test("[N20] of transcription has its own events", () => {
    const call = beta({ intent: "transcription" });
    expect(call.types()).toContain("transcription_session.created");
    call.client({
      type: "transcription_session.update",
      session: { input_audio_transcription: { model: "whisper-1" }, input_audio_format: "g711_ulaw" },
    });
    const shown = session(call.last("transcription_session.updated"));
    expect(shown).toMatchObject({
      object: "realtime.transcription_session",
      input_audio_format: "g711_ulaw",
      input_audio_transcription: { model: "whisper-1" },
    });
    expect(shown).not.toHaveProperty("audio");
  });
});

/** A spoken turn and its answer. */
function converse(call: Call, between: () => void = () => {}): void {
  call.speak(voice(800));
  between();
  call.speak(silence(800));
  between();
  call.beginAnswer();
  between();
  const audio = new Uint8Array(samples(300).buffer).toBase64();
  call.upstream({ type: "transcript", response: "r", item: "i", delta: "Hello." });
  call.upstream({ type: "audio", response: "r", item: "i", audio });
  between();
  call.finishAnswer();
  call.advance(500);
}

describe("the events of the beta", () => {
  test("[N21] have its names and its order, and an item is told once", () => {
    const call = beta();
    converse(call);
    const told = call.types().filter((type, at, all) => type !== all[at - 1]);
    expect(told).toEqual([
      "session.created",
      "input_audio_buffer.speech_started",
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.created",
      "response.created",
      "response.output_item.added",
      "conversation.item.created",
      "response.content_part.added",
      "response.audio_transcript.delta",
      "response.audio.delta",
      "response.audio.done",
      "response.audio_transcript.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.done",
    ]);
  });

  test("[N21] an answer is of `text` and `audio`, with the flat fields of its response", () => {
    const call = beta();
    converse(call);
    const { response } = call.last("response.done") as unknown as { response: Record<string, unknown> };
    expect(response).toMatchObject({
      modalities: ["text", "audio"],
      output_audio_format: "pcm16",
      temperature: 0.8,
      max_output_tokens: "inf",
      output: [{ type: "message", role: "assistant", content: [{ type: "audio", transcript: "Hello." }] }],
    });
    expect(response).not.toHaveProperty("output_modalities");
    expect(item(call.last("response.output_item.done")).content[0]?.type).toBe("audio");
    expect(call.last("response.content_part.done")).toMatchObject({ part: { type: "audio" } });
    const audio = call.events.filter(({ type }) => type === "response.audio.delta");
    expect(audio.map(({ delta }) => Uint8Array.fromBase64(String(delta)).byteLength)).toEqual([24 * 300 * 2]);
    call.client({
      type: "conversation.item.retrieve",
      item_id: item(call.last("response.output_item.done")).id,
    });
    expect(item(call.last("conversation.item.retrieved")).content[0]?.type).toBe("audio");
  });

  test("[N22] what an agent said, what is asked of it, and items beside the conversation are told the session in its words", () => {
    const call = beta();
    const said = { type: "message", role: "assistant", content: [{ type: "text", text: "Before." }] };
    call.client({ type: "conversation.item.create", item: said });
    expect(item(call.last("conversation.item.created"))).toMatchObject({ content: said.content });
    const response = { modalities: ["text"], max_response_output_tokens: 9, temperature: 0.9, input: [said] };
    call.client({ type: "response.create", response: { conversation: "none", ...response } });
    const asked = call.commands().findLast(({ type }) => type === "respond");
    expect(JSON.stringify(asked)).toContain('"output_text"');
    expect(JSON.stringify(asked)).not.toContain("temperature");
    call.beginAnswer();
    expect(call.last("response.created")).toMatchObject({
      response: { modalities: ["text"], max_output_tokens: 9, temperature: 0.8 },
    });
    call.client({ type: "response.create", event_id: "hot", response: { temperature: 9 } });
    expect(call.last("error")).toMatchObject({ error: { param: "response.temperature", event_id: "hot" } });
    expect(call.types()).not.toContain("internal_error");
  });

  test("[N24] a client that comes again begins anew on the session, is told its items, and the last names hold", () => {
    const call = beta();
    update(call, { temperature: 0.7, turn_detection: null });
    call.client({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hello." }] },
    });
    call.clearEvents();
    call.open.delete(CLIENT);
    call.input({ type: "close", peer: CLIENT, code: 1006, reason: "" });
    call.advance(1000);
    call.connect("openai-beta");
    expect(session(call.last("session.created"))).toMatchObject({ temperature: 0.7, turn_detection: null });
    expect(call.types().filter((type) => type === "conversation.item.created")).toHaveLength(1);
  });

  test("[N24] gone on with from its snapshot at every moment it says the same", () => {
    const play = (between: (call: Call) => void): Call => {
      const call = beta();
      update(call, { temperature: 0.9, voice: "alloy" });
      between(call);
      converse(call, () => between(call));
      update(call, {});
      return call;
    };
    const whole = play(() => {});
    const torn = play((call) => call.hibernate());
    expect(torn.events).toEqual(whole.events);
    expect(session(torn.last("session.updated"))).toMatchObject({ temperature: 0.9 });
    expect(torn.commandTypes()).toEqual(whole.commandTypes());
  });
});

const GA =
  /"(?:response\.output_(?:audio|text)|conversation\.item\.(?:added|done)"|output_modalities|max_output_tokens":"inf","audio)/;

describe("words while they are transcribed", () => {
  test.each([
    ["whisper-1", 0],
    ["gpt-4o-transcribe", 1],
  ])("[N21] with %s are told %i times", (model, deltas) => {
    const call = beta();
    update(call, { input_audio_transcription: { model } });
    call.hibernate();
    call.speak(voice(800));
    call.speak(silence(800));
    const itemId = String(call.last("input_audio_buffer.committed")["item_id"]);
    call.upstream({ type: "input.transcript.delta", itemId, delta: "Hello" });
    call.upstream({ type: "input.transcript.completed", itemId, transcript: "Hello.", usage: null });
    const of = (type: string) => call.types().filter((each) => each.endsWith(`transcription.${type}`)).length;
    expect([of("delta"), of("completed")]).toEqual([deltas, 1]);
  });
});

describe("hostile input", () => {
  test("[N23] four thousand changed messages make nothing throw and are answered in the beta's words", () => {
    const random = seeded(23);
    const values = [
      null,
      7,
      "",
      "x",
      [],
      {},
      true,
      -1,
      1e99,
      "pcm16",
      ["audio"],
      { type: "none" },
      "__proto__",
    ];
    const part = { type: "text", text: "Hello." };
    const said = { type: "message", role: "assistant", content: [part] };
    const fields = {
      modalities: ["text", "audio"],
      input_audio_format: "pcm16",
      turn_detection: { type: "server_vad", threshold: 0.5 },
      temperature: 0.8,
      tool_choice: { type: "function", function: { name: "look" } },
    };
    const valid = [
      { type: "session.update", event_id: "a", session: fields },
      { type: "transcription_session.update", session: fields },
      { type: "conversation.item.create", item: said },
      { type: "response.create", response: { ...fields, input: [said] } },
      { type: "response.cancel" },
    ];
    let call = beta();
    let answered = 0;
    for (let at = 0; at < 4000; at += 1) {
      const message = valid[Math.floor(random() * valid.length)] ?? {};
      const text = JSON.stringify(random() < 0.2 ? message : changed(message, values, random));
      call.client(random() < 0.1 ? text.slice(0, Math.floor(random() * text.length)) : text);
      call.advance(20);
      answered += call.events.length;
      for (const told of call.events) expect(JSON.stringify(told)).not.toMatch(GA);
      call.clearEvents();
      if (!call.open.has(CLIENT)) call = beta();
    }
    expect(answered).toBeGreaterThan(1000);
  });

  test("[N23] what is too deep, too wide or too long to be read is refused by the session, unread", () => {
    const call = beta();
    const deep = `${"[".repeat(100)}${"]".repeat(100)}`;
    call.client(`{"type":"session.update","event_id":"deep","session":{"tools":${deep}}}`);
    expect(call.last("error")).toMatchObject({ error: { code: "invalid_json", event_id: "deep" } });
    const long = "x".repeat(2 * 1024 * 1024);
    call.client(`{"type":"session.update","event_id":"long","session":{"instructions":"${long}"}}`);
    expect(call.last("error")).toMatchObject({ error: { event_id: "long" } });
    call.client(new Uint8Array(20));
    expect(call.last("error")).toMatchObject({ error: { code: "binary_not_negotiated" } });
  });
});
