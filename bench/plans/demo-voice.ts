/** A demo voice in virtual time: each of its answers begins after a delay that is drawn, and every sample says whose it is. */
import { Outbox, type Wire } from "../../demo/faults.ts";
import { readKnobs } from "../../demo/knobs.ts";
import { DemoSession } from "../../demo/session.ts";
import { Stats } from "../../demo/stats.ts";
import type { Speech } from "../../demo/voice.ts";
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import type { VirtualClock } from "../cost/virtual-clock.ts";

/** A letter is spoken in this many milliseconds. */
export const LETTER_MS = 40;
/** Samples of a voice: its number and one of these, so that they are heard and no two are alike at one place. */
const RIPPLE = 97;

/** The sample of a voice at a place of its speech. */
function sampleOf(voice: number, at: number): number {
  return (voice + 1) * 4000 + (at % RIPPLE);
}

/** Whose audio this is; null: of nobody alone. */
export function whose(samples: Int16Array): number | null {
  const voices = new Set(Array.from(samples, (sample) => Math.floor(sample / 4000) - 1));
  const [voice] = voices;
  return voices.size === 1 && voice !== undefined ? voice : null;
}

function speechOf(voice: number): Speech {
  return {
    say: (text, _voice, speed, rateHz) => {
      const length = Math.round((text.length * LETTER_MS * rateHz) / 1000 / speed);
      return Promise.resolve(Int16Array.from({ length }, (_, at) => sampleOf(voice, at)));
    },
  };
}

/** What a model remembers of answers, by what was said on its wire: an account that the relay does not keep. */
export interface Remembered {
  readonly words: string;
  /** Its own, cut at so many milliseconds; null: whole, or told in words. */
  cutMs: number | null;
}

export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

export class DemoVoice {
  readonly number: number;
  /** Answers that it was asked for. */
  asked = 0;
  /** By name, in order. */
  readonly remembers = new Map<string, Remembered>();
  readonly #clock: VirtualClock;
  readonly #delayMs: () => number;
  readonly #reply: (answer: number) => string;
  readonly #pace: number;

  /** @param delayMs of the next answer. @param reply its words. @param pace times real time; 0: as fast as it can. */
  constructor(
    clock: VirtualClock,
    number: number,
    delayMs: () => number,
    reply: (answer: number) => string,
    pace = 4,
  ) {
    this.#pace = pace;
    this.#clock = clock;
    this.number = number;
    this.#delayMs = delayMs;
    this.#reply = reply;
  }

  /** A connection. @param say what it says. @returns what takes what it is told. */
  dialled(say: (message: string) => void): (message: string) => void {
    const clock = this.#clock;
    const delayMs = this.#delayMs;
    const reply = (): string => this.#reply(this.asked);
    const knobs = {
      ...readKnobs(
        new URLSearchParams({ seed: String(this.number + 1), pace: String(this.#pace), piece_ms: "40" }),
        {},
      ),
      get first_audio_ms() {
        return delayMs();
      },
      get reply() {
        return reply();
      },
    };
    const wire: Wire = {
      OPEN: 1,
      readyState: 1,
      bufferedAmount: 0,
      send: (data) => {
        if (typeof data !== "string") return;
        this.#said(parseJsonObject(data) ?? {});
        clock.schedule(() => say(data), 0);
      },
      close: () => {},
      terminate: () => {},
    };
    let drawn = 0;
    const drawId = (prefix: string): string => `${prefix}_${this.number}n${(drawn += 1)}`;
    const session = new DemoSession({
      intent: "realtime",
      model: `voice ${this.number}`,
      knobs,
      outbox: new Outbox(wire, knobs, drawId),
      drawId,
      voice: speechOf(this.number),
      clock: {
        now: () => clock.now(),
        wall: () => clock.now(),
        after: (ms, act) => clock.schedule(act, ms),
        soon: (act) => clock.schedule(act, 0),
      },
      stats: new Stats(),
    });
    session.start();
    return (message) => {
      this.#told(parseJsonObject(message) ?? {});
      clock.schedule(() => session.receive(message), 0);
    };
  }

  #said(event: JsonObject): void {
    if (event["type"] === "conversation.item.deleted") this.remembers.delete(textOf(event["item_id"]));
    else if (event["type"] === "conversation.item.added" || event["type"] === "conversation.item.done")
      this.#remember(event["item"]);
  }

  #told(event: JsonObject): void {
    if (event["type"] === "response.create") this.asked += 1;
    if (event["type"] !== "conversation.item.truncate") return;
    const own = this.remembers.get(textOf(event["item_id"]));
    if (own !== undefined) own.cutMs = Number(event["audio_end_ms"]);
  }

  #remember(item: Json | undefined): void {
    if (item === undefined || !isJsonObject(item)) return;
    const { id, role, content } = item;
    if (role !== "assistant" || !Array.isArray(content)) return;
    const words = content.map((part: Json) =>
      isJsonObject(part) ? textOf(part["text"]) + textOf(part["transcript"]) : "",
    );
    const cutMs = this.remembers.get(textOf(id))?.cutMs ?? null;
    this.remembers.set(textOf(id), { words: words.join(""), cutMs });
  }
}
