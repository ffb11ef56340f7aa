/** A sound that does not hold the agent at once, because an echo is not excluded yet: what it adds up to, and what is kept of it. */
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;
const decisions = (call: Call) =>
  call.events.filter((event) => event.type === "overlap.decision").map((event) => event["decision"]);

/** An agent begins an answer, and nothing is known of the room. */
function begun(answerMs: number): Call {
  const call = new Call({ dialect: "duplex.v1" });
  call.speak(TURN);
  call.answer(voice(answerMs, 24_000, 11));
  call.clearEvents();
  return call;
}

/** Voice without a swell: no hop of it falls below what is voiced. */
const steady = (ms: number) => voice(1200, 24_000, 2).subarray(0, 24 * ms);

describe("a sound that is listened to for longer", () => {
  test("[F50] adds up over a breath, and holds the agent", () => {
    const call = begun(3000);
    call.speak(concat(steady(200), silence(120), steady(200), silence(120), steady(200)));
    expect(decisions(call)).toContain("hold");
  });

  test.each([100, 180])(
    "[F50] words around a breath of %i ms while the agent ends are a turn",
    (breathMs) => {
      const call = begun(1200);
      call.speak(concat(steady(260), silence(breathMs), steady(260), silence(4000)));
      expect(count(call, "input_audio_buffer.committed")).toBe(1);
    },
  );

  test.each([600, 1200])(
    "[F70] and came late, after a stall of %i ms, is as loud as it was said",
    (stallMs) => {
      const call = begun(6000);
      call.speak(steady(100));
      call.advance(stallMs);
      const late = concat(steady(900), silence(stallMs - 300));
      // Frame by frame, as a resume sends it again, and at once.
      for (let at = 0; at < late.length; at += 480) call.append(late.subarray(at, at + 480));
      call.speak(silence(900));
      expect(count(call, "input_audio_buffer.committed")).toBe(1);
    },
  );

  test("[F50] does not add up over silence that ends a sound", () => {
    const call = begun(3000);
    // Each is too short to be told from an echo; the silence is too short to exclude a late one.
    call.speak(concat(silence(80), steady(64), silence(280), steady(64), silence(420)));
    expect(decisions(call)).toEqual([]);
    expect(call.session.snapshot().floor.overlap).toBeNull();
  });
});
