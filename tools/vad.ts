/** `npm run vad -- FILE.wav`: what the speech detector of a session makes of a recording. */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { detectSpeech, type Detection } from "./vad/detect.ts";
import { readWav, WavError } from "./wav.ts";

const HELP = `npm run vad -- FILE.wav [options]

Finds the speech in a recording by the very code that a session runs: resampler, detector, endpointer. Any WAV file
will do: 8 to 32 bits or float, mono or stereo (mixed), 8, 16, 24 and 48 kHz by the session's own resampler, other
rates by a windowed-sinc filter to 16 kHz.

  --json             print one JSON object instead of the list of segments:
                       hop_ms          length of a hop, 32
                       probabilities   of speech, one per hop from the start of the file, each of the network's
                                       whole steps (a session also looks between them, every 16 ms)
                       segments        [start_s, end_s] of each utterance: from the start of the first hop that
                                       began it to the end of its last hop of speech, without padding and hangover
                       decisions       [started_s, stopped_s]: when a session would have known of each, without
                                       the network; the last may be null
                       detector, fallback, duration_s, sample_rate_hz
  --threshold T      OpenAI's server_vad threshold, 0 to 1 (0.5)
  --silence MS       OpenAI's silence_duration_ms: the silence that ends an utterance (240)
  --detector NAME    auto, or energy                       (auto)
  --help

Code 0: done, speech or not. 2: wrong arguments, or an unreadable file.
`;

class UsageError extends Error {}

interface Arguments {
  readonly file: string;
  readonly json: boolean;
  readonly threshold: number;
  readonly silenceMs: number;
  readonly detector: "auto" | "energy";
}

function readArguments(argv: string[]): Arguments | "help" {
  const { values, positionals } = parse(argv);
  if (values.help === true) return "help";
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError("give one WAV file");
  const threshold = Number(values.threshold ?? 0.5);
  if (!(threshold >= 0 && threshold <= 1)) throw new UsageError("--threshold takes a number from 0 to 1");
  const silenceMs = Number(values.silence ?? 240);
  if (!(silenceMs >= 0 && silenceMs <= 60_000))
    throw new UsageError("--silence takes 0 to 60000 milliseconds");
  const detector = values.detector ?? "auto";
  if (detector !== "auto" && detector !== "energy") throw new UsageError("--detector takes auto or energy");
  return { file, json: values.json === true, threshold, silenceMs, detector };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        threshold: { type: "string" },
        silence: { type: "string" },
        detector: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

async function main(): Promise<number> {
  const settings = readArguments(process.argv.slice(2));
  if (settings === "help") {
    process.stdout.write(HELP);
    return 0;
  }
  const sound = await readSound(settings.file);
  await import("./build.ts");
  const { loadKernels } = await import("../test/support/kernels.ts");
  const detection = detectSpeech(sound, loadKernels(), settings);
  process.stdout.write(settings.json ? `${JSON.stringify(detection)}\n` : describe(detection));
  return 0;
}

async function readSound(file: string) {
  try {
    const sound = readWav(new Uint8Array(await readFile(file)));
    if (sound.samples.length === 0) throw new WavError("it holds no audio");
    return sound;
  } catch (error) {
    throw new UsageError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

function describe({ segments, duration_s, detector }: Detection): string {
  const lines = segments.map(([start, end]) => `${start.toFixed(3).padStart(9)} … ${end.toFixed(3)} s\n`);
  const speech = segments.reduce((sum, [start, end]) => sum + end - start, 0);
  return `${lines.join("")}${speech.toFixed(1)} s of speech in ${duration_s.toFixed(1)} s (${detector})\n`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`npm run vad: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 70;
}
