/** What the SDK does when the relay judges a sound over an answer (docs/wire.md, "The floor"). */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { installAudio, worklet } from "./scripted-audio.ts";
import { collect, connected } from "./scripted-call.ts";
import { RESUMABLE, responseCreated, ScriptedSocket, SESSION } from "./scripted-socket.ts";

const FRAME = new Int16Array(480);

beforeEach(() => {
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => vi.unstubAllGlobals());

describe("the floor", () => {
  function speaking(socket: ScriptedSocket): void {
    socket.say(responseCreated("r1", 0, 1, "demo"));
    socket.say({ type: "response.output_item.added", response_id: "r1", item: { id: "i1" } });
    socket.audio(0, 1, FRAME.slice());
    worklet().take();
  }
  const decide = (socket: ScriptedSocket, decision: string): void =>
    socket.say({ type: "overlap.decision", decision });
  const commands = (): string[] =>
    worklet()
      .take()
      .map(({ type }) => type);

  test.each(["backchannel", "noise", "echo", "background"])(
    "[C48] playback stands still at hold and goes on after %s",
    async (decision) => {
      const { call, socket } = await connected(RESUMABLE);
      const told = collect(call, "overlap");
      speaking(socket);
      decide(socket, "hold");
      expect(commands()).toEqual(["hold"]);
      decide(socket, decision);
      expect(commands()).toEqual(["release"]);
      decide(socket, "echo");
      expect(commands()).toEqual([]);
      expect(told.map((overlap) => overlap.decision)).toEqual(["hold", decision, "echo"]);
    },
  );

  test("[C48] after an interruption it stands still until the cut, and then hears what comes", async () => {
    const { socket } = await connected(RESUMABLE);
    speaking(socket);
    decide(socket, "hold");
    decide(socket, "interrupt");
    expect(commands()).toEqual(["hold"]);
    socket.say({ type: "output_audio_buffer.cleared", response_id: "r1" });
    expect(commands()).toEqual(["flush", "release"]);
  });

  test.each([
    ["an answer", responseCreated("r2", 0, 2, "demo")],
    ["audio", null],
  ])("[C48] an interruption that cuts nothing ends with %s", async (_, event) => {
    const { socket } = await connected(RESUMABLE);
    speaking(socket);
    decide(socket, "hold");
    decide(socket, "interrupt");
    worklet().take();
    if (event === null) socket.audio(0, 1, FRAME.slice());
    else socket.say(event);
    expect(commands()[0]).toBe("release");
  });

  test("[C48] the listener's own interruption ends a hold", async () => {
    const { call, socket } = await connected(RESUMABLE);
    speaking(socket);
    decide(socket, "hold");
    call.interrupt();
    expect(commands()).toEqual(["hold", "flush", "release"]);
  });

  const duck = { type: "overlap.decision", decision: "duck", duck_db: 18 };

  test.each(["backchannel", "noise", "echo", "background"])(
    "[C91] playback goes on quieter at duck, by as much as the relay says, and at full level after %s",
    async (decision) => {
      const { call, socket } = await connected(RESUMABLE);
      const told = collect(call, "overlap");
      const states = collect(call, "agent");
      speaking(socket);
      socket.say(duck);
      socket.audio(0, 1, FRAME.slice());
      expect(worklet().take()).toMatchObject([{ type: "duck", level: 10 ** (-18 / 20) }, { type: "audio" }]);
      decide(socket, decision);
      expect(commands()).toEqual(["release"]);
      expect(told.map((overlap) => overlap.decision)).toEqual(["duck", decision]);
      expect(states.map(({ state }) => state)).not.toContain("held");
    },
  );

  test("[C91] an interruption is cut at the level that it had, and what comes next is at full level", async () => {
    const { socket } = await connected(RESUMABLE);
    speaking(socket);
    socket.say(duck);
    decide(socket, "interrupt");
    expect(commands()).toEqual(["duck"]);
    socket.say({ type: "output_audio_buffer.cleared", response_id: "r1" });
    expect(commands()).toEqual(["flush", "release"]);
  });

  test("[C91] one after the other, standing still and going on quieter end each other", async () => {
    const { socket } = await connected(RESUMABLE);
    speaking(socket);
    decide(socket, "hold");
    socket.say(duck);
    expect(commands()).toEqual(["hold", "release", "duck"]);
    decide(socket, "noise");
    expect(commands()).toEqual(["release"]);
  });

  test.each([true, false])(
    "[C91] the relay is told that the player ducks where there is one: %s",
    async (playback) => {
      const relay = { lead_ms: 200 };
      const { socket } = await connected(RESUMABLE, { playback, session: { relay } });
      const update = socket.events.find(({ type }) => type === "session.update");
      const player = playback ? { player: { duck: true } } : {};
      expect(update?.["session"]).toMatchObject({ relay: { ...relay, ...player } });
      expect(JSON.stringify(update).includes("player")).toBe(playback);
    },
  );

  test("[C48] a hold outlives the connection", async () => {
    const { call, socket } = await connected(RESUMABLE, { reconnect: () => Promise.resolve(null) });
    speaking(socket);
    decide(socket, "hold");
    worklet().take();
    socket.hangUp(1006, "");
    expect(call.state).toBe("reconnecting");
    expect(commands()).toEqual([]);
    call.close();
  });

  test("[C48] a hold does not outlive the session", async () => {
    const { call, socket } = await connected(SESSION, { reconnect: () => Promise.resolve(null) });
    speaking(socket);
    decide(socket, "hold");
    worklet().take();
    socket.hangUp(1006, "");
    expect(commands()).toEqual(["release", "end"]);
    call.close();
  });
});
