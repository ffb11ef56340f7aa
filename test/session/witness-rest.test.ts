/** A provider that takes the turns makes one of the beginning of a speech, and is lost while the caller goes on. */
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const SERVER = { name: "wire", options: { adapter: "wire", settings: { turns: "server" } } };
const FALLBACK = { ...SERVER, fallback: [SERVER.options] };

const begins = (call: Call) => call.upstream({ type: "speech", state: "started" });
const ends = (call: Call) => {
  call.upstream({ type: "speech", state: "stopped" });
  call.upstream({ type: "committed", item: "theirs" });
};

describe("the rest of a speech of which a provider that takes the turns made one", () => {
  test("[L63] is missed with a provider that says that it hears it, and then nothing any more", () => {
    const session = { audio: { input: { turn_detection: { type: "server_vad" } } } };
    const call = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1", session });
    call.speak(concat(silence(500), voice(2500)));
    begins(call);
    ends(call);
    begins(call);
    call.speak(silence(4500));
    for (let at = 0; at < 5; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(1000);
    }
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[L72] is heard by the next connection when it had told of it", () => {
    const call = new Call({ upstreams: [SERVER] });
    const said = voice(1600, 24_000, 1);
    const [first, second] = [said.subarray(0, 24 * 700), said.subarray(24 * 700)];
    call.append(concat(silence(600), first));
    begins(call);
    ends(call);
    call.append(second.subarray(0, 24 * 300));
    begins(call);
    call.append(concat(second.subarray(24 * 300), silence(2500)));
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(1000);
    call.accept("up0.2");
    call.speak(silence(20));
    const heard = Buffer.from(call.heard("up0.2")).toString("hex");
    const hex = (samples: Int16Array) => Buffer.from(samples.slice().buffer).toString("hex");
    expect(heard).toContain(hex(second));
    expect(heard).not.toContain(hex(first.subarray(24 * 600)));
  });

  test.each([
    ["was over when the next one came", 900, 2500],
    ["still went on when the next one came", 3500, 0],
  ])("[L72] is heard too when it was lost before it told of it, and it %s", (_, restMs, silentMs) => {
    const call = new Call({ upstreams: [SERVER] });
    const said = voice(700 + restMs, 24_000, 1);
    const [first, second] = [said.subarray(0, 24 * 700), said.subarray(24 * 700)];
    call.append(concat(silence(600), first));
    begins(call);
    ends(call);
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.append(concat(second, silence(silentMs)));
    call.advance(1000);
    call.accept("up0.2");
    call.speak(silence(20));
    const heard = Buffer.from(call.heard("up0.2")).toString("hex");
    const hex = (samples: Int16Array) => Buffer.from(samples.slice().buffer).toString("hex");
    expect(heard).toContain(hex(second));
    expect(heard).not.toContain(hex(first.subarray(24 * 600)));
  });
});
