/**
 * The model's voice, one track for as long as the session lasts, with silence where it says nothing: what can be heard of it are
 * answers, each from its first sound or word to a pause. The track's length is the session's time.
 */
import { durationMs, type ProviderFormat } from "../../audio/format.ts";
import { isInaudible, peak } from "../../audio/level.ts";
import { addCall, messageOf } from "./unnamed-answer.ts";
import { Answers, type AnswersState } from "./unnamed-answers.ts";
import type { UpstreamEvent } from "../upstream.ts";

/** A pause of this length ends an answer. */
const ENDS_MS = 800;
/** A pause of this length ends what was being said when it was given up. */
const GIVEN_UP_MS = 300;
/** −48 dBFS: a track begins with some noise. */
const REST = 128;

export type VoiceTrackState = {
  readonly positionMs: number;
  readonly quietMs: number;
  readonly muted: boolean;
  readonly pieces: number;
  /** Absent: it was kept before there was such a thing. */
  readonly worded?: boolean;
  readonly named: readonly [key: string, id: string] | null;
  readonly answers: AnswersState;
};

export class VoiceTrack {
  readonly #answers = new Answers();
  /** How much of the track came. */
  #positionMs = 0;
  /** How long it has been at rest. */
  #quietMs = 0;
  /** What is being said belongs to an answer that was given up. */
  #muted = false;
  /** Pieces of answers that came: another number whenever one does. */
  #pieces = 0;
  /** The session's name of an answer that nobody asked for. */
  #named: readonly [key: string, id: string] | null = null;
  /** The answer that is being said has words. */
  #worded = false;
  /** Magnitude, of 32768, up to which the track is at rest. */
  readonly #rest: number;
  /** Answers are written: words are text, and nothing is heard. */
  textOnly = false;

  constructor(rest = REST) {
    this.#rest = rest;
  }

  get positionMs(): number {
    return this.#positionMs;
  }

  get speaking(): boolean {
    return this.#answers.begun;
  }

  /** The next words are the first of an answer. */
  get wordless(): boolean {
    return !(this.#answers.begun && this.#worded);
  }

  /** An answer was asked for and has not begun. */
  get awaited(): boolean {
    return this.#answers.running && !this.#answers.begun;
  }

  get held(): number {
    return this.#answers.begun ? this.#pieces : 0;
  }

  /** What is being said and nobody asked for ends there: the rest of it is the answer, which else might never come. */
  ask(responseId: string, out: UpstreamEvent[]): void {
    if (this.#answers.unasked) this.#over(out);
    this.#answers.ask(responseId, out);
  }

  named(key: string, id: string): void {
    this.#named = [key, id];
  }

  /** @returns whether it was being said. */
  cancel(responseId: string, out: UpstreamEvent[]): boolean {
    const begun = this.#answers.begun;
    const [key, id] = this.#named ?? [];
    this.#answers.cancel(key !== undefined && id === responseId ? key : responseId, out);
    const given = this.#answers.abandoned;
    // No end of it is told: the pause after it is its end.
    this.#answers.moveOn();
    if (given && begun) this.#muted = true;
    if (given) this.#answers.next();
    return given && begun;
  }

  /** The next of it: whole samples, in a view that is valid until the next call. */
  track(bytes: Uint8Array, format: ProviderFormat, out: UpstreamEvent[]): void {
    const ms = durationMs(format, bytes.length);
    const rests = isAtRest(format, bytes, this.#rest);
    this.#positionMs += ms;
    this.#quietMs = rests ? this.#quietMs + ms : 0;
    if (this.#muted) {
      this.#muted = this.#quietMs < GIVEN_UP_MS;
      return;
    }
    if (rests && !this.#answers.begun) return;
    const answer = this.#content(out);
    if (answer === null) return;
    this.#pieces += 1;
    const item = messageOf(answer, out);
    if (!this.textOnly) out.push({ type: "audio", response: answer.key, item, bytes });
    if (this.#quietMs >= ENDS_MS) this.#over(out);
  }

  words(delta: string, out: UpstreamEvent[]): void {
    const answer = delta === "" || this.#muted ? null : this.#content(out);
    if (answer === null) return;
    this.#pieces += 1;
    this.#quietMs = 0;
    this.#worded = true;
    const item = messageOf(answer, out);
    out.push({ type: this.textOnly ? "text" : "transcript", response: answer.key, item, delta });
  }

  /** A call ends the answer; what is said meanwhile is another. */
  call(name: string, callId: string, args: string, out: UpstreamEvent[]): void {
    const answer = this.#content(out);
    if (answer === null) return;
    addCall(answer, name, callId, args, out);
    this.#over(out);
  }

  /** Nothing more comes of what is being said. */
  settle(out: UpstreamEvent[]): void {
    this.#muted = false;
    if (this.#answers.begun) this.#over(out);
  }

  /** The answer that was asked for last does not come. */
  refused(error: Parameters<Answers["failed"]>[0], out: UpstreamEvent[]): void {
    if (this.#answers.begun) return;
    out.push(...this.#answers.failed(error));
    this.#answers.next();
  }

  #content(out: UpstreamEvent[]): ReturnType<Answers["content"]> {
    if (!this.#answers.begun) this.#worded = false;
    return this.#answers.content(true, out);
  }

  #over(out: UpstreamEvent[]): void {
    out.push(...this.#answers.turnComplete());
    this.#answers.next();
  }

  snapshot(): VoiceTrackState {
    return {
      positionMs: this.#positionMs,
      quietMs: this.#quietMs,
      muted: this.#muted,
      pieces: this.#pieces,
      worded: this.#worded,
      named: this.#named,
      answers: this.#answers.snapshot(),
    };
  }

  restore(state: VoiceTrackState): void {
    this.#positionMs = state.positionMs;
    this.#quietMs = state.quietMs;
    this.#muted = state.muted;
    this.#pieces = state.pieces;
    this.#worded = state.worded ?? true;
    this.#named = state.named;
    this.#answers.restore(state.answers);
  }
}

function isAtRest(format: ProviderFormat, bytes: Uint8Array, rest: number): boolean {
  if (format.type !== "audio/pcm") return isInaudible(format, bytes);
  return peak(new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)) <= rest;
}
