/**
 * What the simulated callers say and do, as mono samples at 24 kHz: flite's voices at several speeds and pitches,
 * coughs, clicks and noises made from a seed, and recorded noise where the shared recordings are present. A clip
 * begins with its first audible sample and ends with its last, so that positions in it are the ground truth.
 */
import { existsSync, readFileSync } from "node:fs";
import { synthesise, type FliteVoice } from "../../demo/flite.ts";
import { resample } from "../../demo/resample.ts";
import { readWav } from "../../tools/wav.ts";

export const RATE_HZ = 24_000;
export const PER_MS = RATE_HZ / 1000;

export type Samples = Int16Array<ArrayBuffer>;
export type Random = () => number;

export interface Speaker {
  readonly voice: FliteVoice;
  /** Playing speed of the finished speech: above 1 higher and faster, another person. */
  readonly pitch: number;
  /** Duration of the sounds, 1: flite's own. */
  readonly stretch: number;
}

/** Level of speech while there is any, in dBFS: a microphone at a mouth, and a voice model's usual output. */
export const CALLER_DB = -23;
export const AGENT_DB = -20;

/** Frames this much below the loudest are no longer speech. */
const AUDIBLE_DB = 32;
const FRAME = 5 * PER_MS;
const cache = new Map<string, Samples>();

/** `text` spoken, trimmed, at `levelDb`. */
export function spoken(text: string, speaker: Speaker, levelDb: number): Samples {
  const key = JSON.stringify([text, speaker, levelDb]);
  let samples = cache.get(key);
  if (samples === undefined) {
    const speech = synthesise(text, speaker.voice, speaker.stretch * speaker.pitch);
    // Told a wrong rate, the resampler changes the pitch; multiples of 400 Hz keep its filters small.
    const told = Math.round((speech.rateHz * speaker.pitch) / 400) * 400;
    samples = levelled(trimmed(resample(speech.samples, told, RATE_HZ)), levelDb);
    cache.set(key, samples);
  }
  return samples;
}

/** Root mean square of each 5 ms frame, in dBFS. */
function frameLevels(samples: Int16Array): Float64Array {
  return Float64Array.from({ length: Math.ceil(samples.length / FRAME) }, (_, frame) =>
    levelDb(samples.subarray(frame * FRAME, (frame + 1) * FRAME)),
  );
}

function levelDb(samples: Int16Array): number {
  let energy = 0;
  for (const sample of samples) energy += (sample / 32_768) ** 2;
  return 10 * Math.log10(energy / Math.max(1, samples.length) + 1e-12);
}

export function trimmed(samples: Int16Array): Int16Array {
  const levels = frameLevels(samples);
  const least = Math.max(...levels) - AUDIBLE_DB;
  const first = levels.findIndex((level) => level > least);
  const last = levels.findLastIndex((level) => level > least);
  return samples.subarray(first * FRAME, (last + 1) * FRAME);
}

/** Scaled so that its audible frames have the level; what would clip is limited. */
export function levelled(samples: Int16Array, wantedDb: number): Samples {
  const levels = frameLevels(samples);
  const least = Math.max(...levels) - AUDIBLE_DB;
  const audible = levels.filter((level) => level > least);
  const power = audible.reduce((sum, level) => sum + 10 ** (level / 10), 0) / Math.max(1, audible.length);
  return scaled(samples, wantedDb - 10 * Math.log10(power + 1e-12));
}

export function scaled(samples: Int16Array, gainDb: number): Samples {
  const gain = 10 ** (gainDb / 20);
  return Int16Array.from(samples, (sample) => clip(sample * gain));
}

export function clip(value: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(value)));
}

export interface Hesitant {
  readonly samples: Samples;
  /** Silences within, in samples. */
  readonly pauses: readonly { readonly from: number; readonly to: number }[];
}

/**
 * The sentence with its pauses (flite makes one at every comma, with the melody of something unfinished) stretched
 * to `pausesMs`, in order. Fewer are stretched when it has fewer.
 */
export function hesitant(sentence: Int16Array, pausesMs: readonly number[]): Hesitant {
  const gaps = gapsOf(sentence).slice(0, pausesMs.length);
  const parts: Int16Array[] = [];
  const pauses: { from: number; to: number }[] = [];
  let taken = 0;
  let length = 0;
  for (const [index, gap] of gaps.entries()) {
    const middle = Math.round((gap.from + gap.to) / 2);
    const wanted = (pausesMs[index] ?? 0) * PER_MS;
    const added = Math.max(0, Math.round(wanted - (gap.to - gap.from)));
    parts.push(sentence.subarray(taken, middle), new Int16Array(added));
    const from = length + gap.from - taken;
    length += middle - taken + added;
    pauses.push({ from, to: length + gap.to - middle });
    taken = middle;
  }
  return { samples: joined(...parts, sentence.subarray(taken)), pauses };
}

/** Inner silences of at least 60 ms, the longest eight, in order of time. */
export function gapsOf(samples: Int16Array): { from: number; to: number }[] {
  const levels = frameLevels(samples);
  const least = Math.max(...levels) - AUDIBLE_DB;
  const gaps: { from: number; to: number }[] = [];
  let from = -1;
  for (const [frame, level] of levels.entries()) {
    if (level <= least && from < 0) from = frame;
    if (level > least && from >= 0) {
      if ((frame - from) * FRAME >= 60 * PER_MS) gaps.push({ from: from * FRAME, to: frame * FRAME });
      from = -1;
    }
  }
  const longest = gaps.toSorted((a, b) => b.to - b.from - (a.to - a.from)).slice(0, 8);
  return longest.toSorted((a, b) => a.from - b.from);
}

export function joined(...parts: readonly Int16Array[]): Samples {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function silence(ms: number): Samples {
  return new Int16Array(Math.round(ms * PER_MS));
}

/** Resonance of the vocal tract or of a room, second order. */
function resonator(hz: number, widthHz: number): (value: number) => number {
  const radius = Math.exp((-Math.PI * widthHz) / RATE_HZ);
  const a = 2 * radius * Math.cos((2 * Math.PI * hz) / RATE_HZ);
  let one = 0;
  let two = 0;
  return (value) => {
    const out = value + a * one - radius * radius * two;
    two = one;
    one = out;
    return out;
  };
}

/**
 * One or two coughs: an explosion of breath through the tract's resonances, then a longer weaker breath, now and then
 * with a moment of voice (phases as in Korpáš et al., "Analysis of the cough sound", 1996).
 */
export function cough(random: Random, wantedDb: number): Samples {
  const times = random() < 0.4 ? 2 : 1;
  const parts = Array.from({ length: times }, (_, index) =>
    joined(...(index > 0 ? [silence(80 + 120 * random())] : []), oneCough(random)),
  );
  return levelled(joined(...parts), wantedDb);
}

function oneCough(random: Random): Samples {
  const burstMs = 35 + 40 * random();
  const breathMs = 120 + 160 * random();
  const voicedMs = random() < 0.4 ? 60 + 60 * random() : 0;
  const formants = [450 + 250 * random(), 1300 + 500 * random(), 2600 + 600 * random()];
  const tract = formants.map((hz) => resonator(hz, 150 + hz / 10));
  const pitchHz = 110 + 90 * random();
  const length = Math.round((burstMs + breathMs + voicedMs) * PER_MS);
  return Int16Array.from({ length }, (_, at) => {
    const ms = at / PER_MS;
    const burst = Math.min(1, ms / 3) * Math.exp(-Math.max(0, ms - burstMs) / 25);
    const breath = 0.3 * Math.min(1, ms / burstMs) * Math.exp(-Math.max(0, ms - burstMs) / (breathMs / 2));
    const inVoice = ms > burstMs + breathMs * 0.6;
    const phase = ((at * pitchHz) / RATE_HZ) % 1;
    const voice = inVoice && voicedMs > 0 ? 0.5 * (phase < 0.1 ? 1 : -0.1) : 0;
    const source = (2 * random() - 1) * (burst + breath) + voice;
    return clip(tract.reduce((sum, filter) => sum + filter(source * 300), 0));
  });
}

/** "Mhm": two hummed syllables with a rise, mouth closed (a nasal's formants), 300 to 500 ms. */
export function hum(random: Random, pitchHz: number, wantedDb: number): Samples {
  const firstMs = 110 + 60 * random();
  const gapMs = 40 + 30 * random();
  const wholeMs = firstMs + gapMs + 150 + 90 * random();
  const tract = [resonator(260, 60), resonator(1050, 250), resonator(2300, 300)];
  const weights = [1, 0.15, 0.08];
  let phase = 0;
  const samples = Int16Array.from({ length: Math.round(wholeMs * PER_MS) }, (_, at) => {
    const ms = at / PER_MS;
    const second = ms > firstMs + gapMs;
    const within = second ? ms - firstMs - gapMs : ms;
    const lengthMs = second ? wholeMs - firstMs - gapMs : firstMs;
    const loud =
      ms > firstMs && !second ? 0.05 : Math.max(0, Math.min(1, within / 25, (lengthMs - within) / 40));
    phase += (pitchHz * (second ? 1.05 + (0.25 * within) / lengthMs : 0.95)) / RATE_HZ;
    const pulse = phase % 1 < 0.08 ? 1 : -0.08;
    const source = loud * (pulse + 0.03 * (2 * random() - 1));
    return clip(tract.reduce((sum, filter, index) => sum + filter(source * 900) * (weights[index] ?? 0), 0));
  });
  return levelled(samples, wantedDb);
}

/** Something struck: a click, a key, a cup, a door, by its resonance and decay. */
export function knock(random: Random, wantedDb: number): Samples {
  const hz = 80 * 40 ** random();
  const decayMs = 4 + 100 * random() ** 3;
  const filter = resonator(hz, 1000 / decayMs);
  const samples = Int16Array.from({ length: Math.round(decayMs * 5 * PER_MS) }, (_, at) => {
    const source = (2 * random() - 1) * Math.exp(-at / PER_MS / decayMs);
    return clip(filter(source * 900));
  });
  return levelled(samples, wantedDb);
}

/** Keys struck at an uneven pace. */
export function typing(random: Random, ms: number, wantedDb: number): Samples {
  const whole = new Int16Array(Math.round(ms * PER_MS));
  for (let at = 0; at < whole.length; at += Math.round((70 + 160 * random()) * PER_MS)) {
    const key = knock(random, wantedDb).subarray(0, whole.length - at);
    for (const [index, sample] of key.entries()) whole[at + index] = clip((whole[at + index] ?? 0) + sample);
  }
  return whole;
}

/** Steady coloured noise with sudden ends. */
export function hiss(random: Random, ms: number, wantedDb: number): Samples {
  const smoothing = 0.03 + 0.6 * random();
  let low = 0;
  const samples = Int16Array.from({ length: Math.round(ms * PER_MS) }, () => {
    low += smoothing * (2 * random() - 1 - low);
    return clip(low * 12_000);
  });
  return levelled(samples, wantedDb);
}

const NOISE_URL = new URL("../../../shared/data/vad/noise/", import.meta.url);
export type RecordedNoise =
  | "coffee-shop"
  | "lk-keyboard-typing"
  | "pipecat-office"
  | "rain"
  | "wind"
  | "pink";

/** Whether recorded noise is here; generated noise stands in for it where it is not. */
export const recordedNoise: boolean = existsSync(new URL("rain.wav", NOISE_URL));

/** `ms` of a recording from a random place, or of generated noise, at the level. */
export function noiseOf(name: RecordedNoise, random: Random, ms: number, wantedDb: number): Samples {
  if (!recordedNoise) {
    return name === "lk-keyboard-typing" ? typing(random, ms, wantedDb) : hiss(random, ms, wantedDb);
  }
  const { samples, sampleRateHz } = readWav(readFileSync(new URL(`${name}.wav`, NOISE_URL)));
  const length = Math.min(samples.length, Math.ceil((ms * sampleRateHz) / 1000));
  const from = Math.floor(random() * (samples.length - length));
  const piece = Int16Array.from(samples.subarray(from, from + length), (value) => clip(value * 32_768));
  return levelled(resample(piece, sampleRateHz, RATE_HZ), wantedDb);
}
