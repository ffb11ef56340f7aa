/**
 * What the player worklet plays: one queue per track (a track is one item of one response of one stream).
 * Tracks of one stream play one after the other without a gap; streams are mixed. Pure, so that it is tested
 * without a browser.
 */

import { DUCK_DOWN_MS, DUCK_UP_MS, LevelRamp } from "../../audio/level-ramp.ts";

export interface TrackReport {
  readonly key: string;
  /** Samples that have left the loudspeaker, as well as the device's declared latency lets us know. */
  readonly heardSamples: number;
  /** No more samples of this track will be heard; this is its last report. */
  readonly finished: boolean;
  /** The track was thrown away before its end. */
  readonly flushed: boolean;
}

export interface PlayoutOptions {
  /** A track starts, and starts again after it ran dry, when it holds this much or has ended. */
  readonly prebufferSamples: number;
  /** Bound on what waits in all tracks together: a peer may send faster than real time without end. */
  readonly maxQueuedSamples: number;
  /** Bound on tracks: a peer may open items without end. */
  readonly maxTracks: number;
  /** Of the device. */
  readonly sampleRateHz: number;
}

interface Track {
  readonly key: string;
  readonly stream: number;
  readonly chunks: Int16Array[];
  /** First unplayed sample of `chunks[0]`. */
  offset: number;
  queued: number;
  rendered: number;
  /** Samples of time since the last one was rendered: they drain the device's latency. */
  idle: number;
  ended: boolean;
  primed: boolean;
}

/** A cut or a pause is not a click: the next 3 ms at 24 kHz are faded out, and faded in where playback goes on. */
const FADE_SAMPLES = 72;
const SCALE = 1 / 32768;

export class Playout {
  readonly #options: PlayoutOptions;
  readonly #tracks = new Map<string, Track>();
  #fades: { readonly samples: Float32Array; offset: number }[] = [];
  #queued = 0;
  #held = false;
  /** Samples of the fade-in that are still to come. */
  #fadeIn = 0;
  /** Of all that is played. */
  readonly #level: LevelRamp;

  constructor(options: PlayoutOptions) {
    this.#options = options;
    this.#level = new LevelRamp(options.sampleRateHz);
  }

  /** Samples waiting in all tracks. */
  get queuedSamples(): number {
    return this.#queued;
  }

  /** Nothing waits, fades or drains. */
  get idle(): boolean {
    return this.#tracks.size === 0 && this.#fades.length === 0;
  }

  has(key: string): boolean {
    return this.#tracks.has(key);
  }

  /** Takes ownership of `pcm`. False: a bound was hit and nothing was taken. */
  push(key: string, stream: number, pcm: Int16Array): boolean {
    if (pcm.length === 0) return true;
    if (this.#queued + pcm.length > this.#options.maxQueuedSamples) return false;
    let track = this.#tracks.get(key);
    if (track === undefined) {
      if (this.#tracks.size >= this.#options.maxTracks) return false;
      track = {
        key,
        stream,
        chunks: [],
        offset: 0,
        queued: 0,
        rendered: 0,
        idle: 0,
        ended: false,
        primed: false,
      };
      this.#tracks.set(key, track);
    }
    track.chunks.push(pcm);
    track.queued += pcm.length;
    this.#queued += pcm.length;
    return true;
  }

  /** No more audio will come for this track: it plays out even if it is shorter than the prebuffer. */
  end(key: string): void {
    const track = this.#tracks.get(key);
    if (track !== undefined) track.ended = true;
  }

  /**
   * Drops what waits and is inaudible within 3 ms. What the device still holds counts as heard: it cannot be
   * taken back. Null: there is no such track.
   */
  flush(key: string): TrackReport | null {
    const track = this.#tracks.get(key);
    if (track === undefined) return null;
    const flushed = track.queued > 0 || !track.ended;
    if (!this.#held) this.#fadeOut(track);
    this.#queued -= track.queued;
    this.#tracks.delete(key);
    return { key, heardSamples: track.rendered, finished: true, flushed };
  }

  /** Plays nothing more until `release`, and is inaudible within 3 ms. Nothing is lost: the fade plays copies. */
  hold(): void {
    if (this.#held) return;
    this.#held = true;
    for (const track of this.#tracks.values()) this.#fadeOut(track);
  }

  /** Goes on at this level (of 1) until `release`; it falls within 20 ms and rises within 60, without a click. */
  duck(level: number): void {
    this.#level.toward(level, DUCK_DOWN_MS);
  }

  /** Goes on from the very sample at which `hold` stopped, and at full level. */
  release(): void {
    this.#level.toward(1, DUCK_UP_MS);
    if (!this.#held) return;
    this.#held = false;
    this.#fadeIn = FADE_SAMPLES;
  }

  /** Fills `out` with the next samples of every stream, mixed and clipped. */
  render(out: Float32Array): void {
    out.fill(0);
    const streams = new Set<number>();
    const before = new Map<Track, number>();
    for (const track of this.#tracks.values()) {
      streams.add(track.stream);
      before.set(track, track.rendered);
    }
    if (!this.#held) {
      for (const stream of streams) this.#renderStream(stream, out);
      this.#renderFadeIn(out);
    }
    for (const [track, rendered] of before) {
      track.idle = track.rendered === rendered ? track.idle + out.length : 0;
    }
    this.#renderFades(out);
    if (streams.size > 1 || this.#fades.length > 0) {
      for (let i = 0; i < out.length; i++) out[i] = Math.max(-1, Math.min(1, out[i] ?? 0));
    }
    if (!this.#level.full) this.#level.apply(out, this.#options.sampleRateHz, out);
  }

  /** How far each track has been heard, behind a device that holds `latencySamples`. Finished ones are forgotten. */
  reports(latencySamples: number): TrackReport[] {
    const reports: TrackReport[] = [];
    for (const track of this.#tracks.values()) {
      const held = Math.max(0, Math.round(latencySamples) - track.idle);
      const finished = track.ended && track.queued === 0 && held === 0;
      reports.push({
        key: track.key,
        heardSamples: Math.max(0, track.rendered - held),
        finished,
        flushed: false,
      });
      if (finished) this.#tracks.delete(track.key);
    }
    return reports;
  }

  #renderStream(stream: number, out: Float32Array): void {
    let filled = 0;
    while (filled < out.length) {
      const track = this.#next(stream);
      if (track === null) return;
      filled += this.#take(track, out, filled);
    }
  }

  #next(stream: number): Track | null {
    for (const track of this.#tracks.values()) {
      if (track.stream !== stream || track.queued === 0) continue;
      track.primed ||= track.ended || track.queued >= this.#options.prebufferSamples;
      if (track.primed) return track;
    }
    return null;
  }

  #take(track: Track, out: Float32Array, from: number): number {
    const chunk = track.chunks[0];
    if (chunk === undefined) return 0;
    const count = Math.min(chunk.length - track.offset, out.length - from);
    for (let i = 0; i < count; i++) {
      out[from + i] = (out[from + i] ?? 0) + (chunk[track.offset + i] ?? 0) * SCALE;
    }
    track.offset += count;
    track.queued -= count;
    track.rendered += count;
    this.#queued -= count;
    if (track.offset === chunk.length) {
      track.chunks.shift();
      track.offset = 0;
    }
    if (track.queued === 0) track.primed = false;
    return count;
  }

  /** Plays what follows a track's position once, falling to silence; the track stays where it is. */
  #fadeOut(track: Track): void {
    if (!track.primed || track.idle > 0 || track.rendered === 0) return;
    const samples = new Float32Array(Math.min(FADE_SAMPLES, track.queued));
    let at = 0;
    let from = track.offset;
    for (const chunk of track.chunks) {
      if (at >= samples.length) break;
      for (; from < chunk.length && at < samples.length; from++, at++) {
        samples[at] = (chunk[from] ?? 0) * SCALE * (1 - (at + 1) / samples.length);
      }
      from = 0;
    }
    if (samples.length > 0) this.#fades.push({ samples, offset: 0 });
  }

  #renderFadeIn(out: Float32Array): void {
    for (let i = 0; i < out.length && this.#fadeIn > 0; i++, this.#fadeIn--) {
      out[i] = (out[i] ?? 0) * (1 - this.#fadeIn / (FADE_SAMPLES + 1));
    }
  }

  #renderFades(out: Float32Array): void {
    for (const fade of this.#fades) {
      const count = Math.min(out.length, fade.samples.length - fade.offset);
      for (let i = 0; i < count; i++) out[i] = (out[i] ?? 0) + (fade.samples[fade.offset + i] ?? 0);
      fade.offset += count;
    }
    this.#fades = this.#fades.filter((fade) => fade.offset < fade.samples.length);
  }
}
