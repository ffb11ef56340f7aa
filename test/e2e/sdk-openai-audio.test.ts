/** Spoken conversations held by the official `openai` client: turns, barge-in, truncation, manual mode. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { say } from "../support/say.ts";
import { concat, fromBase64, pcmBytes, pcmMs, rms, silence } from "../support/sdk-audio.ts";
import { ask, heard, OPENAI_FORMS, responseAudio, responseScript } from "../support/sdk-openai.ts";
import { startSdkTarget, type SdkTarget } from "../support/sdk-target.ts";

let target: SdkTarget;
let greeting: Uint8Array;
let interruption: Uint8Array;
beforeAll(async () => {
  target = await startSdkTarget();
  greeting = pcmBytes(await say("Hello. Can you hear me?", { rateHz: 24_000 }));
  interruption = pcmBytes(await say("Stop please, I have another question for you.", { rateHz: 24_000 }));
});
afterAll(() => target.close());

const vad = { type: "server_vad", silence_duration_ms: 500, prefix_padding_ms: 300 } as const;

describe.each(OPENAI_FORMS)("$name", ({ dial }) => {
  test("[S6] a spoken turn is found, committed, transcribed and answered with audio", async () => {
    const call = await dial(target);
    await call.log.next("session.created");
    call.send({
      type: "session.update",
      session: {
        type: "realtime",
        audio: { input: { turn_detection: vad, transcription: { model: "gpt-4o-mini-transcribe" } } },
      },
    });
    await call.log.next("session.updated");
    call.speak(concat([silence(600), greeting, silence(1500)]));

    const started = await call.log.next("input_audio_buffer.speech_started");
    const stopped = await call.log.next("input_audio_buffer.speech_stopped");
    const committed = await call.log.next("input_audio_buffer.committed");
    const added = await call.log.next("conversation.item.added");
    const { response } = await call.log.next("response.created");
    const { response: done } = await call.log.next("response.done");
    const transcript = await call.log.any("conversation.item.input_audio_transcription.completed");

    // Onset is at 600 ms; the prefix padding is counted in, a hop or two of slack either way.
    expect(started.audio_start_ms).toBeGreaterThanOrEqual(200);
    expect(started.audio_start_ms).toBeLessThanOrEqual(600);
    const spokenEnd = 600 + pcmMs(greeting.byteLength);
    expect(stopped.audio_end_ms).toBeGreaterThan(spokenEnd - 500);
    expect(stopped.audio_end_ms).toBeLessThan(spokenEnd + 1000);
    const itemId = started.item_id;
    expect([stopped.item_id, committed.item_id, added.item.id, transcript.item_id]).toEqual(
      Array(4).fill(itemId),
    );
    expect(added.item).toMatchObject({ role: "user", content: [{ type: "input_audio" }] });
    expect(transcript.transcript.length).toBeGreaterThan(0);

    const audio = responseAudio(call, response.id ?? "");
    expect(audio.every(({ byteLength }) => byteLength % 2 === 0)).toBe(true);
    expect(pcmMs(concat(audio).byteLength)).toBeGreaterThan(1000);
    expect(rms(concat(audio))).toBeGreaterThan(300);
    const said = call.log.all("response.output_audio_transcript.done").at(-1)?.transcript ?? "";
    expect(
      call.log
        .all("response.output_audio_transcript.delta")
        .map(({ delta }) => delta)
        .join(""),
    ).toBe(said);
    expect(done).toMatchObject({
      status: "completed",
      output: [{ type: "message", role: "assistant", content: [{ type: "output_audio", transcript: said }] }],
    });
    const script = responseScript(call, response.id ?? "");
    expect(script.slice(0, 4)).toEqual(["created", "output_item.added", "content_part.added", "delta"]);
    expect(script.slice(4, 6).toSorted()).toEqual(["output_audio.done", "output_audio_transcript.done"]);
    expect(script.slice(6)).toEqual(["content_part.done", "output_item.done", "done"]);
    expect(call.errors).toEqual([]);
    await call.hangUp();
  });

  test("[S7] speech over an answer cancels it, and the client truncates it to what was heard", async () => {
    const call = await dial(target);
    call.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: vad } } },
    });
    await call.log.next("session.updated");
    ask(call, "Tell me a story.");
    const { itemId, responseId } = await heard(call, 600);

    call.speak(interruption);
    await call.log.next("input_audio_buffer.speech_started");
    const { item } = await call.log.next("response.output_item.done");
    const { response } = await call.log.next("response.done");
    expect(item).toMatchObject({ id: itemId, status: "incomplete" });
    expect(response).toMatchObject({
      id: responseId,
      status: "cancelled",
      status_details: { type: "cancelled", reason: "turn_detected" },
    });

    call.send({ type: "conversation.item.truncate", item_id: itemId, content_index: 0, audio_end_ms: 400 });
    expect(await call.log.next("conversation.item.truncated")).toMatchObject({
      item_id: itemId,
      content_index: 0,
      audio_end_ms: 400,
    });
    call.send({ type: "conversation.item.retrieve", item_id: itemId });
    const { item: kept } = await call.log.next("conversation.item.retrieved");
    expect(kept).toMatchObject({ id: itemId, role: "assistant", status: "incomplete" });

    call.speak(silence(1500));
    await call.log.next("input_audio_buffer.committed");
    const { response: second } = await call.log.next(
      "response.done",
      ({ response }) => response.id !== responseId,
    );
    expect(second.status).toBe("completed");
    const afterwards = call.log.events.slice(
      call.log.events.findIndex(({ type }) => type === "response.done") + 1,
    );
    expect(
      afterwards.filter(
        (event) => event.type === "response.output_audio.delta" && event.response_id === responseId,
      ),
    ).toEqual([]);
    expect(call.errors).toEqual([]);
    await call.hangUp();
  });

  test("[S8] an item in progress can be cancelled, truncated and retrieved at once", async () => {
    const call = await dial(target);
    await call.log.next("session.created");
    ask(call, "Tell me a story.");
    const { itemId, responseId } = await heard(call, 500);
    call.send({ type: "response.cancel" });
    call.send({ type: "conversation.item.truncate", item_id: itemId, content_index: 0, audio_end_ms: 300 });
    call.send({ type: "conversation.item.retrieve", item_id: itemId });
    await call.log.any("conversation.item.truncated");
    const { item } = await call.log.any("conversation.item.retrieved");
    const { response } = await call.log.next("response.done");
    expect(response).toMatchObject({
      id: responseId,
      status: "cancelled",
      status_details: { type: "cancelled", reason: "client_cancelled" },
    });
    expect(item.id).toBe(itemId);
    const content = item.type === "message" && item.role === "assistant" ? item.content[0] : undefined;
    expect(content?.type).toBe("output_audio");
    if (content?.audio !== undefined)
      expect(pcmMs(fromBase64(content.audio).byteLength)).toBeLessThanOrEqual(300);
    expect(call.errors).toEqual([]);

    ask(call, "Hello.");
    expect((await call.log.next("response.done")).response.status).toBe("completed");
    await call.hangUp();
  });

  test("[S9] manual mode: nothing happens until commit and response.create, and clear forgets", async () => {
    const call = await dial(target);
    call.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: null } } },
    });
    await call.log.next("session.updated");
    const from = call.log.position;
    call.speak(concat([greeting, silence(1200)]));
    call.send({ type: "input_audio_buffer.commit" });
    const committed = await call.log.next("input_audio_buffer.committed");
    const added = await call.log.next("conversation.item.added");
    expect(added.item.id).toBe(committed.item_id);
    await call.log.next("conversation.item.done");
    call.send({ type: "conversation.item.retrieve", item_id: committed.item_id });
    await call.log.next("conversation.item.retrieved");
    const types = call.log.since(from).map(({ type }) => type);
    expect(types).not.toContain("input_audio_buffer.speech_started");
    expect(types).not.toContain("response.created");

    call.send({ type: "response.create" });
    const { response } = await call.log.next("response.done");
    expect(response.status).toBe("completed");
    expect(pcmMs(concat(responseAudio(call, response.id ?? "")).byteLength)).toBeGreaterThan(500);

    call.speak(greeting);
    call.send({ type: "input_audio_buffer.clear" });
    await call.log.next("input_audio_buffer.cleared");
    call.send({ type: "input_audio_buffer.commit", event_id: "empty" });
    const { error } = await call.log.next("error");
    expect(error).toMatchObject({
      type: "invalid_request_error",
      code: "input_audio_buffer_commit_empty",
      event_id: "empty",
    });
    await call.hangUp();
  });

  test("[S9] push to talk: with create_response off, detection reports speech and answers nothing", async () => {
    const call = await dial(target);
    const turnDetection = { ...vad, create_response: false, interrupt_response: false };
    call.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: turnDetection } } },
    });
    await call.log.next("session.updated");
    call.speak(concat([silence(300), greeting, silence(1500)]));
    await call.log.next("input_audio_buffer.speech_started");
    await call.log.next("input_audio_buffer.speech_stopped");
    const { item_id: itemId } = await call.log.next("input_audio_buffer.committed");
    call.send({ type: "conversation.item.retrieve", item_id: itemId });
    await call.log.next("conversation.item.retrieved");
    expect(call.log.all("response.created")).toEqual([]);
    call.send({ type: "response.create" });
    expect((await call.log.next("response.done")).response.status).toBe("completed");
    await call.hangUp();
  });

  test("[S10] G.711 both ways: one byte a sample at 8 kHz", async () => {
    const call = await dial(target);
    const format = { type: "audio/pcmu" } as const;
    call.send({
      type: "session.update",
      session: { type: "realtime", audio: { input: { format, turn_detection: null }, output: { format } } },
    });
    expect((await call.log.next("session.updated")).session).toMatchObject({
      audio: { input: { format }, output: { format } },
    });
    // 0xFF is silence in mu-law; 0x80 and 0x00 are the loudest samples: one second of a 1 kHz square wave.
    const second = Uint8Array.from({ length: 8000 }, (_, at) => (at % 8 < 4 ? 0x90 : 0x10));
    call.send({ type: "input_audio_buffer.append", audio: Buffer.from(second).toString("base64") });
    call.send({ type: "input_audio_buffer.commit" });
    await call.log.next("input_audio_buffer.committed");
    call.send({ type: "response.create" });
    const { response } = await call.log.next("response.done");
    expect(response).toMatchObject({ status: "completed", audio: { output: { format } } });
    const bytes = concat(responseAudio(call, response.id ?? "")).byteLength;
    expect(bytes).toBeGreaterThan(8000);
    expect(call.errors).toEqual([]);
    await call.hangUp();
  });

  test("[S11] a transcription session transcribes and never answers", async () => {
    const call = await dial(target, { intent: "transcription" });
    expect((await call.log.next("session.created")).session.type).toBe("transcription");
    call.send({
      type: "session.update",
      session: {
        type: "transcription",
        audio: { input: { transcription: { model: "gpt-4o-transcribe" }, turn_detection: vad } },
      },
    });
    expect((await call.log.next("session.updated")).session).toMatchObject({
      type: "transcription",
      audio: { input: { transcription: { model: "gpt-4o-transcribe" } } },
    });
    call.speak(concat([silence(300), greeting, silence(1500)]));
    const { item_id: itemId } = await call.log.next("input_audio_buffer.committed");
    const done = await call.log.any("conversation.item.input_audio_transcription.completed");
    expect(done.item_id).toBe(itemId);
    expect(done.transcript.length).toBeGreaterThan(0);
    expect(call.log.all("response.created")).toEqual([]);
    expect(call.errors).toEqual([]);
    await call.hangUp();
  });
});
