/**
 * Silences of the benches' own callers, for choosing the waits: `node tools/ends/calls.ts OUT PURPOSE [CORPUS [EVERY]]`. PURPOSE: `tuning` or
 * `report` of bench/ends/speakers.json, whose calls are those of `bench -- ends`; with CORPUS (a checkout of speechocean762) the tuning
 * speakers of the corpus (every EVERYth) in their place; or `synthetic`, the flite callers of `bench -- turns` of other seeds than the bench's own. What is written is what tools/ends/extract.ts writes, a row with the turn of the call after the length.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { humanCalls } from "../../bench/ends/callers.ts";
import { peopleFor, type Person } from "../../bench/ends/recordings.ts";
import speakers from "../../bench/ends/speakers.json" with { type: "json" };
import { Draw } from "../../bench/turns/draw.ts";
import type { CallScript } from "../../bench/turns/script.ts";
import { CALLER_DB, clip, levelled, PER_MS, RATE_HZ, trimmed } from "../../bench/turns/sounds.ts";
import { makeSuite } from "../../bench/turns/suite.ts";
import { resample } from "../../demo/resample.ts";
import { readWav } from "../wav.ts";
import { roomOf, silencesOf } from "./extract.ts";

const SEED = 20_261_123;
/** Seeds of synthetic callers that the waits may be chosen on. */
const SEEDS = [101, 202, 303];
const BEFORE_MS = 800;
const AFTER_MS = 1800;
const HEARD_PER_MS = 16;

/** Those of a list whom only the corpus has. */
function peopleOf(corpus: string, wanted: readonly string[]): Person[] {
  return wanted.flatMap((speaker) => {
    const folder = `${corpus}/WAVE/SPEAKER${speaker}`;
    const files = /^\d+$/u.test(speaker) ? readdirSync(folder).toSorted() : [];
    const read = files.slice(0, 12).map((file) => {
      const { samples } = readWav(readFileSync(`${folder}/${file}`));
      const raw = Int16Array.from(samples, (value) => clip(value * 32_768));
      const whole = levelled(resample(raw, 16_000, RATE_HZ), CALLER_DB);
      return { file, whole, speech: trimmed(whole) };
    });
    const [first] = read;
    if (!first) return [];
    const sentences = read.map(({ file, speech }) => ({
      id: file,
      text: null,
      samples: levelled(speech, CALLER_DB),
    }));
    const room = roomOf(first.whole, first.speech, new Draw(Number(speaker)));
    return [{ speaker, group: "corpus", sentences, room: new Int16Array(room) }];
  });
}

interface Call {
  readonly speaker: string;
  readonly kind: string;
  readonly script: Pick<CallScript, "id" | "cues" | "room">;
}

function callsOf(purpose: string, corpus: string | undefined, every: number): Call[] {
  if (purpose === "synthetic")
    return SEEDS.flatMap((seed) =>
      makeSuite(seed, 1)
        .filter(({ group }) => group === "turns")
        .map((script) => ({
          speaker: `flite${seed}`,
          kind: script.id.startsWith("hesitant") ? "hesitant" : "fluent",
          script: { ...script, id: `${seed}-${script.id}` },
        })),
    );
  if (purpose !== "tuning" && purpose !== "report") throw new Error(`no purpose ${purpose}`);
  const here = peopleFor(purpose);
  const known = new Set(here.map(({ speaker }) => speaker));
  const more =
    corpus !== undefined && purpose === "tuning"
      ? peopleOf(
          corpus,
          speakers.tuning.filter((one) => !known.has(one)).filter((_, index) => index % every === 0),
        )
      : [];
  const both = corpus === undefined ? [here] : [more];
  return (["hesitant", "fluent"] as const).flatMap((kind) =>
    both.flatMap((people) =>
      humanCalls(people, SEED, kind, {}).map(({ person, script }) => ({
        speaker: person.speaker,
        kind,
        script,
      })),
    ),
  );
}

/** One call's microphone at 16 kHz, without agents: a turn, and silence for as long as the longest wait. */
function heardOf({ cues, room }: Call["script"]): { samples: Int16Array; ends: readonly number[] } {
  const gap = (BEFORE_MS + AFTER_MS) * PER_MS;
  const length = cues.reduce((sum, { sound }) => sum + sound.length + gap, 0);
  const whole = Int16Array.from({ length }, (_, at) => room.bed[at % room.bed.length] ?? 0);
  let at = 0;
  const ends = cues.map(({ sound }) => {
    at += BEFORE_MS * PER_MS;
    for (const [index, value] of sound.entries()) whole[at + index] = clip((whole[at + index] ?? 0) + value);
    at += sound.length;
    const end = at;
    at += AFTER_MS * PER_MS;
    return (end * HEARD_PER_MS) / PER_MS;
  });
  return { samples: resample(whole, RATE_HZ, 16_000), ends };
}

function main([out, purpose = "tuning", corpus, every = "1"]: readonly string[]): void {
  if (out === undefined)
    throw new Error("node tools/ends/calls.ts OUT tuning|report|synthetic [CORPUS [EVERY]]");
  const rows: string[] = [];
  const frames: Buffer[] = [];
  for (const { speaker, kind, script } of callsOf(purpose, corpus, Number(every))) {
    const { samples, ends } = heardOf(script);
    for (const { frames: some, from, to } of silencesOf(samples)) {
      // The detector hears speech a little longer than it lasts.
      const turn = ends.findIndex((end) => from <= end + 400 * HEARD_PER_MS);
      if (turn < 0) continue;
      const end = ends[turn] ?? 0;
      const goesOn = to !== null && to < end;
      rows.push(
        `${speaker} ${script.id.replaceAll(" ", "_")} ${kind} ${goesOn ? (to - from) / HEARD_PER_MS : -1} ${turn}\n`,
      );
      frames.push(Buffer.from(some.buffer));
    }
  }
  writeFileSync(`${out}.txt`, rows.join(""));
  writeFileSync(`${out}.f32`, Buffer.concat(frames));
}

main(process.argv.slice(2));
