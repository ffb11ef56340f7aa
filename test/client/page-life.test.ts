/** Pages that are hidden, frozen, offline and left, in virtual time. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { installAudio, worklet } from "./scripted-audio.ts";
import { collect, connected as open } from "./scripted-call.ts";
import { RESUMABLE, ScriptedSocket } from "./scripted-socket.ts";

class ScriptedDocument extends EventTarget {
  visibilityState = "visible";
}

let page: ScriptedDocument;
let browser: EventTarget;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  ScriptedSocket.install();
  installAudio();
  page = new ScriptedDocument();
  browser = new EventTarget();
  vi.stubGlobal("document", page);
  vi.stubGlobal("window", browser);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function connected(): ReturnType<typeof open> {
  const made = await open(RESUMABLE);
  made.socket.take();
  return made;
}

function show(state: "visible" | "hidden"): void {
  page.visibilityState = state;
  page.dispatchEvent(new Event("visibilitychange"));
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** Time passes and no timer runs: the page's timers tick once a minute, or not at all. */
function standStill(ms: number): void {
  const now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => now + ms);
}

const AWAKE: readonly [string, () => void][] = [
  ["shown", () => show("visible")],
  ["online again", () => browser.dispatchEvent(new Event("online"))],
  ["shown from the back button's cache", () => browser.dispatchEvent(new Event("pageshow"))],
  ["thawed", () => page.dispatchEvent(new Event("resume"))],
  ["offline", () => browser.dispatchEvent(new Event("offline"))],
];

describe("[C55] a page that is", () => {
  test.each(AWAKE)("%s asks at once, and resumes without a pause when nobody answers", async (_, happens) => {
    const { call, socket } = await connected();
    await pass(1200);
    socket.take();
    happens();
    expect(socket.take()).toEqual([{ type: "session.heartbeat" }]);
    await pass(1499);
    expect(call.state).toBe("open");
    await pass(1);
    expect(call.state).toBe("reconnecting");
    await pass(1);
    expect(ScriptedSocket.made).toHaveLength(2);
    call.close();
  });

  test("[S128] online again counts its tries from 1", async () => {
    const { call } = await connected();
    const tries = collect(call, "reconnecting");
    browser.dispatchEvent(new Event("online"));
    await pass(2600);
    ScriptedSocket.last.hangUp(1006, "");
    await pass(250);
    ScriptedSocket.last.hangUp(1006, "");
    await pass(0);
    browser.dispatchEvent(new Event("online"));
    await pass(0);
    expect(tries.map(({ attempt, delayMs }) => [attempt, delayMs > 0])).toEqual([
      [1, false],
      [2, true],
      [3, true],
      [3, false],
    ]);
    call.close();
  });

  test.each(AWAKE)("%s goes on when it is answered", async (_, happens) => {
    const { call, socket } = await connected();
    await pass(2000);
    happens();
    await pass(1400);
    socket.mention({ type: "session.heartbeat" });
    await pass(2000);
    expect(call.state).toBe("open");
    expect(socket.readyState).toBe(ScriptedSocket.OPEN);
  });

  test("shown right after the relay spoke gives it the 2 s of its own heartbeat", async () => {
    const { call, socket } = await connected();
    await pass(3000);
    socket.mention({ type: "session.heartbeat" });
    show("visible");
    await pass(2400);
    expect(call.state).toBe("open");
    await pass(100);
    expect(call.state).toBe("reconnecting");
    call.close();
  });

  test("online again while it waits for the next try does not wait", async () => {
    const { call, socket } = await connected();
    socket.hangUp(1006, "");
    for (const ms of [100, 200, 400, 800, 1600]) {
      await pass(ms);
      ScriptedSocket.last.hangUp(1006, "");
      await pass(0);
    }
    const before = ScriptedSocket.made.length;
    browser.dispatchEvent(new Event("online"));
    show("visible");
    await pass(0);
    expect(ScriptedSocket.made).toHaveLength(before + 1);
    call.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("[C56] a hidden page", () => {
  test("whose timers tick once a minute finds a black hole at the tick", async () => {
    const { call } = await connected();
    show("hidden");
    standStill(20_000);
    await pass(500);
    expect(call.state).toBe("reconnecting");
    call.close();
  });

  test("that has asked before, and heard nothing since, does so also where it may have stood still", async () => {
    const { call } = await connected();
    await pass(2600);
    standStill(20_000);
    await pass(500);
    expect(call.state).toBe("reconnecting");
    call.close();
  });

  test("finds it by the clock of its audio, without any timer", async () => {
    const { call } = await connected();
    const player = worklet();
    show("hidden");
    standStill(4000);
    player.clock();
    expect(call.state).toBe("open");
    standStill(2000);
    player.clock();
    expect(call.state).toBe("reconnecting");
    standStill(150);
    player.clock();
    expect(ScriptedSocket.made).toHaveLength(2);
    call.close();
  });

  test("that was frozen has heard nothing because it was not listening, and asks", async () => {
    const { call, socket } = await connected();
    await pass(500);
    show("hidden");
    page.dispatchEvent(new Event("freeze"));
    standStill(60_000);
    page.dispatchEvent(new Event("resume"));
    await pass(500);
    expect(call.state).toBe("open");
    expect(socket.take()).toContainEqual({ type: "session.heartbeat" });
    socket.mention({ type: "session.heartbeat" });
    await pass(500);
    expect(call.state).toBe("open");
  });
});

describe("[C57] a page that is left", () => {
  const hide = (persisted: boolean): void =>
    void browser.dispatchEvent(Object.assign(new Event("pagehide"), { persisted }));

  test("says goodbye, so that its place is free", async () => {
    const { call, socket } = await connected();
    const states = collect(call, "state");
    hide(false);
    expect(socket.farewell).toEqual({ code: 1000, reason: "end" });
    expect(states.map(({ state }) => state)).toEqual(["closed"]);
    await pass(60_000);
    expect(ScriptedSocket.made).toHaveLength(1);
  });

  test("and may come back keeps its call", async () => {
    const { call, socket } = await connected();
    hide(true);
    expect(socket.readyState).toBe(ScriptedSocket.OPEN);
    expect(call.state).toBe("open");
  });
});
