/** What the relay is told of what was heard, where that is easily told wrong. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createCall, openCall } from "../../src/client/index.ts";
import { installAudio, worklet } from "./scripted-audio.ts";
import { collect, connected, URL_WITH_TOKEN } from "./scripted-call.ts";
import { responseCreated, RESUMABLE, ScriptedSocket, SESSION, type Message } from "./scripted-socket.ts";

beforeEach(() => {
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => vi.unstubAllGlobals());

/** Two messages, and one of audio. */
function speak(socket: ScriptedSocket, id: string): void {
  socket.say(responseCreated(id, 0, 1, "demo"));
  socket.say({ type: "response.output_item.added", response_id: id, item: { id: `item_${id}` } });
  socket.audio(0, 1, new Int16Array(24_000));
}

function ack(id: string, playedMs: number): Message {
  return { type: "playback.ack", item_id: `item_${id}`, content_index: 0, played_ms: playedMs };
}

function acks(socket: ScriptedSocket): Message[] {
  return socket.events.filter(({ type }) => type === "playback.ack");
}

describe("[S125] an interruption says where everything stands", () => {
  test("that has not been heard at all", async () => {
    const { call, socket } = await connected(SESSION);
    speak(socket, "r1");
    socket.take();
    call.interrupt();
    const cancel = { type: "response.cancel", response_id: "r1" };
    expect(socket.take()).toEqual([ack("r1", 0), cancel, { type: "output_audio_buffer.clear" }]);
  });

  test("that stood still since it was last told", async () => {
    const { call, socket } = await connected(SESSION);
    speak(socket, "r1");
    worklet().heard("r1/item_r1/0", 240);
    socket.take();
    call.interrupt();
    expect(acks(socket)).toEqual([ack("r1", 240)]);
  });
});

describe("[S130] an answer that was asked for and has not begun", () => {
  test("is cancelled by an interruption, once", async () => {
    const { call, socket } = await connected(SESSION);
    call.sendText("Tell me a story.");
    socket.take();
    call.interrupt();
    call.interrupt();
    expect(socket.take()).toEqual([{ type: "response.cancel" }]);
    call.send({ type: "response.create", response: { conversation: "none" } });
    call.send({ type: "response.create" });
    socket.say(responseCreated("r1", 0, 1, "demo"));
    socket.say({ type: "response.done", response: { id: "r1", status: "completed" } });
    socket.take();
    call.interrupt();
    expect(socket.take()).toEqual([]);
  });

  test("gives way to the next that is typed while the connection is lost", async () => {
    const { call, socket } = await connected(RESUMABLE);
    socket.hangUp(1006, "");
    call.sendText("Hello?");
    call.sendText("Are you there?");
    const next = await ScriptedSocket.nth(2);
    next.accept();
    await next.spoken();
    const verdict = { verdict: "resumed", last_received: 1, resume_token: "rt_2", replayed: 0 };
    next.mention({ type: "session.resumed", ...verdict });
    expect(next.events.slice(1).map(({ type }) => type)).toEqual([
      "conversation.item.create",
      "response.create",
      "response.cancel",
      "conversation.item.create",
      "response.create",
    ]);
    call.close();
  });
});

describe("[S126] what the relay knows nothing of is not acknowledged", () => {
  test("when it died: what began before is, what began after its last snapshot is not", async () => {
    const { call, socket } = await connected(RESUMABLE);
    const errors = collect(call, "error");
    speak(socket, "r1");
    socket.say({ type: "response.done", response: { id: "r1", status: "completed" } });
    speak(socket, "r2");
    socket.hangUp(1012, "");
    const next = await ScriptedSocket.nth(2);
    next.accept();
    await next.spoken();
    const verdict = { verdict: "partial", last_received: 2, resume_token: "rt_2", forgotten: [6, 8] };
    next.mention({ type: "session.resumed", ...verdict });
    worklet().heard("r1/item_r1/0", 400);
    worklet().heard("r2/item_r2/0", 250);
    worklet().heard("r2/item_r2/0", 1000, { finished: true });
    expect(acks(next)).toEqual([ack("r1", 400)]);
    // One that was on its way.
    const error = { code: "playback_ack_invalid_item_id", message: "No audio was sent for item 'item_r2'." };
    next.mention({ type: "error", error });
    expect(errors).toEqual([]);
    call.close();
  });

  test("when it has another session", async () => {
    const reconnect = () => Promise.resolve({ url: "wss://relay.example/v1/sessions/b", protocols: [] });
    const call = createCall({ workletUrl: "worklets.js", reconnect });
    const opening = openCall(call, URL_WITH_TOKEN);
    for (const nth of [1, 2]) {
      const socket = await ScriptedSocket.nth(nth);
      socket.accept();
      await socket.spoken();
      socket.say({ type: "session.created", session: SESSION });
      socket.say({ type: "session.updated", session: SESSION });
      await opening;
      if (nth === 1) speak(socket, "r1");
      if (nth === 1) socket.hangUp(1006, "");
    }
    expect(call.state).toBe("open");
    worklet().heard("r1/item_r1/0", 400);
    worklet().heard("r1/item_r1/0", 1000, { finished: true });
    expect(acks(ScriptedSocket.last)).toEqual([]);
    speak(ScriptedSocket.last, "r2");
    worklet().heard("r2/item_r2/0", 200);
    expect(acks(ScriptedSocket.last)).toEqual([ack("r2", 200)]);
    call.close();
  });
});
