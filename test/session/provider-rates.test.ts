/** Upstreams that speak at rates no client has, and that change their format. */
import { describe, expect, test } from "vitest";

import type { ProviderFormat } from "../../src/audio/format.ts";
import type { Capabilities, Upstream, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { pitchHz } from "../audio/resampling.ts";
import { join } from "../audio/samples.ts";
import { Call, WIRE, type CallOptions } from "../support/call.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";

const pcm = (rate: number): ProviderFormat => ({ type: "audio/pcm", rate });

function speaking(format: ProviderFormat) {
  return { adapter: "wire", settings: { output: { ...format } } };
}

function tone(rateHz: number, ms: number, hz = 440): Int16Array {
  return Int16Array.from({ length: Math.round((rateHz * ms) / 1000) }, (_, n) =>
    Math.round(9000 * Math.sin((2 * Math.PI * hz * n) / rateHz)),
  );
}

function say(call: Call, samples: Int16Array, peer = "up0.1", item = "i"): void {
  const audio = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength).toBase64();
  call.upstream({ type: "audio", response: "r", item, audio }, peer);
}

/** Everything that a client heard, at 24 kHz. */
function heard(call: Call): Int16Array {
  const deltas = call.events
    .filter((event) => event.type === "response.output_audio.delta")
    .map((event) => Uint8Array.fromBase64(String(event["delta"])));
  const pieces = [...deltas, ...call.frames.map((frame) => frame.payload)];
  return join(pieces.map((bytes) => new Int16Array(bytes.slice().buffer)));
}

/** Where an upstream's format is right now: a provider may state another in the middle of a call. */
class Changing {
  format: ProviderFormat = pcm(24_000);

  readonly create = (options: UpstreamOptions): Upstream => {
    const upstream = createWireUpstream(options);
    const capabilities = upstream.capabilities;
    const read = (): Capabilities => ({ ...capabilities, output: this.format });
    return Object.defineProperty(upstream, "capabilities", { get: read });
  };
}

function asked(options: CallOptions): Call {
  const call = new Call(options);
  call.client({ type: "response.create" });
  call.beginAnswer();
  return call;
}

describe("an upstream speaks", () => {
  test.each([8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 22_051])(
    "[A45] at %i Hz: the client hears the same tone for the same time",
    (rate) => {
      const call = asked({ upstreams: [{ name: "p", options: speaking(pcm(rate)) }] });
      const said = tone(rate, 1000);
      // 20 ms and a bit, as no provider cuts.
      const piece = Math.round(rate / 50) + 7;
      for (let at = 0; at < said.length; at += piece) say(call, said.slice(at, at + piece));
      call.finishAnswer();
      const samples = heard(call);
      expect(samples.length).toBe(24_000);
      expect(Math.abs(pitchHz(samples.subarray(480, -480), 24_000) - 440)).toBeLessThan(0.1);
      const { item } = call.last("response.output_item.done") as unknown as { item: { id: string } };
      call.client({
        type: "conversation.item.truncate",
        item_id: item.id,
        content_index: 0,
        audio_end_ms: 1000,
      });
      expect(call.last("conversation.item.truncated")).toMatchObject({ audio_end_ms: 1000 });
    },
  );

  test("[A45] at 44.1 kHz and is paced: what waits is released in its own time, whole", () => {
    const options = { upstreams: [{ name: "p", options: speaking(pcm(44_100)) }] };
    const call = asked({ ...options, dialect: "duplex.v1" });
    say(call, tone(44_100, 3000));
    call.finishAnswer();
    call.advance(1000);
    const early = heard(call).length / 24;
    expect(early).toBeGreaterThan(1000);
    expect(early).toBeLessThan(1700);
    call.hibernate();
    call.advance(3000);
    expect(heard(call).length).toBe(72_000);
    expect(Math.abs(pitchHz(heard(call).subarray(480, -480), 24_000) - 440)).toBeLessThan(0.1);
  });

  test("[A46] in another format from the middle of an item on: nothing is lost, and the pitch stays", () => {
    const changing = new Changing();
    const call = asked({ createUpstream: changing.create });
    for (const rate of [24_000, 16_000, 44_100, 22_050]) {
      changing.format = pcm(rate);
      for (let part = 0; part < 5; part++) say(call, tone(rate, 100));
    }
    // What comes after the last of it is not spoken in this.
    changing.format = { type: "audio/pcmu" };
    call.finishAnswer();
    const samples = heard(call);
    expect(samples.length).toBe(4 * 12_000);
    for (let at = 0; at < samples.length; at += 12_000) {
      const part = samples.subarray(at + 480, at + 11_520);
      expect(Math.abs(pitchHz(part, 24_000) - 440)).toBeLessThan(0.3);
    }
  });

  test("[A46] in another format while the listener is behind: what waits keeps the one it came in", () => {
    const changing = new Changing();
    const call = asked({ createUpstream: changing.create, dialect: "duplex.v1" });
    say(call, tone(24_000, 2000));
    changing.format = pcm(8000);
    say(call, tone(8000, 2000));
    call.finishAnswer();
    call.advance(5000);
    const samples = heard(call);
    expect(samples.length).toBe(96_000);
    expect(Math.abs(pitchHz(samples.subarray(480, 47_520), 24_000) - 440)).toBeLessThan(0.1);
    expect(Math.abs(pitchHz(samples.subarray(48_480, -480), 24_000) - 440)).toBeLessThan(0.1);
  });

  test("[A46] and is replaced by one that speaks at another rate: its answer is said to its end as it was", () => {
    const upstreams = [{ ...WIRE, fallback: [speaking(pcm(16_000))] }];
    const call = asked({ upstreams, dialect: "duplex.v1" });
    say(call, tone(24_000, 3000));
    call.finishAnswer();
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(300);
    call.accept("up0.2");
    call.advance(4000);
    const samples = heard(call);
    expect(samples.length).toBe(72_000);
    expect(Math.abs(pitchHz(samples.subarray(480, -480), 24_000) - 440)).toBeLessThan(0.1);
  });
});
