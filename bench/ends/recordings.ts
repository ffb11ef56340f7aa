/**
 * Recorded people of `../shared/data/human`, by speaker: their sentences, the gaps in them, and the sound of their rooms.
 * Nothing of it is in this repository; where it is not present there is no bench.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resample } from "../../demo/resample.ts";
import { CALLER_DB, clip, levelled, PER_MS, RATE_HZ, trimmed, type Samples } from "../turns/sounds.ts";
import { readWav } from "../../tools/wav.ts";
import speakers from "./speakers.json" with { type: "json" };

const HUMAN = new URL("../../../shared/data/human/", import.meta.url);
export const recordedPeople: boolean = existsSync(new URL("utterances.json", HUMAN));

/** What is left out at both ends of a pause's room, and over how much one piece runs into the next. */
const MARGIN = 60 * PER_MS;
const SEAM = 40 * PER_MS;

const AMI_HZ = 16_000;
const LEAST_SENTENCES = 3;

/** As `utterances.json` has it. */
interface Listed {
  readonly id: string;
  readonly group: string;
  readonly speaker: string;
  readonly role: string;
  readonly file: string;
  readonly text?: string;
  readonly with_pauses?: { readonly file: string; readonly pauses_samples: readonly [number, number][] };
}

export interface Sentence {
  readonly id: string;
  /** Trimmed: begins and ends with speech. */
  readonly samples: Samples;
  readonly text: string | null;
}

export interface Person {
  readonly speaker: string;
  readonly group: string;
  readonly sentences: readonly Sentence[];
  /** Some hundred milliseconds of the room that they speak in, repeated without a seam; empty: not known. */
  readonly room: Samples;
}

function read(file: string): Samples {
  const { samples } = readWav(readFileSync(new URL(file, HUMAN)));
  return Int16Array.from(samples, (value) => clip(value * 32_768));
}

/**
 * Those of a list of bench/ends/speakers.json who have three sentences here. The lists are disjoint; those for training are
 * in the corpus that tools/ends/extract.ts reads, not here.
 */
export function peopleFor(purpose: "tuning" | "report"): Person[] {
  const listed: readonly Listed[] = JSON.parse(readFileSync(new URL("utterances.json", HUMAN), "utf8"));
  const said = listed.filter(({ role, speaker }) => role === "utt" && speakers[purpose].includes(speaker));
  return Array.from(
    Map.groupBy(said, ({ speaker }) => speaker),
    ([speaker, all]) => ({
      speaker,
      group: all[0]?.group ?? "",
      sentences: all.map(({ id, file, text }) => ({
        id,
        text: text ?? null,
        samples: levelled(read(file), CALLER_DB),
      })),
      room: roomOf(all),
    }),
  ).filter(({ sentences }) => sentences.length >= LEAST_SENTENCES);
}

/** Who talks on while somebody listens, in the AMI corpus's excerpts: nine seconds each, from the middle of what they say. */
export function monologues(): Person[] {
  const pairs = new URL("ami-pairs/", HUMAN);
  const files = readdirSync(pairs).filter((file) => file.includes("-bc-") && file.endsWith(".wav"));
  return files.map((file) => ({
    speaker: file,
    group: "ami",
    sentences: [{ id: file, text: null, samples: spokenPart(readFileSync(new URL(file, pairs))) }],
    room: new Int16Array(),
  }));
}

/** The second channel, at 24 kHz, from its first sound to its last. */
function spokenPart(file: Uint8Array): Samples {
  const bytes = file.slice(44);
  const both = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
  const holder = Int16Array.from({ length: both.length >> 1 }, (_, at) => both[2 * at + 1] ?? 0);
  return levelled(trimmed(resample(holder, AMI_HZ, RATE_HZ)), CALLER_DB);
}

/** Spliced pauses are filled with the speaker's own room: it comes to the level that the speech is given. */
function roomOf(all: readonly Listed[]): Samples {
  const pieces = all.flatMap(({ file, with_pauses: paused }) => {
    if (!paused) return [];
    const speech = read(file);
    const gain = peak(levelled(speech, CALLER_DB)) / Math.max(1, peak(speech));
    const whole = read(paused.file);
    return paused.pauses_samples.map(([from, to]) => {
      const inner = whole.subarray(from + MARGIN, to - MARGIN);
      return Int16Array.from(inner, (value) => Math.round(value * gain));
    });
  });
  return looped(pieces.filter(({ length }) => length >= 6 * SEAM).slice(0, 8));
}

function peak(samples: Int16Array): number {
  return samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** One after the other and round again, each running into the next with its power kept. */
export function looped(pieces: readonly Int16Array[]): Samples {
  const length = pieces.reduce((sum, piece) => sum + piece.length - SEAM, 0);
  const loop = new Float64Array(length);
  let at = 0;
  for (const piece of pieces) {
    for (const [index, value] of piece.entries()) {
      const edge = Math.min(1, (index + 0.5) / SEAM, (piece.length - index - 0.5) / SEAM);
      const place = (at + index) % length;
      loop[place] = (loop[place] ?? 0) + value * Math.sqrt(edge);
    }
    at += piece.length - SEAM;
  }
  return Int16Array.from(loop, (value) => clip(value));
}
