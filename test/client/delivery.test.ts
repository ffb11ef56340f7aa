/** The client's half of delivery (docs/wire.md): what is lost with a connection is not lost to the call. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { installAudio, worklet } from "./scripted-audio.ts";
import { collect, connected as open } from "./scripted-call.ts";
import { RESUMABLE, responseCreated, ScriptedSocket, SESSION, type Message } from "./scripted-socket.ts";

const FRAME = new Int16Array(480);

beforeEach(() => {
  vi.useFakeTimers();
  // The longest of the jittered pauses: 100, 200, 400 … ms.
  vi.spyOn(Math, "random").mockReturnValue(1);
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function connected(
  session: Message = RESUMABLE,
  options: Parameters<typeof open>[1] = {},
): ReturnType<typeof open> {
  const made = await open(session, options);
  made.socket.take();
  return made;
}

/** Lets the retry after `ms` begin and accepts it. */
async function again(ms: number): Promise<ScriptedSocket> {
  const before = ScriptedSocket.made.length;
  await vi.advanceTimersByTimeAsync(ms - 1);
  expect(ScriptedSocket.made).toHaveLength(before);
  await vi.advanceTimersByTimeAsync(1);
  expect(ScriptedSocket.made).toHaveLength(before + 1);
  const socket = ScriptedSocket.last;
  socket.accept();
  await socket.spoken();
  return socket;
}

function resumed(lastReceived: number, more: Message = {}): Message {
  return {
    type: "session.resumed",
    verdict: "resumed",
    last_received: lastReceived,
    resume_token: "rt_2",
    replayed: 0,
    ...more,
  };
}

describe("numbers and acknowledgements", () => {
  test("[C40] everything said shares one count, except what belongs to the connection alone", async () => {
    const { call, socket } = await connected();
    const events = collect(call, "event");
    call.sendAudio(FRAME);
    call.send({ type: "input_audio_buffer.commit" });
    call.sendAudio(FRAME);
    await vi.advanceTimersByTimeAsync(500);
    expect(socket.numbers).toEqual([2, 3, 4, 0]);
    expect(events[0]?.event).toEqual({ type: "input_audio_buffer.commit", client_event_seq: 3 });
  });

  test("[C41] what was received is acknowledged every 500 ms, and not when nothing new was", async () => {
    const { socket } = await connected();
    await vi.advanceTimersByTimeAsync(499);
    expect(socket.take()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.take()).toEqual([{ type: "session.ack", last_received: 1 }]);
    socket.say({ type: "session.updated", session: RESUMABLE });
    socket.say(responseCreated("r1", 0, 1, "demo"));
    socket.mention({ type: "session.ack", last_received: 1 });
    await vi.advanceTimersByTimeAsync(500);
    expect(socket.take()).toEqual([{ type: "session.ack", last_received: 3 }]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(socket.take()).toEqual([]);
  });

  test("[C41] a message that was received before is dropped, an unnumbered one is not", async () => {
    const { call, socket } = await connected();
    const speech = collect(call, "speech");
    const started = { type: "input_audio_buffer.speech_started", item_id: "u", audio_start_ms: 0 };
    socket.say(started);
    socket.countFrom(2);
    socket.say(started);
    expect(speech).toHaveLength(1);
    socket.mention(started);
    expect(speech).toHaveLength(2);
  });
});

describe("heartbeat", () => {
  test("[C42] who has said nothing for 2 s says so", async () => {
    const { socket } = await connected();
    await vi.advanceTimersByTimeAsync(500);
    socket.take();
    await vi.advanceTimersByTimeAsync(1999);
    expect(socket.take()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.take()).toEqual([{ type: "session.heartbeat" }]);
  });

  test("[C42] who hears nothing for 5 s gives the connection up, though the socket is open", async () => {
    const { call, socket } = await connected();
    const states = collect(call, "state");
    for (let s = 0; s < 3; s++) {
      await vi.advanceTimersByTimeAsync(4000);
      socket.mention({ type: "session.heartbeat" });
    }
    expect(call.state).toBe("open");
    await vi.advanceTimersByTimeAsync(5000);
    expect(states.map(({ state }) => state)).toEqual(["reconnecting"]);
    expect(socket.readyState).toBe(ScriptedSocket.CLOSED);
  });

  test("[C42] a page that stood still gives the relay the time to be heard", async () => {
    const { call, socket } = await connected();
    await vi.advanceTimersByTimeAsync(500);
    // The clock goes on, the page's timers do not.
    const asleepUntil = performance.now() + 60_000;
    const clock = vi.spyOn(performance, "now").mockReturnValue(asleepUntil);
    await vi.advanceTimersByTimeAsync(500);
    clock.mockRestore();
    expect(call.state).toBe("open");
    expect(socket.readyState).toBe(ScriptedSocket.OPEN);
  });

  test("[C42] a relay that cannot resume is sent neither heartbeat nor acknowledgement", async () => {
    const { call, socket } = await connected(SESSION);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(socket.take()).toEqual([]);
    expect(call.state).toBe("open");
  });
});

describe("a lost connection", () => {
  test("[C43] is resumed where it stopped: what the relay has not received is sent again", async () => {
    const { call, socket } = await connected();
    const states = collect(call, "state");
    const told = collect(call, "resumed");
    call.sendAudio(FRAME);
    call.sendAudio(FRAME);
    call.send({ type: "input_audio_buffer.commit" });
    socket.mention({ type: "session.ack", last_received: 2 });
    socket.hangUp(1006, "");
    expect(call.sendAudio(FRAME)).toBe(true);
    expect(call.sendText("Hello?")).toBe(true);

    const next = await again(100);
    expect(next.url).toBe("wss://relay.example/v1/sessions/sess_1");
    expect(next.offered).toEqual(["duplex.v1", "relay-resume.rt_1"]);
    expect(next.take()).toEqual([{ type: "session.resume", resume_token: "rt_1", last_received: 1 }]);
    call.sendAudio(FRAME);
    expect(next.sent).toEqual([]);
    next.mention(resumed(3));
    expect(next.numbers).toEqual([4, 5, 6, 7, 8]);
    expect(states.map(({ state }) => state)).toEqual(["reconnecting", "open"]);
    expect(told).toEqual([{ verdict: "resumed", missing: null, forgotten: null }]);
    call.sendAudio(FRAME);
    expect(next.numbers.at(-1)).toBe(9);
  });

  test("[C43] received is not acknowledged: a relay that forgot asks again, with the newest token", async () => {
    const { call, socket } = await connected();
    call.sendAudio(FRAME);
    call.sendAudio(FRAME);
    socket.hangUp(1006, "");
    const second = await again(100);
    second.mention(resumed(3));
    expect(second.numbers).toEqual([0]);
    second.hangUp(1001, "deployed");
    const third = await again(200);
    expect(third.offered).toContain("relay-resume.rt_2");
    third.take();
    third.mention(resumed(1));
    expect(third.numbers).toEqual([2, 3]);
  });

  test("[C43] what the relay sends again is heard once, and playback never stopped", async () => {
    const { call, socket } = await connected();
    socket.say(responseCreated("r1", 0, 1, "demo"));
    socket.say({ type: "response.output_item.added", response_id: "r1", item: { id: "i1" } });
    socket.audio(0, 1, Int16Array.of(1));
    socket.audio(0, 1, Int16Array.of(2));
    socket.hangUp(1006, "");
    worklet().heard("r1/i1/0", 300);
    const next = await again(100);
    expect(next.take()).toMatchObject([{ type: "session.resume", last_received: 5 }]);
    next.mention(resumed(1, { verdict: "partial", missing: { messages: 1, ms: 20, ranges: [[6, 6]] } }));
    expect(next.take()).toMatchObject([{ type: "playback.ack", played_ms: 300 }]);
    next.countFrom(5);
    next.audio(0, 1, Int16Array.of(2));
    next.countFrom(7);
    next.audio(0, 1, Int16Array.of(4));
    const played = worklet().commands.map((command) =>
      command.type === "audio" ? [...command.pcm] : command.type,
    );
    expect(played).toEqual([[1], [2], [4]]);
    expect(call.state).toBe("open");
  });

  test("[C43] a partial verdict names what is missing", async () => {
    const { call, socket } = await connected();
    const told = collect(call, "resumed");
    socket.hangUp(1006, "");
    const missing = { messages: 2, ms: 40, ranges: [[2, 3]] };
    (await again(100)).mention(resumed(1, { verdict: "partial", missing }));
    expect(told).toEqual([{ verdict: "partial", missing, forgotten: null }]);
  });

  test("[C50] what the relay forgot is over: answers fail, the user's turn and a hold end, what arrived is played", async () => {
    const { call, socket } = await connected();
    const told = collect(call, "resumed");
    const responses = collect(call, "response");
    socket.say({ type: "input_audio_buffer.speech_started", item_id: "u", audio_start_ms: 0 });
    socket.say(responseCreated("r1", 0, 1, "demo"));
    socket.say({ type: "response.output_item.added", response_id: "r1", item: { id: "i1" } });
    socket.audio(0, 1, Int16Array.of(1));
    socket.say({ type: "overlap.decision", decision: "hold" });
    socket.hangUp(1012, "the session was restored");
    const next = await again(100);
    next.mention(resumed(0, { verdict: "partial", forgotten: [3, 6] }));
    expect(told).toEqual([{ verdict: "partial", missing: null, forgotten: [3, 6] }]);
    expect(responses.at(-1)).toMatchObject({
      response: { id: "r1" },
      status: "failed",
      reason: "session_restored",
    });
    const commands = worklet().commands.map(({ type }) => type);
    expect(commands.filter((type) => type !== "audio")).toEqual(["hold", "release", "end"]);
    next.countFrom(7);
    next.say(responseCreated("r2", 0, 1, "demo"));
    next.say({ type: "response.output_item.added", response_id: "r2", item: { id: "i2" } });
    next.audio(0, 1, Int16Array.of(2));
    expect(worklet().commands.at(-1)).toMatchObject({ type: "audio", key: "r2/i2/0" });
    expect(call.state).toBe("open");
  });

  test("[C44] is tried again after 100, 200, 400 … 3000 ms, and given up 30 s after the loss", async () => {
    const { call, socket } = await connected();
    const tries = collect(call, "reconnecting");
    const states = collect(call, "state");
    const errors = collect(call, "error");
    socket.hangUp(1006, "cut");
    for (const ms of [100, 200, 400, 800, 1600, 3000]) {
      await vi.advanceTimersByTimeAsync(ms);
      ScriptedSocket.last.hangUp(1006, "");
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(tries.map(({ delayMs }) => delayMs)).toEqual([100, 200, 400, 800, 1600, 3000, 3000]);
    expect(tries[6]).toEqual({ attempt: 7, delayMs: 3000, close: { code: 1006, reason: "cut" } });
    expect(errors).toEqual([]);
    for (let ms = 6100; call.state === "reconnecting" && ms < 40_000; ms += 100) {
      await vi.advanceTimersByTimeAsync(100);
      ScriptedSocket.last.close(1006);
    }
    expect(errors.map(({ error }) => error.code)).toEqual(["resume_failed"]);
    expect(states.at(-1)).toMatchObject({
      state: "closed",
      close: { reason: expect.stringContaining("30 s") },
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("[C44] pauses are jittered, and one that does not hold does not shorten them", async () => {
    vi.mocked(Math.random).mockReturnValue(0);
    const { call, socket } = await connected();
    const tries = collect(call, "reconnecting");
    socket.hangUp(1006, "");
    for (const ms of [50, 100, 200]) {
      const next = await again(ms);
      next.mention(resumed(1));
      next.hangUp(1006, "");
    }
    const steady = await again(400);
    steady.mention(resumed(1));
    await vi.advanceTimersByTimeAsync(4900);
    steady.mention({ type: "session.heartbeat" });
    await vi.advanceTimersByTimeAsync(200);
    steady.hangUp(1006, "");
    expect(tries.map(({ delayMs }) => delayMs)).toEqual([50, 100, 200, 400, 50]);
    call.close();
  });

  test("[C51] a try that opens and is not answered, or does not open, gets another beside it after 5 s", async () => {
    const { call, socket } = await connected();
    socket.hangUp(1006, "");
    const silent = await again(100);
    await vi.advanceTimersByTimeAsync(5000);
    expect(silent.readyState).toBe(ScriptedSocket.OPEN);
    await vi.advanceTimersByTimeAsync(200);
    const deaf = await ScriptedSocket.nth(3);
    await vi.advanceTimersByTimeAsync(5000);
    expect(deaf.readyState).toBe(ScriptedSocket.CONNECTING);
    await vi.advanceTimersByTimeAsync(400);
    expect(ScriptedSocket.made).toHaveLength(4);
    silent.mention(resumed(1));
    expect(call.state).toBe("open");
    expect(ScriptedSocket.made.slice(2).map(({ readyState }) => readyState)).toEqual([3, 3]);
  });

  test.each([
    ["a verdict", { type: "session.resumed", verdict: "lost", reason: "unknown_session" }, "unknown_session"],
    ["a new session", { type: "session.created", session: RESUMABLE }, "it began a new one"],
    [
      "a new session that counts from one",
      { type: "session.created", session: RESUMABLE, server_event_seq: 1 },
      "it began a new one",
    ],
  ])("[C45] that the relay no longer knows, by %s, ends the call and says so", async (_, answer, reason) => {
    const { call, socket } = await connected();
    const told = collect(call, "resumed");
    const errors = collect(call, "error");
    const states = collect(call, "state");
    socket.hangUp(1006, "");
    const next = await again(100);
    next.mention(answer);
    expect(told).toEqual([{ verdict: "lost", missing: null, forgotten: null }]);
    expect(errors.map(({ error }) => error.code)).toEqual(["session_lost"]);
    const close = { code: 1006, reason: expect.stringContaining(reason) };
    expect(states.at(-1)).toEqual({ state: "closed", close });
    expect(next.readyState).toBe(ScriptedSocket.CLOSED);
    expect(call.send({ type: "response.create" })).toBe(false);
  });

  test.each([4003, 4004])(
    "[C45] that turns it away with %i ends the call at once and says why",
    async (code) => {
      const { call, socket } = await connected();
      const told = collect(call, "resumed");
      const errors = collect(call, "error");
      socket.hangUp(1006, "");
      const next = await again(100);
      next.mention({ type: "error", error: { code: "session_not_found", message: "No such session." } });
      next.hangUp(code, "No such session.");
      expect(told).toEqual([{ verdict: "lost", missing: null, forgotten: null }]);
      expect(errors.map(({ error }) => error.code)).toEqual(["session_not_found", "session_lost"]);
      expect(errors[1]?.error.message).toContain("No such session.");
      expect(call.state).toBe("closed");
      await vi.advanceTimersByTimeAsync(60_000);
      expect(ScriptedSocket.made).toHaveLength(2);
    },
  );

  test("[C45] with a reconnect hook a session that is lost is followed by a new one", async () => {
    const target = { url: "wss://relay.example/again", protocols: ["duplex.v1"] };
    const { call, socket } = await connected(RESUMABLE, { reconnect: () => Promise.resolve(target) });
    const states = collect(call, "state");
    socket.hangUp(1006, "");
    (await again(100)).mention({ type: "session.resumed", verdict: "lost" });
    const fresh = await ScriptedSocket.nth(3);
    fresh.accept();
    await fresh.spoken();
    expect(fresh.numbers).toEqual([1]);
    fresh.say({ type: "session.created", session: RESUMABLE });
    fresh.say({ type: "session.updated", session: RESUMABLE });
    expect(states.map(({ state }) => state)).toEqual(["reconnecting", "open"]);
    call.close();
  });

  test.each([1000, 1008, 4001, 4003, 4004])(
    "[C46] by a close with %i is meant and ends the call",
    async (code) => {
      const { call, socket } = await connected();
      socket.hangUp(code, "meant");
      expect(call.state).toBe("closed");
      await vi.advanceTimersByTimeAsync(60_000);
      expect(ScriptedSocket.made).toHaveLength(1);
    },
  );

  test("[C46] ended by the application meanwhile leaves nothing behind", async () => {
    const { call, socket } = await connected();
    socket.hangUp(1006, "");
    const next = await again(100);
    call.close();
    expect(next.readyState).toBe(ScriptedSocket.CLOSED);
    expect(vi.getTimerCount()).toBe(0);
    expect(call.sendAudio(FRAME)).toBe(false);
  });
});

describe("[C47] what is kept for a relay that does not acknowledge", () => {
  test("is half a minute of audio: the oldest falls out, text stays, and it is told", async () => {
    const { call, socket } = await connected();
    const overflows = collect(call, "overflow");
    call.send({ type: "input_audio_buffer.commit" });
    for (let i = 0; i < 1503; i++) call.sendAudio(FRAME);
    await vi.advanceTimersByTimeAsync(500);
    expect(overflows).toEqual([{ messages: 3, audioMs: 60 }]);
    expect(call.overflow).toEqual({ messages: 3, audioMs: 60 });
    socket.hangUp(1006, "");
    const next = await again(100);
    next.take();
    next.mention(resumed(1));
    expect(next.numbers.slice(0, 2)).toEqual([2, 6]);
    expect(next.numbers).toHaveLength(1501);
  });

  test("is 4 MiB of text: what is acknowledged makes room", async () => {
    const { call, socket } = await connected();
    socket.mention({ type: "session.ack", last_received: 1 });
    const megabyte = "x".repeat(1024 * 1024);
    for (let i = 0; i < 5; i++) call.send({ type: "conversation.item.create", text: megabyte });
    expect(call.overflow.messages).toBe(2);
    socket.mention({ type: "session.ack", last_received: 6 });
    for (let i = 0; i < 3; i++) call.send({ type: "conversation.item.create", text: megabyte });
    expect(call.overflow.messages).toBe(2);
    expect(socket.frames).toEqual([]);
    expect(socket.numbers).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
