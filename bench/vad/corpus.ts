/** The labelled recordings: read, mixed with noise as `mixes.json` says, and changed for the robustness figures. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Segment } from "./score.ts";

export interface Recording {
  readonly id: string;
  readonly kind: "ami" | "ivr";
  /** Decibels of speech over noise, or null for the recording as it is. */
  readonly snr: number | null;
  /** 16 kHz mono. */
  readonly pcm: Int16Array;
  readonly segments: readonly Segment[];
  readonly durationS: number;
}

interface Label {
  kind: string;
  duration: number;
  segments: Segment[];
}

interface Mix {
  speech: string;
  noise: string;
  snr: number;
  offset: number;
  id: string;
}

const DATA_URL = new URL("../../../shared/data/vad/", import.meta.url);

export function corpusExists(): boolean {
  return existsSync(new URL("labels.json", DATA_URL));
}

/** All recordings with speech: as they are, then mixed. */
export async function loadCorpus(): Promise<Recording[]> {
  const labels: Record<string, Label> = JSON.parse(await readFile(new URL("labels.json", DATA_URL), "utf8"));
  const mixes: Mix[] = JSON.parse(await readFile(new URL("mixes.json", DATA_URL), "utf8"));
  const recordings: Recording[] = [];
  for (const [id, label] of Object.entries(labels)) {
    if (label.kind !== "ami" && label.kind !== "ivr") continue;
    const pcm = await readPcm(`speech/${id}.wav`);
    recordings.push({
      id,
      kind: label.kind,
      snr: null,
      pcm,
      segments: label.segments,
      durationS: pcm.length / 16000,
    });
  }
  for (const mix of mixes) {
    const clean = recordings.find((recording) => recording.id === mix.speech && recording.snr === null);
    if (clean === undefined) throw new Error(`mixes.json names ${mix.speech}, which has no label`);
    const noise = await readPcm(`noise/${mix.noise}.wav`);
    recordings.push({ ...clean, id: mix.id, snr: mix.snr, pcm: mixAt(clean, noise, mix.snr, mix.offset) });
  }
  return recordings;
}

const NOISES = [
  "babble8",
  "coffee-shop",
  "lk-keyboard-typing",
  "manolo_camp-morning_coffee",
  "pink",
  "pipecat-office",
  "rain",
  "wind",
];

/** Every recording with labelled onsets mixed with every noise at 20, 10, 5 and 0 dB: 128 mixes instead of 16. */
export async function allMixes(): Promise<Recording[]> {
  const clean = (await loadCorpus()).filter((recording) => recording.snr === null);
  const recordings = [...clean];
  let seed = 7;
  for (const recording of clean.filter(({ kind }) => kind === "ivr")) {
    for (const name of NOISES) {
      const noise = await readPcm(`noise/${name}.wav`);
      for (const snr of [20, 10, 5, 0]) {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        const pcm = mixAt(recording, noise, snr, seed % noise.length);
        recordings.push({ ...recording, id: `${recording.id}__${name}__${snr}dB`, snr, pcm });
      }
    }
  }
  return recordings;
}

/** Adds `noise`, looped from `offset`, so that labelled speech has `snr` dB more power than the noise. */
export function mixAt(speech: Recording, noise: Int16Array, snr: number, offset: number): Int16Array {
  let speechPower = 0;
  let speechSamples = 0;
  for (const [start, end] of speech.segments) {
    for (const sample of speech.pcm.subarray(Math.round(start * 16000), Math.round(end * 16000))) {
      speechPower += sample * sample;
      speechSamples++;
    }
  }
  const noisePower = noise.reduce((power, sample) => power + sample * sample, 0) / noise.length;
  const gain = Math.sqrt(speechPower / speechSamples / 10 ** (snr / 10) / noisePower);
  return speech.pcm.map((sample, i) => clip(sample + gain * (noise[(i + offset) % noise.length] ?? 0)));
}

export function clip(sample: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(sample)));
}

/** The data chunk of a 16 kHz mono s16le file of the corpus. */
async function readPcm(name: string): Promise<Int16Array> {
  const bytes = await readFile(new URL(name, DATA_URL));
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32LE(at + 4);
    if (bytes.toString("latin1", at, at + 4) === "data") {
      const end = Math.min(at + 8 + size, bytes.length);
      const data = Uint8Array.prototype.slice.call(bytes, at + 8, at + 8 + ((end - at - 8) & ~1));
      return new Int16Array(data.buffer);
    }
    at += 8 + size + (size & 1);
  }
  throw new Error(`${name}: no data chunk`);
}
