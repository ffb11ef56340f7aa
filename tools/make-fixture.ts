/**
 * Writes the caller recordings in test/fixtures: `hello.wav` (one question) and `three-turns.wav` (three utterances
 * with pauses in which the demo voice answers). 24 kHz mono s16, spoken by flite, the same bytes every time.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { joined, say, silence } from "../test/support/say.ts";

const RATE_HZ = 24_000;
/** Silence at both ends: the detector's floor settles before, the end of the last turn is heard after. */
const MARGIN_MS = 600;
/** Outlasts the demo's answer to the turn before: 3.5 s of its own words and the caller's 2.3 s again. */
const PAUSE_MS = 7_500;

const utterances = ["Hello. What time is it?", "Please tell me a short story.", "Thank you, and goodbye."];

function wav(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(44 + 2 * samples.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("RIFF    WAVEfmt "), 0);
  view.setUint32(4, bytes.byteLength - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE_HZ, true);
  view.setUint32(28, 2 * RATE_HZ, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  bytes.set(new TextEncoder().encode("data"), 36);
  view.setUint32(40, 2 * samples.length, true);
  for (const [i, sample] of samples.entries()) view.setInt16(44 + 2 * i, sample, true);
  return bytes;
}

const folder = new URL("../test/fixtures/", import.meta.url);
await mkdir(folder, { recursive: true });
const margin = silence(MARGIN_MS, RATE_HZ);
const pause = silence(PAUSE_MS, RATE_HZ);
const [first, second, third] = await Promise.all(utterances.map((text) => say(text, { rateHz: RATE_HZ })));
if (first === undefined || second === undefined || third === undefined)
  throw new Error("an utterance is missing");
const files = {
  "hello.wav": joined(margin, first, margin),
  "three-turns.wav": joined(margin, first, pause, second, pause, third, margin, margin),
};
for (const [name, samples] of Object.entries(files)) {
  await writeFile(new URL(name, folder), wav(samples));
  process.stdout.write(`test/fixtures/${name}: ${(samples.length / RATE_HZ).toFixed(2)} s\n`);
}
