import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createCall, openCall, RelayError } from "../../src/client/index.ts";
import { readFrameHeader } from "../../src/protocol/frame.ts";
import { installAudio, installMicrophone, worklet } from "./scripted-audio.ts";
import { collect, connected as open, URL_WITH_TOKEN } from "./scripted-call.ts";
import { responseCreated, ScriptedSocket, SESSION } from "./scripted-socket.ts";

beforeEach(() => {
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => vi.unstubAllGlobals());

function connected(options: Parameters<typeof open>[1] = {}): ReturnType<typeof open> {
  return open(SESSION, options);
}

/** One answer of one item, up to its audio. */
function answer(socket: ScriptedSocket, id: string, stream: number, ordinal: number): void {
  socket.say(responseCreated(id, stream, ordinal, stream === 0 ? "demo" : "echo"));
  socket.say({
    type: "response.output_item.added",
    response_id: id,
    item: { id: `item_${id}`, type: "message" },
  });
  const place = { response_id: id, item_id: `item_${id}`, content_index: 0 };
  socket.say({ type: "response.content_part.added", ...place, part: { type: "audio" } });
}

describe("opening", () => {
  test("[C10] the token travels as a subprotocol, and the session's settings go first", async () => {
    const { socket } = await connected({ session: { instructions: "Be brief." }, inputRate: 16000 });
    expect(socket.offered).toEqual(["duplex.v1", "relay-token.t0k"]);
    expect(socket.events).toEqual([
      {
        type: "session.update",
        event_id: "sdk_settings",
        session: {
          type: "realtime",
          instructions: "Be brief.",
          audio: {
            input: { format: { type: "audio/pcm", rate: 16000 } },
            output: { format: { type: "audio/pcm", rate: 24000 } },
          },
          relay: { player: { duck: true } },
        },
      },
    ]);
  });

  test("[C10] a client secret opens the OpenAI door", async () => {
    const call = createCall({ workletUrl: "w" });
    const opening = openCall(call, { url: "https://relay.example", token: "ek_1", model: "demo" });
    await ScriptedSocket.nth(1);
    expect(ScriptedSocket.last.url).toBe("wss://relay.example/v1/realtime?model=demo");
    expect(ScriptedSocket.last.offered).toEqual(["duplex.v1", "openai-insecure-api-key.ek_1"]);
    call.close();
    ScriptedSocket.last.accept();
    await expect(opening).rejects.toMatchObject({ code: "aborted" });
    expect(ScriptedSocket.last.readyState).toBe(ScriptedSocket.CLOSED);
  });

  test("[C11] a key creates a session first; a refusal says why", async () => {
    const fetched = vi.fn(() =>
      Promise.resolve(
        Response.json({ title: "Unauthorized", detail: "The key is not known." }, { status: 401 }),
      ),
    );
    vi.stubGlobal("fetch", fetched);
    const call = createCall({ workletUrl: "w" });
    const opening = openCall(call, { url: "https://relay.example", apiKey: "k", model: "demo" });
    await expect(opening).rejects.toMatchObject({
      code: "refused",
      status: 401,
      message: "The key is not known.",
    });
    expect(call.state).toBe("closed");
    expect(fetched.mock.calls[0]).toMatchObject([
      new URL("https://relay.example/v1/sessions"),
      { method: "POST", headers: { authorization: "Bearer k" }, body: '{"model":"demo"}' },
    ]);
  });

  test("[C11] a server of another dialect is refused", async () => {
    const call = createCall({ workletUrl: "w" });
    const opening = openCall(call, URL_WITH_TOKEN);
    await ScriptedSocket.nth(1);
    ScriptedSocket.last.accept("realtime");
    await expect(opening).rejects.toMatchObject({ code: "protocol" });
  });

  test("[C11] a refused socket and an impossible URL say so", async () => {
    const call = createCall({ workletUrl: "w" });
    const opening = openCall(call, URL_WITH_TOKEN);
    await ScriptedSocket.nth(1);
    ScriptedSocket.last.hangUp(1006, "");
    await expect(opening).rejects.toMatchObject({ code: "refused", status: 1006 });
    await expect(openCall(createCall({ workletUrl: "w" }), { url: "nowhere" })).rejects.toThrow(RelayError);
  });
});

describe("speaking", () => {
  test("[C12] audio goes as numbered binary messages, text counted too", async () => {
    const { call, socket } = await connected();
    const frames = collect(call, "frame");
    call.sendAudio(Int16Array.of(1, -2));
    call.send({ type: "input_audio_buffer.commit" });
    call.sendAudio(Int16Array.of(3));
    expect(socket.frames.map((frame) => readFrameHeader(frame))).toEqual([
      { kind: 1, stream: 0, response: 0, sequence: 2 },
      { kind: 1, stream: 0, response: 0, sequence: 4 },
    ]);
    expect([...(socket.frames[0] ?? [])].slice(8)).toEqual([1, 0, 254, 255]);
    expect(frames.map(({ direction }) => direction)).toEqual(["out", "out"]);
    expect(call.sentAudioMs).toBe(3 / 24);
  });

  test("[C12] what the network does not take waits, and goes in its order when it does", async () => {
    const { call, socket } = await connected();
    socket.take();
    socket.bufferedAmount = 500_000;
    expect(call.sendAudio(new Int16Array(480))).toBe(true);
    expect(call.send({ type: "input_audio_buffer.commit" })).toBe(true);
    expect(socket.sent).toEqual([]);
    socket.bufferedAmount = 0;
    expect(call.sendAudio(new Int16Array(480))).toBe(true);
    expect(socket.numbers).toEqual([2, 3, 4]);
  });

  test("[C13] a typed turn is an item and a request for an answer", async () => {
    const { call, socket } = await connected();
    socket.take();
    expect(call.sendText("Hello.")).toBe(true);
    const content = [{ type: "input_text", text: "Hello." }];
    expect(socket.take()).toEqual([
      { type: "conversation.item.create", item: { type: "message", role: "user", content } },
      { type: "response.create" },
    ]);
    call.close();
    expect(call.sendText("Hello?")).toBe(false);
  });
});

describe("[C21] a microphone that stops", () => {
  test("is followed by silence while the relay hears speech, and by nothing otherwise", async () => {
    const { call, socket } = await connected();
    const microphone = installMicrophone();
    await call.microphone.start();
    microphone.frame(new Int16Array(480).fill(9));
    socket.say({ type: "input_audio_buffer.speech_started", item_id: "u", audio_start_ms: 0 });
    socket.take();
    call.microphone.stop();
    expect(socket.frames).toHaveLength(40);
    expect(
      socket.frames.every((frame) => frame.length === 968 && frame.subarray(8).every((byte) => byte === 0)),
    ).toBe(true);
    expect(microphone.stopped).toBe(true);

    socket.say({ type: "input_audio_buffer.speech_stopped", item_id: "u", audio_end_ms: 20 });
    await call.microphone.start();
    socket.take();
    call.microphone.stop();
    expect(socket.frames).toEqual([]);
  });

  test("because its device is gone says so", async () => {
    const { call } = await connected();
    const microphone = installMicrophone();
    const errors = collect(call, "error");
    const active = collect(call, "microphone");
    await call.microphone.start();
    microphone.unplug();
    expect(active).toEqual([{ active: true }, { active: false }]);
    expect(errors.map(({ error }) => error.code)).toEqual(["microphone_lost"]);
    expect(call.microphone.active).toBe(false);
  });
});

describe("hearing", () => {
  test("[C14] audio is demultiplexed by stream and ordinal to its item", async () => {
    const { call, socket } = await connected();
    answer(socket, "r1", 0, 1);
    answer(socket, "r2", 1, 2);
    socket.audio(1, 2, Int16Array.of(7));
    socket.audio(0, 1, Int16Array.of(8, 9));
    const played = worklet().commands.map((command) =>
      command.type === "audio" ? [command.key, command.stream, [...command.pcm]] : [],
    );
    expect(played).toEqual([
      ["r2/item_r2/0", 1, [7]],
      ["r1/item_r1/0", 0, [8, 9]],
    ]);
    const errors = collect(call, "error");
    socket.audio(0, 9, Int16Array.of(1));
    expect(errors.map(({ error }) => error.code)).toEqual(["protocol"]);
  });

  test("[C15] what was heard is acknowledged every 200 ms and at its end", async () => {
    const { socket } = await connected();
    answer(socket, "r1", 0, 1);
    socket.audio(0, 1, new Int16Array(12_012));
    socket.take();
    for (const ms of [100, 199, 200, 399, 410]) worklet().heard("r1/item_r1/0", ms);
    worklet().heard("r1/item_r1/0", 500.5, { finished: true });
    const acks = socket
      .take()
      .map((message) => (message instanceof Uint8Array ? null : message["played_ms"]));
    expect(acks).toEqual([200, 410, 501]);
  });

  test("[C6] audio that the player could not keep is told", async () => {
    const { call, socket } = await connected();
    const errors = collect(call, "error");
    answer(socket, "r1", 0, 1);
    socket.audio(0, 1, new Int16Array(480));
    worklet().overflow("r1/item_r1/0");
    expect(errors.map(({ error }) => error.code)).toEqual(["playback_overflow"]);
  });

  test("[C16] a cancelled answer, a truncated item and a cleared buffer are silenced at once", async () => {
    const { socket } = await connected();
    const flushed: string[] = [];
    for (const [ordinal, cut] of [
      { type: "response.done", response: { id: "r1", status: "cancelled" } },
      { type: "conversation.item.truncated", item_id: "item_r2", content_index: 0, audio_end_ms: 0 },
      { type: "output_audio_buffer.cleared", response_id: "r3" },
    ].entries()) {
      answer(socket, `r${ordinal + 1}`, 0, ordinal + 1);
      socket.audio(0, ordinal + 1, new Int16Array(480));
      worklet().take();
      socket.say(cut);
      for (const command of worklet().take()) if (command.type === "flush") flushed.push(command.key);
      worklet().heard(`r${ordinal + 1}/item_r${ordinal + 1}/0`, 0, { finished: true, flushed: true });
    }
    expect(flushed).toEqual(["r1/item_r1/0", "r2/item_r2/0", "r3/item_r3/0"]);
  });

  test("[C16] an answer that ended is played to its end", async () => {
    const { socket } = await connected();
    answer(socket, "r1", 0, 1);
    socket.audio(0, 1, new Int16Array(480));
    worklet().take();
    socket.say({ type: "response.done", response: { id: "r1", status: "completed" } });
    expect(worklet().take()).toEqual([{ type: "end", key: "r1/item_r1/0" }]);
  });

  test("[C17] interrupting tells what was heard, cancels, and plays nothing that was on its way", async () => {
    const { call, socket } = await connected();
    answer(socket, "r1", 0, 1);
    socket.audio(0, 1, new Int16Array(4800));
    worklet().heard("r1/item_r1/0", 120);
    socket.take();
    worklet().take();
    call.interrupt();
    expect(socket.take()).toEqual([
      { type: "playback.ack", item_id: "item_r1", content_index: 0, played_ms: 120 },
      { type: "response.cancel", response_id: "r1" },
      { type: "output_audio_buffer.clear" },
    ]);
    expect(worklet().take()).toEqual([{ type: "flush", key: "r1/item_r1/0" }]);
    socket.audio(0, 1, new Int16Array(480));
    expect(worklet().take()).toEqual([]);
  });

  test("[C18] speech, transcripts and answers are told with their upstream", async () => {
    const { call, socket } = await connected();
    const speech = collect(call, "speech");
    const transcripts = collect(call, "transcript");
    const responses = collect(call, "response");
    socket.say({ type: "input_audio_buffer.speech_started", item_id: "u", audio_start_ms: 120 });
    socket.say({ type: "input_audio_buffer.speech_stopped", item_id: "u", audio_end_ms: 900 });
    answer(socket, "r2", 1, 2);
    socket.say({
      type: "response.output_audio_transcript.delta",
      response_id: "r2",
      item_id: "item_r2",
      delta: "Hi",
    });
    socket.say({ type: "response.done", response: { id: "r2", status: "completed" } });
    expect(speech).toEqual([
      { state: "started", itemId: "u", audioMs: 120 },
      { state: "stopped", itemId: "u", audioMs: 900 },
    ]);
    expect(transcripts).toMatchObject([
      { role: "assistant", itemId: "item_r2", upstream: "echo", delta: "Hi" },
    ]);
    expect(responses.map(({ status, response }) => [status, response.stream])).toEqual([
      ["in_progress", 1],
      ["completed", 1],
    ]);
  });
});

describe("trouble", () => {
  test("[C19] errors of the relay and nonsense from it are events, and the call goes on", async () => {
    const { call, socket } = await connected();
    const errors = collect(call, "error");
    socket.say({ type: "error", error: { code: "invalid_value", message: "No." } });
    socket.raw("not json");
    socket.raw("[1]");
    socket.raw(new ArrayBuffer(3));
    socket.say({ type: "response.created", response: null });
    socket.say({ type: "response.done", response: { id: 7 } });
    socket.say({ type: "something.new", item_id: {} });
    expect(errors.map(({ error }) => error.code)).toEqual([
      "invalid_value",
      "protocol",
      "protocol",
      "protocol",
    ]);
    expect(call.state).toBe("open");
    expect(call.sendText("still here")).toBe(true);
  });

  test("[C20] a lost connection ends the call with its code", async () => {
    const { call, socket } = await connected();
    const states = collect(call, "state");
    socket.hangUp(1011, "broken");
    expect(states).toEqual([{ state: "closed", close: { code: 1011, reason: "broken" } }]);
    expect(call.send({ type: "response.create" })).toBe(false);
  });

  test("[C20] with a reconnect hook it goes on where the hook says, until the hook gives up", async () => {
    const asked: [number, number][] = [];
    const { call, socket } = await connected({
      reconnect: (close, attempt) => {
        asked.push([close.code, attempt]);
        return Promise.resolve(
          attempt === 3 ? null : { url: "wss://relay.example/again", protocols: ["duplex.v1"] },
        );
      },
    });
    const states = collect(call, "state");
    socket.hangUp(1006, "");
    await ScriptedSocket.nth(2);
    ScriptedSocket.last.hangUp(1006, "");
    await ScriptedSocket.nth(3);
    const again = ScriptedSocket.last;
    again.accept();
    await again.spoken();
    expect(again.events[0]?.["type"]).toBe("session.update");
    again.say({ type: "session.created", session: SESSION });
    expect(call.state).toBe("reconnecting");
    again.say({ type: "session.updated", session: SESSION });
    expect(call.state).toBe("open");
    expect(asked).toEqual([
      [1006, 1],
      [1006, 2],
    ]);
    call.close();
    expect(states.map(({ state }) => state)).toEqual(["reconnecting", "open", "closed"]);
  });
});
