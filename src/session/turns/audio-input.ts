/**
 * The caller's audio on its way in: decoded once, resampled once per distinct rate, encoded once per distinct
 * format (`input-taps.ts`), heard by the speech detector, kept for pre-roll (`input-history.ts`).
 *
 * Whatever a detector decides is a position, and audio is cut there, not at the message that happened to be last: any split of
 * the same audio into messages gives the same events.
 */
import { createDecoder, type AudioDecoder } from "../../audio/codec.ts";
import { Endpointer, type EndpointerOptions, type EndpointerSnapshot } from "../../audio/endpointer.ts";
import {
  bytesPerSample,
  formatKey,
  sampleRateHz,
  type AudioFormat,
  type PcmRateHz,
} from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import type { DetectorSnapshot, SpeechDetector } from "../../audio/vad/detector.ts";
import type { Limits } from "../limits.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { HistorySnapshot } from "./input-history.ts";
import { InputTaps } from "./input-taps.ts";
import type { RateStream } from "./rate-stream.ts";

export type SpeechDecision =
  | { readonly type: "started"; readonly prefixTicks: number }
  | { readonly type: "stopped"; readonly ticks: number };

export interface InputListener {
  /** Samples as the detector gets them, before its hops. */
  onHeard(samples: Int16Array, rateHz: number, fromTicks: number): void;
  /** What of a probability of the detector's is the caller. */
  heardAs(probability: number): number;
  /** One probability of the detector, after the decision it led to. */
  onHop(probability: number, hopMs: number): void;
  onSpeech(decision: SpeechDecision): void;
  /** A slice of input was taken in: audio may flow. */
  onAudio(): void;
}

/**
 * The resamplers' lags differ by less than this, so a cut this far before a decided position has its samples in
 * every stream.
 */
const LAG_TICKS = 10 * TICKS_PER_MS;

export class AudioInput extends InputTaps {
  readonly #detector: SpeechDetector;
  readonly endpointer: Endpointer;
  #decoder: AudioDecoder;
  /** Detector hops since `#hopOrigin`, an index in the detector's stream. */
  #hops = 0;
  #hopOrigin = 0;
  /** Of the message that is worked through, milliseconds that come after the present slice. */
  #restMs = 0;

  constructor(
    format: AudioFormat,
    detector: SpeechDetector,
    options: EndpointerOptions,
    kernels: AudioKernels,
    limits: Limits,
  ) {
    super(format, kernels, limits);
    this.#detector = detector;
    this.endpointer = new Endpointer(detector.sampleRateHz, detector.hopSamples, options);
    this.#decoder = createDecoder(format);
  }

  /** End of the detector's last hop. */
  get hopEndTicks(): number {
    const stream = this.stream(this.#detector.sampleRateHz);
    return stream.ticksAt(this.#hopOrigin + this.#hops * this.#detector.hopSamples);
  }

  /** Audio up to here may flow while speech goes on: the next decision cannot fall before it. */
  get settledTicks(): number {
    const stream = this.stream(this.#detector.sampleRateHz);
    const hopEnd = this.#hopOrigin + (this.#hops + 1) * this.#detector.hopSamples;
    return stream.ticksAt(hopEnd) - LAG_TICKS;
  }

  /** The last position that every stream has when a decision at `ticks` is made. */
  cutBefore(ticks: number): number {
    return ticks - LAG_TICKS;
  }

  /** How much sooner than its message the present slice was heard. */
  get restMs(): number {
    return this.#restMs;
  }

  /** What comes next is in another format. Not a sample of the former one is lost, and every position stays. */
  setFormat(format: AudioFormat, listener: InputListener): void {
    if (formatKey(format) === formatKey(this.format)) return;
    const [formerHz, rateHz] = [sampleRateHz(this.format), sampleRateHz(format)];
    if (rateHz !== formerHz) this.#retune(rateHz, listener);
    this.lookBack(formerHz, rateHz);
    this.begin(format);
    this.#decoder = createDecoder(format);
  }

  #retune(fromHz: PcmRateHz, listener: InputListener): void {
    this.chunks = [];
    for (const stream of this.streams.values()) {
      const tail = stream.flush(fromHz);
      if (stream.rateHz === this.heardHz) this.#detect(tail, stream, listener);
    }
    listener.onAudio();
    // A stream that was begun for this audio began at the former rate.
    for (const stream of this.streams.values()) if (stream.fromHz !== fromHz) stream.flush(fromHz);
  }

  /** What comes next is another client's: half a sample that waits for its other half waits in vain. */
  breakOff(): void {
    this.#decoder.reset();
  }

  /** Speech is looked for. */
  get detects(): boolean {
    return this.heardHz !== null;
  }

  /** Turns detection on or off. Turned on, the detector starts afresh at the present. */
  detect(on: boolean): void {
    this.heardHz = on ? this.#detector.sampleRateHz : null;
    if (on) this.said.ended(this.ticks);
    else this.said.began(this.ticks);
    this.#detector.reset();
    this.endpointer.reset();
    this.#hops = 0;
    const rateHz = this.#detector.sampleRateHz;
    // Resampling is the dearest part of a frame: nobody listening, nobody resampled for.
    if (!on && !this.tapped.has(rateHz)) this.streams.delete(rateHz);
    this.#hopOrigin = on ? this.stream(rateHz).ring.end : 0;
  }

  /** Takes encoded audio of any length. `restMs`: its end was heard by so much sooner than now. */
  push(bytes: Uint8Array, listener: InputListener, restMs = 0): void {
    const perMs = (sampleRateHz(this.format) / 1000) * bytesPerSample(this.format);
    const slice = perMs * this.limits.inputSliceMs;
    for (let at = 0; at < bytes.byteLength; at += slice) {
      this.#restMs = restMs + Math.max(0, bytes.byteLength - at - slice) / perMs;
      this.#take(bytes.subarray(at, at + slice), listener);
    }
    this.#restMs = 0;
    // Nothing of the message may be looked at when it is over.
    this.chunks = [];
    for (const stream of this.streams.values()) stream.release();
  }

  #take(bytes: Uint8Array, listener: InputListener): void {
    const samples = this.#decoder.decode(bytes);
    this.samples += samples.length;
    let heard: RateStream | null = null;
    let toDetect: Int16Array | null = null;
    for (const stream of this.streams.values()) {
      const out = stream.write(samples);
      if (stream.rateHz !== this.heardHz) continue;
      heard = stream;
      toDetect = out;
    }
    this.chunks = [];
    if (toDetect && heard) this.#detect(toDetect, heard, listener);
    listener.onAudio();
  }

  #detect(samples: Int16Array, stream: RateStream, listener: InputListener): void {
    const toTicks = (sample: number) => stream.ticksAt(sample);
    listener.onHeard(samples, stream.rateHz, toTicks(stream.ring.end - samples.length));
    const hopMs = (this.#detector.hopSamples * 1000) / stream.rateHz;
    this.#detector.push(samples, (probability) => {
      this.#hops += 1;
      const hopEnd = this.#hopOrigin + this.#hops * this.#detector.hopSamples;
      const event = this.endpointer.push(listener.heardAs(probability), hopEnd);
      if (event?.type === "started") {
        const prefixTicks = toTicks(event.prefixStartSample);
        this.said.began(prefixTicks);
        listener.onSpeech({ type: "started", prefixTicks });
      } else if (event?.type === "stopped") {
        this.said.ended(toTicks(event.atSample));
        listener.onSpeech({ type: "stopped", ticks: toTicks(hopEnd) });
      }
      listener.onHop(probability, hopMs);
    });
  }

  /** A copy of the detector's samples (16 kHz) of up to `ms` before the present hop's end, none before a position. */
  latest(ms: number, fromTicks: number): Int16Array {
    const stream = this.stream(this.#detector.sampleRateHz);
    const end = this.#hopOrigin + this.#hops * this.#detector.hopSamples;
    return stream.ring.read(Math.max(end - (ms * stream.rateHz) / 1000, stream.indexAt(fromTicks)), end);
  }

  /** The buffer ends at the last sample received: everything still inside a resampler comes out. */
  flush(): void {
    for (const stream of this.streams.values()) stream.flush();
  }

  snapshot(): AudioInputSnapshot {
    return {
      ...this.historySnapshot(),
      detecting: this.detects,
      hops: this.#hops,
      hopOrigin: this.#hopOrigin,
      carried: this.#decoder.snapshot(),
      detector: this.#detector.snapshot(),
      endpointer: this.endpointer.snapshot(),
    };
  }

  restore(snapshot: AudioInputSnapshot): void {
    this.restoreHistory(snapshot);
    this.#decoder = createDecoder(snapshot.format);
    this.#decoder.restore(snapshot.carried);
    this.heardHz = snapshot.detecting ? this.#detector.sampleRateHz : null;
    this.#hops = snapshot.hops;
    this.#hopOrigin = snapshot.hopOrigin;
    if (snapshot.detector.detector === this.#detector.name) this.#detector.restore(snapshot.detector);
    this.endpointer.restore(snapshot.endpointer);
    this.said.unknown(this.ticks, !snapshot.detecting || this.endpointer.speaking);
  }
}

export interface AudioInputSnapshot extends HistorySnapshot {
  readonly detecting: boolean;
  readonly hops: number;
  readonly hopOrigin: number;
  readonly carried: number;
  readonly detector: DetectorSnapshot;
  readonly endpointer: EndpointerSnapshot;
}
