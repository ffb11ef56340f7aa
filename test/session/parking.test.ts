import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { Call, type CallOptions, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const MANUAL = { audio: { input: { turn_detection: null } } };

function parkedCall(options: CallOptions = {}): Call {
  const call = new Call({ limits: { parkMs: 20_000 }, dialect: "duplex.v1", ...options });
  call.speak(silence(20_500));
  expect(call.open.has("up0.1")).toBe(false);
  return call;
}

const kind = (turns: string) => [{ name: "wire", options: { adapter: "wire", settings: { turns } } }];
const samplesOf = (bytes: Uint8Array) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);

describe("parking", () => {
  test("[K1] after mutual silence upstreams are hung up; the next turn reaches another connection whole", () => {
    const call = parkedCall();
    expect(call.last("relay.upstream")).toMatchObject({ status: "idle", cause: "parked" });
    expect(call.types()).not.toContain("error");
    expect(call.session.quiet).toBe(true);
    const reference = new Call({ dialect: "duplex.v1", limits: { parkMs: 0 } });
    reference.speak(silence(20_500));
    for (const one of [call, reference]) one.speak(TURN);
    expect(call.open.has("up0.2")).toBe(true);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "respond"]);
    expect(call.heard("up0.2")).toEqual(reference.heard());
    call.answer(voice(200), "Yes?", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[K2] an answer, a turn or a word of the client puts it off", () => {
    const call = new Call({ limits: { parkMs: 20_000 }, dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    call.speak(silence(19_000));
    call.answer(voice(6000));
    call.speak(silence(18_000));
    expect(call.open.has("up0.1")).toBe(true);
    call.client({ type: "session.update", session: { instructions: "Be brief." } });
    call.speak(silence(19_000));
    expect(call.open.has("up0.1")).toBe(true);
    for (let at = 0; at < 3; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
    }
    expect(call.open.has("up0.1")).toBe(false);
  });

  test.each(["server", "none"])("[K70] nor while the caller speaks, however long (%s)", (turns) => {
    const call = new Call({ limits: { parkMs: 1000 }, upstreams: kind(turns) });
    call.speak(concat(silence(400), voice(3500)));
    expect(call.open.has("up0.1")).toBe(true);
    if (turns === "server") {
      call.upstream({ type: "speech", state: "started" });
      call.upstream({ type: "speech", state: "stopped" });
      call.upstream({ type: "committed", item: "theirs" });
      call.upstream({ type: "response.started", response: "own", answers: null });
      const done = { reason: null, error: null, usage: null, metadata: null };
      call.upstream({ type: "response.done", response: "own", status: "completed", ...done });
    }
    call.speak(silence(2500));
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[K100] nor while one that takes the turns has to show that it heard the caller: it is missed", () => {
    const limits = { parkMs: 1000, firstOutputMs: 4000 };
    const call = new Call({ limits, upstreams: kind("server"), dialect: "duplex.v1" });
    call.speak(concat(silence(400), voice(2500), silence(4000)));
    expect(call.open.has("up0.1")).toBe(true);
    call.speak(silence(1500));
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("error")).toMatchObject({ error: { code: "upstream_timeout" } });
  });

  test("[K70] nor while a provider hears a turn that it has not ended, for as long as that may take", () => {
    const upstreams = [WIRE, ...kind("server")];
    const call = new Call({ limits: { parkMs: 1000, firstOutputMs: 6000 }, upstreams });
    call.speak(concat(silence(400), voice(250)));
    call.upstream({ type: "speech", state: "started" }, "up1.1");
    call.speak(silence(1500));
    call.answer(voice(100));
    call.speak(silence(3000));
    expect(call.open.has("up1.1")).toBe(true);
    call.speak(silence(20_000));
    expect(call.open.has("up1.1")).toBe(false);
  });

  test("[K3] a typed word dials again; the new connection is told the conversation", () => {
    const call = parkedCall();
    const item = { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] };
    call.client({ type: "conversation.item.create", item });
    call.client({ type: "response.create" });
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet", "item", "respond"]);
  });

  test.each(["none", "server"])(
    "[K4] an upstream with turns '%s' hears the first speech from its onset",
    (turns) => {
      const session = turns === "none" ? { session: MANUAL } : {};
      const call = parkedCall({ upstreams: kind(turns), ...session });
      call.speak(silence(3000));
      expect(call.open.has("up0.2")).toBe(false);
      const speech = concat(voice(1500), silence(1500));
      call.speak(speech);
      call.accept("up0.2");
      const heard = samplesOf(call.heard("up0.2"));
      // All of the speech, and at most the pre-roll before it.
      expect(heard.length).toBeGreaterThanOrEqual(speech.length);
      expect(heard.length).toBeLessThanOrEqual(speech.length + 24 * 350);
      expect(heard.subarray(heard.length - speech.length)).toEqual(speech);
    },
  );

  test("[K4] one that takes the turns hears it too when it was dialled for something else in the same moment", () => {
    const call = parkedCall({ upstreams: kind("server") });
    call.speak(silence(3000));
    const speech = concat(voice(1500), silence(1500));
    // The first 20 ms of it are no speech yet, as far as anybody knows.
    call.speak(speech.subarray(0, 480));
    call.client({ type: "response.create" });
    expect(call.open.has("up0.2")).toBe(true);
    call.speak(speech.subarray(480));
    call.accept("up0.2");
    const heard = samplesOf(call.heard("up0.2"));
    expect(heard.subarray(heard.length - speech.length)).toEqual(speech);
    expect(heard.length).toBeLessThanOrEqual(speech.length + 24 * 600);
  });

  test("[K5] and its transcriber hears all of it", () => {
    const transcriber = { name: "ear", options: { adapter: "wire", settings: { turns: "server" } } };
    const call = new Call({ limits: { parkMs: 20_000 }, dialect: "duplex.v1", session: MANUAL, transcriber });
    call.advance(20_500 + 500);
    expect([...call.open]).toEqual(["client"]);
    const speech = voice(1000);
    call.speak(speech);
    call.accept("up1.2");
    call.client({ type: "input_audio_buffer.commit" });
    expect(samplesOf(call.heard("up1.2")).subarray(0, speech.length)).toEqual(speech);
  });

  test("[K5] with turns in the client's hands the first audio dials, and the whole buffer is committed", () => {
    const call = new Call({ limits: { parkMs: 20_000 }, dialect: "duplex.v1", session: MANUAL });
    call.advance(20_500 + 500);
    expect(call.open.has("up0.1")).toBe(false);
    const speech = voice(1000);
    call.speak(speech);
    call.accept("up0.2");
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit"]);
    expect(samplesOf(call.heard("up0.2"))).toEqual(speech);
  });

  test("[K6] a parked session of which only heartbeats are heard rests, until the first word", () => {
    const call = new Call({ limits: { parkMs: 20_000 }, dialect: "duplex.v1" });
    const rests = () => call.actions.flatMap((action) => (action.type === "rest" ? [action.on] : []));
    for (let at = 0; at < 20; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(2000);
    }
    expect(rests()).toEqual([true]);
    // Nothing is due until the session itself ends: the object may sleep.
    call.advance(60_000);
    expect(call.open.has("client")).toBe(true);
    expect((call.session.deadline ?? 0) - call.now).toBeGreaterThan(60_000);
    call.speak(voice(100));
    expect(rests()).toEqual([true, false]);
    call.advance(5000);
    expect(call.open.has("client")).toBe(false);
  });

  test("[K95] a parked session whose client fell silent does not rest: the client is gone after 5 s", () => {
    const call = new Call({ limits: { parkMs: 2000, clientGoneMs: 8000 }, dialect: "duplex.v1" });
    for (let at = 0; at < 4; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(2000);
    }
    expect(call.open.has("up0.1")).toBe(false);
    // Its machine is gone, and no close is seen: ten seconds without a word are over before its silence is five.
    call.client({ type: "session.heartbeat" });
    call.advance(5000);
    expect(call.open.has("client")).toBe(false);
    expect(call.actions.some((action) => action.type === "rest")).toBe(false);
    call.advance(8000);
    expect(call.actions.some((action) => action.type === "end")).toBe(true);
  });

  test("[K10] an upstream that is between two dials is parked too, and woken like any other", () => {
    const call = new Call({ limits: { parkMs: 20_000 }, dialect: "realtime" });
    for (let dial = 1; dial <= 5; dial += 1) {
      call.open.delete(`up0.${dial}`);
      call.input({ type: "close", peer: `up0.${dial}`, code: 0, reason: "HTTP 500" });
      call.advance(dial < 5 ? 4000 : 4100);
    }
    // As long as it might hear what was said before, it is dialled; when it comes up, it is parked.
    call.advance(100);
    call.accept("up0.6");
    call.advance(10_000);
    expect(call.session.state().upstreams).toMatchObject([{ status: "idle" }]);
    expect(call.open.has("up0.6")).toBe(false);
    call.advance(600_000);
    expect(call.actions.filter(({ type }) => type === "dial")).toHaveLength(6);
    call.speak(TURN);
    call.accept("up0.7");
    expect(call.commandTypes("up0.7")).toEqual(["greet", "audio", "commit", "respond"]);
  });

  test("[K10] after that it is dialled no more", () => {
    const limits = { parkMs: 20_000, inputHistoryMs: 10_000, redialFirstMs: 30_000, redialMostMs: 30_000 };
    const call = new Call({ limits, dialect: "realtime" });
    call.advance(10_000);
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(600_000);
    expect(call.actions.filter(({ type }) => type === "dial")).toHaveLength(1);
    expect(call.session.state().upstreams).toMatchObject([{ status: "idle" }]);
    expect(call.session.quiet).toBe(true);
  });

  test.each(["none", "server"])(
    "[K10] with turns '%s' it hears first what was said while it was dialled in vain",
    (turns) => {
      const session = turns === "none" ? { session: MANUAL } : {};
      const call = new Call({
        upstreams: kind(turns),
        limits: { parkMs: 2000, redials: 1, inputHistoryMs: 8000 },
        dialect: "duplex.v1",
        ...session,
      });
      const said = voice(1000);
      call.open.delete("up0.1");
      call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
      call.speak(said);
      call.open.delete("up0.2");
      call.input({ type: "close", peer: "up0.2", code: 0, reason: "HTTP 503" });
      call.speak(silence(4000));
      expect(call.session.state().upstreams).toMatchObject([{ status: "idle" }]);
      call.speak(voice(1000, 24_000, 2));
      const peer = [...call.open].find((one) => one.startsWith("up0")) ?? "";
      call.accept(peer);
      call.speak(silence(20));
      const heard = new Uint8Array(call.heard(peer).buffer).toHex();
      expect(heard).toContain(new Uint8Array(said.buffer).toHex());
    },
  );

  test("[K11] a session does not rest while an upstream is to be dialled", () => {
    const call = new Call({
      limits: { parkMs: 0, redialFirstMs: 30_000, redialMostMs: 30_000 },
      dialect: "duplex.v1",
    });
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    for (let at = 0; at < 10; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(2000);
    }
    expect(call.session.quiet).toBe(false);
    expect(call.actions.some((action) => action.type === "rest")).toBe(false);
  });

  test("[K7] in-process upstreams are not parked, and a plan may say never", () => {
    const echo = [{ name: "echo", options: { adapter: "echo" } }];
    const loop = new Call({ limits: { parkMs: 20_000 }, createUpstream, upstreams: echo, connect: false });
    loop.connect("duplex.v1");
    const never = new Call({ limits: { parkMs: 0 }, dialect: "duplex.v1", upstreams: [WIRE] });
    for (const call of [loop, never]) {
      for (let at = 0; at < 200; at += 1) {
        call.client({ type: "session.heartbeat" });
        call.advance(1000);
      }
      expect(call.session.state().upstreams).toMatchObject([{ status: "ready" }]);
    }
  });
});

describe("an upstream that takes the turns", () => {
  const server = kind("server");

  test("[L31] that says nothing at all to seconds of speech is left", () => {
    const upstreams = server.map((one) => ({ ...one, fallback: [one.options] }));
    const call = new Call({ upstreams, dialect: "duplex.v1" });
    call.speak(concat(silence(500), voice(2500), silence(1500)));
    call.client({ type: "session.heartbeat" });
    call.advance(2000);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("error")["error"]).toMatchObject({ code: "upstream_timeout" });
    // The next one hears what was said from the beginning: nobody has made a turn of it.
    call.accept("up0.2");
    call.speak(silence(100));
    const heard = samplesOf(call.heard("up0.2"));
    // A second of silence is made up for a client that has sent nothing for two.
    expect(heard.length).toBe(24 * (500 + 2500 + 1500 + 1000 + 100));
  });

  test("[L400] that says only that it is there is left as well", () => {
    const upstreams = server.map((one) => ({ ...one, fallback: [one.options] }));
    const call = new Call({ upstreams, dialect: "duplex.v1" });
    const speech = concat(silence(500), voice(2500), silence(1500));
    for (let at = 0; at < speech.length; at += 12_000) {
      call.speak(speech.subarray(at, at + 12_000));
      call.upstream({ type: "alive" });
    }
    for (let n = 0; n < 4; n += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(500);
      if (call.open.has("up0.1")) call.upstream({ type: "alive" });
    }
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("error")["error"]).toMatchObject({ code: "upstream_timeout" });
  });

  test("[L38] that made a turn of it and does not answer in time is asked", () => {
    const call = new Call({ upstreams: server, dialect: "duplex.v1", limits: { firstOutputMs: 3000 } });
    const wait = () => {
      call.client({ type: "session.heartbeat" });
      call.advance(2000);
    };
    call.upstream({ type: "committed", item: "theirs" });
    wait();
    expect(call.commandTypes()).not.toContain("respond");
    wait();
    expect(call.commandTypes()).toContain("respond");
    call.beginAnswer();
    call.finishAnswer();
    call.upstream({ type: "committed", item: "next" });
    call.upstream({ type: "response.started", response: "own", answers: null });
    wait();
    wait();
    expect(call.commandTypes().filter((type) => type === "respond")).toHaveLength(1);
  });

  test("[L32] that says anything is not", () => {
    const call = new Call({ upstreams: server, dialect: "duplex.v1", limits: { firstOutputMs: 2000 } });
    call.speak(concat(silence(500), voice(2500), silence(1500)));
    call.upstream({ type: "speech", state: "started" });
    for (let at = 0; at < 5; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
    }
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[M9] a client's commit ends what the provider announced: what goes on is of the next turn", () => {
    const call = new Call({ upstreams: server, dialect: "duplex.v1" });
    call.speak(voice(500));
    call.upstream({ type: "speech", state: "started" });
    call.client({ type: "input_audio_buffer.commit" });
    call.clearEvents();
    call.upstream({ type: "speech", state: "stopped" });
    expect(call.types()).toEqual([]);
    call.upstream({ type: "committed", item: "theirs" });
    expect(call.types()[0]).toBe("input_audio_buffer.committed");
  });

  test("[L37] that was given up is dialled by the next speech, and hears it", () => {
    const call = new Call({ upstreams: server, dialect: "duplex.v1" });
    for (let dial = 1; call.open.has(`up0.${dial}`); dial += 1) {
      call.open.delete(`up0.${dial}`);
      call.input({ type: "close", peer: `up0.${dial}`, code: 0, reason: "HTTP 503" });
      call.client({ type: "session.heartbeat" });
      call.advance(4000);
      call.client({ type: "session.heartbeat" });
      call.advance(4000);
    }
    const spoken = voice(1000);
    call.speak(spoken);
    const [peer = ""] = [...call.open].filter((one) => one !== "client");
    call.accept(peer);
    const heard = samplesOf(call.heard(peer));
    expect(heard.subarray(-spoken.length)).toEqual(spoken);
  });

  test("[L33] hears what was said while it was dialled again", () => {
    const call = new Call({ upstreams: server, dialect: "duplex.v1" });
    const spoken = voice(3000);
    call.speak(spoken.subarray(0, 24_000));
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.speak(spoken.subarray(24_000, 48_000));
    call.accept("up0.2");
    call.speak(spoken.subarray(48_000));
    expect(samplesOf(call.heard("up0.2"))).toEqual(spoken);
  });
});
