/** Formats and the floor's state as they meet a loudspeaker that was opened at a rate. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createCall, openCall, type JsonObject } from "../../src/client/index.ts";
import { installAudio, ScriptedContext, worklet } from "./scripted-audio.ts";
import { collect, connected, URL_WITH_TOKEN } from "./scripted-call.ts";
import { responseCreated, ScriptedSocket, SESSION, type Message } from "./scripted-socket.ts";

beforeEach(() => {
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => vi.unstubAllGlobals());

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function atRate(rate: number): Message {
  return { ...SESSION, audio: { output: { format: { type: "audio/pcm", rate } } } };
}

describe("[C100] a format that the SDK does not play is not asked for, and the application is told", () => {
  const mulaw = { type: "audio/pcmu" };

  test("an answer's own", async () => {
    const { call, socket } = await connected(SESSION);
    const errors = collect(call, "error");
    const format = { type: "audio/pcm", rate: 8000 };
    socket.take();
    call.send({
      type: "response.create",
      response: { instructions: "Be brief.", audio: { output: { format, voice: "v" } } },
    });
    expect(socket.take()).toEqual([
      { type: "response.create", response: { instructions: "Be brief.", audio: { output: { voice: "v" } } } },
    ]);
    expect(errors.map(({ error }) => error.code)).toEqual(["unsupported_format"]);
  });

  test("G.711 for either side; another rate is taken", async () => {
    const { call, socket } = await connected(SESSION);
    const errors = collect(call, "error");
    const asked = (audio: JsonObject): JsonObject => ({ type: "realtime", audio });
    socket.take();
    call.send({
      type: "session.update",
      session: asked({ input: { format: mulaw, noise_reduction: null }, output: { format: mulaw } }),
    });
    expect(socket.take()).toEqual([
      { type: "session.update", session: asked({ input: { noise_reduction: null }, output: {} }) },
    ]);
    expect(errors).toHaveLength(1);
    const other = {
      type: "session.update",
      session: asked({ output: { format: { type: "audio/pcm", rate: 8000 } } }),
    };
    call.send({ ...other, type: "session.update" });
    expect(socket.take()).toEqual([other]);
    expect(errors).toHaveLength(1);
  });

  test("nothing else is touched or told", async () => {
    const { call, socket } = await connected(SESSION);
    const errors = collect(call, "error");
    socket.take();
    const events = [
      { type: "response.create" },
      { type: "response.create", response: { audio: { output: { voice: "v" } } } },
      { type: "session.update", session: { audio: { input: { format: null } } } },
    ] as const;
    for (const event of events) call.send(event);
    expect(socket.take()).toEqual(events);
    expect(errors).toEqual([]);
  });
});

test("[C101] the rates that are asked for are those of `session`, where nothing else says so", async () => {
  const format = (rate: number): JsonObject => ({ format: { type: "audio/pcm", rate } });
  const call = createCall({ session: { audio: { input: format(16000), output: format(48000) } } });
  void openCall(call, URL_WITH_TOKEN).catch(() => undefined);
  const socket = await ScriptedSocket.nth(1);
  socket.accept();
  await socket.spoken();
  expect(socket.events[0]).toMatchObject({
    session: { audio: { input: format(16000), output: format(48000) } },
  });
  call.close();
});

describe("[C102] where another rate is taken in the middle of an answer", () => {
  test("the answer, which goes on at its own, is cut where it was heard, and the next is played", async () => {
    const { socket } = await connected(atRate(24000));
    socket.say(responseCreated("r1", 0, 1, "demo"));
    socket.say({ type: "response.output_item.added", response_id: "r1", item: { id: "i1" } });
    socket.audio(0, 1, new Int16Array(4800));
    worklet().heard("r1/i1/0", 100);
    socket.say({ type: "overlap.decision", decision: "hold" });
    socket.take();
    socket.say({ type: "session.updated", session: atRate(48000) });
    expect(socket.take()).toEqual([
      { type: "playback.ack", item_id: "i1", content_index: 0, played_ms: 100 },
      { type: "response.cancel", response_id: "r1" },
      { type: "output_audio_buffer.clear" },
    ]);
    await vi.waitFor(() => expect(ScriptedContext.made.at(-1)?.sampleRate).toBe(48000));
    await settled();
    worklet().take();
    socket.audio(0, 1, new Int16Array(4800));
    expect(worklet().take()).toEqual([]);
    socket.say(responseCreated("r2", 0, 2, "demo"));
    socket.say({ type: "response.output_item.added", response_id: "r2", item: { id: "i2" } });
    socket.audio(0, 2, new Int16Array(960));
    expect(worklet().take()).toMatchObject([{ type: "audio", key: "r2/i2/0" }]);
  });

  test("an answer that was asked for and has not begun is not taken back", async () => {
    const { call, socket } = await connected(atRate(24000));
    call.send({ type: "response.create" });
    socket.take();
    socket.say({ type: "session.updated", session: atRate(48000) });
    expect(socket.take()).toEqual([]);
  });
});
