import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { detectSpeech, type Detection } from "../../../tools/vad/detect.ts";
import { resample, toInt16, writeWav } from "../../../tools/wav.ts";
import { loadKernels } from "../../support/kernels.ts";
import { conversation, scaled } from "./speech.ts";

const TOOL = fileURLToPath(new URL("../../../tools/vad.ts", import.meta.url));
const OPTIONS = { threshold: 0.5, silenceMs: 240, detector: "auto" } as const;
const call = conversation();
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vad-tool-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function runTool(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [TOOL, ...args], { maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

/** Each utterance overlaps one segment, whose ends are near the utterance's. */
function expectUtterances({ segments }: Detection): void {
  for (const [from, to] of call.speech) {
    const found = segments.filter(([start, end]) => start < to / 16000 && end > from / 16000);
    expect(found.length).toBeGreaterThan(0);
    expect(Math.abs((found[0]?.[0] ?? NaN) - from / 16000)).toBeLessThan(0.25);
    expect(Math.abs((found.at(-1)?.[1] ?? NaN) - to / 16000)).toBeLessThan(0.35);
  }
}

describe("npm run vad", () => {
  test.each([8000, 11025, 16000, 24000, 44100, 48000])(
    "[V12] finds the utterances at %i Hz",
    (sampleRateHz) => {
      const wideband = Float32Array.from(call.pcm, (sample) => sample / 32768);
      const samples = resample({ sampleRateHz: 16000, samples: wideband }, sampleRateHz);
      const found = detectSpeech({ sampleRateHz, samples }, loadKernels(), OPTIONS);
      expectUtterances(found);
      expect(found.hop_ms).toBe(32);
      expect(Math.abs(found.probabilities.length * 0.032 - found.duration_s)).toBeLessThan(0.04);
    },
  );

  test("[V12] knows of a segment after it began, and of its end one hangover after it, less the detector's tail", () => {
    const samples = Float32Array.from(call.pcm, (sample) => sample / 32768);
    const { segments, decisions } = detectSpeech({ sampleRateHz: 16000, samples }, loadKernels(), OPTIONS);
    expect(decisions.length).toBe(segments.length);
    decisions.forEach(([started, stopped], i) => {
      const [start, end] = segments[i] ?? [NaN, NaN];
      expect(started - start).toBeCloseTo(0.016, 6);
      if (stopped !== null) expect(stopped - end).toBeCloseTo(0.24 - 0.048, 6);
    });
  });

  test("[V12] speech up to the end of the file is a segment that no session has seen end", () => {
    const [from, to] = call.speech[0] ?? [0, 0];
    const samples = Float32Array.from(call.pcm.subarray(0, (from + to) / 2), (sample) => sample / 32768);
    const { decisions } = detectSpeech({ sampleRateHz: 16000, samples }, loadKernels(), OPTIONS);
    expect(decisions.at(-1)?.[1]).toBeNull();
  });

  test("[V12] the energy detector can be asked for", () => {
    const samples = Float32Array.from(call.pcm, (sample) => sample / 32768);
    const found = detectSpeech({ sampleRateHz: 16000, samples }, loadKernels(), {
      ...OPTIONS,
      detector: "energy",
    });
    expect([found.detector, found.fallback, found.hop_ms]).toEqual(["energy", "plan", 20]);
  });

  test("[V12] prints one JSON object", async () => {
    const file = join(folder, "call.wav");
    await writeFile(file, writeWav(scaled(call.pcm, 1), 16000));
    const { code, stdout } = await runTool(file, "--json");
    expect(code).toBe(0);
    const found: Detection = JSON.parse(stdout);
    expectUtterances(found);
    expect(found.probabilities.every((p) => p >= 0 && p <= 1)).toBe(true);
  });

  test("[V12] refuses what it cannot read, with code 2 and the reason", async () => {
    const text = join(folder, "text.wav");
    await writeFile(text, "not audio at all");
    const empty = join(folder, "empty.wav");
    await writeFile(empty, writeWav(toInt16(new Float32Array()), 16000));
    const cases: [string[], RegExp][] = [
      [[text], /not a WAV file/],
      [[empty], /holds no audio/],
      [[join(folder, "none.wav")], /none\.wav/],
      [[], /give one WAV file/],
      [[text, "--threshold", "2"], /0 to 1/],
      [[text, "--silence", "x"], /milliseconds/],
      [[text, "--detector", "magic"], /auto or energy/],
      [[text, "--what"], /--what/],
    ];
    for (const [args, reason] of cases) {
      const { code, stderr } = await runTool(...args);
      expect([args, code]).toEqual([args, 2]);
      expect(stderr).toMatch(reason);
    }
    expect((await runTool("--help")).stdout).toContain("probabilities");
  }, 30_000);
});
