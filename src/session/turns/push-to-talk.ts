/**
 * Who says itself what a turn is says by what it sends when it talks. A client with a button sends while that is pressed: then
 * nobody else begins. One that sends all the time says nothing by it: it went on where others had let go, or has sent for longer
 * than anybody holds a button; of such a one it is listened for a voice.
 */
import { createDecoder, type AudioDecoder } from "../../audio/codec.ts";
import { formatKey, sampleRateHz, type AudioFormat } from "../../audio/format.ts";
import { rmsDbfs } from "../../audio/level.ts";
import type { Context } from "../context.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { AudioInput } from "./audio-input.ts";
import type { TurnTaking } from "./turn-taking.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface TalkParts {
  readonly context: Context;
  readonly input: Pick<AudioInput, "format" | "ticks">;
  readonly turns: Pick<TurnTaking, "decides" | "openItem" | "startTicks" | "still" | "unmade">;
  /** Upstreams that answer. */
  readonly speakers: readonly { readonly capabilities: { readonly turns: string } }[];
}

/** What was on its way when the button was let go. */
const TAIL_MS = 100;
/** The answer to a turn is asked for within so long of its commit, where it is. */
const ASKS_MS = 300;
/** Audio that is so late is no more to come. */
const STOPPED_MS = 1500;
/** Of the first so many milliseconds after a commit so many were sent: nothing was let go. */
const GOES_ON_MS = 500;
const GOES_ON_LEAST_MS = 400;
/** A voice has gaps. */
const QUIET_MS = 700;
/** A voice is so much louder than the room, which is at most so loud to begin with, and found to be louder so fast. */
const VOICE_DB = 10;
const ROOM_DBFS = -50;
const QUIETEST_DBFS = -65;
const ROOM_RISES_DB_PER_S = 3;

export class PushToTalk {
  readonly #parts: TalkParts;
  #decoder: AudioDecoder | null = null;
  #format = "";
  /** When audio came last, for how much of time, and since when it has come without a gap. */
  #at = Number.NEGATIVE_INFINITY;
  #messageMs = 0;
  #since = Number.NEGATIVE_INFINITY;
  #committedAt = Number.NEGATIVE_INFINITY;
  #streams = false;
  #roomDbfs = ROOM_DBFS;
  #loudAt = Number.NEGATIVE_INFINITY;

  constructor(parts: TalkParts) {
    this.#parts = parts;
  }

  /** Of what no turn was made of. */
  get #sentMs(): number {
    const { input, turns } = this.#parts;
    return (input.ticks - turns.startTicks) / TICKS_PER_MS;
  }

  /** Audio came, of a message that has so many milliseconds. */
  took(bytes: Uint8Array, messageMs: number): void {
    const { context, input, turns } = this.#parts;
    if (turns.decides) return;
    const { now, deadlines, limits } = context;
    if (now - this.#at > this.#messageMs + STOPPED_MS) {
      this.#since = now;
      this.#streams = false;
    }
    this.#at = now;
    this.#messageMs = messageMs;
    const early = now - this.#committedAt <= GOES_ON_MS && this.#sentMs >= GOES_ON_LEAST_MS;
    if (early || now - this.#since >= limits.heldMs) this.#streams = true;
    this.#listen(bytes, input.format);
    // Who waits for its end looks again.
    deadlines.set("talk", now + messageMs + STOPPED_MS + 1);
  }

  #listen(bytes: Uint8Array, format: AudioFormat): void {
    if (this.#format !== formatKey(format)) {
      this.#format = formatKey(format);
      this.#decoder = createDecoder(format);
    }
    const samples = this.#decoder?.decode(bytes) ?? new Int16Array();
    const dbfs = rmsDbfs(samples);
    const raised = this.#roomDbfs + (ROOM_RISES_DB_PER_S * samples.length) / sampleRateHz(format);
    this.#roomDbfs = Math.max(QUIETEST_DBFS, Math.min(dbfs, raised));
    if (dbfs > this.#roomDbfs + VOICE_DB) this.#loudAt = this.#parts.context.now;
  }

  /** All that was sent is a turn. */
  committed(): void {
    const { context, turns } = this.#parts;
    if (turns.decides) return;
    this.#committedAt = context.now;
    context.deadlines.set("talk", context.now + ASKS_MS + 1);
  }

  /** Its caller may be speaking, or has just asked for something. */
  get talks(): boolean {
    const { context, speakers, turns } = this.#parts;
    if (turns.decides || speakers.every(({ capabilities }) => capabilities.turns !== "client")) return false;
    const { now } = context;
    if (now - this.#committedAt <= ASKS_MS) return true;
    if (now - this.#at > this.#messageMs + STOPPED_MS) return false;
    return this.#streams ? now - this.#loudAt <= QUIET_MS : this.#sentMs > TAIL_MS;
  }

  /** Nobody is speaking, as far as anything but what such a client sends says so. */
  get hushed(): boolean {
    const { turns } = this.#parts;
    return turns.still || (!turns.decides && turns.unmade !== "heard" && turns.openItem === null);
  }

  /** Only where audio came. */
  snapshot(): { readonly talk?: PushToTalkSnapshot } {
    if (this.#at === Number.NEGATIVE_INFINITY) return {};
    const talk = {
      at: this.#at,
      messageMs: this.#messageMs,
      since: this.#since,
      committedAt: this.#committedAt,
      streams: this.#streams,
      roomDbfs: this.#roomDbfs,
      loudAt: this.#loudAt,
    };
    return { talk };
  }

  restore(kept: PushToTalkSnapshot | undefined): void {
    if (kept === undefined) return;
    this.#at = kept.at;
    this.#messageMs = kept.messageMs;
    this.#since = kept.since;
    this.#committedAt = kept.committedAt;
    this.#streams = kept.streams;
    this.#roomDbfs = kept.roomDbfs;
    this.#loudAt = kept.loudAt;
  }
}

export interface PushToTalkSnapshot {
  readonly at: number;
  readonly messageMs: number;
  readonly since: number;
  readonly committedAt: number;
  readonly streams: boolean;
  readonly roomDbfs: number;
  readonly loudAt: number;
}
