/** What a connection that comes in the middle of a call hears of what the caller said before. */
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { AudioInput } from "./audio-input.ts";
import type { Link } from "./ports.ts";

/** A provider that takes the turns hears so much before the speech that it is to make a turn of. */
const BEFORE_SPEECH_MS = 2000;

/** Speech goes on for so long at the most before it is known to be some. */
const UNHEARD_MS = 250;

/** What the caller has said that is no turn yet, by positions. */
export interface Pending {
  /** Nobody speaks: what there is is silence, as far as is known here. */
  readonly listening: boolean;
  /** Where the buffer begins, where the speech began that goes on now, and where the first did; the present: none. */
  readonly startTicks: number;
  readonly onsetTicks: number;
  readonly saidTicks: number;
  /** The same, or where a sound began that was dismissed and may go on: nobody but a transcriber hears it before it does. */
  readonly earTicks: number;
}

export class Rehearing {
  readonly #input: AudioInput;

  constructor(input: AudioInput) {
    this.#input = input;
  }

  /** A connection that comes now hears what no turn was made of, as far back as the history reaches. `isEar`: it is the transcriber. */
  replay(link: Link, at: Pending, isEar: boolean): void {
    const { turns } = link.capabilities;
    if (isEar) {
      // What was said while it was dialled it hears as well.
      if (at.earTicks < link.cursor) this.#input.seek(link, at.earTicks);
    } else if (turns !== "client" && link.parked) this.#input.seek(link, this.#woken(turns, at));
    else if (turns === "server") this.#replayAll(link, at);
    else if (turns === "client" && at.listening) this.#input.attach(link);
    else if (turns === "client") this.#input.seek(link, at.startTicks);
  }

  /** Whoever is dialled for something else than speech hears a beginning that nobody has heard yet as one. */
  #woken(turns: "server" | "none", { onsetTicks, startTicks }: Pending): number {
    if (turns === "none" || onsetTicks < this.#input.ticks) return onsetTicks;
    const soonMs = this.#input.endpointer.options.prefixPaddingMs + UNHEARD_MS;
    return Math.max(startTicks, this.#input.ticks - soonMs * TICKS_PER_MS);
  }

  #replayAll(link: Link, { startTicks, saidTicks }: Pending): void {
    // Of what was said before the last turn was told, only what no turn was made of.
    const before = saidTicks - BEFORE_SPEECH_MS * TICKS_PER_MS;
    this.#input.seek(link, saidTicks < startTicks ? saidTicks : Math.max(startTicks, before));
  }
}
