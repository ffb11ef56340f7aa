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
