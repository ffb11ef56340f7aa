/** The call in numbers: audio sent and heard, and how long the last answer took to begin. */
import type { Call } from "../index.ts";
import { element } from "./elements.ts";

export class Figures {
  readonly #latency = element("latency", HTMLElement);
  readonly #sent = element("sent", HTMLElement);
  readonly #heard = element("heard", HTMLElement);
  readonly #firstAudio: () => void;
  /** When the user's turn ended, until the answer's first audio came. */
  #turnEndedAt: number | null = null;
  /** The answer to that turn, as its audio is tagged: a duplex voice speaks all the time and answers nothing. */
  #answer: { readonly stream: number; readonly ordinal: number } | null = null;
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
    this.#latency.textContent = "–";
    this.#sent.textContent = seconds(0);
    this.#showHeard();
    call.on("speech", ({ state }) => {
      if (state === "stopped") this.turnEnded();
      else this.#turnEndedAt = null;
    });
    call.on("response", ({ response, status }) => {
      if (status === "in_progress") this.#answer ??= response;
    });
    call.on("frame", ({ direction, header }) => {
      if (direction === "out") this.#sent.textContent = seconds(call.sentAudioMs);
      else if (header.stream === this.#answer?.stream && header.response === this.#answer.ordinal)
        this.#answered();
    });
    call.on("playback", ({ itemId, playedMs, finished }) => {
      this.#sounding.set(itemId, playedMs);
      if (finished) {
        this.#heardMs += playedMs;
        this.#sounding.delete(itemId);
      }
      this.#showHeard();
    });
  }

  /** A typed turn was sent. */
  turnEnded(): void {
    this.#turnEndedAt = performance.now();
    this.#answer = null;
  }

  #answered(): void {
    if (this.#turnEndedAt === null) return;
    this.#latency.textContent = `${Math.round(performance.now() - this.#turnEndedAt)} ms`;
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
