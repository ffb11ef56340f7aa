/** Speech of a whole recording, by the parts a session is made of. */
import { PCM_RATES_HZ, type PcmRateHz } from "../../src/audio/format.ts";
import { Endpointer, type EndpointEvent } from "../../src/audio/endpointer.ts";
import type { AudioKernels } from "../../src/audio/kernels.ts";
import { createResampler } from "../../src/audio/resampler.ts";
import { createDetector, type DetectorFallback } from "../../src/audio/vad/index.ts";
import { endpointerOptions } from "../../src/session/turns/endpointing.ts";
import { resample, toInt16, type Sound } from "../wav.ts";

export interface DetectionOptions {
  /** OpenAI's `server_vad` fields. */
  readonly threshold: number;
  readonly silenceMs: number;
  readonly detector: "auto" | "energy";
}

/** What `npm run vad --json` prints; its help says what each field means. */
export interface Detection {
  readonly hop_ms: number;
  readonly probabilities: readonly number[];
  readonly segments: readonly (readonly [startS: number, endS: number])[];
  readonly decisions: readonly (readonly [startedS: number, stoppedS: number | null])[];
  readonly detector: string;
  readonly fallback: DetectorFallback | null;
  readonly duration_s: number;
  readonly sample_rate_hz: number;
}

/** The network's step. Looks between steps decide, but are not reported, so that figures compare with other builds. */
const REPORTED_MS = 32;
/** Milliseconds of audio a session is handed at a time. */
const CHUNK_MS = 20;

export function detectSpeech(sound: Sound, kernels: AudioKernels, options: DetectionOptions): Detection {
  const { detector, fallback } = createDetector(kernels, options.detector);
  const endpointer = new Endpointer(
    detector.sampleRateHz,
    detector.hopSamples,
    endpointerOptions(serverVad(options), detector.thresholds, false),
  );
  const segments = new Segments(detector.sampleRateHz);
  const probabilities: number[] = [];
  let heard = 0;
  for (const samples of chunks(sound, detector.sampleRateHz, kernels)) {
    detector.push(samples, (probability) => {
      heard += detector.hopSamples;
      probabilities.push(probability);
      segments.take(endpointer.push(probability, heard), heard);
    });
  }
  segments.take(endpointer.forceStop(), null);
  const hopMs = (detector.hopSamples * 1000) / detector.sampleRateHz;
  const together = Math.max(1, Math.floor(REPORTED_MS / hopMs));
  return {
    hop_ms: hopMs * together,
    probabilities: steps(probabilities, together),
    segments: segments.spans,
    decisions: segments.decisions,
    detector: detector.name,
    fallback,
    duration_s: sound.samples.length / sound.sampleRateHz,
    sample_rate_hz: sound.sampleRateHz,
  };
}

function serverVad({ threshold, silenceMs }: DetectionOptions): Parameters<typeof endpointerOptions>[0] {
  return {
    type: "server_vad",
    threshold,
    silence_duration_ms: silenceMs,
    prefix_padding_ms: 0,
    idle_timeout_ms: null,
    create_response: true,
    interrupt_response: true,
  };
}

/** The last of each `count` values: the step of the network, after the looks before it. */
function steps(values: readonly number[], count: number): number[] {
  const last = values.filter((_, hop) => hop % count === count - 1);
  return last.map((value) => Number(value.toPrecision(6)));
}

/** The recording at the detector's rate, as a session would hand it over. */
function* chunks(sound: Sound, toHz: PcmRateHz, kernels: AudioKernels): Generator<Int16Array> {
  const fromHz = PCM_RATES_HZ.find((rate) => rate === sound.sampleRateHz) ?? toHz;
  const pcm = toInt16(resample(sound, fromHz));
  const resampler = createResampler(fromHz, toHz, kernels);
  const size = (fromHz * CHUNK_MS) / 1000;
  for (let at = 0; at < pcm.length; at += size) yield resampler.process(pcm.subarray(at, at + size));
  yield resampler.flush();
}

class Segments {
  readonly spans: [number, number][] = [];
  readonly decisions: [number, number | null][] = [];
  readonly #sampleRateHz: number;
  #startS = 0;
  #startedS = 0;

  constructor(sampleRateHz: number) {
    this.#sampleRateHz = sampleRateHz;
  }

  /** `heard`: samples the detector had when it decided; null when the recording ended instead. */
  take(event: EndpointEvent | null, heard: number | null): void {
    if (event === null) return;
    const atS = event.atSample / this.#sampleRateHz;
    const decidedS = heard === null ? null : heard / this.#sampleRateHz;
    if (event.type === "started") {
      this.#startS = atS;
      this.#startedS = decidedS ?? atS;
      return;
    }
    this.spans.push([this.#startS, atS]);
    this.decisions.push([this.#startedS, decidedS]);
  }
}
