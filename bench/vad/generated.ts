/** A corpus where data/vad is absent: the demo's voices between pauses, labelled by construction, with seeded noise. */
import { FLITE_VOICES, synthesise } from "../../demo/flite.ts";
import { mixAt, type Recording } from "./corpus.ts";
import type { Segment } from "./score.ts";

const SENTENCES = [
  "Good morning, how can I help you today?",
  "I would like to change my booking to Thursday.",
  "Yes.",
  "The number is four five one, two nine, double eight.",
  "No, thank you, that was all.",
  "Could you repeat the last part, please?",
];
const PAUSE = 20_000;

export function generatedCorpus(): Recording[] {
  const clean = FLITE_VOICES.filter((voice) => voice !== "kal").map((voice) => spoken(voice));
  const noise = seededNoise(16000 * 10);
  const mixed = clean.flatMap((recording, i) =>
    [20, 10, 5, 0].map((snr) => ({
      ...recording,
      id: `${recording.id}__${snr}dB`,
      snr,
      pcm: mixAt(recording, noise, snr, i * 9001 + snr),
    })),
  );
  return [...clean, ...mixed];
}

function spoken(voice: (typeof FLITE_VOICES)[number]): Recording {
  const segments: Segment[] = [];
  const parts: Int16Array[] = [];
  let at = PAUSE;
  for (const sentence of SENTENCES) {
    const { samples } = synthesise(sentence, voice);
    const audible = (sample: number): boolean => Math.abs(sample) > 600;
    const speech = samples.subarray(samples.findIndex(audible), samples.findLastIndex(audible) + 1);
    segments.push([at / 16000, (at + speech.length) / 16000]);
    parts.push(speech);
    at += speech.length + PAUSE;
  }
  const pcm = new Int16Array(at);
  parts.forEach((part, i) => pcm.set(part, Math.round((segments[i]?.[0] ?? 0) * 16000)));
  return { id: `flite-${voice}`, kind: "ivr", snr: null, pcm, segments, durationS: pcm.length / 16000 };
}

/** Low-passed white noise, louder and softer by turns. */
function seededNoise(length: number): Int16Array {
  let seed = 77;
  let low = 0;
  return Int16Array.from({ length }, (_, i) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    low += 0.2 * (seed / 2 ** 31 - low);
    return Math.round(low * 12000 * (1 + 0.5 * Math.sin(i / 9000)));
  });
}
