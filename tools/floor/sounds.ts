/**
 * What the detector and the filter bank make of each sound of `bench -- turns --human`, for those who choose how short sounds are judged:
 * `node tools/floor/sounds.ts OUT [EXTRA]`. OUT.txt has a row per sound (split, group, speaker, id, frames), OUT.f32 a frame of 16 ms
 * after the other: the detector's probability, the level, ten bands, in dB.
 */
import { writeFileSync } from "node:fs";
import { extras, recordings, SPLITS, utterances, piece } from "../../bench/turns/human/material.ts";
import { CALLER_DB, clip, hiss, levelled, PER_MS, RATE_HZ, type Samples } from "../../bench/turns/sounds.ts";
import { seededRandom } from "../../demo/ids.ts";
import { resample } from "../../demo/resample.ts";
import { Envelope, ENVELOPE_FRAME_MS } from "../../src/audio/envelope.ts";
import { BANDS } from "../../src/audio/filter-bank.ts";
import { createSileroDetector } from "../../src/audio/vad/index.ts";
import { loadKernels } from "../../test/support/kernels.ts";

const BEFORE_MS = 480;
const AFTER_MS = 800;
const MOST_MS = 5000;

interface Sound {
  readonly split: string;
  readonly group: string;
  readonly speaker: string;
  readonly id: string;
  readonly sound: Samples;
}

function soundsOf(extra: string | null): Sound[] {
  const listeners = (["calls", "ami-pairs"] as const).flatMap((folder) =>
    recordings(folder).flatMap(({ id, yields, split, caller, pieces }) =>
      pieces
        .filter((_, at) => !yields || at === 0)
        .map((where, at) => ({
          split,
          group: yields ? "request" : "listener",
          speaker: id.slice(0, 12),
          id: `${id}-${at}`,
          sound: levelled(piece(caller, where), CALLER_DB),
        })),
    ),
  );
  return [...utterances(), ...SPLITS.flatMap((split) => extras(extra, split)), ...listeners];
}

function framesOf(sound: Samples): Float32Array {
  const kernels = loadKernels();
  if (kernels.silero === null) throw new Error("npm run build first");
  const detector = createSileroDetector(kernels.silero);
  const envelope = new Envelope(kernels.bands);
  const bed = hiss(seededRandom(7), 2000, -66);
  const before = BEFORE_MS * PER_MS;
  const said = sound.subarray(0, MOST_MS * PER_MS);
  const whole = Int16Array.from({ length: before + said.length + AFTER_MS * PER_MS }, (_, at) =>
    clip((said[at - before] ?? 0) + (bed[at % bed.length] ?? 0)),
  );
  const heard = resample(whole, RATE_HZ, 16_000);
  envelope.add(heard, 16_000, 0);
  const probabilities: number[] = [];
  detector.push(heard, (probability) => probabilities.push(probability));
  const first = BEFORE_MS / ENVELOPE_FRAME_MS - 4;
  return Float32Array.from(
    probabilities.slice(first).flatMap((probability, at) => {
      const frame = first + at;
      const bands = Array.from({ length: BANDS }, (_, band) => envelope.bandDb(frame, band));
      return [probability, envelope.levelDb(frame), ...bands];
    }),
  );
}

function main([out, extra]: readonly string[]): void {
  if (out === undefined) throw new Error("node tools/floor/sounds.ts OUT [EXTRA]");
  const sounds = soundsOf(extra ?? null);
  const frames = sounds.map(({ sound }) => framesOf(sound));
  const rows = sounds.map(({ split, group, speaker, id }, at) =>
    [split, group, speaker, id.replaceAll(" ", "_"), (frames[at]?.length ?? 0) / (BANDS + 2)].join(" "),
  );
  writeFileSync(`${out}.txt`, `${rows.join("\n")}\n`);
  writeFileSync(`${out}.f32`, Buffer.concat(frames.map((some) => Buffer.from(some.buffer))));
}

main(process.argv.slice(2));
