/** A provider that takes the caller's audio in another format than it was dialled for, and says so when it is greeted. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { pitchHz } from "../audio/resampling.ts";
import { join } from "../audio/samples.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const OPTIONS = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
const MANUAL = { audio: { input: { turn_detection: null } } };

class StatedCall extends Call {
  readonly #format: JsonObject;

  constructor(rate: number, session: JsonObject = {}) {
    super({ upstreams: [{ name: "p", options: OPTIONS }], createUpstream, connect: false, session });
    this.#format = { type: "audio/pcm", rate };
    this.connect("realtime");
  }

  ready(): void {
    this.input({ type: "open", peer: "up0.1" });
    const format = this.#format;
    for (const event of [
      { type: "session.created", session: { type: "realtime" } },
      { type: "session.updated", session: { type: "realtime", audio: { input: { format } } } },
    ])
      this.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
  }

  /** What the provider was sent, as samples. */
  get samples(): Int16Array {
    const wire = this.commands() as unknown as readonly { type: string; audio?: string }[];
    const pieces = wire.filter(({ type }) => type === "input_audio_buffer.append");
    return join(pieces.map(({ audio = "" }) => new Int16Array(Uint8Array.fromBase64(audio).slice().buffer)));
  }
}

function tone(ms: number): Int16Array {
  return Int16Array.from({ length: 24 * ms }, (_, n) =>
    Math.round(9000 * Math.sin((2 * Math.PI * 440 * n) / 24_000)),
  );
}

describe.each([8000, 16_000])("a provider that states %i Hz", (rate) => {
  test.each([
    ["after", 0],
    ["before and after", 700],
    ["before", 1000],
  ] as const)("[Z50] hears the same tone for the same time of what was said %s it did", (_name, before) => {
    const call = new StatedCall(rate, MANUAL);
    const said = tone(1000);
    const ready = 24 * before;
    for (let at = 0; at < said.length; at += 480) {
      if (at === ready) {
        call.hibernate();
        call.ready();
      }
      call.append(said.subarray(at, at + 480));
    }
    if (before === 1000) call.ready();
    call.client({ type: "input_audio_buffer.commit" });
    const { samples } = call;
    expect(Math.abs(samples.length - rate)).toBeLessThanOrEqual(1);
    expect(Math.abs(pitchHz(samples.subarray(rate / 100, -rate / 100), rate) - 440)).toBeLessThan(1);
  });

  test("[Z50] hears a turn from its beginning", () => {
    const heard = (stated: number) => {
      const call = new StatedCall(stated);
      call.ready();
      call.speak(concat(silence(500), voice(1000), silence(1000)));
      expect(call.types()).toContain("input_audio_buffer.committed");
      return (call.samples.length * 1000) / stated;
    };
    expect(Math.abs(heard(rate) - heard(24_000))).toBeLessThan(1);
  });

  test("[Z50] has an item's audio that waited for it in that rate", () => {
    const call = new StatedCall(rate);
    const audio = new Uint8Array(voice(1000).buffer).toBase64();
    const item = { type: "message", role: "user", content: [{ type: "input_audio", audio }] };
    call.client({ type: "conversation.item.create", item });
    call.client({ type: "response.create", response: { conversation: "none", input: [item] } });
    call.ready();
    const wire = JSON.stringify(call.commands());
    const sizes = [...wire.matchAll(/"audio":"([^"]+)"/g)].map(
      ([, base64 = ""]) => Uint8Array.fromBase64(base64).length,
    );
    expect(sizes).toEqual([2 * rate, 2 * rate]);
  });
});
