/** The call in numbers: audio sent and heard, and how long the last answer took to be heard. */
import type { Call } from "../index.ts";
import { element, peakOf } from "./elements.ts";
import { EndOfSpeech } from "./end-of-speech.ts";

export class Figures {
  readonly #latency = element("latency", HTMLElement);
  readonly #sent = element("sent", HTMLElement);
  readonly #heard = element("heard", HTMLElement);
  readonly #firstAudio: () => void;
  readonly #speech = new EndOfSpeech();
  /** When the user's turn ended, until the answer was first heard. */
  #turnEndedAt: number | null = null;
  /** The answer to that turn: a duplex voice speaks all the time and answers nothing. */
  #answer: string | null = null;
  /** Milliseconds heard of the items that are over, and of those that sound now. */
  #heardMs = 0;
  readonly #sounding = new Map<string, number>();

  constructor(firstAudio: () => void) {
    this.#firstAudio = firstAudio;
  }

  follow(call: Call): void {
    this.#turnEndedAt = null;
    this.#heardMs = 0;
    this.#sounding.clear();
    this.#speech.clear();
    this.#latency.textContent = "–";
    this.#sent.textContent = seconds(0);
    this.#showHeard();
    call.on("speech", ({ state, audioMs }) => {
      if (state === "stopped") this.turnEnded(this.#speech.before(audioMs, performance.now()));
      else this.#turnEndedAt = null;
    });
    call.on("response", ({ response, status }) => {
      if (status === "in_progress") this.#answer ??= response.id;
    });
    call.on("frame", ({ direction, pcm }) => {
      if (direction !== "out") return;
      this.#sent.textContent = seconds(call.sentAudioMs);
      this.#speech.frame(call.sentAudioMs, peakOf(pcm), performance.now());
    });
    call.on("playback", ({ itemId, responseId, playedMs, finished }) => {
      if (responseId === this.#answer && playedMs > 0) this.#answered(performance.now() - playedMs);
      this.#sounding.set(itemId, playedMs);
      if (finished) {
        this.#heardMs += playedMs;
        this.#sounding.delete(itemId);
      }
      this.#showHeard();
    });
  }

  /** The user stopped speaking, or sent a typed turn. */
  turnEnded(at = performance.now()): void {
    this.#turnEndedAt = at;
    this.#answer = null;
  }

  /** The answer's first sample left the loudspeaker at `at`. */
  #answered(at: number): void {
    if (this.#turnEndedAt === null) return;
    this.#latency.textContent = `${Math.max(0, Math.round(at - this.#turnEndedAt))} ms`;
    this.#turnEndedAt = null;
    this.#firstAudio();
  }

  #showHeard(): void {
    let ms = this.#heardMs;
    for (const soundingMs of this.#sounding.values()) ms += soundingMs;
    this.#heard.textContent = seconds(ms);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
