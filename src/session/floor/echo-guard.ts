/**
 * Is what the microphone hears what the loudspeaker says? Loudness in ten bands of both is kept on one time axis; an
 * echo follows what was played, later and quieter. A voice on top shows in bands in which the echo is weak just then,
 * though the echo as a whole may be as loud.
 */
import { Envelope, ENVELOPE_FRAME_MS, type EnvelopeSnapshot } from "../../audio/envelope.ts";
import { EchoSearch } from "../../audio/echo-search.ts";
import type { BandsKernel } from "../../audio/kernels.ts";
import { CaptureClock, type CaptureClockSnapshot } from "./capture-clock.ts";
import { EchoExcess, MEMORY, type EchoExcessSnapshot } from "./echo-excess.ts";
import { EchoLags, type EchoLagsSnapshot } from "./echo-lags.ts";
import { EchoPath, type EchoPathSnapshot } from "./echo-path.ts";
import { shapeOf, type Shape } from "./shape.ts";

/** To find an echo: a third of a second, at any lag a player may have. */
const SEARCH = { windowFrames: 20, fromLag: -4, toLag: 50 };
/** How often it is looked for, in frames. */
const LOOK_EVERY = 4;
/** Of a longer sound the last 3.2 s are its shape. */
const MOST_SHAPE_FRAMES = 200;
/** A voice is there when the mean excess of the last few frames reaches this. */
const NEAR_DB = 0.8;
const NEAR_FRAMES = 3;
/** The echo explains a sound when the mean excess over all of it is below this, */
const FAR_DB = 0.5;
const LEAST_FRAMES = 7;
/** Of the last so many frames an echo must be due in some: silence explains nothing. */
const DUE_FRAMES = 14;
const LEAST_SOUNDING = 4;
/** A player's buffer, as long as nothing is known of it. */
const USUAL_BUFFER_MS = 100;
const USUAL_CALLER_DB = -26;
/** A search whose best lag is less alike than this, or has bands whose gains differ by more, found no echo. */
const ALIKE = { correlation: 0.75, spreadDb: 9 };
/** What is so much alike, and at the same lag as before, may be one. */
const SUSPECT = { correlation: 0.78, spreadDb: 5, slack: 2 };
export class EchoGuard {
  readonly #kernel: BandsKernel | null;
  readonly #heard: Envelope;
  readonly #played: Envelope[] = [];
  readonly #search = new EchoSearch(SEARCH);
  readonly #path = new EchoPath();
  /** The caller's usual level, in dBFS. */
  callerDb = USUAL_CALLER_DB;
  readonly #clock = new CaptureClock();
  /** Frames before this one were looked at. */
  #end = -1;
  readonly #lags = new EchoLags();
  /** The last look for an echo: until which frame, its best lag, and whether that was alike, or even an echo's. */
  readonly #looked = { frame: -1, lag: -1, alike: false, suspects: false };
  /** Of the sound that is judged: frames, and the sum of their excess. */
  readonly #marked = { frames: 0, excess: 0 };
  readonly #excess: EchoExcess;

  constructor(kernel: BandsKernel | null) {
    this.#kernel = kernel;
    this.#heard = new Envelope(kernel);
    this.#excess = new EchoExcess(this.#heard, this.#played, this.#path);
  }

  /**
   * The caller's audio as it arrives: its first sample's position in the caller's stream, and when its last one was there
   * to be sent, which is before its message came by what else the message holds.
   */
  heard(samples: Int16Array, rateHz: number, fromMs: number, saidAt: number, now: number): void {
    const lengthMs = (samples.length * 1000) / rateHz;
    const base = this.#clock.came(fromMs, lengthMs, saidAt, now);
    this.#heard.add(samples, rateHz, base + fromMs);
  }

  /** Audio on its way to the listener, and when it will sound: after all that was sent before, or what was is thrown away. */
  played(stream: number, samples: Int16Array, rateHz: number, atMs: number, now: number): void {
    const envelope = this.#envelope(stream);
    if (Math.floor(atMs / ENVELOPE_FRAME_MS) < envelope.newestFrame - 1) envelope.forgetFrom(atMs);
    envelope.add(samples, rateHz, atMs, now);
  }

  #envelope(stream: number): Envelope {
    const known = this.#played[stream];
    if (known) return known;
    const envelope = new Envelope(this.#kernel);
    this.#played[stream] = envelope;
    return envelope;
  }

  /** The player stands still: what was to sound from now on does not. */
  paused(atMs: number): void {
    for (const envelope of this.#played) envelope?.hold(atMs);
  }

  /** The player stood still: what had not sounded yet sounds later. */
  delayed(fromMs: number, byMs: number): void {
    for (const envelope of this.#played) envelope?.delay(fromMs, byMs, this.#bufferedMs);
  }

  /** Of the lag, what is due to the player's buffer is not known: at most all of it. */
  get #bufferedMs(): number {
    return this.#path.known ? this.#path.lag * ENVELOPE_FRAME_MS : USUAL_BUFFER_MS;
  }

  /** What sounds from now on sounds so much softer than it was sent, */
  ducked(atMs: number, db: number): void {
    for (const envelope of this.#played) envelope?.duck(atMs, db);
  }

  /** until now: of what the player had in its buffer it may have been the level already. */
  loud(atMs: number): void {
    for (const envelope of this.#played) envelope?.loud(atMs - this.#bufferedMs);
  }

  /** The detector has heard the caller's stream up to here: looks at the frames that are whole by now. */
  advance(toMs: number): void {
    const { base } = this.#clock;
    if (base === null) return;
    const end = Math.floor((base + toMs) / ENVELOPE_FRAME_MS);
    for (let frame = Math.max(this.#end, end - MEMORY); frame < end; frame += 1) {
      this.#lags.hear(frame, this.#heard.levelDb(frame), this.#playedDb(frame));
      this.#excess.listen(frame);
      this.#marked.excess += this.#excess.measure(frame, this.callerDb);
      this.#marked.frames += 1;
      if (frame % LOOK_EVERY === 0 && this.#look(frame + 1)) this.#measureAgain(frame);
    }
    this.#end = Math.max(this.#end, end);
  }

  /** What is known now was so before: the past is seen in its light. */
  #measureAgain(last: number): void {
    this.#excess.anew();
    this.#marked.frames = Math.min(this.#marked.frames, MEMORY);
    this.#marked.excess = 0;
    for (let frame = Math.max(0, last - MEMORY + 1); frame <= last; frame += 1) {
      const excess = this.#excess.measure(frame, this.callerDb);
      if (frame > last - this.#marked.frames) this.#marked.excess += excess;
    }
  }

  /** The frame that the detector heard last. */
  get frame(): number {
    return this.#end - 1;
  }

  /** What was heard from a frame on. */
  shapeFrom(frame: number): Shape {
    return shapeOf(this.#heard, Math.max(0, frame, this.#end - MOST_SHAPE_FRAMES), this.#end - 1);
  }

  /** The echo path of this call was found. */
  get known(): boolean {
    return this.#path.known;
  }

  #playedDb(frame: number): number {
    let level = -75;
    for (const played of this.#played) if (played) level = Math.max(level, played.levelDb(frame));
    return level;
  }

  /** What is heard now may be an echo: one is known, or nothing speaks against one yet. */
  get possible(): boolean {
    return this.known || this.#lags.possible;
  }

  /** It is known whether the microphone hears the loudspeaker. */
  get settled(): boolean {
    return this.known || this.#lags.none;
  }

  /** No echo is known, but the last look found what may be one. */
  get suspected(): boolean {
    return !this.known && this.#looked.suspects;
  }

  /** Since that frame it was looked for an echo, and what was heard was like nothing that was played. */
  unlikeSince(frame: number): boolean {
    return this.#looked.frame >= frame && !this.#looked.alike;
  }

  /** An echo is due about now. */
  get due(): boolean {
    const sounding = this.#excess.dueBefore(this.#end, DUE_FRAMES);
    return this.known && sounding >= LEAST_SOUNDING;
  }

  /** The echo path is known, and just now nothing is louder than echo and room make it. */
  get covers(): boolean {
    return this.known && this.#excess.before(this.#end, NEAR_FRAMES) < NEAR_DB;
  }

  /** Since the last `mark`, for a tenth of a second or longer, nothing was heard but an echo. */
  get explains(): boolean {
    if (this.#marked.frames < LEAST_FRAMES || !this.covers || !this.due) return false;
    return this.#marked.excess / this.#marked.frames < FAR_DB;
  }

  /** What seemed to be a voice was an echo after all. */
  louder(): void {
    this.#path.louder();
  }

  /** A sound is judged from now on: what was before it says nothing of it. */
  mark(): void {
    this.#marked.frames = 0;
    this.#marked.excess = 0;
  }

  /** Looks for the echo path of this call, and follows it. @returns true when it is another one now. */
  #look(end: number): boolean {
    let another = false;
    const { lag } = this.#looked;
    Object.assign(this.#looked, { frame: end, lag: -1, alike: false, suspects: false });
    for (const played of this.#played) {
      const match = played ? this.#search.find(this.#heard, played, end) : null;
      if (!match) continue;
      if (this.#path.take(match)) another = true;
      if (match.correlation < ALIKE.correlation || match.spreadDb > ALIKE.spreadDb) continue;
      this.#looked.alike = true;
      this.#looked.lag = match.lag;
      if (match.correlation < SUSPECT.correlation || match.spreadDb > SUSPECT.spreadDb) continue;
      if (Math.abs(match.lag - lag) <= SUSPECT.slack) this.#looked.suspects = true;
    }
    return another;
  }

  /** Level of the microphone just now, in dBFS: the loudest of the last three frames. */
  get levelDb(): number {
    let level = -75;
    for (let back = 1; back <= 3; back += 1) level = Math.max(level, this.#heard.levelDb(this.#end - back));
    return level;
  }

  snapshot(): EchoGuardSnapshot {
    return {
      heard: this.#heard.snapshot(),
      played: Array.from(this.#played, (envelope) => envelope?.snapshot() ?? null),
      ...this.#clock.snapshot(),
      callerDb: this.callerDb,
      path: this.#path.snapshot(),
      end: this.#end,
      marked: { ...this.#marked },
      ...this.#excess.snapshot(),
      lags: this.#lags.snapshot(),
      looked: { ...this.#looked },
    };
  }

  restore(snapshot: EchoGuardSnapshot): void {
    this.#heard.restore(snapshot.heard);
    for (const [stream, kept] of snapshot.played.entries()) if (kept) this.#envelope(stream).restore(kept);
    this.#clock.restore(snapshot);
    this.callerDb = snapshot.callerDb;
    this.#path.restore(snapshot.path);
    this.#end = snapshot.end;
    Object.assign(this.#marked, snapshot.marked);
    this.#excess.restore(snapshot);
    if (snapshot.lags) this.#lags.restore(snapshot.lags);
    if (snapshot.looked) Object.assign(this.#looked, snapshot.looked);
  }
}

export interface EchoGuardSnapshot extends CaptureClockSnapshot, EchoExcessSnapshot {
  readonly heard: EnvelopeSnapshot;
  readonly played: readonly (EnvelopeSnapshot | null)[];
  readonly callerDb: number;
  readonly path: EchoPathSnapshot;
  readonly end: number;
  readonly marked: { readonly frames: number; readonly excess: number };
  /** Absent where a release before wrote it. */
  readonly lags?: EchoLagsSnapshot;
  readonly looked?: { frame: number; lag: number; alike: boolean; suspects: boolean };
}
