/** A provider that takes the turns makes one of the beginning of a speech, and is lost while the caller goes on. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { expectNextHeard, lose } from "../support/lost-connection.ts";

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
    lose(call);
    call.advance(1000);
    call.accept("up0.2");
    call.speak(silence(20));
    expectNextHeard(call, second, first.subarray(24 * 600));
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
    lose(call);
    call.append(concat(second, silence(silentMs)));
    call.advance(1000);
    call.accept("up0.2");
    call.speak(silence(20));
    expectNextHeard(call, second, first.subarray(24 * 600));
  });
});

describe("speech that began before the news of the turn before came", () => {
  const session = { audio: { input: { turn_detection: { type: "server_vad" } } } };
  const first = voice(900, 24_000, 1);
  const second = voice(2400, 24_000, 2);

  /** The first turn is told when the caller has gone on with the second for a while. */
  function late(upstream: typeof FALLBACK | typeof SERVER, configured: JsonObject = session): Call {
    const call = new Call({ upstreams: [upstream], dialect: "duplex.v1", session: configured });
    call.speak(concat(silence(600), first.subarray(0, 24 * 400)));
    begins(call);
    call.speak(concat(first.subarray(24 * 400), silence(700), second.subarray(0, 24 * 400)));
    ends(call);
    return call;
  }

  test.each([0, 400])("[L72] is heard from its onset by the next connection, lost %i ms later", (afterMs) => {
    const call = late(SERVER);
    call.speak(second.subarray(24 * 400, 24 * (400 + afterMs)));
    lose(call);
    call.speak(concat(second.subarray(24 * (400 + afterMs)), silence(1500)));
    call.accept("up0.2");
    call.speak(silence(20));
    expectNextHeard(call, second, first.subarray(24 * 700));
  });

  test("[L72] so is what goes on after a pause that its provider took for an end, and the relay did not", () => {
    const slow = { audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 1500 } } } };
    const call = late(SERVER, slow);
    lose(call);
    call.speak(concat(second.subarray(24 * 400), silence(1500)));
    call.accept("up0.2");
    call.speak(silence(20));
    expectNextHeard(call, second, first.subarray(24 * 700));
  });

  test("[L63] is missed where its provider says nothing of it", () => {
    const call = late(FALLBACK);
    call.speak(concat(second.subarray(24 * 400), silence(4500)));
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[L63] and is not where it says that it hears it", () => {
    const call = late(FALLBACK);
    begins(call);
    call.speak(concat(second.subarray(24 * 400), silence(600)));
    ends(call);
    call.speak(silence(4500));
    expect(call.open.has("up0.1")).toBe(true);
  });
});
