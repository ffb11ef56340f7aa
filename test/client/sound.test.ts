/** Loudspeaker and microphone as browsers give them: missing, suspended, changed, taken away. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  connect,
  createCall,
  listModels,
  openCall,
  openDoor,
  type Call,
  type JsonObject,
} from "../../src/client/index.ts";
import { installAudio, installMicrophone, ScriptedContext, worklet } from "./scripted-audio.ts";
import { collect, connected, URL_WITH_TOKEN } from "./scripted-call.ts";
import { responseCreated, ScriptedSocket, SESSION, type Message } from "./scripted-socket.ts";

let browser: EventTarget;

beforeEach(() => {
  vi.useFakeTimers();
  ScriptedSocket.install();
  installAudio();
  browser = new EventTarget();
  vi.stubGlobal("window", browser);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

function withRates(input: number, output: number): Message {
  const format = (rate: number): JsonObject => ({ format: { type: "audio/pcm", rate } });
  return { ...SESSION, audio: { input: format(input), output: format(output) } };
}

/** Opens `call` as far as `session.created`. */
async function described(
  call: Call,
  session: Message = SESSION,
): Promise<{ socket: ScriptedSocket; opening: Promise<void> }> {
  const opening = openCall(call, URL_WITH_TOKEN);
  opening.catch(() => undefined);
  const socket = await ScriptedSocket.nth(1);
  socket.accept();
  await socket.spoken();
  socket.say({ type: "session.created", session });
  return { socket, opening };
}

function speak(socket: ScriptedSocket, id: string, samples = 480): void {
  socket.say(responseCreated(id, 0, 1, "demo"));
  socket.say({ type: "response.output_item.added", response_id: id, item: { id: `item_${id}` } });
  socket.audio(0, 1, new Int16Array(samples));
}

describe("[C58] connect", () => {
  test("waits for the relay to take the settings", async () => {
    const call = createCall({});
    const { socket, opening } = await described(call, withRates(24000, 24000));
    expect(call.state).toBe("connecting");
    const inForce = { ...withRates(24000, 24000), instructions: "Be brief." };
    socket.say({ type: "session.updated", session: inForce });
    await opening;
    expect(call.state).toBe("open");
    expect(call.session).toEqual(inForce);
  });

  test("fails with the relay's error when it refuses them", async () => {
    const call = createCall({ session: { audio: { output: { format: { rate: 44100 } } } } });
    const { socket, opening } = await described(call);
    const error = { code: "invalid_value", message: "No such rate.", event_id: "sdk_settings" };
    socket.say({ type: "error", error: { code: "other", message: "Of something else.", event_id: null } });
    expect(call.state).toBe("connecting");
    socket.say({ type: "error", error });
    await expect(opening).rejects.toMatchObject({ code: "invalid_value", message: "No such rate." });
    expect(call.state).toBe("closed");
    expect(socket.farewell).toEqual({ code: 1000, reason: "end" });
  });

  test("does not wait for ever", async () => {
    const { opening, socket } = await described(createCall({}));
    await pass(30_000);
    await expect(opening).rejects.toMatchObject({ code: "timeout" });
    expect(socket.readyState).toBe(ScriptedSocket.CLOSED);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("[S127] does not wait for ever for the socket either", async () => {
    const opening = openCall(createCall({}), URL_WITH_TOKEN);
    opening.catch(() => undefined);
    const socket = await ScriptedSocket.nth(1);
    await pass(30_000);
    await expect(opening).rejects.toMatchObject({ code: "timeout" });
    expect(socket.readyState).toBe(ScriptedSocket.CLOSED);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("can be aborted after the socket has opened", async () => {
    const abort = new AbortController();
    const opening = connect({ ...URL_WITH_TOKEN, signal: abort.signal });
    const socket = await ScriptedSocket.nth(1);
    socket.accept();
    await socket.spoken();
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: "aborted" });
    expect(socket.readyState).toBe(ScriptedSocket.CLOSED);
  });
});

describe("[C59] formats", () => {
  test("are those of session.updated, not those that were asked for", async () => {
    const call = createCall({ session: { audio: { output: { format: { rate: 48000 } } } } });
    const { socket, opening } = await described(call, withRates(24000, 24000));
    socket.say({ type: "session.updated", session: withRates(16000, 24000) });
    await opening;
    expect(ScriptedContext.made.map(({ sampleRate, state }) => [sampleRate, state])).toEqual([
      [48000, "closed"],
      [24000, "running"],
    ]);
    speak(socket, "r1", 12_000);
    const heard = collect(call, "playback");
    worklet().heard("r1/item_r1/0", 200);
    expect(heard[0]?.playedMs).toBe(200);
    call.sendAudio(new Int16Array(320));
    expect(call.sentAudioMs).toBe(20);
  });

  test("that change in mid-call change microphone and loudspeaker", async () => {
    const { call, socket } = await connected(withRates(24000, 24000));
    installMicrophone();
    await call.microphone.start();
    call.sendAudio(new Int16Array(480));
    const before = ScriptedContext.made.length;
    socket.say({ type: "session.updated", session: withRates(8000, 16000) });
    await pass(0);
    const rates = ScriptedContext.made.slice(before).map(({ sampleRate }) => sampleRate);
    expect(rates.sort((a, b) => a - b)).toEqual([8000, 16000]);
    call.sendAudio(new Int16Array(160));
    expect(call.sentAudioMs).toBe(40);
    expect(call.microphone.active).toBe(true);
    call.close();
  });
});

describe("[C60] connect rejects", () => {
  test("when worklets.js is not found, and ends the call", async () => {
    ScriptedContext.unloadable = "https://";
    const call = createCall({ workletUrl: "https://page.example/worklets.js" });
    await expect(openCall(call, URL_WITH_TOKEN)).rejects.toMatchObject({
      code: "worklets_missing",
      message: expect.stringContaining("https://page.example/worklets.js"),
    });
    expect(call.state).toBe("closed");
    expect(ScriptedSocket.last.readyState).toBe(ScriptedSocket.CLOSED);
    await expect(call.resumeAudio()).resolves.toBeUndefined();
  });

  test("when no loudspeaker can be opened", async () => {
    const call = createCall({ session: { audio: { output: { format: { rate: 1_000_000 } } } } });
    await expect(openCall(call, URL_WITH_TOKEN)).rejects.toMatchObject({ code: "playback_failed" });
  });

  test("not when the worklets are built in", async () => {
    ScriptedContext.unloadable = "file:";
    vi.stubGlobal("WORKLET_CODE", "registerProcessor();");
    await connected(SESSION, { workletUrl: "file:///nowhere/worklets.js" });
    expect(ScriptedContext.made[0]?.loaded).toEqual([
      "file:///nowhere/worklets.js",
      expect.stringContaining("blob:"),
    ]);
  });

  test("not when nothing is to be played", async () => {
    ScriptedContext.unloadable = "";
    const { call, socket } = await connected(SESSION, { playback: false });
    expect(ScriptedContext.made).toEqual([]);
    expect([call.audioContext, call.output]).toEqual([null, null]);
    speak(socket, "r1");
  });
});

describe("[C61] a context that does not run", () => {
  test("from the beginning is told to who waited for the call, and a gesture lets it be heard", async () => {
    ScriptedContext.allowed = false;
    const { call } = await connected(SESSION);
    const blocked = collect(call, "blocked");
    const unblocked = collect(call, "unblocked");
    await pass(300);
    expect(call.blocked).toBe(true);
    expect(blocked).toEqual([{ device: "loudspeaker" }]);
    browser.dispatchEvent(new Event("keydown"));
    expect(call.blocked).toBe(true);
    ScriptedContext.allowed = true;
    browser.dispatchEvent(new Event("pointerup"));
    expect(unblocked).toEqual([{ device: "loudspeaker" }]);
    expect(call.blocked).toBe(false);
  });

  test("before the call is open is told after it", async () => {
    ScriptedContext.allowed = false;
    const call = createCall({});
    const early = collect(call, "blocked");
    const { socket, opening } = await described(call);
    await pass(2000);
    expect(early).toEqual([]);
    socket.say({ type: "session.updated", session: SESSION });
    await opening;
    const blocked = collect(call, "blocked");
    await pass(0);
    expect(blocked).toEqual([{ device: "loudspeaker" }]);
  });

  test.each(["suspended", "interrupted"])("any more (%s) is resumed without a word", async (state) => {
    const { call } = await connected(SESSION);
    const blocked = collect(call, "blocked");
    ScriptedContext.made[0]?.enter(state);
    expect(ScriptedContext.made[0]?.state).toBe("running");
    await pass(1000);
    expect(blocked).toEqual([]);
  });

  test("any more and must not is told, and waits for the browser or a gesture", async () => {
    const { call } = await connected(SESSION);
    const blocked = collect(call, "blocked");
    const unblocked = collect(call, "unblocked");
    ScriptedContext.allowed = false;
    ScriptedContext.made[0]?.enter("interrupted");
    await pass(300);
    expect(blocked).toHaveLength(1);
    ScriptedContext.made[0]?.enter("running");
    expect(unblocked).toHaveLength(1);
    call.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is the microphone's, too", async () => {
    const { call } = await connected(SESSION);
    const microphone = installMicrophone();
    const blocked = collect(call, "blocked");
    const unblocked = collect(call, "unblocked");
    ScriptedContext.allowed = false;
    await call.microphone.start();
    await pass(300);
    expect(blocked).toEqual([{ device: "microphone" }]);
    ScriptedContext.allowed = true;
    browser.dispatchEvent(new Event("touchend"));
    expect(unblocked).toEqual([{ device: "microphone" }]);
    microphone.tracks[0]?.dispatchEvent(new Event("mute"));
    expect(blocked).toHaveLength(2);
    call.microphone.stop();
    expect(unblocked).toHaveLength(2);
  });
});

test("[C62] while nothing can be heard, the position stands, and the relay is told so", async () => {
  const { call, socket } = await connected(SESSION);
  speak(socket, "r1", 24_000);
  worklet().heard("r1/item_r1/0", 120);
  socket.take();
  ScriptedContext.allowed = false;
  ScriptedContext.made[0]?.enter("suspended");
  await pass(300);
  const still = { type: "playback.ack", item_id: "item_r1", content_index: 0, played_ms: 120 };
  expect(socket.take()).toEqual([still]);
  await pass(1000);
  expect(socket.take()).toEqual([still, still]);
  ScriptedContext.allowed = true;
  await call.resumeAudio();
  await pass(2000);
  expect(socket.take()).toEqual([]);
});

describe("[C63] microphone.start while it is on", () => {
  test("goes over to the device that is asked for", async () => {
    const { call } = await connected(SESSION);
    const microphone = installMicrophone();
    const active = collect(call, "microphone");
    await call.microphone.start();
    await call.microphone.start();
    expect(microphone.asked).toHaveLength(1);
    await call.microphone.start({ deviceId: "b" });
    expect(microphone.asked[1]).toMatchObject({ deviceId: "b", echoCancellation: true });
    expect(microphone.tracks.map(({ stopped }) => stopped)).toEqual([true, false]);
    expect(call.microphone.label).toBe("b");
    expect(active).toEqual([{ active: true }]);
    const sent = collect(call, "frame");
    microphone.frame(new Int16Array(480));
    expect(sent).toHaveLength(1);
  });

  test("stays with the former where that is not to be had", async () => {
    const { call } = await connected(SESSION);
    const microphone = installMicrophone();
    await call.microphone.start();
    await expect(call.microphone.start({ deviceId: "missing" })).rejects.toMatchObject({
      code: "microphone_missing",
    });
    expect(call.microphone.label).toBe("default");
    expect(microphone.tracks[0]?.stopped).toBe(false);
  });

  test("and while it is starting ends with the last that was asked for; a stop overtakes all of them", async () => {
    const { call } = await connected(SESSION);
    const microphone = installMicrophone();
    await Promise.all([call.microphone.start(), call.microphone.start({ deviceId: "b" })]);
    expect(microphone.tracks.map(({ stopped }) => stopped)).toEqual([true, false]);
    const starting = Promise.all([
      call.microphone.start({ deviceId: "c" }),
      call.microphone.start({ deviceId: "d" }),
    ]);
    call.microphone.stop();
    await starting;
    expect(call.microphone.active).toBe(false);
    expect(microphone.tracks.every(({ stopped }) => stopped)).toBe(true);
  });
});

test("[C64] a muted microphone keeps its device and sends silence, from one start to the next", async () => {
  const { call } = await connected(SESSION);
  const microphone = installMicrophone();
  const muted = collect(call, "muted");
  await call.microphone.start();
  call.microphone.muted = true;
  call.microphone.muted = true;
  expect(muted).toEqual([{ muted: true }]);
  expect(microphone.tracks[0]).toMatchObject({ enabled: false, stopped: false });
  await call.microphone.start({ deviceId: "b" });
  expect(microphone.tracks[1]?.enabled).toBe(false);
  call.microphone.muted = false;
  expect(microphone.tracks[1]?.enabled).toBe(true);
});

test("[C111] a processor that fails is told, and does not pass for a silence", async () => {
  const microphone = installMicrophone();
  const { call } = await connected(SESSION);
  const errors = collect(call, "error");
  worklet().fail();
  expect(errors.map(({ error }) => error.code)).toEqual(["playback_failed"]);
  await call.microphone.start();
  microphone.fail();
  expect(call.microphone.active).toBe(false);
  expect(microphone.stopped).toBe(true);
  expect(errors.map(({ error }) => error.code)).toEqual(["playback_failed", "microphone_failed"]);
});

test("[C65] a device that is plugged in is told, until the call ends", async () => {
  installMicrophone();
  const { call } = await connected(SESSION);
  const devices = collect(call, "devices");
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  await pass(0);
  expect(devices).toMatchObject([{ devices: [{ label: "Headset" }] }]);
  call.close();
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  await pass(0);
  expect(devices).toHaveLength(1);
});

test("[C66] what is played is a node of the call's context", async () => {
  const { call } = await connected(SESSION);
  expect(call.output).not.toBeNull();
  expect(call.audioContext).toBe(ScriptedContext.made[0]);
  call.close();
  expect(call.output).toBeNull();
});

describe("the door", () => {
  test("[C67] without a WebSocket says so", async () => {
    vi.stubGlobal("WebSocket", undefined);
    Reflect.deleteProperty(globalThis, "WebSocket");
    await expect(openCall(createCall({}), URL_WITH_TOKEN)).rejects.toMatchObject({ code: "unsupported" });
  });

  test("[C68] takes a token out of the URL", async () => {
    const opening = openCall(createCall({}), { url: "https://relay.example/v1/sessions/s?token=a" });
    const socket = await ScriptedSocket.nth(1);
    expect(socket.url).toBe("wss://relay.example/v1/sessions/s");
    expect(socket.offered).toEqual(["duplex.v1", "relay-token.a"]);
    socket.hangUp(1006, "");
    await expect(opening).rejects.toMatchObject({ code: "refused" });
  });

  test("[C68] hands on the token of a session that a key made", async () => {
    const made = { url: "wss://relay.example/v1/sessions/s?token=a", token: "a" };
    vi.stubGlobal("fetch", () => Promise.resolve(Response.json(made, { status: 201 })));
    const opening = openCall(createCall({}), { url: "https://relay.example", apiKey: "k" });
    const socket = await ScriptedSocket.nth(1);
    expect(socket.url).toBe("wss://relay.example/v1/sessions/s");
    expect(socket.offered).toEqual(["duplex.v1", "relay-token.a"]);
    socket.hangUp(1006, "");
    await expect(opening).rejects.toMatchObject({ code: "refused" });
  });

  test("[C108] knows the relay by the address of its sockets, too", async () => {
    const asked: string[] = [];
    vi.stubGlobal("fetch", (url: URL) => {
      asked.push(url.href);
      return Promise.resolve(Response.json({ data: [] }));
    });
    await listModels("wss://relay.example", "k");
    await expect(openDoor({ url: "ws://localhost:8787/v1", apiKey: "k" })).rejects.toMatchObject({
      code: "invalid_answer",
    });
    expect(asked).toEqual(["https://relay.example/v1/models", "http://localhost:8787/v1/sessions"]);
  });

  test("[C108] says that a key or token is none where it cannot even be sent, and takes one with white space around", async () => {
    const headers: Headers[] = [];
    vi.stubGlobal("fetch", (_: URL, request: RequestInit) => {
      headers.push(new Headers(request.headers));
      return Promise.resolve(Response.json({ url: "wss://relay.example/v1/sessions/s", token: "t" }));
    });
    const url = "https://relay.example";
    for (const given of [{ apiKey: "„k“" }, { token: "ek_a,b" }, { token: "a b" }]) {
      await expect(openDoor({ url, ...given })).rejects.toMatchObject({
        code: "refused",
        message: expect.stringContaining("is no "),
      });
    }
    expect(headers).toEqual([]);
    await openDoor({ url, apiKey: " k/1=\n" });
    expect(headers[0]?.get("authorization")).toBe("Bearer k/1=");
    expect((await openDoor({ url, token: "ek_a.b.c\n" })).protocols).toContain(
      "openai-insecure-api-key.ek_a.b.c",
    );
  });
});
