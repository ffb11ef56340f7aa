/** Which item each track of the player is, and what of it the relay has been told was heard. */
import type { CallEventMap, CallResponse } from "./events.ts";
import type { JsonObject } from "./json.ts";
import type { TrackReport } from "./worklets/playout.ts";

export interface PlaybackHooks {
  send(event: JsonObject & { readonly type: string }): void;
  playback(detail: CallEventMap["playback"]): void;
}

interface Entry {
  readonly response: CallResponse;
  readonly itemId: string;
  readonly contentIndex: number;
  ackedMs: number;
  /** The relay will send no more of it: only the listener's side can still cut it short. */
  delivered: boolean;
}

const ACK_EVERY_MS = 200;

export class Playback {
  readonly #hooks: PlaybackHooks;
  readonly #sampleRateHz: number;
  readonly #entries = new Map<string, Entry>();

  constructor(sampleRateHz: number, hooks: PlaybackHooks) {
    this.#sampleRateHz = sampleRateHz;
    this.#hooks = hooks;
  }

  /** The player's key of an item's audio, which is known from now until its last report. */
  track(response: CallResponse, itemId: string, contentIndex: number): string {
    const key = `${response.id}/${itemId}/${contentIndex}`;
    if (!this.#entries.has(key)) {
      this.#entries.set(key, { response, itemId, contentIndex, ackedMs: 0, delivered: false });
    }
    return key;
  }

  /** Keys of what is still to be heard of one response or item, or of everything. */
  keys(
    match: { readonly responseId?: string; readonly itemId?: string; readonly delivered?: boolean } = {},
  ): string[] {
    const keys: string[] = [];
    for (const [key, entry] of this.#entries) {
      if (match.responseId !== undefined && entry.response.id !== match.responseId) continue;
      if (match.itemId !== undefined && entry.itemId !== match.itemId) continue;
      if (match.delivered !== undefined && entry.delivered !== match.delivered) continue;
      keys.push(key);
    }
    return keys;
  }

  delivered(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.delivered = true;
  }

  /**
   * Acknowledges what was heard, every 200 ms of it and at the end. Where the rest was thrown away, the item is
   * truncated as well, so that the model remembers what the listener heard and no more.
   */
  report(track: TrackReport): void {
    const entry = this.#entries.get(track.key);
    if (entry === undefined) return;
    const playedMs = (track.heardSamples / this.#sampleRateHz) * 1000;
    if (track.finished) this.#entries.delete(track.key);
    // Whole milliseconds as everywhere on this wire: an item heard to its end is rounded up, the relay clamps.
    const wholeMs = track.finished && !track.flushed ? Math.ceil(playedMs) : Math.floor(playedMs);
    if (wholeMs > entry.ackedMs && (track.finished || wholeMs - entry.ackedMs >= ACK_EVERY_MS)) {
      entry.ackedMs = wholeMs;
      this.#hooks.send({
        type: "playback.ack",
        item_id: entry.itemId,
        content_index: entry.contentIndex,
        played_ms: wholeMs,
      });
    }
    if (track.flushed) {
      this.#hooks.send({
        type: "conversation.item.truncate",
        item_id: entry.itemId,
        content_index: entry.contentIndex,
        audio_end_ms: wholeMs,
      });
    }
    this.#hooks.playback({
      itemId: entry.itemId,
      responseId: entry.response.id,
      playedMs,
      finished: track.finished,
      cut: track.flushed,
    });
  }
}
