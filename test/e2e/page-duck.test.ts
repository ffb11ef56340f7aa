/** An agent that is spoken over, as a browser's loudspeaker has it: in headless Chromium, with the relay and the demo voice. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { synthesise } from "../../demo/flite.ts";
import { resample } from "../../demo/resample.ts";
import { build } from "../../tools/build/client.ts";
import { NO_CHROMIUM } from "../support/chromium.ts";
import { openPage, type TestPage } from "../support/page-browser.ts";
import { startRelay, type Relay } from "../support/relay.ts";

if (NO_CHROMIUM !== null) process.stdout.write(`page tests not run: ${NO_CHROMIUM}\n`);

const RATE = 24_000;

interface Played {
  readonly decisions: readonly string[];
  /** What came of the answer, and what left the player's node. */
  readonly received: readonly number[];
  readonly recorded: readonly number[];
}

/** Asks for a story, says `word` over it after a silence, and records what is played until it is at full level again. */
const CALL = `async ({ url, apiKey, word }) => {
  const { connect } = await import(url + "/sdk.js");
  const call = await connect({ url, apiKey });
  const received = [];
  const recorded = [];
  const decisions = [];
  const processorOptions = { targetRateHz: ${RATE}, samplesPerFrame: 480 };
  const recorder = new AudioWorkletNode(call.audioContext, "duplex-capture", { processorOptions });
  recorder.port.onmessage = ({ data }) => recorded.push(...data);
  call.output.connect(recorder);
  call.on("frame", ({ direction, pcm }) => direction === "in" && received.push(...pcm));
  const decided = new Promise((resolve) =>
    call.on("overlap", ({ decision }) => {
      decisions.push(decision);
      if (decision !== "duck") resolve();
    }),
  );
  const sound = [...new Array(${RATE * 1.5}).fill(0), ...word];
  let sent = 0;
  let from = 0;
  const say = () => {
    for (const now = performance.now(); from > 0 && sent < ((now - from) * ${RATE}) / 1000; sent += 480)
      call.sendAudio(Int16Array.from({ length: 480 }, (_, n) => (sound[sent + n] ?? 0) + ((sent + n) % 7) - 3));
  };
  const clock = setInterval(say, 20);
  call.on("playback", () => (from = from || performance.now()));
  call.sendText("Tell me a story.");
  await Promise.race([decided, new Promise((resolve) => setTimeout(resolve, 12000))]);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  clearInterval(clock);
  call.close();
  return { decisions, received, recorded };
}`;

/** Full level until `down`, half a cosine of 20 ms to −15 dB, and from `up` on one of 60 ms back. */
function levelAt(n: number, down: number, up: number): number {
  const low = 10 ** (-15 / 20);
  const ramp = (from: number, to: number, share: number) =>
    share >= 1 ? to : to + (from - to) * (0.5 + 0.5 * Math.cos(Math.PI * Math.max(0, share)));
  if (n < up) return ramp(1, low, (n - down + 1) / (0.02 * RATE));
  return ramp(low, 1, (n - up + 1) / (0.06 * RATE));
}

describe.runIf(NO_CHROMIUM === null)("an agent that is spoken over", () => {
  let relay: Relay;
  let opened: TestPage;

  beforeAll(async () => {
    await build();
    relay = await startRelay();
    opened = await openPage(relay.url, new Int16Array(RATE), RATE);
  });
  afterAll(async () => {
    await opened?.close();
    await relay?.close();
  });

  // In real time: a browser that was not run for a moment has a gap that is nobody's fault.
  test(
    "[C90] goes on 15 dB quieter while a word is judged, and every sample is heard once, in time",
    { retry: 1 },
    async () => {
      const { samples, rateHz } = synthesise("Yeah.", "slt");
      const word = [...resample(samples, rateHz, RATE)];
      const given = { url: relay.url, apiKey: relay.apiKey, word };
      const { decisions, received, recorded } = await opened.page.evaluate<Played>(
        `(${CALL})(${JSON.stringify(given)})`,
      );
      expect(decisions).toEqual(["duck", "backchannel"]);
      // The recorder's own scale of 16 bits is that of the SDK's microphone.
      const full = received.map((value) => (value / 32_768) * 32_767);
      const shift =
        recorded.findIndex((value) => Math.abs(value) > 2) - full.findIndex((value) => Math.abs(value) > 2);
      const near = Array.from({ length: 41 }, (_, n) => shift - 20 + n);
      const begins = near.find((at) =>
        full.slice(0, RATE).every((value, n) => Math.abs(value - (recorded[at + n] ?? 0)) < 1),
      );
      expect(begins).toBeDefined();
      const heard = recorded.slice(begins, (begins ?? 0) + full.length);
      expect(heard.length).toBeGreaterThan(3 * RATE);
      const off = (n: number, down: number, up: number) =>
        Math.abs((heard[n] ?? 0) - (full[n] ?? 0) * levelAt(n, down, up));
      const first = heard.findIndex((value, n) => Math.abs(value - (full[n] ?? 0)) > 1.5);
      const last = heard.findLastIndex((value, n) => Math.abs(value - (full[n] ?? 0)) > 1.5);
      const fits = (from: number, to: number, down: number, up: number) => {
        for (let n = from; n < to; n += 1) if (off(n, down, up) > 1.01) return false;
        return true;
      };
      const before = Array.from({ length: 480 }, (_, n) => first - n);
      const down = before.find((at) => fits(at, first + 1000, at, Infinity)) ?? -1;
      const after = Array.from({ length: 1440 }, (_, n) => last - n);
      const up = after.find((at) => fits(first, last + 480, down, at)) ?? -1;
      expect([down, up]).not.toContain(-1);
      // From its first sample to its last nothing is missing, nothing is twice, and each has its level.
      expect(fits(0, heard.length, down, up)).toBe(true);
      expect((up - down) / RATE).toBeGreaterThan(0.3);
      const loudest = (from: number, to: number) => Math.max(...heard.slice(from, to).map(Math.abs));
      const meant = Math.max(...full.slice(down + 480, up).map(Math.abs));
      expect(20 * Math.log10(loudest(down + 480, up) / meant)).toBeCloseTo(-15, 1);
      expect(opened.problems).toEqual([]);
    },
  );
});
