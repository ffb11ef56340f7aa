import { describe, expect, test } from "vitest";

import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const samplesOf = (bytes: Uint8Array) => new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
const MiB = 1024 * 1024;

function buffered(call: Call, peer: string, bytes: number): void {
  call.input({ type: "buffered", peer, bytes });
}

function played(call: Call): Int16Array {
  return samplesOf(Uint8Array.from(call.frames.flatMap((frame) => [...frame.payload])));
}

describe("a client that does not read", () => {
  test("[W1] is sent no more of an answer until it does, and then all of it", () => {
    const call = new Call({ dialect: "duplex.v1", session: { relay: { lead_ms: null } } });
    call.client({ type: "response.create" });
    call.beginAnswer();
    const answer = voice(3000);
    const part = (from: number, to: number) =>
      call.upstream({
        type: "audio",
        response: "r",
        item: "i",
        audio: new Uint8Array(answer.slice(from * 24, to * 24).buffer).toBase64(),
      });
    part(0, 1000);
    buffered(call, "client", 2 * MiB);
    part(1000, 3000);
    call.finishAnswer();
    expect(played(call)).toHaveLength(24_000);
    buffered(call, "client", MiB * 0.7);
    expect(played(call)).toHaveLength(24_000);
    buffered(call, "client", MiB * 0.4);
    expect(played(call)).toEqual(answer);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[W2] and takes nothing for 20 seconds is closed with 4008; it may resume", () => {
    const call = new Call({ dialect: "duplex.v1" });
    buffered(call, "client", 2 * MiB);
    call.advance(15_000);
    buffered(call, "client", 1.9 * MiB);
    call.advance(15_000);
    expect(call.open.has("client")).toBe(true);
    call.advance(5001);
    expect(call.actions.findLast((action) => action.type === "close")).toMatchObject({
      peer: "client",
      code: 4008,
    });
    expect(call.session.state().status).toBe("waiting");
    const plain = new Call({ dialect: "realtime" });
    buffered(plain, "client", 2 * MiB);
    plain.advance(20_001);
    expect(plain.open.has("client")).toBe(false);
  });
});

describe("an upstream that does not read", () => {
  test("[W3] gets the turn later, at its end at the latest, and whole", () => {
    const call = new Call();
    const reference = new Call();
    reference.speak(TURN);
    call.speak(TURN.subarray(0, 24 * 900));
    buffered(call, "up0.1", MiB);
    const before = call.heard().length;
    call.speak(TURN.subarray(24 * 900, 24 * 1500));
    expect(call.heard()).toHaveLength(before);
    call.speak(TURN.subarray(24 * 1500));
    expect(call.heard()).toEqual(reference.heard());
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
  });

  test("[W4] and falls seconds behind is given up; the next connection hears all of the turn", () => {
    const call = new Call();
    const speech = concat(silence(400), voice(6500));
    call.speak(speech.subarray(0, 24 * 600));
    buffered(call, "up0.1", MiB);
    call.speak(speech.subarray(24 * 600));
    expect(call.last("error")["error"]).toMatchObject({ code: "upstream_congested" });
    call.accept("up0.2");
    call.speak(silence(1000));
    const reference = new Call();
    reference.speak(concat(speech, silence(1000)));
    expect(call.heard("up0.2")).toEqual(reference.heard());
  });

  test("[W5] and hears everything is spared the silence, and told of; speech it gets whole", () => {
    const duplex = [{ name: "wire", options: { adapter: "wire", settings: { turns: "none" } } }];
    const session = { audio: { input: { turn_detection: null } } };
    const call = new Call({ upstreams: duplex, session, dialect: "duplex.v1" });
    call.speak(silence(1000));
    buffered(call, "up0.1", MiB);
    call.speak(silence(3000));
    const dropped = call.events.filter((event) => event.type === "relay.audio_dropped");
    const droppedMs = dropped.reduce((sum, event) => sum + Number(event["ms"]), 0);
    expect(droppedMs).toBeGreaterThan(1900);
    expect(dropped[0]).toMatchObject({ upstream: "wire" });
    const speech = voice(2000);
    call.speak(speech);
    buffered(call, "up0.1", 0);
    call.speak(silence(500));
    const heard = samplesOf(call.heard());
    expect(heard.subarray(heard.length - speech.length - 12_000, heard.length - 12_000)).toEqual(speech);
    expect(heard.length).toBe(24 * (1000 + 3000 - droppedMs + 2000 + 500));
  });
});

describe("an answer that nobody can hear", () => {
  const SILENT = new Uint8Array(24_000 * 2).toBase64();
  const say = (call: Call, seconds: number) => {
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Hello." });
    for (let at = 0; at < seconds; at += 1)
      call.upstream({ type: "audio", response: "r", item: "i", audio: SILENT });
  };

  test("[L34] is a failure of its provider where there is a fallback, which answers the same turn", () => {
    const call = new Call({
      upstreams: [{ ...WIRE, fallback: [{ adapter: "wire" }] }],
      dialect: "duplex.v1",
    });
    call.speak(TURN);
    call.beginAnswer();
    say(call, 2);
    expect(call.open.has("up0.1")).toBe(true);
    say(call, 1);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_silent" } },
    });
    call.advance(1);
    call.accept("up0.2");
    // Of what was not heard nothing is told, and the whole answer is asked for.
    expect(call.commandTypes("up0.2")).toEqual(["greet", "audio", "commit", "respond"]);
    expect(call.commands("up0.2").at(-1)).toMatchObject({ options: { params: {} } });
    call.answer(voice(300), "Hello.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[L35] is told once where there is none, and not while it can be heard", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(TURN);
    call.beginAnswer();
    say(call, 2);
    const audio = new Uint8Array(voice(200).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    say(call, 2);
    expect(call.types()).not.toContain("error");
    say(call, 8);
    const errors = call.events.filter((event) => event.type === "error");
    expect(errors).toHaveLength(1);
    expect(errors[0]?.["error"]).toMatchObject({ code: "upstream_silent" });
  });
});
