/**
 * What the endpointer goes by just now: the thresholds of speech, which are higher while the microphone may hear an agent, and
 * the silence that ends a turn, which under `semantic_vad` is another one with every piece of evidence.
 */
import type { EndpointerOptions } from "../../audio/endpointer.ts";
import type { DetectorThresholds, SpeechDetector } from "../../audio/vad/detector.ts";
import type { TurnDetection } from "../../protocol/session-config.ts";
import type { Context } from "../context.ts";
import { WAITS, type Eagerness } from "../state/waits.ts";
import type { AudioInput } from "./audio-input.ts";
import type { Configuration, Floor, Listener, TurnEnd } from "./ports.ts";

const SEMANTIC_PREFIX_MS = 300;
/** One hop is enough to start: requiring two added 30 ms and nothing else (shared measurements, docs/vad.md). */
const MIN_SPEECH_MS = 0;
/** Every voice tried has hops above this, even in one short word (flite's four, "Hi.": 0.994). */
const MOST_START = 0.99;
/** Below two hops of the slower detector a silence is none. */
const MIN_HANGOVER_MS = 64;

/** Read when it is asked for: some of these parts are made later. */
interface EndpointingParts {
  readonly context: Context;
  readonly config: Configuration;
  readonly detector: SpeechDetector;
  readonly turnEnd: TurnEnd;
  readonly input: AudioInput;
  readonly turns: { readonly startTicks: number };
  readonly listener: Listener;
  readonly floor: Floor;
}

export class Endpointing {
  readonly #parts: EndpointingParts;
  /** The microphone may hear an agent. */
  #echo = false;

  constructor(parts: EndpointingParts) {
    this.#parts = parts;
  }

  get options(): EndpointerOptions {
    const { config, detector, turnEnd } = this.#parts;
    return endpointerOptions(config.turnDetection, detector.thresholds, this.#echo, (eagerness) =>
      turnEnd.waitMs(eagerness),
    );
  }

  configure(): void {
    this.#parts.input.endpointer.configure(this.options);
  }

  /** Audio of the caller is about to be heard. Only while it may be an agent's does speech take more to begin. */
  hears(): void {
    const echo = this.#hearsAgents(this.#parts.context.now);
    if (echo === this.#echo) return;
    this.#echo = echo;
    this.configure();
  }

  #hearsAgents(now: number): boolean {
    const { listener, floor } = this.#parts;
    return listener.playingUntil() > now && floor.guard.possible;
  }

  /** The present silence may be the end of the turn: what speaks for it and against it moves the wait. */
  candidate(): void {
    const { config, turnEnd, input, turns } = this.#parts;
    if (config.turnDetection?.type !== "semantic_vad") return;
    turnEnd.candidate(input, turns.startTicks);
    this.configure();
  }

  /** The remote end-of-turn model answered. */
  consulted(id: number, probability: number | null): void {
    if (this.#parts.turnEnd.consulted(id, probability)) this.configure();
  }

  /** What a transcriber has of the turn's last words. */
  words(text: string): void {
    const { config, turnEnd } = this.#parts;
    if (config.turnDetection?.type === "semantic_vad" && turnEnd.words(text)) this.configure();
  }

  /** A silence inside the turn ended after so long, as the detector hears it. */
  paused(ms: number): void {
    const { turnEnd, detector } = this.#parts;
    turnEnd.paused(ms + detector.thresholds.tailMs);
    this.configure();
  }

  /** A turn begins. */
  began(): void {
    const { context, turnEnd, input, turns } = this.#parts;
    turnEnd.began(context.now, input, turns.startTicks);
    this.configure();
  }

  /** A turn is over. `detected`: by its silence, not by the client. */
  ended(detected: boolean): void {
    const { context, turnEnd, input, detector } = this.#parts;
    const waitedMs = input.endpointer.options.hangoverMs + detector.thresholds.tailMs;
    turnEnd.ended(context.now, detected ? waitedMs : null);
  }

  /** After a restore of the parts, as of a moment: what is derived from them. */
  restored(now: number): void {
    this.#echo = this.#hearsAgents(now);
  }
}

/**
 * The endpointer's options for a turn detection. OpenAI's `threshold` keeps its meaning (0.5 is the middle, higher
 * wants louder speech) and is mapped onto this detector's own scale; while the microphone may hear an agent the detector's
 * raised threshold is the least.
 */
export function endpointerOptions(
  turn: TurnDetection | null,
  thresholds: DetectorThresholds,
  echo: boolean,
  semanticMs: (eagerness: Eagerness) => number = (eagerness) => WAITS[eagerness].mostMs,
): EndpointerOptions {
  const wanted = turn?.type === "server_vad" ? turn.threshold : 0.5;
  // At the ends of its range a threshold still means something: silence is none, and clear speech is speech.
  const start = Math.min(MOST_START, Math.max(thresholds.least, rescale(wanted, thresholds.start)));
  const raised = echo ? Math.max(start, thresholds.startWhileSpeaking) : start;
  return {
    start: raised,
    stop: Math.max(thresholds.least / 2, start - (thresholds.start - thresholds.stop)),
    prefixPaddingMs: turn?.type === "server_vad" ? turn.prefix_padding_ms : SEMANTIC_PREFIX_MS,
    minSpeechMs: MIN_SPEECH_MS,
    hangoverMs: asDetected(
      turn?.type === "server_vad"
        ? turn.silence_duration_ms
        : semanticMs(turn?.type === "semantic_vad" ? turn.eagerness : "auto"),
      thresholds,
    ),
  };
}

/** A silence of `ms` as the detector sees it, which hears speech a little longer than it lasts. */
export function asDetected(ms: number, thresholds: DetectorThresholds): number {
  return Math.max(MIN_HANGOVER_MS, ms - thresholds.tailMs);
}

/** 0 → 0, 0.5 → `middle`, 1 → 1, linear between. */
function rescale(value: number, middle: number): number {
  return value <= 0.5 ? value * 2 * middle : middle + (value - 0.5) * 2 * (1 - middle);
}
