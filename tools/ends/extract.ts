/**
 * Training examples of the cadence network: `node tools/ends/extract.ts CORPUS OUT [PART OF]`. CORPUS is a checkout of
 * speechocean762 (jimbozhang/speechocean762, free for commercial and non-commercial use): 5,000 sentences of 250 speakers.
 * At every silence that the detector hears, what the voice did before it, and whether speech went on: in the recordings as they are,
 * and with pauses of a drawn length in the speaker's own gaps, their room everywhere, in pauses and after ends alike.
 */
import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createSileroDetector } from "../../src/audio/vad/index.ts";
import { samplesOfFrames, voiceFrames } from "../../src/audio/voice-frames.ts";
import { CANDIDATE_MS } from "../../src/session/state/waits.ts";
import { halting } from "../../bench/ends/callers.ts";
import { looped } from "../../bench/ends/recordings.ts";
import { Draw } from "../../bench/turns/draw.ts";
import { CALLER_DB, clip, hiss, levelled, trimmed, RATE_HZ } from "../../bench/turns/sounds.ts";
import { resample } from "../../demo/resample.ts";
import { loadKernels } from "../../test/support/kernels.ts";
import { readWav } from "../wav.ts";
import speakers from "../../bench/ends/speakers.json" with { type: "json" };

const PER_MS = 16;
/** More than the network hears, so that the length of its window can be chosen without doing this again. */
const FRAMES = 100;
const SAMPLES = samplesOfFrames(FRAMES);
const BEFORE_MS = 500;
const AFTER_MS = 400;

export interface Silence {
  readonly frames: Float32Array;
  readonly from: number;
  /** null: speech does not go on. */
  to: number | null;
}

/** Silences of a recording at 16 kHz. */
export function silencesOf(samples: Int16Array): Silence[] {
  const { silero } = loadKernels();
  if (silero === null) throw new Error("npm run build first");
  const detector = createSileroDetector(silero);
  const { start, stop } = detector.thresholds;
  const found: Silence[] = [];
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
      const heard = new Int16Array(SAMPLES);
      const from = Math.max(0, end - SAMPLES);
      heard.set(samples.subarray(from, end), SAMPLES - (end - from));
      const frames = voiceFrames(heard).flatMap(({ bandsDb, pitchHz, periodicity }) => [
        ...bandsDb,
        pitchHz,
        periodicity,
      ]);
      found.push({ frames: Float32Array.from(frames), from: spokenTo, to: null });
    }
  });
  return found;
}

/** The room of a recording at `RATE_HZ`: what is before and after the speech, or the hiss of a microphone. */
export function roomOf(whole: Int16Array, speech: Int16Array, draw: Draw): Int16Array {
  const from = (speech.byteOffset - whole.byteOffset) / 2;
  const margin = (60 * RATE_HZ) / 1000;
  const edges = [
    whole.subarray(margin, Math.max(margin, from - margin)),
    whole.subarray(from + speech.length + margin, whole.length - margin),
  ];
  const quiet = edges.filter(({ length }) => length > (240 * RATE_HZ) / 1000);
  return quiet.length > 0
    ? looped(quiet.map((edge) => edge.slice()))
    : hiss(draw.random, 2000, draw.between(-72, -56));
}

/** `within`: the room is mixed into the samples; else they have their own, and it is before and after them only. */
function inRoom(samples: Int16Array, room: Int16Array, within: boolean): Int16Array {
  const before = (BEFORE_MS * RATE_HZ) / 1000;
  const length = before + samples.length + (AFTER_MS * RATE_HZ) / 1000;
  return Int16Array.from({ length }, (_, at) => {
    const said = samples[at - before];
    const around = said === undefined || within ? (room[at % room.length] ?? 0) : 0;
    return clip((said ?? 0) + around);
  });
}

function main([corpus, out, part = "0", parts = "1"]: readonly string[]): void {
  if (corpus === undefined || out === undefined)
    throw new Error("node tools/ends/extract.ts CORPUS OUT [PART OF]");
  for (const end of [".txt", ".f32"]) rmSync(`${out}${end}`, { force: true });
  const training = new Set(speakers.training);
  const wanted = new Set([...speakers.training, ...speakers.tuning]);
  const folders = readdirSync(`${corpus}/WAVE`).toSorted();
  for (const folder of folders.filter((_, index) => index % Number(parts) === Number(part))) {
    const speaker = folder.slice(7);
    // Nobody hears those who are for the report before it.
    if (!wanted.has(speaker)) continue;
    const rows: string[] = [];
    const inputs: Float32Array[] = [];
    for (const file of readdirSync(`${corpus}/WAVE/${folder}`).toSorted()) {
      const draw = new Draw(Number(file.slice(0, 9)) % 2 ** 31);
      const read = readWav(readFileSync(`${corpus}/WAVE/${folder}/${file}`));
      const raw = Int16Array.from(read.samples, (value) => clip(value * 32_768));
      const whole = levelled(resample(raw, 16_000, RATE_HZ), CALLER_DB);
      const room = roomOf(whole, trimmed(whole), draw);
      // As it is; and, of those who train, also a little faster or slower, so higher or lower: another person.
      const told = training.has(speaker) ? draw.of([20_800, 24_000, 27_200]) : RATE_HZ;
      const speech = levelled(trimmed(told === RATE_HZ ? whole : resample(whole, told, RATE_HZ)), CALLER_DB);
      const pausesMs = Array.from({ length: 2 }, () => draw.around(550, 0.35, 300, 1200));
      const natural = training.has(speaker);
      const spliced = halting(speech, pausesMs, draw.random() < 0.5 ? undefined : draw.random);
      for (const [variant, samples] of [
        natural
          ? (["natural", inRoom(whole, room, false)] as const)
          : (["fluent", inRoom(speech, room, true)] as const),
        ["halting", inRoom(spliced.samples, room, true)],
      ] as const) {
        if (variant === "halting" && spliced.pauses.length === 0) continue;
        const heard = resample(samples, RATE_HZ, 16_000);
        for (const { frames, from, to } of silencesOf(heard)) {
          inputs.push(frames);
          rows.push(`${speaker} ${file.slice(0, 9)} ${variant} ${to === null ? -1 : (to - from) / PER_MS}`);
        }
      }
    }
    appendFileSync(`${out}.txt`, rows.map((row) => `${row}\n`).join(""));
    appendFileSync(`${out}.f32`, Buffer.concat(inputs.map((one) => Buffer.from(one.buffer))));
  }
}

if (import.meta.main) main(process.argv.slice(2));
