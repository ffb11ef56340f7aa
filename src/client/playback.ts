/** Which item each track of the player is, and what of it the relay has been told was heard. */
import type { CallEventMap, CallResponse } from "./events.ts";
import type { ClientEvent } from "./connection-hooks.ts";
import type { SpokenPart } from "./responses.ts";
import type { TrackReport } from "./worklets/playout.ts";

export interface PlaybackHooks {
  send(event: ClientEvent): void;
  playback(detail: CallEventMap["playback"]): void;
}

interface Entry {
  readonly response: CallResponse;
  readonly itemId: string;
  readonly contentIndex: number;
  /** Number of the message that its audio began with. */
  readonly sequence: number;
  /** The relay knows nothing of it: it is told nothing. */
  forgotten: boolean;
  /** As last reported by the player, at most 20 ms ago. */
  playedMs: number;
  ackedMs: number;
}

const ACK_EVERY_MS = 200;

export class Playback {
  readonly #hooks: PlaybackHooks;
  #sampleRateHz: number;
  readonly #entries = new Map<string, Entry>();

  constructor(sampleRateHz: number, hooks: PlaybackHooks) {
    this.#sampleRateHz = sampleRateHz;
    this.#hooks = hooks;
  }

  get sampleRateHz(): number {
    return this.#sampleRateHz;
  }

  /** The player begins anew at this rate: what it had is cut where it was. */
  begin(sampleRateHz: number): void {
    for (const [key, { playedMs }] of this.#entries) {
      const heardSamples = (playedMs * this.#sampleRateHz) / 1000;
      this.report({ key, heardSamples, finished: true, flushed: true });
    }
    this.#sampleRateHz = sampleRateHz;
  }

  /** The player's key of an item's audio, which is known from now until its last report. */
  track({ response, itemId, contentIndex }: SpokenPart, sequence: number): string {
    const key = `${response.id}/${itemId}/${contentIndex}`;
    if (!this.#entries.has(key)) {
      const entry = { response, itemId, contentIndex, sequence, forgotten: false, playedMs: 0, ackedMs: 0 };
      this.#entries.set(key, entry);
    }
    return key;
  }

  /** The relay knows nothing of what began with this message or a later one, and of what is played of it. */
  forgotten(from: number): void {
    for (const entry of this.#entries.values()) entry.forgotten ||= entry.sequence >= from;
  }

  /** Keys of what is still to be heard of one response or item, or of everything. */
  keys(match: { readonly responseId?: string; readonly itemId?: string } = {}): string[] {
    const keys: string[] = [];
    for (const [key, entry] of this.#entries) {
      if (match.responseId !== undefined && entry.response.id !== match.responseId) continue;
      if (match.itemId !== undefined && entry.itemId !== match.itemId) continue;
      keys.push(key);
    }
    return keys;
  }

  /** Acknowledges what was heard, every 200 ms of it and at the end. */
  report(track: TrackReport): void {
    const entry = this.#entries.get(track.key);
    if (entry === undefined) return;
    const playedMs = (track.heardSamples / this.#sampleRateHz) * 1000;
    // Whole milliseconds as everywhere on this wire: an item heard to its end is rounded up, the relay clamps.
    entry.playedMs = track.finished && !track.flushed ? Math.ceil(playedMs) : Math.floor(playedMs);
    if (track.finished) this.#entries.delete(track.key);
    if (track.finished || entry.playedMs - entry.ackedMs >= ACK_EVERY_MS) this.#acknowledge(entry);
    this.#hooks.playback({
      itemId: entry.itemId,
      responseId: entry.response.id,
      playedMs,
      finished: track.finished,
      cut: track.flushed,
    });
  }

  /**
   * Says where everything is, also where that is nothing new: before it is cut, or while nothing sounds, the relay would take
   * it to have gone on by the clock.
   */
  settle(): void {
    for (const entry of this.#entries.values()) this.#tell(entry);
  }

  #acknowledge(entry: Entry): void {
    if (entry.playedMs > entry.ackedMs) this.#tell(entry);
  }

  #tell(entry: Entry): void {
    if (entry.forgotten) return;
    entry.ackedMs = entry.playedMs;
    this.#hooks.send({
      type: "playback.ack",
      item_id: entry.itemId,
      content_index: entry.contentIndex,
      played_ms: entry.playedMs,
    });
  }
}
