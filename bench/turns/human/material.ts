/**
 * Recordings of people as callers and agents: shared/data/human, shared/data/vad and, where `--extra DIR` names them, more
 * readers, words, coughs and laughs (tools/floor/gather.ts writes them). Nothing of it is part of the repository. Every
 * recording has a speaker, and a speaker is in one split: `tune`, on whom constants are chosen; `seen`, who were reported
 * once and have been looked at since; `report`, whose sounds are played when all is chosen. The one caller of `calls` and the
 * meetings are seen: of such there are no others.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resample } from "../../../demo/resample.ts";
import { readWav } from "../../../tools/wav.ts";
import {
  CALLER_DB,
  clip,
  joined,
  levelled,
  PER_MS,
  RATE_HZ,
  silence,
  trimmed,
  type Samples,
} from "../sounds.ts";

export const SPLITS = ["tune", "seen", "report"] as const;
export type Split = (typeof SPLITS)[number];

export interface Clip {
  readonly id: string;
  /** `child`, `adult`, `ivr`, `word`, `telephone`, `calls`, `ami`, or a kind of noise. */
  readonly group: string;
  readonly speaker: string;
  readonly split: Split;
  readonly sound: Samples;
}

const SHARED = new URL("../../../../shared/data/", import.meta.url);
const HUMAN = new URL("human/", SHARED);

export const humanIsHere: boolean = existsSync(new URL("utterances.json", HUMAN));

/** Samples of one channel at 24 kHz. */
function read(file: URL | string, channel: 0 | 1 | null = null): Samples {
  const bytes = readFileSync(file);
  const { samples, sampleRateHz } = readWav(channel === null ? bytes : channelOf(bytes, channel));
  const whole = Int16Array.from(samples, (value) => clip(value * 32_768));
  return new Int16Array(resample(whole, sampleRateHz, RATE_HZ));
}

/** A stereo file of 16 bits as a mono one: the other channel's samples become this one's. */
function channelOf(file: Uint8Array, channel: 0 | 1): Uint8Array {
  const copy = Buffer.from(file);
  const data = copy.indexOf("data") + 8;
  for (let at = data; at + 4 <= copy.length; at += 4) {
    const sample = copy.readInt16LE(at + 2 * channel);
    copy.writeInt16LE(sample, at);
    copy.writeInt16LE(sample, at + 2);
  }
  return copy;
}

const asCaller = (samples: Int16Array): Samples => levelled(trimmed(samples), CALLER_DB);

/** Speakers in the order of their names take turns: every other one is tuned to. */
function splitter(speakers: Iterable<string>): (speaker: string) => Split {
  const order = [...new Set(speakers)].toSorted();
  return (speaker) => (order.indexOf(speaker) % 2 === 0 ? "tune" : "seen");
}

interface Utterance {
  readonly id: string;
  readonly group: string;
  readonly speaker: string;
  readonly role: "utt" | "word";
  readonly file: string;
}

/** Prompts' speakers by language: the Italian one is tuned to, the others were reported on. */
const TUNED_PROMPTS = "ast-it";

export function utterances(): Clip[] {
  const all: Utterance[] = JSON.parse(readFileSync(new URL("utterances.json", HUMAN), "utf8"));
  const read_ = all.filter(({ id }) => id.startsWith("so-"));
  const split = splitter(read_.map(({ group, speaker }) => group + speaker));
  return all.map(({ id, group, speaker, role, file }) => {
    const prompt = id.startsWith("ast-") || id.startsWith("word-");
    const tuned = speaker === TUNED_PROMPTS ? "tune" : "seen";
    return {
      id,
      group: role === "word" ? "word" : prompt ? "ivr" : group,
      speaker,
      split: prompt ? tuned : split(group + speaker),
      sound: asCaller(read(new URL(file, HUMAN))),
    };
  });
}

interface Label {
  readonly id: string;
  readonly category: "should_yield" | "should_not_yield";
  readonly caller_onset_sec: number;
  readonly reference_render?: { readonly caller_segments_sec: readonly (readonly [number, number])[] };
  readonly transcript: { readonly caller?: string };
}

export interface Recording {
  readonly id: string;
  readonly yields: boolean;
  readonly split: Split;
  readonly onsetMs: number;
  readonly caller: Samples;
  readonly agent: Samples;
  /** What the caller says, in milliseconds. */
  readonly pieces: readonly (readonly [number, number])[];
}

/** Meeting EN2002b is tuned to; ES2002a and all calls have been reported on. */
const TUNED_MEETING = "en2002b";

export function recordings(folder: "calls" | "ami-pairs"): Recording[] {
  return labelsOf(folder).map((label) => {
    const file = new URL(`${folder}/${label.id}.example.wav`, HUMAN);
    const caller = read(file, 0);
    const onsetMs = label.caller_onset_sec * 1000;
    const marked = label.reference_render?.caller_segments_sec;
    return {
      id: label.id,
      yields: label.category === "should_yield",
      split: label.id.includes(TUNED_MEETING) ? "tune" : "seen",
      onsetMs,
      caller,
      agent: read(file, 1),
      pieces: marked
        ? marked.map(([from, to]) => [from * 1000 - 30, to * 1000 + 30])
        : soundsOf(caller, onsetMs - 60),
    };
  });
}

function labelsOf(folder: string): Label[] {
  const names = readdirSync(new URL(folder, HUMAN)).filter((name) => name.endsWith(".json"));
  return names.map((name) => JSON.parse(readFileSync(new URL(`${folder}/${name}`, HUMAN), "utf8")));
}

/** Below the loudest 10 ms by this, a track is silent. */
const SILENT_DB = 30;
/** Shorter silence is within a sound. */
const GAP_MS = 400;

/** What sounds in a track from a position on, in milliseconds. */
function soundsOf(samples: Samples, fromMs: number): (readonly [number, number])[] {
  const hop = 10 * PER_MS;
  const levels = Array.from({ length: Math.floor(samples.length / hop) }, (_, at) => {
    const frame = samples.subarray(at * hop, (at + 1) * hop);
    return 10 * Math.log10(frame.reduce((sum, value) => sum + (value / 32_768) ** 2, 1e-12) / hop);
  });
  const least = Math.max(...levels) - SILENT_DB;
  const sounds: [number, number][] = [];
  for (const [at, level] of levels.entries()) {
    const last = sounds.at(-1);
    if (at * 10 < fromMs || level < least) continue;
    if (last && at * 10 - last[1] < GAP_MS) last[1] = at * 10 + 10;
    else sounds.push([at * 10, at * 10 + 10]);
  }
  return sounds.filter(([from, to]) => to - from >= 100);
}

export function piece(samples: Samples, [fromMs, toMs]: readonly [number, number]): Samples {
  return samples.slice(Math.max(0, Math.round(fromMs * PER_MS)), Math.round(toMs * PER_MS));
}

interface Extra {
  readonly id: string;
  readonly group: string;
  readonly kind: string;
  readonly speaker: string;
  readonly part: Split;
  readonly file: string;
}

/** A split's readers, words over the telephone, noises of people: `kind` is the group of those that do not speak. */
export function extras(folder: string | null, split: Split): Clip[] {
  if (folder === null) return [];
  const all: Extra[] = JSON.parse(readFileSync(`${folder}/index.json`, "utf8"));
  const speakers = new Map<string, Split>();
  for (const { speaker, part } of all) {
    if ((speakers.get(speaker) ?? part) !== part) throw new Error(`${speaker} is in two splits`);
    speakers.set(speaker, part);
  }
  const own = all.filter(({ part }) => part === split);
  return own.map(({ id, group, kind, speaker, file }) => ({
    id,
    group: group === "noise" ? kind : group,
    speaker,
    split,
    sound: asCaller(read(`${folder}/${file}`)),
  }));
}

/** Voices of agents; whom the guard was tuned to is none of the report. */
const TELLERS = ["librivox", "ivr-en", "ivr-it"];

export function tellers(
  split: Split,
  readers: readonly Clip[],
): readonly { readonly name: string; readonly sound: Samples }[] {
  if (split !== "report")
    return TELLERS.map((name) => ({
      name,
      sound: levelled(read(new URL(`vad/speech/${name}.wav`, SHARED)), -20),
    }));
  const speakers = [
    ...new Set(readers.filter(({ group }) => group === "adult").map(({ speaker }) => speaker)),
  ];
  return speakers.slice(-TELLERS.length).map((name) => {
    const own = readers.filter(({ speaker }) => speaker === name).map(({ sound }) => sound);
    return { name, sound: levelled(joined(...own.flatMap((sound) => [sound, silence(300)])), -20) };
  });
}

export function babble(): Samples {
  return read(new URL("vad/noise/babble8.wav", SHARED));
}
