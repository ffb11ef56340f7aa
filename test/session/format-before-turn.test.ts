import { describe, expect, test } from "vitest";

import { begin, say } from "../support/answering.ts";
import { Call, WIRE } from "../support/call.ts";
import { silence, voice } from "../support/signal.ts";

const FORMAT = { type: "audio/pcm", rate: 8000 };

describe("a turn that is made of what was said before the client's format changed", () => {
  test("[M105] is kept from its beginning: the next connection hears all of it", () => {
    const call = new Call({ upstreams: [WIRE], dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 4000);
    call.speak(silence(600));
    // An interruption is judged, and the format changes before it is known to be one.
    call.speak(voice(400, 24_000, 9));
    expect(call.types()).not.toContain("input_audio_buffer.speech_started");
    call.client({
      type: "session.update",
      session: { type: "realtime", audio: { input: { format: FORMAT } } },
    });
    call.speak(voice(1400, 8000, 9), 160);
    call.speak(silence(900, 8000), 160);
    expect(call.types()).toContain("input_audio_buffer.committed");
    const heardMs = call.heard("up0.1").length / 48;
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(3000);
    call.accept("up0.2");
    const told = call.events.flatMap(({ error }) => (error ? [(error as { code: string }).code] : []));
    expect(told).toEqual(["upstream_closed"]);
    expect(Math.abs(call.heard("up0.2").length / 48 - heardMs)).toBeLessThan(2);
  });
});
