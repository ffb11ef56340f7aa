/** An eager answer between its asking and the end of the turn that it answers. */
import { describe, expect, test } from "vitest";

import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAGER = { relay: { eager_ms: 150 } };
const FIRST = voice(900, 24_000, 3);
/** A voice that rises by 66 dB within 400 ms: it is found when it has sounded for a while. */
const SOFTLY = voice(900, 24_000, 4).map((sample, at) =>
  Math.round(sample * Math.min(1, 0.0005 * 10 ** ((3.3 * at) / (24 * 400)))),
);
const FALLBACK = { ...WIRE, fallback: [WIRE.options] };

const asked = (call: Call, peer = "up0.1") =>
  call.commandTypes(peer).filter((type) => type === "respond").length;

function hex(samples: Int16Array): string {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength).toHex();
}

describe("an eager answer that waits for the end of its turn", () => {
  test("[Q40] is kept however long the caller's audio stops, and is the answer when the turn ends", () => {
    const session = { ...EAGER, audio: { input: { turn_detection: { type: "server_vad" } } } };
    const call = new Call({
      session,
      dialect: "duplex.v1",
      limits: { progressMs: 3000, firstOutputMs: 5000 },
    });
    call.speak(concat(silence(600), FIRST, silence(300)));
    call.answer(voice(200), "Early.");
    // Its line is down, and nobody knows yet: it does not say that it sends nothing.
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.open.delete("client");
    call.advance(9000);
    expect(call.commandTypes()).not.toContain("cancel");
    expect(call.commandTypes()).not.toContain("delete");
    const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
    call.connect("duplex.v1");
    const last_received = Math.max(...call.events.map((event) => Number(event["server_event_seq"] ?? 0)));
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received });
    call.speak(silence(900));
    expect(call.types()).toContain("input_audio_buffer.committed");
    expect(JSON.stringify(call.events)).toContain("Early.");
    expect(asked(call)).toBe(1);
  });

  test("[Q40] one that its provider does not begin is given up, and the turn is answered all the same", () => {
    const call = new Call({ session: EAGER, dialect: "duplex.v1", limits: { firstOutputMs: 1000 } });
    call.speak(concat(silence(600), FIRST, silence(300)));
    // It lives, and says nothing of the answer.
    call.upstream({ type: "committed", item: "theirs" });
    for (let at = 0; at < 3; at += 1) {
      call.client({ type: "session.heartbeat" });
      call.advance(400);
    }
    expect(call.commandTypes()).toContain("cancel");
    call.speak(silence(900));
    expect(asked(call)).toBe(2);
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
  });

  test("[Q41] and is found silent leaves no trace: its provider is left, and the next one hears the turn", () => {
    const semantic = { type: "semantic_vad", eagerness: "low" };
    const session = { ...EAGER, audio: { input: { turn_detection: semantic } } };
    const call = new Call({ session, upstreams: [FALLBACK], dialect: "duplex.v1" });
    call.speak(concat(silence(600), FIRST, silence(300)));
    call.answer(new Int16Array(24_000 * 4), "Nothing.");
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.types()).not.toContain("response.done");
    call.advance(50);
    call.accept("up0.2");
    call.speak(silence(300));
    call.answer(voice(200), "Heard.", "up0.2");
    call.speak(silence(9000));
    const created = call.types().filter((type) => type === "response.created");
    const done = call.types().filter((type) => type === "response.done");
    expect([created.length, done.length]).toEqual([1, 1]);
    expect(JSON.stringify(call.events)).not.toContain("Nothing.");
    expect(Buffer.from(call.heard("up0.2")).toString("hex")).toContain(hex(FIRST));
  });

  test("[R86] one of several that is given up is asked for again when the turn ends, though the others' are there", () => {
    const semantic = { type: "semantic_vad", eagerness: "low" };
    const call = new Call({
      session: { ...EAGER, audio: { input: { turn_detection: semantic } } },
      upstreams: [FALLBACK, { ...WIRE, name: "other" }],
      dialect: "duplex.v1",
      limits: { stallMs: 600 },
    });
    call.speak(concat(silence(600), FIRST, silence(300)));
    call.answer(voice(300), "Mine.", "up1.1");
    // It lives, and says nothing of the answer.
    call.upstream({ type: "committed", item: "theirs" });
    call.speak(silence(9000));
    expect(call.commandTypes()).toContain("cancel");
    expect([asked(call), asked(call, "up1.1")]).toEqual([2, 1]);
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(2);
  });

  test("[R81] and is found silent, with nowhere else to turn, is told when its turn is, and not where there is none", () => {
    const semantic = { type: "semantic_vad", eagerness: "low" };
    const session = { ...EAGER, audio: { input: { turn_detection: semantic } } };
    const call = new Call({ session });
    call.speak(concat(silence(600), FIRST, silence(300)));
    call.answer(new Int16Array(24_000 * 4), "Nothing.");
    expect(call.types()).not.toContain("error");
    call.speak(voice(600));
    expect(call.types()).not.toContain("error");
    call.speak(silence(300));
    call.answer(new Int16Array(24_000 * 4), "Nothing.");
    call.speak(silence(9000));
    const errors = call.events.filter(({ type }) => type === "error");
    expect(errors.map(({ error }) => (error as { code: string }).code)).toEqual(["upstream_silent"]);
  });

  test.each([0, 20, 40])(
    "[Q42] what begins softly when %i ms of the silence are left is of the next turn, sample for sample",
    (leftMs) => {
      const turn_detection = { type: "server_vad", silence_duration_ms: 500, prefix_padding_ms: 300 };
      const call = new Call({ session: { ...EAGER, audio: { input: { turn_detection } } } });
      call.speak(concat(silence(600), FIRST, silence(500 - leftMs), SOFTLY, silence(1200)));
      expect(call.types().filter((type) => type === "input_audio_buffer.committed")).toHaveLength(2);
      expect(Buffer.from(call.heard()).toString("hex")).toContain(hex(SOFTLY));
    },
  );
});
