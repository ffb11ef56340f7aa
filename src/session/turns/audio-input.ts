/**
 * The caller's audio on its way in: decoded once, resampled once per distinct rate, encoded once per distinct
 * format, heard by the speech detector, kept for pre-roll.
 *
 * Positions are ticks of 1/48 000 s since the session's first sample; every rate divides that, so a position means
 * the same sample to every stream. Whatever a detector decides is a position, and audio is cut there, not at the
 * message that happened to be last: any split of the same audio into messages gives the same events.
 */
import { createDecoder, encode, type AudioDecoder } from "../../audio/codec.ts";
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
import type { AudioChunk } from "../../upstreams/upstream.ts";
import type { Limits } from "../limits.ts";
import { RateStream, type StreamSnapshot } from "./rate-stream.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { AudioTap } from "../state/audio-tap.ts";

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
/** Of a rate that the detector alone takes so much is kept: nobody looks back further than eight seconds. */
const DETECTOR_HISTORY_MS = 9000;
/** How far before a change of the client's rate a turn is kept that is made after it: as far as anybody looks back. */
const LOOK_BACK_MS = DETECTOR_HISTORY_MS;
/** Silence that is made up goes out in pieces of this. */
const PAD_PIECE_MS = 100;

class Chunk implements AudioChunk {
  readonly bytes: Uint8Array;
  #base64: string | null = null;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  base64(): string {
    this.#base64 ??= this.bytes.toBase64();
    return this.#base64;
  }
}

export class AudioInput {
  readonly #limits: Limits;
  readonly #kernels: AudioKernels;
  readonly #detector: SpeechDetector;
  readonly endpointer: Endpointer;
  #format: AudioFormat;
  #decoder: AudioDecoder;
  #streams = new Map<PcmRateHz, RateStream>();
  /** Rates that someone other than the detector takes. */
  readonly #tapped = new Set<PcmRateHz>();
  /** Samples received in the current format, and where it began. */
  #samples = 0;
  #originTicks = 0;
  #detecting = false;
  /** Detector hops since `#hopOrigin`, an index in the detector's stream. */
  #hops = 0;
  #hopOrigin = 0;
  /** Of the message that is worked through, milliseconds that come after the present slice. */
  #restMs = 0;
  /** Chunks made in this slice, so that equal formats share one encoding. */
  #chunks: { readonly key: string; readonly from: number; readonly to: number; readonly chunk: Chunk }[] = [];

  constructor(
    format: AudioFormat,
    detector: SpeechDetector,
    options: EndpointerOptions,
    kernels: AudioKernels,
    limits: Limits,
  ) {
    this.#limits = limits;
    this.#kernels = kernels;
    this.#detector = detector;
    this.endpointer = new Endpointer(detector.sampleRateHz, detector.hopSamples, options);
    this.#format = format;
    this.#decoder = createDecoder(format);
  }

  get format(): AudioFormat {
    return this.#format;
  }

  /** Position after the last sample received. */
  get ticks(): number {
    return this.#originTicks + (this.#samples * 48_000) / sampleRateHz(this.#format);
  }

  /** End of the detector's last hop. */
  get hopEndTicks(): number {
    const stream = this.#stream(this.#detector.sampleRateHz);
    return stream.ticksAt(this.#hopOrigin + this.#hops * this.#detector.hopSamples);
  }

  /** Audio up to here may flow while speech goes on: the next decision cannot fall before it. */
  get settledTicks(): number {
    const stream = this.#stream(this.#detector.sampleRateHz);
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
    if (formatKey(format) === formatKey(this.#format)) return;
    const [formerHz, rateHz] = [sampleRateHz(this.#format), sampleRateHz(format)];
    if (rateHz !== formerHz) this.#retune(rateHz, listener);
    this.#lookBack(formerHz, rateHz);
    this.#originTicks = this.ticks;
    this.#samples = 0;
    this.#format = format;
    this.#decoder = createDecoder(format);
  }

  #retune(fromHz: PcmRateHz, listener: InputListener): void {
    this.#chunks = [];
    for (const stream of this.#streams.values()) {
      const tail = stream.flush(fromHz);
      if (this.#detecting && stream.rateHz === this.#detector.sampleRateHz)
        this.#detect(tail, stream, listener);
    }
    listener.onAudio();
    // A stream that was begun for this audio began at the former rate.
    for (const stream of this.#streams.values()) if (stream.fromHz !== fromHz) stream.flush(fromHz);
  }

  /**
   * A turn of the new rate may begin before the change: what was heard just before it is put into that rate too. No more than
   * came since the change before: else a client that only changes its rate makes the relay resample seconds for each event.
   */
  #lookBack(formerHz: PcmRateHz, rateHz: PcmRateHz): void {
    const source = this.#streams.get(formerHz);
    if (source === undefined || this.#streams.has(rateHz)) return;
    const samples = Math.min((LOOK_BACK_MS * formerHz) / 1000, this.#samples);
    this.#filled(source, rateHz, source.ring.end - samples).flush(rateHz);
  }

  /** What comes next is another client's: half a sample that waits for its other half waits in vain. */
  breakOff(): void {
    this.#decoder.reset();
  }

  /** Nobody takes other rates than those of these formats any more. */
  retain(formats: readonly AudioFormat[]): void {
    this.#tapped.clear();
    for (const format of formats) this.keep(format);
    for (const [rateHz, { ring }] of this.#streams) {
      const heard = this.#detecting && rateHz === this.#detector.sampleRateHz;
      if (!heard && !this.#tapped.has(rateHz)) this.#streams.delete(rateHz);
      ring.capacity = this.#capacity(rateHz);
    }
  }

  /** What was before a position nobody will ask for any more. */
  forget(ticks: number): void {
    for (const stream of this.#streams.values()) stream.ring.dropBefore(stream.indexAt(ticks));
  }

  /** Bytes of memory that the history takes, without what the detector alone hears. */
  get historyBytes(): number {
    let bytes = 0;
    for (const [rateHz, { ring }] of this.#streams) if (this.#tapped.has(rateHz)) bytes += ring.bytes;
    return bytes;
  }

  /** Samples of a rate that are kept. */
  #capacity(rateHz: PcmRateHz): number {
    const { inputHistoryMs } = this.#limits;
    const ms = this.#tapped.has(rateHz) ? inputHistoryMs : Math.min(DETECTOR_HISTORY_MS, inputHistoryMs);
    return Math.ceil((ms * rateHz) / 1000);
  }

  /** Speech is looked for. */
  get detects(): boolean {
    return this.#detecting;
  }

  /** Turns detection on or off. Turned on, the detector starts afresh at the present. */
  detect(on: boolean): void {
    this.#detecting = on;
    this.#detector.reset();
    this.endpointer.reset();
    this.#hops = 0;
    const rateHz = this.#detector.sampleRateHz;
    // Resampling is the dearest part of a frame: nobody listening, nobody resampled for.
    if (!on && !this.#tapped.has(rateHz)) this.#streams.delete(rateHz);
    this.#hopOrigin = on ? this.#stream(rateHz).ring.end : 0;
  }

  /** Takes encoded audio of any length. `restMs`: its end was heard by so much sooner than now. */
  push(bytes: Uint8Array, listener: InputListener, restMs = 0): void {
    const perMs = (sampleRateHz(this.#format) / 1000) * bytesPerSample(this.#format);
    const slice = perMs * this.#limits.inputSliceMs;
    for (let at = 0; at < bytes.byteLength; at += slice) {
      this.#restMs = restMs + Math.max(0, bytes.byteLength - at - slice) / perMs;
      this.#take(bytes.subarray(at, at + slice), listener);
    }
    this.#restMs = 0;
    // Nothing of the message may be looked at when it is over.
    this.#chunks = [];
    for (const stream of this.#streams.values()) stream.release();
  }

  #take(bytes: Uint8Array, listener: InputListener): void {
    const samples = this.#decoder.decode(bytes);
    this.#samples += samples.length;
    const heard = this.#streams.get(this.#detector.sampleRateHz);
    let toDetect: Int16Array | null = null;
    for (const stream of this.#streams.values()) {
      const out = stream.write(samples);
      if (stream === heard) toDetect = out;
    }
    this.#chunks = [];
    if (this.#detecting && toDetect && heard) this.#detect(toDetect, heard, listener);
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
        listener.onSpeech({ type: "started", prefixTicks: toTicks(event.prefixStartSample) });
      } else if (event?.type === "stopped") {
        listener.onSpeech({ type: "stopped", ticks: toTicks(hopEnd) });
      }
      listener.onHop(probability, hopMs);
    });
  }

  /** A copy of the detector's samples (16 kHz) of up to `ms` before the present hop's end, none before a position. */
  latest(ms: number, fromTicks: number): Int16Array {
    const stream = this.#stream(this.#detector.sampleRateHz);
    const end = this.#hopOrigin + this.#hops * this.#detector.hopSamples;
    return stream.ring.read(Math.max(end - (ms * stream.rateHz) / 1000, stream.indexAt(fromTicks)), end);
  }

  /** The buffer ends at the last sample received: everything still inside a resampler comes out. */
  flush(): void {
    for (const stream of this.#streams.values()) stream.flush();
  }

  /** Keeps history in this format's rate, for someone who may take it later. */
  keep(format: AudioFormat): void {
    this.#tap(sampleRateHz(format));
  }

  #tap(rateHz: PcmRateHz): RateStream {
    this.#tapped.add(rateHz);
    const stream = this.#stream(rateHz);
    stream.ring.capacity = this.#capacity(rateHz);
    return stream;
  }

  /** Makes sure that a stream of the tap's rate exists and puts the cursor at the present. */
  attach(tap: AudioTap): void {
    tap.cursor = this.#tap(sampleRateHz(tap.format)).endTicks;
  }

  /** Puts the cursor at a position, or at the oldest sample still held after it. */
  seek(tap: AudioTap, ticks: number): void {
    const stream = this.#streamOf(tap);
    tap.cursor = Math.min(ticks, stream.endTicks);
    this.#catchUp(tap, stream);
  }

  /** What has left the history cannot be delivered any more, and is told. */
  #catchUp(tap: AudioTap, stream: RateStream): void {
    const oldest = stream.ticksAt(stream.ring.start);
    const from = Math.max(tap.cursor, stream.originTicks);
    tap.cursor = Math.max(tap.cursor, oldest);
    if (from < oldest) tap.missed?.(from, oldest);
  }

  /** Position of the oldest sample that this tap could still be given. */
  oldestTicks(tap: AudioTap): number {
    const stream = this.#streamOf(tap);
    return stream.ticksAt(stream.ring.start);
  }

  /** Milliseconds that the tap has not had yet. */
  lagMs(tap: AudioTap): number {
    return (this.#streamOf(tap).endTicks - tap.cursor) / TICKS_PER_MS;
  }

  /** End of the micro-turn that the tap's next sample belongs to; micro-turns are counted from `fromTicks`. */
  frameEnd(tap: AudioTap, frameTicks: number, fromTicks: number): number {
    const at = Math.max(tap.cursor, this.oldestTicks(tap)) - fromTicks;
    return fromTicks + (Math.floor(at / frameTicks) + 1) * frameTicks;
  }

  /** Delivers what the tap has not had yet, up to a position. */
  forward(tap: AudioTap, toTicks: number = Number.POSITIVE_INFINITY): void {
    const stream = this.#streamOf(tap);
    const { ring } = stream;
    const to = toTicks === Number.POSITIVE_INFINITY ? ring.end : Math.min(ring.end, stream.indexAt(toTicks));
    this.#catchUp(tap, stream);
    const from = stream.indexAt(tap.cursor);
    if (to <= from) return;
    tap.cursor = stream.ticksAt(to);
    tap.deliver(this.#chunk(tap.format, stream, from, to));
  }

  /** Delivers silence that the client did not send; the caller's audio goes on where it was. */
  pad(tap: AudioTap, ms: number): void {
    const rateHz = sampleRateHz(tap.format);
    for (let left = ms; left > 0; left -= PAD_PIECE_MS) {
      const samples = Math.round((Math.min(left, PAD_PIECE_MS) * rateHz) / 1000);
      if (samples > 0) tap.deliver(new Chunk(encode(tap.format, new Int16Array(samples))));
    }
  }

  #chunk(format: AudioFormat, stream: RateStream, from: number, to: number): Chunk {
    const key = formatKey(format);
    const made = this.#chunks.find((entry) => entry.key === key && entry.from === from && entry.to === to);
    if (made) return made.chunk;
    const chunk = new Chunk(encode(format, stream.read(from, to)));
    this.#chunks.push({ key, from, to, chunk });
    return chunk;
  }

  /**
   * The stream that a tap takes. A provider may state a rate that nobody knew of: what is kept at the client's is put into
   * it, so that it has heard as much as the others.
   */
  #streamOf(tap: AudioTap): RateStream {
    const rateHz = sampleRateHz(tap.format);
    const known = this.#streams.get(rateHz);
    if (known) return known;
    this.#tapped.add(rateHz);
    const source = this.#streams.get(sampleRateHz(this.#format));
    if (source === undefined) return this.#stream(rateHz);
    const stream = this.#filled(source, rateHz, source.ring.start);
    stream.release();
    return stream;
  }

  /** A stream of a rate, with what another one has kept from one of its samples on. */
  #filled(source: RateStream, rateHz: PcmRateHz, fromSample: number): RateStream {
    const { ring } = source;
    const from = Math.max(ring.start, fromSample);
    const origin = source.ticksAt(from);
    const stream = new RateStream(source.rateHz, rateHz, origin, this.#capacity(rateHz), this.#kernels);
    const piece = Math.ceil((source.rateHz * this.#limits.inputSliceMs) / 1000);
    for (let at = from; at < ring.end; at += piece)
      stream.write(ring.read(at, Math.min(at + piece, ring.end)));
    this.#streams.set(rateHz, stream);
    return stream;
  }

  #stream(rateHz: PcmRateHz): RateStream {
    let stream = this.#streams.get(rateHz);
    if (!stream) {
      const samples = this.#capacity(rateHz);
      stream = new RateStream(sampleRateHz(this.#format), rateHz, this.ticks, samples, this.#kernels);
      this.#streams.set(rateHz, stream);
    }
    return stream;
  }

  snapshot(): AudioInputSnapshot {
    return {
      format: this.#format,
      samples: this.#samples,
      originTicks: this.#originTicks,
      detecting: this.#detecting,
      hops: this.#hops,
      hopOrigin: this.#hopOrigin,
      carried: this.#decoder.snapshot(),
      detector: this.#detector.snapshot(),
      endpointer: this.endpointer.snapshot(),
      tapped: [...this.#tapped],
      streams: [...this.#streams.values()].map((stream) => stream.snapshot()),
    };
  }

  restore(snapshot: AudioInputSnapshot): void {
    this.#format = snapshot.format;
    this.#decoder = createDecoder(snapshot.format);
    this.#decoder.restore(snapshot.carried);
    this.#samples = snapshot.samples;
    this.#originTicks = snapshot.originTicks;
    this.#detecting = snapshot.detecting;
    this.#hops = snapshot.hops;
    this.#hopOrigin = snapshot.hopOrigin;
    if (snapshot.detector.detector === this.#detector.name) this.#detector.restore(snapshot.detector);
    this.endpointer.restore(snapshot.endpointer);
    this.#tapped.clear();
    for (const rateHz of snapshot.tapped) this.#tapped.add(rateHz);
    this.#streams = new Map();
    for (const kept of snapshot.streams) {
      const fromHz = sampleRateHz(snapshot.format);
      const samples = this.#capacity(kept.rateHz);
      const stream = new RateStream(fromHz, kept.rateHz, kept.originTicks, samples, this.#kernels);
      stream.restore(kept);
      this.#streams.set(kept.rateHz, stream);
    }
  }
}

export interface AudioInputSnapshot {
  readonly format: AudioFormat;
  readonly samples: number;
  readonly originTicks: number;
  readonly detecting: boolean;
  readonly hops: number;
  readonly hopOrigin: number;
  readonly carried: number;
  readonly detector: DetectorSnapshot;
  readonly endpointer: EndpointerSnapshot;
  readonly tapped: readonly PcmRateHz[];
  readonly streams: readonly StreamSnapshot[];
}
