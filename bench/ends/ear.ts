/**
 * A scripted transcriber that streams: each word comes so long after it was said. One that knows signs puts a full stop after most
 * sentences and after some pauses: how often real ones do was not measured, no provider can be called here.
 */
import { seededRandom } from "../../demo/ids.ts";
import type { Caller } from "../turns/caller.ts";
import type { Ear } from "../turns/core.ts";
import { FRAME } from "../turns/player.ts";
import { PER_MS } from "../turns/sounds.ts";
import type { HumanCall, Word } from "./callers.ts";

export const LATE_MS = 300;
/** Full stops after sentences that are over, and after pauses in them. */
export const STOPS = { end: 0.9, pause: 0.1 } as const;

/** A call, and when each word of its turns has been said. */
type Heard = Pick<HumanCall, "script" | "words">;

export class ScriptedEar implements Ear {
  readonly #call: Heard;
  readonly #signs: boolean;
  readonly #random: () => number;
  /** Turn and word that come next, and the segment that they are of. */
  #turn = 0;
  #word = 0;
  #segment = 0;
  #named = "";
  #configured = 0;

  constructor(call: Heard, signs: boolean) {
    this.#call = call;
    this.#signs = signs;
    this.#random = seededRandom(call.script.seed ^ 0xea5);
  }

  receive(text: string): void {
    if (text.includes('"session.update"')) this.#configured += 1;
  }

  tick(caller: Caller): readonly string[] {
    const said: string[] = [];
    for (; this.#configured > 0; this.#configured -= 1)
      said.push(JSON.stringify({ type: "session.updated", session: { type: "transcription" } }));
    for (;;) {
      const begun = caller.cues[this.#turn];
      const word = this.#call.words[this.#turn]?.[this.#word];
      if (begun === undefined) return said;
      if (word === undefined) {
        this.#turn += 1;
        this.#word = 0;
      } else if (caller.ticks * FRAME < begun.at + word.at + LATE_MS * PER_MS) return said;
      else said.push(...this.#say(word));
    }
  }

  #say({ text, last }: Word): string[] {
    const item_id = `segment_${this.#segment}`;
    const type = "conversation.item.input_audio_transcription.delta";
    const sign = this.#signs && last !== null && this.#random() < STOPS[last] ? "." : "";
    const events = [{ type, item_id, content_index: 0, delta: ` ${text}${sign}` }];
    this.#word += 1;
    if (last !== null) this.#segment += 1;
    if (this.#named === item_id) return events.map((event) => JSON.stringify(event));
    // A segment is named when it begins: words of one that nobody knows are not told.
    this.#named = item_id;
    return [{ type: "input_audio_buffer.committed", item_id }, ...events].map((event) =>
      JSON.stringify(event),
    );
  }
}
