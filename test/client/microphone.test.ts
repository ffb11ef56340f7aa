/** A microphone that is started, stopped and changed again before the browser has answered. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { installAudio, installMicrophone, ScriptedContext } from "./scripted-audio.ts";
import { collect, connected } from "./scripted-call.ts";
import { ScriptedSocket, SESSION, type Message } from "./scripted-socket.ts";

beforeEach(() => {
  vi.useFakeTimers();
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function withInput(rate: number): Message {
  return { ...SESSION, audio: { input: { format: { type: "audio/pcm", rate } } } };
}

test("[S120] a microphone that is stopped while it starts, and started again, is on when that start resolves", async () => {
  const { call } = await connected(SESSION);
  const microphone = installMicrophone();
  const active = collect(call, "microphone");
  const overtaken = call.microphone.start();
  call.microphone.stop();
  await Promise.all([overtaken, call.microphone.start()]);
  expect(call.microphone.active).toBe(true);
  expect(microphone.tracks.map(({ stopped }) => stopped)).toEqual([true, false]);
  expect(active).toEqual([{ active: true }]);
});

test("[S121] a microphone does not start when the call is over", async () => {
  const { call } = await connected(SESSION);
  const microphone = installMicrophone();
  call.close();
  await expect(call.microphone.start()).rejects.toMatchObject({ code: "closed" });
  expect(microphone.asked).toEqual([]);
  expect(call.microphone.active).toBe(false);
});

describe("[S122] a microphone that the system keeps silent", () => {
  test("from the beginning is told as blocked", async () => {
    const { call } = await connected(SESSION);
    const microphone = installMicrophone();
    const blocked = collect(call, "blocked");
    const unblocked = collect(call, "unblocked");
    microphone.mutedAtFirst = true;
    await call.microphone.start();
    expect(blocked).toEqual([{ device: "microphone" }]);
    microphone.tracks[0]?.dispatchEvent(new Event("unmute"));
    expect(unblocked).toEqual([{ device: "microphone" }]);
  });

  test("is no more when another device was taken", async () => {
    const { call } = await connected(SESSION);
    const microphone = installMicrophone();
    const unblocked = collect(call, "unblocked");
    await call.microphone.start();
    microphone.tracks[0]?.dispatchEvent(new Event("mute"));
    await call.microphone.start({ deviceId: "b" });
    expect(unblocked).toEqual([{ device: "microphone" }]);
  });
});

test("[C59] a rate that changes while the microphone starts is the one that it is captured at", async () => {
  const { call, socket } = await connected(withInput(24000));
  installMicrophone();
  const before = ScriptedContext.made.length;
  const starting = call.microphone.start();
  while (ScriptedContext.made.length === before) await Promise.resolve();
  socket.say({ type: "session.updated", session: withInput(8000) });
  await starting;
  await vi.advanceTimersByTimeAsync(0);
  const captured = ScriptedContext.made.slice(before).filter(({ state }) => state === "running");
  expect(captured.map(({ sampleRate }) => sampleRate)).toEqual([8000]);
  call.close();
});
