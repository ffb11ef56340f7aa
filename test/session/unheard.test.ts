/** What the caller says while nobody is there to hear it: it waits, reaches the next connection, or is told as lost. */
import { describe, expect, test } from "vitest";

import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const kind = (turns: string, rate = 24_000) => ({
  adapter: "wire",
  settings: { turns, input: { type: "audio/pcm", rate } },
});
const samplesOf = (bytes: Uint8Array) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);

function lose(call: Call, peer: string, code = 0): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code, reason: "HTTP 500" });
}

/** In one go, as much as it is. */
function burst(call: Call, seconds: number): Int16Array {
  const samples = voice(seconds * 1000);
  for (let at = 0; at < samples.length; at += 24_000) call.append(samples.subarray(at, at + 24_000));
  return samples;
}

const lostMs = (call: Call) =>
  call.events.reduce((sum, event) => {
    if (event.type === "relay.audio_dropped") return sum + Number(event["ms"]);
    const { code, message } = (event["error"] ?? {}) as { code?: string; message?: string };
    return code === "audio_lost" ? sum + Number(/(\d+) ms/.exec(message ?? "")?.[1] ?? 0) : sum;
  }, 0);

describe("audio while an upstream is dialled", () => {
  test.each(["realtime", "duplex.v1"] as const)(
    "[L58] beyond what is kept loses its beginning, which a %s client is told; the link is kept",
    (dialect) => {
      const limits = { backlogBytes: 48_000 * 4, inputHistoryMs: 3000 };
      const call = new Call({ connect: false, session: MANUAL, limits });
      call.connect(dialect);
      const said = burst(call, 12);
      call.client({ type: "input_audio_buffer.commit" });
      call.advance(1100);
      call.accept("up0.1");
      const heard = samplesOf(call.heard("up0.1"));
      expect(heard.length / 24).toBe(4000);
      expect(heard).toEqual(said.subarray(-heard.length));
      expect(Math.round(heard.length / 24 + lostMs(call))).toBe(12_000);
      expect(call.commandTypes("up0.1")).toEqual(["greet", "audio", "commit"]);
    },
  );

  test("[L58] of forty seconds loses nothing", () => {
    const call = new Call({ connect: false, session: MANUAL });
    call.connect("realtime");
    burst(call, 40);
    call.client({ type: "input_audio_buffer.commit" });
    call.accept("up0.1");
    const heard = call.commands("up0.1").map((one) => (one.type === "audio" ? one.audio : ""));
    const bytes = heard.reduce((sum, audio) => sum + Uint8Array.fromBase64(audio).length, 0);
    expect(bytes).toBe(40_000 * 48);
    expect(lostMs(call)).toBe(0);
  });

  test("[L58] in pieces of two bytes does not fill the backlog with commands", () => {
    const call = new Call({ connect: false, session: MANUAL, limits: { backlogCommands: 20 } });
    call.connect("realtime");
    const said = voice(200);
    for (let at = 0; at < said.length; at += 10) call.append(said.subarray(at, at + 10));
    call.accept("up0.1");
    expect(samplesOf(call.heard("up0.1"))).toEqual(said);
  });

  test("[L59] lost by a plain client's upstream is an audio_lost error, once a second at most", () => {
    const call = new Call({ connect: false, session: MANUAL, limits: { backlogBytes: 48_000 } });
    call.connect("realtime");
    call.speak(voice(5000));
    const told = call.events.filter(({ error }) => (error as { code?: string })?.code === "audio_lost");
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.length).toBeLessThanOrEqual(5);
    call.advance(1000);
    expect(lostMs(call)).toBeCloseTo(4000, -2);
    call.accept("up0.1");
    expect(samplesOf(call.heard("up0.1")).length).toBe(24_000);
  });
});

describe("a dial that failed", () => {
  test.each(["none", "server"])("[L60] takes nothing with it of an upstream with turns '%s'", (turns) => {
    const upstreams = [{ name: "wire", options: kind(turns) }];
    const call = new Call({ upstreams, connect: false, session: turns === "none" ? MANUAL : {} });
    call.connect("duplex.v1");
    const said = voice(3000);
    call.speak(said.subarray(0, 24_000));
    lose(call, "up0.1");
    call.speak(said.subarray(24_000, 48_000));
    call.accept("up0.2");
    call.speak(said.subarray(48_000));
    expect(samplesOf(call.heard("up0.2"))).toEqual(said);
    expect(lostMs(call)).toBe(0);
  });

  test.each(["realtime", "duplex.v1"] as const)(
    "[L161] takes no turn with it that was made meanwhile, and a %s client is told of no loss",
    (dialect) => {
      const call = new Call({ connect: false, session: MANUAL });
      call.connect(dialect);
      const said = voice(6000);
      for (const half of [said.subarray(0, 72_000), said.subarray(72_000)]) {
        call.speak(half);
        call.client({ type: "input_audio_buffer.commit" });
      }
      lose(call, "up0.1");
      call.speak(silence(500));
      call.accept("up0.2");
      call.advance(2000);
      expect(samplesOf(call.heard("up0.2")).subarray(0, said.length)).toEqual(said);
      expect(lostMs(call)).toBe(0);
    },
  );

  test.each(["realtime", "duplex.v1"] as const)(
    "[L162] one after the other tell a %s client once of what left the history, also in another life of the session",
    (dialect) => {
      const call = new Call({ session: MANUAL, limits: { inputHistoryMs: 2000 }, connect: false });
      call.connect(dialect);
      call.accept("up0.1");
      call.speak(voice(6000));
      for (const [number, lived] of ["at once", "in another isolate", "at once"].entries()) {
        lose(call, `up0.${number + 1}`, 1011);
        call.advance(2000);
        if (lived === "in another isolate") call.hibernate();
        call.accept(`up0.${number + 2}`);
        call.advance(1100);
      }
      expect(lostMs(call)).toBe(4000);
    },
  );

  test("[J13] takes nothing with it of what a transcriber is to hear", () => {
    const call = new Call({ transcriber: { name: "ear", options: kind("none") }, connect: false });
    call.connect("duplex.v1");
    call.accept("up0.1");
    const said = voice(3000);
    call.speak(said.subarray(0, 24_000));
    lose(call, "up1.1");
    call.speak(said.subarray(24_000, 48_000));
    call.input({ type: "open", peer: "up1.2" });
    lose(call, "up1.2", 1011);
    call.speak(said.subarray(48_000));
    call.advance(600);
    call.accept("up1.3");
    call.speak(silence(20));
    expect(samplesOf(call.heard("up1.3")).subarray(0, said.length)).toEqual(said);
  });

  test.each(["transcriber", "duplex upstream"])(
    "[J13] nor of a %s whose dial takes longer than a turn: what waits for it is kept until it is heard",
    (who) => {
      const options = kind("none");
      const beside = who === "transcriber" ? { transcriber: { name: "ear", options } } : {};
      const upstreams = who === "transcriber" ? [WIRE] : [WIRE, { name: "ear", options }];
      const call = new Call({ upstreams, ...beside, connect: false });
      call.connect("duplex.v1");
      call.accept("up0.1");
      const said = concat(voice(1500), silence(1500), voice(1500), silence(1500), voice(500));
      call.speak(said);
      lose(call, "up1.1");
      call.advance(600);
      call.accept("up1.2");
      call.speak(silence(20));
      expect(samplesOf(call.heard("up1.2")).subarray(0, said.length)).toEqual(said);
      call.advance(1100);
      expect(lostMs(call)).toBe(0);
    },
  );

  test("[J13] or tells what left the history meanwhile", () => {
    const call = new Call({
      transcriber: { name: "ear", options: kind("none") },
      connect: false,
      limits: { inputHistoryMs: 2000 },
    });
    call.connect("duplex.v1");
    call.accept("up0.1");
    call.speak(voice(3000));
    lose(call, "up1.1");
    call.advance(300);
    call.speak(voice(20));
    call.accept("up1.2");
    call.advance(1000);
    expect(lostMs(call)).toBeCloseTo(1020, -2);
    const dropped = call.actions.reduce(
      (sum, action) =>
        sum + (action.type === "metric" && action.name === "input_dropped_ms" ? action.value : 0),
      0,
    );
    expect(dropped).toBeCloseTo(1020, -2);
  });
});

describe("what left the history while an upstream was away", () => {
  const away = (turns: "none" | "server", during: Int16Array): Call => {
    const session = turns === "none" ? MANUAL : {};
    const upstreams = [{ name: "wire", options: kind(turns) }];
    const call = new Call({ upstreams, session, dialect: "duplex.v1", limits: { inputHistoryMs: 2000 } });
    call.speak(silence(1000));
    lose(call, "up0.1", 1011);
    call.advance(300);
    // It waits for a dial that fails: the next connection hears it out of the history.
    call.speak(during);
    lose(call, "up0.2");
    call.advance(600);
    call.accept("up0.3");
    call.speak(silence(40));
    call.advance(1100);
    expect(call.open.size).toBe(2);
    return call;
  };

  test.each(["none", "server"] as const)("[L59] is no loss where it was silence (turns '%s')", (turns) => {
    expect(lostMs(away(turns, silence(6000)))).toBe(0);
  });

  test("[L59] is told as far as somebody spoke", () => {
    const call = away("none", concat(silence(1000), voice(600), silence(4500)));
    // With what is taken to belong to it before.
    expect(lostMs(call)).toBeGreaterThan(600);
    expect(lostMs(call)).toBeLessThan(1100);
  });

  test("[L59] and no more where a provider that takes the turns hears from before it", () => {
    const call = away("server", concat(silence(3000), voice(3500)));
    expect(lostMs(call)).toBeGreaterThan(1000);
    expect(lostMs(call)).toBeLessThan(2000);
  });

  test("[L59] and all of it where nobody listens for speech", () => {
    const call = new Call({ session: MANUAL, dialect: "duplex.v1", limits: { inputHistoryMs: 2000 } });
    lose(call, "up0.1", 1011);
    call.advance(300);
    call.speak(silence(5000));
    lose(call, "up0.2");
    call.advance(600);
    call.accept("up0.3");
    call.advance(1100);
    expect(lostMs(call)).toBeCloseTo(3000, -2);
  });
});

describe("a fallback that takes another rate", () => {
  test.each([
    [24_000, 16_000],
    [16_000, 24_000],
    [24_000, 8000],
  ])("[L61] hears from where the other stopped, at %i and at %i Hz", (from, to) => {
    const upstreams = [{ ...WIRE, options: kind("none", from), fallback: [kind("none", to)] }];
    const call = new Call({ upstreams, session: MANUAL, dialect: "duplex.v1" });
    call.speak(voice(10_000));
    lose(call, "up0.1", 1011);
    call.advance(1);
    call.accept("up0.2");
    call.speak(voice(2000));
    const heardMs = (call.heard("up0.2").length / 2 / to) * 1000;
    expect(heardMs).toBeGreaterThan(1980);
    expect(heardMs).toBeLessThan(2020);
    expect(lostMs(call)).toBe(0);
  });

  test("[L61] a parked one too", () => {
    const upstreams = [{ ...WIRE, options: kind("none", 24_000), fallback: [kind("none", 16_000)] }];
    const call = new Call({ upstreams, session: MANUAL, dialect: "duplex.v1", limits: { parkMs: 20_000 } });
    lose(call, "up0.1", 1011);
    call.advance(1);
    call.accept("up0.2");
    call.speak(silence(25_000));
    expect(call.open.has("up0.2")).toBe(false);
    const said = voice(2000);
    call.speak(said);
    const peer = [...call.open].find((one) => one.startsWith("up")) ?? "";
    call.accept(peer);
    call.speak(silence(100));
    const heardMs = call.heard(peer).length / 2 / 16;
    expect(heardMs).toBeGreaterThan(2000);
    expect(heardMs).toBeLessThan(2600);
  });
});
