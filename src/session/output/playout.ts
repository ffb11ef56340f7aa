/**
 * The playout ledger: what was sent to the listener and how much of it was heard. Heard is what the client
 * acknowledged (`playback.ack`) or, where it does not, what a player that starts at once and never stalls would have
 * played by now. Each upstream's stream plays on its own.
 */
interface Piece {
  readonly stream: number;
  sentMs: number;
  /** When its first sample sounds by the clock model. */
  startsAt: number;
  /** Last acknowledged position and when it came; null: none yet. */
  ack: { readonly ms: number; readonly at: number } | null;
  /** Set when playback was cut: nothing after this is heard. */
  endMs: number | null;
}

/** The floor judges a sound, or the listener is not connected. */
type PauseReason = "floor" | "connection";

const KEPT_ITEMS = 64;

export class Playout {
  #pieces = new Map<string, Piece>();
  #audibleUntil: number[] = [];
  #totalMs = 0;
  /** The listener's player stands still since then; null: it plays. */
  #pausedAt: number | null = null;
  readonly #pausedFor = new Set<PauseReason>();

  /** `ms` more of this item went to the listener. */
  sent(itemId: string, stream: number, ms: number, now: number): void {
    const from = Math.max(now, this.#audibleUntil[stream] ?? 0);
    const piece = this.#pieces.get(itemId) ?? this.#begin(itemId, stream, from);
    piece.sentMs += ms;
    this.#totalMs += ms;
    this.#audibleUntil[stream] = from + ms;
  }

  #begin(itemId: string, stream: number, startsAt: number): Piece {
    const piece: Piece = { stream, sentMs: 0, startsAt, ack: null, endMs: null };
    this.#pieces.set(itemId, piece);
    if (this.#pieces.size > KEPT_ITEMS) {
      const [oldest] = this.#pieces.keys();
      if (oldest !== undefined) this.#pieces.delete(oldest);
    }
    return piece;
  }

  /** The client says it played this much of the item; clamped to what was sent, and never backwards. */
  acknowledged(itemId: string, playedMs: number, now: number): void {
    const piece = this.#pieces.get(itemId);
    if (!piece) return;
    const ms = Math.min(piece.sentMs, Math.max(playedMs, piece.ack?.ms ?? 0));
    piece.ack = { ms, at: now };
  }

  has(itemId: string): boolean {
    return this.#pieces.has(itemId);
  }

  /** Milliseconds of this item that the listener has heard. */
  heardMs(itemId: string, now: number): number {
    const piece = this.#pieces.get(itemId);
    if (!piece) return 0;
    const time = this.#pausedAt ?? now;
    // After an acknowledgement playing goes on; without one it began when the first sample arrived.
    const played = piece.ack
      ? piece.ack.ms + Math.max(0, time - piece.ack.at)
      : Math.max(0, time - piece.startsAt);
    return Math.min(played, piece.endMs ?? piece.sentMs, piece.sentMs);
  }

  /** The listener's player was told to stand still. */
  pause(now: number, reason: PauseReason): void {
    this.#pausedAt ??= now;
    this.#pausedFor.add(reason);
  }

  /** It plays again: what had not sounded yet sounds later by the pause. */
  resume(now: number, reason: PauseReason): { readonly fromMs: number; readonly byMs: number } | null {
    this.#pausedFor.delete(reason);
    if (this.#pausedAt === null || this.#pausedFor.size > 0) return null;
    const from = this.#pausedAt;
    const pausedMs = Math.max(0, now - from);
    this.#pausedAt = null;
    for (const piece of this.#pieces.values()) {
      if (piece.startsAt + piece.sentMs > from) piece.startsAt += pausedMs;
      if (piece.ack) piece.ack = { ...piece.ack, at: piece.ack.at + pausedMs };
    }
    this.#audibleUntil = this.#audibleUntil.map((until) => (until > from ? until + pausedMs : until));
    return { fromMs: from, byMs: pausedMs };
  }

  /** Of each of these streams the last so many milliseconds did not arrive, and are sent again now. */
  unreceived(ms: ReadonlyMap<number, number>, now: number): void {
    const time = this.#pausedAt ?? now;
    for (const [stream, missingMs] of ms) this.#soundFrom(stream, missingMs, time);
  }

  /** What of this stream has not been heard sounds from `time` on: the last `missingMs` of it have not. */
  #soundFrom(stream: number, missingMs: number, time: number): void {
    const pieces = [...this.#pieces].filter(([, piece]) => piece.stream === stream && piece.endMs === null);
    const heard = new Map<Piece, number>();
    let missing = missingMs;
    for (const [itemId, piece] of pieces.toReversed()) {
      const arrivedMs = Math.max(0, piece.sentMs - missing);
      missing -= piece.sentMs - arrivedMs;
      heard.set(piece, Math.min(arrivedMs, this.heardMs(itemId, time)));
    }
    let at = time;
    for (const [, piece] of pieces) {
      const heardMs = heard.get(piece) ?? 0;
      if (heardMs >= piece.sentMs) continue;
      piece.startsAt = at - heardMs;
      if (piece.ack) {
        const ms = Math.min(piece.ack.ms, heardMs);
        piece.ack = { ms, at: at - (heardMs - ms) };
      }
      at += piece.sentMs - heardMs;
    }
    this.#audibleUntil[stream] = Math.max(at, time);
  }

  sentMs(itemId: string): number {
    return this.#pieces.get(itemId)?.sentMs ?? 0;
  }

  /** Items that are sounding or still to sound, by the clock model. */
  unheard(now: number): readonly string[] {
    const items: string[] = [];
    const time = this.#pausedAt ?? now;
    for (const [itemId, piece] of this.#pieces) {
      if (piece.endMs === null && time < piece.startsAt + piece.sentMs) items.push(itemId);
    }
    return items;
  }

  /** The item stops sounding now; returns what was heard of it. */
  cut(itemId: string, now: number): number {
    const heard = this.heardMs(itemId, now);
    const piece = this.#pieces.get(itemId);
    if (piece) {
      piece.endMs = heard;
      this.#audibleUntil[piece.stream] = Math.min(this.#audibleUntil[piece.stream] ?? 0, now);
    }
    return heard;
  }

  /** Milliseconds sent in all. */
  get totalMs(): number {
    return this.#totalMs;
  }

  /** When the next sample sent on this stream would sound. */
  nextSoundsAt(stream: number, now: number): number {
    return Math.max(now, this.#audibleUntil[stream] ?? 0);
  }

  /** Milliseconds of this stream sent and not sounded yet. */
  aheadMs(stream: number, now: number): number {
    return Math.max(0, (this.#audibleUntil[stream] ?? 0) - (this.#pausedAt ?? now));
  }

  /** When the last sample sent so far on this stream will have sounded; the past when it is quiet. */
  audibleUntil(stream: number): number {
    return this.#audibleUntil[stream] ?? 0;
  }

  snapshot(): PlayoutSnapshot {
    return {
      pieces: [...this.#pieces].map(([id, piece]) => [id, { ...piece }]),
      audibleUntil: [...this.#audibleUntil],
      totalMs: this.#totalMs,
      pausedAt: this.#pausedAt,
      pausedFor: [...this.#pausedFor],
    };
  }

  restore(snapshot: PlayoutSnapshot): void {
    this.#pieces = new Map(snapshot.pieces.map(([id, piece]) => [id, { ...piece }]));
    this.#audibleUntil = [...snapshot.audibleUntil];
    this.#totalMs = snapshot.totalMs;
    this.#pausedAt = snapshot.pausedAt;
    this.#pausedFor.clear();
    for (const reason of snapshot.pausedFor) this.#pausedFor.add(reason);
  }
}

export interface PlayoutSnapshot {
  readonly pieces: readonly (readonly [string, Readonly<Piece>])[];
  readonly audibleUntil: readonly number[];
  readonly totalMs: number;
  readonly pausedAt: number | null;
  readonly pausedFor: readonly PauseReason[];
}
