/**
 * The playout ledger: what was sent to the listener and how much of it was heard. Heard is what the client
 * acknowledged (`playback.ack`) or, where it does not, what a player that starts at once and never stalls would have
 * played by now. Each upstream's stream plays on its own.
 */
interface Piece {
  readonly stream: number;
  sentMs: number;
  /** When its first sample sounds by the clock model. */
  readonly startsAt: number;
  /** Last acknowledged position; null: none yet. */
  ackedMs: number | null;
  /** Set when playback was cut: nothing after this is heard. */
  endMs: number | null;
}

const KEPT_ITEMS = 64;

export class Playout {
  #pieces = new Map<string, Piece>();
  #audibleUntil: number[] = [];
  #totalMs = 0;

  /** `ms` more of this item went to the listener. */
  sent(itemId: string, stream: number, ms: number, now: number): void {
    const from = Math.max(now, this.#audibleUntil[stream] ?? 0);
    const piece = this.#pieces.get(itemId) ?? this.#begin(itemId, stream, from);
    piece.sentMs += ms;
    this.#totalMs += ms;
    this.#audibleUntil[stream] = from + ms;
  }

  #begin(itemId: string, stream: number, startsAt: number): Piece {
    const piece: Piece = { stream, sentMs: 0, startsAt, ackedMs: null, endMs: null };
    this.#pieces.set(itemId, piece);
    if (this.#pieces.size > KEPT_ITEMS) {
      const [oldest] = this.#pieces.keys();
      if (oldest !== undefined) this.#pieces.delete(oldest);
    }
    return piece;
  }

  /** The client says it played this much of the item; clamped to what was sent, and never backwards. */
  acknowledged(itemId: string, playedMs: number): void {
    const piece = this.#pieces.get(itemId);
    if (piece) piece.ackedMs = Math.min(piece.sentMs, Math.max(playedMs, piece.ackedMs ?? 0));
  }

  has(itemId: string): boolean {
    return this.#pieces.has(itemId);
  }

  /** Milliseconds of this item that the listener has heard. */
  heardMs(itemId: string, now: number): number {
    const piece = this.#pieces.get(itemId);
    if (!piece) return 0;
    const played = piece.ackedMs ?? Math.max(0, now - piece.startsAt);
    return Math.min(played, piece.endMs ?? piece.sentMs, piece.sentMs);
  }

  sentMs(itemId: string): number {
    return this.#pieces.get(itemId)?.sentMs ?? 0;
  }

  /** Items that are sounding or still to sound, by the clock model. */
  unheard(now: number): readonly string[] {
    const items: string[] = [];
    for (const [itemId, piece] of this.#pieces) {
      if (piece.endMs === null && now < piece.startsAt + piece.sentMs) items.push(itemId);
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

  /** When the last sample sent so far on this stream will have sounded; the past when it is quiet. */
  audibleUntil(stream: number): number {
    return this.#audibleUntil[stream] ?? 0;
  }

  snapshot(): PlayoutSnapshot {
    return {
      pieces: [...this.#pieces].map(([id, piece]) => [id, { ...piece }]),
      audibleUntil: [...this.#audibleUntil],
      totalMs: this.#totalMs,
    };
  }

  restore(snapshot: PlayoutSnapshot): void {
    this.#pieces = new Map(snapshot.pieces.map(([id, piece]) => [id, { ...piece }]));
    this.#audibleUntil = [...snapshot.audibleUntil];
    this.#totalMs = snapshot.totalMs;
  }
}

export interface PlayoutSnapshot {
  readonly pieces: readonly (readonly [string, Readonly<Piece>])[];
  readonly audibleUntil: readonly number[];
  readonly totalMs: number;
}
