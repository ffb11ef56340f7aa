/** A provider that takes the turns is lost, and the next one is told of them; or the other way round. */
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const optionsOf = (turns: "server" | "client") => ({ adapter: "wire", settings: { turns } }) as const;

function planned(first: "server" | "client", then: "server" | "client"): Call {
  const upstreams = [{ name: "wire", options: optionsOf(first), fallback: [optionsOf(then)] }];
  return new Call({ upstreams, dialect: "duplex.v1" });
}

function lose(call: Call): void {
  call.open.delete("up0.1");
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
  call.advance(1000);
  call.accept("up0.2");
}

const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;

describe("turns handed over", () => {
  test("[M130] in mid-speech to the relay: what is being said is one turn, from its onset, and is answered", () => {
    const call = planned("server", "client");
    call.speak(concat(silence(600), voice(800)));
    call.upstream({ type: "speech", state: "started" });
    lose(call);
    call.speak(concat(voice(700, 24_000, 4), silence(900)));
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
    expect(call.commandTypes("up0.2").filter((type) => type !== "audio" && type !== "configure")).toEqual([
      "greet",
      "commit",
      "respond",
    ]);
    expect(call.heard("up0.2").length / 48).toBeGreaterThan(1500);
    expect(call.heard("up0.2").length / 48).toBeLessThan(2900);
  });

  test("[M130] so is what was said and had become no turn, and silence becomes none", () => {
    for (const said of [true, false]) {
      const call = planned("server", "client");
      call.speak(concat(silence(600), said ? voice(800) : silence(800), silence(900)));
      lose(call);
      call.speak(silence(400));
      expect(count(call, "input_audio_buffer.committed")).toBe(said ? 1 : 0);
      expect(call.commandTypes("up0.2").filter((type) => type === "respond")).toHaveLength(said ? 1 : 0);
      call.speak(concat(voice(900, 24_000, 5), silence(900)));
      expect(count(call, "input_audio_buffer.committed")).toBe(said ? 2 : 1);
    }
  });

  test("[M130] in mid-speech to a provider: it hears what is being said from its onset, and takes the turn", () => {
    const call = planned("client", "server");
    call.speak(concat(silence(600), voice(800)));
    expect(count(call, "input_audio_buffer.speech_started")).toBe(1);
    lose(call);
    call.speak(concat(voice(700, 24_000, 4), silence(900)));
    expect(call.commandTypes("up0.2")).not.toContain("commit");
    expect(call.heard("up0.2").length / 48).toBeGreaterThan(2300);
    call.upstream({ type: "speech", state: "started" }, "up0.2");
    call.upstream({ type: "speech", state: "stopped" }, "up0.2");
    call.upstream({ type: "committed", item: "theirs" }, "up0.2");
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });

  test("[M130] a snapshot in between changes nothing", () => {
    const call = planned("server", "client");
    call.speak(concat(silence(600), voice(800)));
    lose(call);
    const before = call.actions.length;
    call.hibernate();
    expect(call.actions.slice(before)).toEqual([]);
    call.speak(concat(voice(700, 24_000, 4), silence(900)));
    expect(count(call, "input_audio_buffer.committed")).toBe(1);
  });
});
