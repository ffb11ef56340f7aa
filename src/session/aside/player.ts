/**
 * Plays one sound of the relay's own, in pieces, at most so far ahead of the listener: what was sent and not heard delays
 * what follows it, and is all that is heard of it when it has to stop.
 */
import { fading } from "../../audio/notes.ts";
import type { Context } from "../context.ts";
import { cancelled, isActive, type OwnSound } from "../state/response.ts";
import type { Sound } from "../state/sounds.ts";
import type { Backpressure, ClientPort, Floor, Link, Playout, Responses } from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface PlayerParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly backpressure: Pick<Backpressure, "congested">;
  readonly floor: Pick<Floor, "way">;
  readonly links: readonly Link[];
  readonly playout: Playout;
  readonly responses: Responses;
}

interface Playing {
  readonly response: string;
  readonly item: string;
  readonly stream: number;
  readonly own: OwnSound;
  readonly sound: Sound;
  readonly leadMs: number;
  at: number;
}

/** What was being played, without its samples: after a restore it is not gone on with. */
export interface PlayerSnapshot {
  readonly response: string;
}

/** Sent at once: little of what has to stop soon, and of the rest as much as of an answer. */
const PIECE_MS = { filler: 10, backchannel: 10, announcement: 60 } as const;
const METRICS = { filler: "fillers", backchannel: "backchannels", announcement: "announcements" } as const;
/** It falls silent within so long. */
const FADE_MS = 10;

export class SoundPlayer {
  readonly #parts: PlayerParts;
  #playing: Playing | null = null;
  /** Was being played when the session was stored. */
  #left: string | null = null;

  constructor(parts: PlayerParts) {
    this.#parts = parts;
  }

  /** What is being played; null: nothing. */
  get own(): OwnSound | null {
    return this.#playing?.own ?? null;
  }

  /** Whose stream the relay's sounds are on: the first that takes turns. A model that speaks when it likes is not to be waited for. */
  get link(): Link | undefined {
    return this.#parts.links.find(({ capabilities }) => capabilities.turns !== "none");
  }

  /** Nothing can be played now: nobody is there, or is to hear anything. */
  get held(): boolean {
    const { backpressure, floor, port } = this.#parts;
    return !port.live || backpressure.congested || floor.way.stands;
  }

  /** @returns names of its response and its item; null: there is no stream for it. */
  begin(
    own: OwnSound,
    sound: Sound,
    leadMs: number,
  ): { readonly response: string; readonly item: string } | null {
    const { link } = this;
    if (link === undefined) return null;
    const record = this.#parts.responses.own.begin(link, own, sound.words ?? null);
    const names = { response: record.id, item: record.items[0]?.id ?? "" };
    this.#playing = { ...names, stream: link.index, own, sound, leadMs, at: 0 };
    this.#parts.context.metric(METRICS[own], 1);
    this.pump();
    return names;
  }

  /** Sends what may be, and names the moment at which more may. */
  pump(): void {
    this.#endLeft();
    const playing = this.#playing;
    if (playing === null) return;
    const { context, playout, responses } = this.#parts;
    const record = responses.get(playing.response);
    // Somebody stopped it: who interrupts stops whatever sounds.
    if (record === undefined || !isActive(record)) return this.#over();
    const { sound, stream, leadMs } = playing;
    const pieceMs = PIECE_MS[playing.own];
    const size = Math.round((pieceMs * sound.rateHz) / 1000);
    const format = { type: "audio/pcm", rate: sound.rateHz } as const;
    const aheadMs = (): number => playout.aheadMs(stream, context.now);
    while (!this.held && playing.at < sound.samples.length && aheadMs() + pieceMs <= leadMs) {
      const piece = sound.samples.slice(playing.at, playing.at + size);
      playing.at += size;
      responses.own.play(record, piece, format);
    }
    if (playing.at >= sound.samples.length) {
      this.#over();
      responses.end(record, { phase: "completed", reason: null, fault: null });
    } else if (this.held) context.deadlines.clear("aside:play");
    else context.deadlines.set("aside:play", context.now + Math.max(1, aheadMs() + pieceMs - leadMs));
  }

  /** It falls silent now. `answered`: what it bridged is over; else it was stopped. */
  stop(reason: "answered" | "turn_detected" | "client_cancelled"): void {
    const playing = this.#playing;
    if (playing === null) return;
    const { responses } = this.#parts;
    const record = responses.get(playing.response);
    this.#over();
    if (record === undefined || !isActive(record)) return;
    const { sound, at } = playing;
    const format = { type: "audio/pcm", rate: sound.rateHz } as const;
    if (at > 0 && !this.held)
      responses.own.play(record, fading(sound.samples, at, sound.rateHz, FADE_MS), format);
    if (reason === "answered") responses.end(record, { phase: "completed", reason: null, fault: null });
    else responses.cancel(record, cancelled(reason));
  }

  #over(): void {
    this.#playing = null;
    this.#parts.context.deadlines.clear("aside:play");
  }

  #endLeft(): void {
    const record = this.#left === null ? undefined : this.#parts.responses.get(this.#left);
    this.#left = null;
    if (record && isActive(record)) this.#parts.responses.cancel(record, cancelled("client_cancelled"));
  }

  snapshot(): PlayerSnapshot | null {
    const response = this.#playing?.response ?? this.#left;
    return response === null ? null : { response };
  }

  restore(snapshot: PlayerSnapshot | null): void {
    this.#playing = null;
    this.#left = snapshot?.response ?? null;
  }
}
