/** What the SDK puts together: messages, the agent's state, tools. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { installAudio, worklet } from "./scripted-audio.ts";
import { createCall, openCall } from "../../src/client/index.ts";
import { collect, connected, URL_WITH_TOKEN } from "./scripted-call.ts";
import { responseCreated, RESUMABLE, ScriptedSocket, SESSION, type Message } from "./scripted-socket.ts";

beforeEach(() => {
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => vi.unstubAllGlobals());

function begin(socket: ScriptedSocket, id: string): void {
  socket.say(responseCreated(id, 0, 1, "demo"));
  socket.say({ type: "response.output_item.added", response_id: id, item: { id: `item_${id}` } });
}

function transcript(id: string, kind: "delta" | "done", text: string): Message {
  const place = { response_id: id, item_id: `item_${id}` };
  const said = kind === "delta" ? { delta: text } : { transcript: text };
  return { type: `response.output_audio_transcript.${kind}`, ...place, ...said };
}

function done(id: string, status: string): Message {
  return { type: "response.done", response: { id, status } };
}

describe("[C77] messages", () => {
  test("are put together of what is typed, spoken and answered", async () => {
    const { call, socket } = await connected(SESSION);
    const changes = collect(call, "messages");
    const content = [{ type: "input_text", text: "Hello." }];
    socket.say({
      type: "conversation.item.added",
      item: { id: "u1", type: "message", role: "user", content },
    });
    begin(socket, "r1");
    socket.say(transcript("r1", "delta", "Good "));
    socket.say(transcript("r1", "delta", "morning."));
    expect(call.messages).toMatchObject([
      { id: "u1", role: "user", text: "Hello.", status: "done" },
      { id: "item_r1", role: "assistant", text: "Good morning.", status: "in_progress", upstream: "demo" },
    ]);
    socket.audio(0, 1, new Int16Array(4800));
    socket.say(transcript("r1", "done", "Good morning."));
    socket.say(done("r1", "completed"));
    worklet().heard("r1/item_r1/0", 200, { finished: true });
    socket.say({ type: "input_audio_buffer.speech_started", item_id: "u2", audio_start_ms: 0 });
    const words = { item_id: "u2", transcript: "Bye." };
    socket.say({ type: "conversation.item.input_audio_transcription.completed", ...words });
    expect(call.messages.slice(1)).toMatchObject([
      { status: "done", heardMs: 200 },
      { role: "user", text: "Bye.", status: "done", heardMs: null },
    ]);
    expect(changes.at(-1)?.messages).toEqual(call.messages);
  });

  test("that were cut say so, and how much of them was heard", async () => {
    const { call, socket } = await connected(SESSION);
    begin(socket, "r1");
    socket.audio(0, 1, new Int16Array(24_000));
    socket.say(transcript("r1", "delta", "Once upon"));
    socket.say(done("r1", "cancelled"));
    worklet().heard("r1/item_r1/0", 300, { finished: true, flushed: true });
    expect(call.messages).toMatchObject([{ text: "Once upon", status: "cut", heardMs: 300 }]);
  });

  test("[C112] have what was said before this session, as the application tells it", async () => {
    const { call, socket } = await connected(SESSION);
    const item = (id: string, role: string, part: Message): Message => ({
      type: "conversation.item.added",
      item: { id, type: "message", role, content: [part] },
    });
    socket.say(item("u1", "user", { type: "input_audio", transcript: "Hello." }));
    socket.say(item("a1", "assistant", { type: "output_text", text: "Good morning." }));
    socket.say(item("a2", "assistant", { type: "output_audio", transcript: "How are you?" }));
    expect(call.messages).toMatchObject([
      { role: "user", text: "Hello.", status: "done" },
      { role: "assistant", text: "Good morning.", status: "done" },
      { role: "assistant", text: "How are you?", status: "done" },
    ]);
  });

  test("that failed say so, and are 500 at most", async () => {
    const { call, socket } = await connected(SESSION);
    begin(socket, "r1");
    socket.say(transcript("r1", "delta", "Once"));
    socket.say(done("r1", "failed"));
    expect(call.messages).toMatchObject([{ status: "failed" }]);
    const item = { type: "message", role: "user", content: [] };
    for (let i = 0; i < 500; i++)
      socket.say({ type: "conversation.item.added", item: { ...item, id: `u${i}` } });
    expect(call.messages).toHaveLength(500);
    expect(call.messages[0]?.id).toBe("u0");
  });
});

describe("[S123] messages whose rest does not come", () => {
  async function answering(): ReturnType<typeof connected> {
    const made = await connected(RESUMABLE);
    begin(made.socket, "r1");
    made.socket.audio(0, 1, new Int16Array(24_000));
    made.socket.say(transcript("r1", "delta", "Once"));
    made.socket.say({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 });
    return made;
  }

  test("because the relay forgot them are failed", async () => {
    const { call, socket } = await answering();
    socket.hangUp(1006, "");
    const next = await ScriptedSocket.nth(2);
    next.accept();
    await next.spoken();
    const verdict = { verdict: "partial", last_received: 0, resume_token: "rt_2", forgotten: [2, 6] };
    next.mention({ type: "session.resumed", ...verdict });
    expect(call.messages.map(({ status }) => status)).toEqual(["failed", "failed"]);
    call.close();
  });

  test("because the call was ended are cut, and what sounded then says how much of it was heard", async () => {
    const { call, socket } = await answering();
    begin(socket, "r2");
    socket.say(transcript("r2", "done", "Whole."));
    worklet().heard("r1/item_r1/0", 300);
    socket.say(transcript("r1", "done", "Once upon"));
    call.close();
    expect(call.messages).toMatchObject([
      { id: "item_r1", status: "cut", heardMs: 300 },
      { id: "u1", status: "cut", heardMs: null },
      { id: "item_r2", status: "done" },
    ]);
  });

  test("because the relay ended the session are failed", async () => {
    const { call, socket } = await answering();
    socket.hangUp(1008, "too many messages were refused");
    expect(call.messages.map(({ status }) => status)).toEqual(["failed", "failed"]);
  });

  test("because a new session followed are failed, and nobody thinks of an answer", async () => {
    const reconnect = () => Promise.resolve({ url: "wss://relay.example/v1/sessions/b", protocols: [] });
    const call = createCall({ workletUrl: "worklets.js", reconnect });
    const opening = openCall(call, URL_WITH_TOKEN);
    const socket = await ScriptedSocket.nth(1);
    socket.accept();
    await socket.spoken();
    socket.say({ type: "session.created", session: SESSION });
    socket.say({ type: "session.updated", session: SESSION });
    await opening;
    begin(socket, "r1");
    socket.say(transcript("r1", "delta", "Once"));
    expect(call.agent).toBe("thinking");
    socket.hangUp(1006, "");
    expect(call.agent).toBe("listening");
    expect(call.messages).toMatchObject([{ status: "failed" }]);
    call.close();
  });
});

test("[S131] an item that is deleted leaves the messages", async () => {
  const { call, socket } = await connected(SESSION);
  const deleted = collect(call, "deleted");
  const changes = collect(call, "messages");
  const content = [{ type: "input_text", text: "What was refused." }];
  socket.say({
    type: "conversation.item.added",
    item: { id: "u1", type: "message", role: "user", content },
  });
  socket.say({ type: "conversation.item.deleted", item_id: "u1" });
  expect(call.messages).toEqual([]);
  expect(changes.at(-1)).toEqual({ messages: [] });
  expect(deleted).toEqual([{ itemId: "u1" }]);
});

test("[S124] what the user spoke is done when nobody writes it down, and in progress until somebody has", async () => {
  const { call, socket } = await connected(SESSION);
  const item = { type: "message", role: "user", content: [{ type: "input_audio" }] };
  socket.say({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 });
  socket.say({ type: "conversation.item.added", item: { ...item, id: "u1" } });
  const transcription = { model: "gpt-transcribe" };
  socket.say({ type: "session.updated", session: { audio: { input: { transcription } } } });
  socket.say({ type: "conversation.item.added", item: { ...item, id: "u2" } });
  expect(call.messages.map(({ status }) => status)).toEqual(["done", "in_progress"]);
});

test("[C78] the agent listens, thinks, speaks, stands still, and goes on", async () => {
  const { call, socket } = await connected(SESSION);
  const states = collect(call, "agent");
  const track = "r1/item_r1/0";
  begin(socket, "r1");
  socket.audio(0, 1, new Int16Array(24_000));
  worklet().heard(track, 20);
  socket.say({ type: "overlap.decision", decision: "hold" });
  worklet().heard(track, 40);
  socket.say({ type: "overlap.decision", decision: "noise" });
  socket.say(done("r1", "completed"));
  worklet().heard(track, 1000, { finished: true });
  expect(states.map(({ state }) => state)).toEqual(["thinking", "speaking", "held", "speaking", "listening"]);
  begin(socket, "r2");
  socket.audio(0, 1, new Int16Array(24_000));
  worklet().heard("r2/item_r2/0", 20);
  socket.say({ type: "overlap.decision", decision: "hold" });
  expect(call.agent).toBe("held");
  call.interrupt();
  worklet().heard("r2/item_r2/0", 20, { finished: true, flushed: true });
  socket.say(done("r2", "cancelled"));
  expect(call.agent).toBe("listening");
  begin(socket, "r3");
  call.close();
  expect(call.agent).toBe("listening");
});

test("[C109] an answer that failed, or ended early, says why", async () => {
  const { call, socket } = await connected(SESSION);
  const responses = collect(call, "response");
  const failed = { type: "failed", error: { code: "rate_limit_exceeded", message: "Try again in 2 s." } };
  const cut = { type: "incomplete", reason: "max_output_tokens" };
  for (const [id, status, status_details] of [
    ["r1", "failed", failed],
    ["r2", "incomplete", cut],
  ] as const) {
    begin(socket, id);
    socket.say({ type: "response.done", response: { id, status, status_details } });
  }
  expect(responses.filter(({ status }) => status !== "in_progress")).toMatchObject([
    { status: "failed", reason: "rate_limit_exceeded", message: "Try again in 2 s." },
    { status: "incomplete", reason: "max_output_tokens", message: null },
  ]);
});

describe("[C105] an answer of several parts", () => {
  test("has all of them in its message, in their order", async () => {
    const { call, socket } = await connected(SESSION);
    begin(socket, "r1");
    const place = { response_id: "r1", item_id: "item_r1" };
    const part = (type: string, index: number, said: Message): Message => ({
      type: `response.${type}`,
      ...place,
      content_index: index,
      ...said,
    });
    socket.say(part("output_text.delta", 0, { delta: "Here is " }));
    socket.say(part("output_text.delta", 0, { delta: "the list:" }));
    socket.say(part("output_text.done", 0, { text: "Here is the list:" }));
    expect(call.messages).toMatchObject([{ text: "Here is the list:", status: "done" }]);
    socket.say(part("output_audio_transcript.delta", 1, { delta: "Apples." }));
    expect(call.messages).toMatchObject([{ text: "Here is the list:\nApples." }]);
    socket.say(part("output_audio_transcript.done", 1, { transcript: "Apples and pears." }));
    expect(call.messages).toMatchObject([{ text: "Here is the list:\nApples and pears.", status: "done" }]);
    socket.say(done("r1", "completed"));
    expect(call.messages).toHaveLength(1);
  });
});

describe("[C107] a turn that is thrown away", () => {
  test("leaves the messages, and the user does not speak", async () => {
    const { call, socket } = await connected(SESSION);
    const deleted = collect(call, "deleted");
    socket.say({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 });
    expect(call.messages).toHaveLength(1);
    socket.say({ type: "input_audio_buffer.cleared" });
    expect(call.messages).toEqual([]);
    expect(deleted).toEqual([{ itemId: "u1" }]);
    socket.take();
    socket.say({ type: "input_audio_buffer.cleared" });
    expect(deleted).toHaveLength(1);
  });

  test("is not one that was taken", async () => {
    const { call, socket } = await connected(SESSION);
    socket.say({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 });
    socket.say({ type: "input_audio_buffer.speech_stopped", item_id: "u1", audio_end_ms: 900 });
    socket.say({ type: "input_audio_buffer.committed", item_id: "u1" });
    socket.say({ type: "input_audio_buffer.cleared" });
    expect(call.messages).toMatchObject([{ id: "u1" }]);
  });
});
