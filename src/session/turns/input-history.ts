/**
 * What is kept of the caller's audio, once per rate that somebody takes, and how far it has come. Positions are ticks of
 * 1/48 000 s since the session's first sample; every rate divides that, so a position means the same sample to every stream.
 */
import { sampleRateHz, type AudioFormat, type PcmRateHz } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import type { Limits } from "../limits.ts";
import { RateStream, type StreamSnapshot } from "./rate-stream.ts";

/** Of a rate that the detector alone takes so much is kept: nobody looks back further than eight seconds. */
const DETECTOR_HISTORY_MS = 9000;
/** How far before a change of the client's rate a turn is kept that is made after it: as far as anybody looks back. */
const LOOK_BACK_MS = DETECTOR_HISTORY_MS;

export class InputHistory {
  protected readonly limits: Limits;
  protected readonly kernels: AudioKernels;
  /** By rate. */
  protected streams = new Map<PcmRateHz, RateStream>();
  /** Rates that someone other than the detector takes. */
  protected readonly tapped = new Set<PcmRateHz>();
  /** The rate that the detector hears; null: speech is not looked for. */
  protected heardHz: PcmRateHz | null = null;
  #format: AudioFormat;
  /** Samples received in the current format, and where it began. */
  protected samples = 0;
  #originTicks = 0;

  constructor(format: AudioFormat, kernels: AudioKernels, limits: Limits) {
    this.#format = format;
    this.kernels = kernels;
    this.limits = limits;
  }

  get format(): AudioFormat {
    return this.#format;
  }

  /** Position after the last sample received. */
  get ticks(): number {
    return this.#originTicks + (this.samples * 48_000) / sampleRateHz(this.#format);
  }

  /** What comes next is in another format. */
  protected begin(format: AudioFormat): void {
    this.#originTicks = this.ticks;
    this.samples = 0;
    this.#format = format;
  }

  /** Nobody takes other rates than those of these formats any more. */
  retain(formats: readonly AudioFormat[]): void {
    this.tapped.clear();
    for (const format of formats) this.keep(format);
    for (const [rateHz, { ring }] of this.streams) {
      if (rateHz !== this.heardHz && !this.tapped.has(rateHz)) this.streams.delete(rateHz);
      ring.capacity = this.#capacity(rateHz);
    }
  }

  /** What was before a position nobody will ask for any more. */
  forget(ticks: number): void {
    for (const stream of this.streams.values()) stream.ring.dropBefore(stream.indexAt(ticks));
  }

  /** Bytes of memory that the history takes, without what the detector alone hears. */
  get historyBytes(): number {
    let bytes = 0;
    for (const [rateHz, { ring }] of this.streams) if (this.tapped.has(rateHz)) bytes += ring.bytes;
    return bytes;
  }

  /** Samples of a rate that are kept. */
  #capacity(rateHz: PcmRateHz): number {
    const { inputHistoryMs } = this.limits;
    const ms = this.tapped.has(rateHz) ? inputHistoryMs : Math.min(DETECTOR_HISTORY_MS, inputHistoryMs);
    return Math.ceil((ms * rateHz) / 1000);
  }

  /** Keeps history in this format's rate, for someone who may take it later. */
  keep(format: AudioFormat): void {
    this.tap(sampleRateHz(format));
  }

  protected tap(rateHz: PcmRateHz): RateStream {
    this.tapped.add(rateHz);
    const stream = this.stream(rateHz);
    stream.ring.capacity = this.#capacity(rateHz);
    return stream;
  }

  /**
   * A turn of the new rate may begin before the change: what was heard just before it is put into that rate too. No more than
   * came since the change before: else a client that only changes its rate makes the relay resample seconds for each event.
   */
  protected lookBack(formerHz: PcmRateHz, rateHz: PcmRateHz): void {
    const source = this.streams.get(formerHz);
    if (source === undefined || this.streams.has(rateHz)) return;
    const samples = Math.min((LOOK_BACK_MS * formerHz) / 1000, this.samples);
    this.filled(source, rateHz, source.ring.end - samples).flush(rateHz);
  }

  /**
   * The stream of a rate that somebody takes. A provider may state a rate that nobody knew of: what is kept at the client's is put into
   * it, so that it has heard as much as the others.
   */
  protected streamOf(rateHz: PcmRateHz): RateStream {
    const known = this.streams.get(rateHz);
    if (known) return known;
    this.tapped.add(rateHz);
    const source = this.streams.get(sampleRateHz(this.#format));
    if (source === undefined) return this.stream(rateHz);
    const stream = this.filled(source, rateHz, source.ring.start);
    stream.release();
    return stream;
  }

  /** A stream of a rate, with what another one has kept from one of its samples on. */
  protected filled(source: RateStream, rateHz: PcmRateHz, fromSample: number): RateStream {
    const { ring } = source;
    const from = Math.max(ring.start, fromSample);
    const origin = source.ticksAt(from);
    const stream = new RateStream(source.rateHz, rateHz, origin, this.#capacity(rateHz), this.kernels);
    const piece = Math.ceil((source.rateHz * this.limits.inputSliceMs) / 1000);
    for (let at = from; at < ring.end; at += piece)
      stream.write(ring.read(at, Math.min(at + piece, ring.end)));
    this.streams.set(rateHz, stream);
    return stream;
  }

  protected stream(rateHz: PcmRateHz): RateStream {
    let stream = this.streams.get(rateHz);
    if (!stream) {
      const samples = this.#capacity(rateHz);
      stream = new RateStream(sampleRateHz(this.#format), rateHz, this.ticks, samples, this.kernels);
      this.streams.set(rateHz, stream);
    }
    return stream;
  }

  protected historySnapshot(): HistorySnapshot {
    return {
      format: this.#format,
      samples: this.samples,
      originTicks: this.#originTicks,
      tapped: [...this.tapped],
      streams: [...this.streams.values()].map((stream) => stream.snapshot()),
    };
  }

  protected restoreHistory(snapshot: HistorySnapshot): void {
    this.#format = snapshot.format;
    this.samples = snapshot.samples;
    this.#originTicks = snapshot.originTicks;
    this.tapped.clear();
    for (const rateHz of snapshot.tapped) this.tapped.add(rateHz);
    this.streams = new Map();
    for (const kept of snapshot.streams) {
      const fromHz = sampleRateHz(snapshot.format);
      const samples = this.#capacity(kept.rateHz);
      const stream = new RateStream(fromHz, kept.rateHz, kept.originTicks, samples, this.kernels);
      stream.restore(kept);
      this.streams.set(kept.rateHz, stream);
    }
  }
}

export interface HistorySnapshot {
  readonly format: AudioFormat;
  readonly samples: number;
  readonly originTicks: number;
  readonly tapped: readonly PcmRateHz[];
  readonly streams: readonly StreamSnapshot[];
}
