/** Ways back over lines that are slow, and what the client's own abandoned connections do to it. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { installAudio } from "./scripted-audio.ts";
import { collect, connected as open } from "./scripted-call.ts";
import { RESUMABLE, ScriptedSocket, type Message } from "./scripted-socket.ts";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function connected(options: Parameters<typeof open>[1] = {}): ReturnType<typeof open> {
  const made = await open(RESUMABLE, options);
  made.socket.take();
  return made;
}

function resumed(token = "rt_2"): Message {
  return { type: "session.resumed", verdict: "resumed", last_received: 1, resume_token: token, replayed: 0 };
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** Loses the connection and lets `count` tries begin, none of which opens. */
async function dialled(socket: ScriptedSocket, count: number): Promise<ScriptedSocket[]> {
  socket.hangUp(1006, "");
  for (let waitedMs = 0; ScriptedSocket.made.length < count + 1 && waitedMs < 30_000; waitedMs += 50)
    await pass(50);
  return ScriptedSocket.made.slice(1);
}

describe("[C51] a slow line", () => {
  test("that opens after 7 s is used, and the dial beside it is given up", async () => {
    const { call, socket } = await connected();
    const [slow, beside] = await dialled(socket, 2);
    await pass(1700);
    slow?.accept();
    await pass(0);
    expect(slow?.take()).toMatchObject([{ type: "session.resume" }]);
    expect(beside?.readyState).toBe(ScriptedSocket.CLOSED);
    slow?.mention(resumed());
    expect(call.state).toBe("open");
    await pass(4000);
    slow?.mention({ type: "session.heartbeat" });
    expect(ScriptedSocket.made).toHaveLength(3);
  });

  test("has at most three dials under way", async () => {
    const { socket } = await connected();
    const dials = await dialled(socket, 5);
    expect(dials.map(({ readyState }) => readyState)).toEqual([3, 3, 0, 0, 0]);
  });

  test("whose given-up dial opens late closes it without a word", async () => {
    const { call, socket } = await connected();
    const [late, beside] = await dialled(socket, 2);
    if (late !== undefined) late.stubborn = true;
    beside?.accept();
    await pass(0);
    beside?.mention(resumed());
    late?.accept();
    await pass(0);
    expect(late?.sent).toEqual([]);
    expect(late?.farewell).toEqual({ code: 1000, reason: "" });
    late?.hangUp(4001, "another connection took over");
    expect(call.state).toBe("open");
    call.close();
  });

  test("[C52] that answers `session.resume` after 12 s is waited for", async () => {
    const { call, socket } = await connected();
    const [slow] = await dialled(socket, 1);
    slow?.accept();
    await pass(12_000);
    slow?.mention(resumed());
    expect(call.state).toBe("open");
    call.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("[C52] may end a try that began within the 30 s, and no later than 35 s", async () => {
    const { call, socket } = await connected();
    const errors = collect(call, "error");
    socket.hangUp(1006, "");
    await pass(34_500);
    expect(call.state).toBe("reconnecting");
    expect(errors).toEqual([]);
    await pass(500);
    expect(errors.map(({ error }) => error.code)).toEqual(["resume_failed"]);
    expect(call.state).toBe("closed");
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("[C53] the client's own ghost", () => {
  /** Said `session.resume` on a socket that never answered, and came back on another. */
  async function haunted(): Promise<{ call: Awaited<ReturnType<typeof connected>>["call"] }> {
    const { call, socket } = await connected();
    const [ghost] = await dialled(socket, 1);
    ghost?.accept();
    await pass(5200);
    const next = ScriptedSocket.last;
    next.accept();
    await pass(0);
    expect(ghost?.readyState).toBe(ScriptedSocket.CLOSED);
    next.mention(resumed());
    expect(call.state).toBe("open");
    return { call };
  }

  test("takes over late: that is a lost connection, once", async () => {
    const { call } = await haunted();
    ScriptedSocket.last.hangUp(4001, "another connection took over");
    expect(call.state).toBe("reconnecting");
    const before = ScriptedSocket.made.length;
    await pass(3000);
    expect(ScriptedSocket.made).toHaveLength(before + 1);
    ScriptedSocket.last.accept();
    await pass(0);
    ScriptedSocket.last.mention(resumed("rt_3"));
    expect(call.state).toBe("open");
    ScriptedSocket.last.hangUp(4001, "another connection took over");
    expect(call.state).toBe("closed");
  });

  test("is forgotten when the relay would not take its resume any more", async () => {
    const { call } = await haunted();
    for (let s = 0; s < 31; s++) {
      await pass(1000);
      ScriptedSocket.last.mention({ type: "session.heartbeat" });
    }
    ScriptedSocket.last.hangUp(4001, "another connection took over");
    expect(call.state).toBe("closed");
  });
});

describe("[C54] before it is resumed", () => {
  test("an error is told though its number was had before", async () => {
    const { call, socket } = await connected();
    const errors = collect(call, "error");
    const [next] = await dialled(socket, 1);
    next?.accept();
    await pass(0);
    next?.say({ type: "error", error: { code: "session_not_found", message: "No such session." } });
    expect(errors.map(({ error }) => error.code)).toEqual(["session_not_found"]);
  });

  test("a new session is not taken for the call's, and the application's hook follows at once", async () => {
    const target = { url: "wss://relay.example/again", protocols: ["duplex.v1"] };
    const { call, socket } = await connected({ reconnect: () => Promise.resolve(target) });
    const sessions = collect(call, "session");
    const told = collect(call, "resumed");
    const [next] = await dialled(socket, 1);
    next?.accept();
    await pass(0);
    next?.say({ type: "session.created", session: RESUMABLE });
    await pass(0);
    expect(told).toEqual([{ verdict: "lost", missing: null, forgotten: null }]);
    expect(sessions).toEqual([]);
    expect(ScriptedSocket.last.url).toBe("wss://relay.example/again");
    call.close();
  });
});

describe("[C57] goodbye", () => {
  test("is said by who ends the call", async () => {
    const { call, socket } = await connected();
    call.close();
    expect(socket.farewell).toEqual({ code: 1000, reason: "end" });
  });

  test("is not said by a call that gives up: the session may be gone on with from elsewhere", async () => {
    const { socket } = await connected();
    const [next] = await dialled(socket, 1);
    next?.accept();
    await pass(0);
    next?.mention({ type: "session.created", session: RESUMABLE });
    expect(next?.farewell).toEqual({ code: 1000, reason: "" });
  });
});

test("[S129] a hook that fails at once is asked again after the pauses of a lost connection, until the call ends", async () => {
  const asked: number[] = [];
  const reconnect = (_: unknown, attempt: number): Promise<never> => {
    asked.push(attempt);
    return Promise.reject(new Error("offline"));
  };
  const { call, socket } = await connected({ reconnect });
  socket.hangUp(1008, "too many messages were refused");
  await pass(50);
  expect(asked).toEqual([1]);
  await pass(100 + 200 + 400);
  expect(asked).toEqual([1, 2, 3, 4]);
  call.close();
  await pass(60_000);
  expect(asked).toEqual([1, 2, 3, 4]);
});
