/**
 * Training examples of the cadence network: `node tools/ends/extract.ts CORPUS OUT`. CORPUS is a checkout of
 * speechocean762 (jimbozhang/speechocean762, free for commercial and non-commercial use): 5,000 sentences of 250 speakers,
 * whose pauses are their own. At every silence that the detector hears, what the network would see, and whether speech went on.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createSileroDetector } from "../../src/audio/vad/index.ts";
import { CADENCE_SAMPLES, cadenceInputs } from "../../src/session/turn-end/cadence.ts";
import { CANDIDATE_MS } from "../../src/session/turn-end/turn-end.ts";
import { levelled } from "../../bench/turns/sounds.ts";
import { loadKernels } from "../../test/support/kernels.ts";
import { readWav } from "../wav.ts";

const PER_MS = 16;
const LEVEL_DB = -23;

export interface Example {
  readonly inputs: Float32Array;
  /** How long the silence was until speech went on; null: it did not. */
  readonly pauseMs: number | null;
}

/** Silences of a recording at 16 kHz. */
export function examplesOf(samples: Int16Array): Example[] {
  const { silero } = loadKernels();
  if (silero === null) throw new Error("npm run build first");
  const detector = createSileroDetector(silero);
  const { start, stop, tailMs } = detector.thresholds;
  const found: { inputs: Float32Array; from: number; to: number | null }[] = [];
  let [end, spokenTo, speaking] = [0, 0, false];
  detector.push(samples, (probability) => {
    end += detector.hopSamples;
    const silent = end - spokenTo;
    if (probability >= (speaking ? stop : start)) {
      const last = found.at(-1);
      if (last?.to === null) last.to = end - detector.hopSamples;
      speaking = true;
      spokenTo = end;
    } else if (
      speaking &&
      silent >= CANDIDATE_MS * PER_MS &&
      silent - detector.hopSamples < CANDIDATE_MS * PER_MS
    ) {
      const heard = new Int16Array(CADENCE_SAMPLES);
      const from = Math.max(0, end - CADENCE_SAMPLES);
      heard.set(samples.subarray(from, end), CADENCE_SAMPLES - (end - from));
      found.push({ inputs: cadenceInputs(heard), from: spokenTo, to: null });
    }
  });
  return found.map(({ inputs, from, to }) => ({
    inputs,
    pauseMs: to === null ? null : (to - from) / PER_MS + tailMs,
  }));
}

function main([corpus, out]: readonly string[]): void {
  if (corpus === undefined || out === undefined) throw new Error("node tools/ends/extract.ts CORPUS OUT");
  const rows: string[] = [];
  const inputs: Float32Array[] = [];
  for (const speaker of readdirSync(`${corpus}/WAVE`)) {
    for (const file of readdirSync(`${corpus}/WAVE/${speaker}`)) {
      const { samples } = readWav(readFileSync(`${corpus}/WAVE/${speaker}/${file}`));
      const said = levelled(
        Int16Array.from(samples, (value) => value * 32_767),
        LEVEL_DB,
      );
      for (const example of examplesOf(said)) {
        inputs.push(example.inputs);
        rows.push(`${Number(speaker.slice(7))} ${example.pauseMs ?? -1}`);
      }
    }
  }
  writeFileSync(`${out}.txt`, `${rows.join("\n")}\n`);
  writeFileSync(`${out}.f32`, Buffer.concat(inputs.map((one) => Buffer.from(one.buffer))));
}

if (import.meta.main) main(process.argv.slice(2));
