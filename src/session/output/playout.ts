/**
 * The playout ledger: what was sent to the listener and how much of it was heard. Heard is what the client
 * acknowledged (`playback.ack`) or, where it does not, what a player that starts at once and never stalls would have
 * played by now. Each upstream's stream plays on its own, or on a player that it shares with others.
 *
 * An acknowledgement says where the player is: what follows on its stream sounds from there on. Two clocks are kept of a
 * stream. The end (`until`) follows the player and says what is still to be heard. The pace (`dueMs`) says when a player
 * without latency would be done: it paces and dates the audio, and follows only a player that falls behind, not one that
 * is steadily late by its buffers, its output device and the network.
 */
import { soundsAt, spansOf, type Span } from "./in-turns.ts";
import {
  arrivedOf,
  followed,
  noteAcknowledged,
  runLater,
  soundLater,
  soundOn,
  soundsFrom,
  type Delay,
  type Piece,
} from "./player-clock.ts";
import { Players, type PlayersSnapshot, type PlayerVoices } from "./players.ts";

/** The floor judges a sound, or the listener is not connected. */
type PauseReason = "floor" | "connection";

/** An item that was cut where more of it was taken for heard than had arrived. */
export interface Overheard {
  readonly itemId: string;
  readonly heardMs: number;
}

const KEPT_ITEMS = 64;
/** Answers that sound in turns, piece by piece, are followed so far back. */
const KEPT_BREAKS = 64;

export class Playout {
  /** How long a client that acknowledges is taken to play on after its last word. */
  readonly #playsOnMs: number;
  readonly #players: Players;
  readonly #pieces = new Map<string, Piece>();
  #totalMs = 0;
  /** The listener's player stands still since then; null: it plays. */
  #pausedAt: number | null = null;
  readonly #pausedFor = new Set<PauseReason>();

  constructor(playsOnMs: number, voices: PlayerVoices = { playerOf: (stream) => stream }) {
    this.#playsOnMs = playsOnMs;
    this.#players = new Players(voices, this.#pieces);
  }

  /** `ms` more of this item went to the listener. `said`: of an agent, and not the relay's own. */
  sent(itemId: string, stream: number, ms: number, now: number, said = true): void {
    const clock = this.#players.of(stream);
    const from = Math.max(now, clock.until);
    const piece = this.#pieces.get(itemId) ?? this.#begin(itemId, stream, from);
    // Where the player ran dry, or played something else meanwhile, it goes on later.
    const startsAt = Math.max(piece.startsAt, from - piece.sentMs);
    if (piece.sentMs > 0 && startsAt > piece.startsAt + 1) {
      const broken = { ms: piece.sentMs, at: piece.startsAt + piece.sentMs };
      piece.breaks = [...(piece.breaks ?? []), broken].slice(-KEPT_BREAKS);
    }
    piece.startsAt = startsAt;
    piece.sentMs += ms;
    if (said) this.#totalMs += ms;
    clock.until = from + ms;
    clock.due = Math.max(now, clock.due) + ms;
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

  /**
   * The client says it played this much of the item; clamped to what was sent, and never backwards.
   * @returns by how much what is still to sound is later, if the player stood still.
   */
  acknowledged(itemId: string, playedMs: number, now: number): Delay | null {
    const piece = this.#pieces.get(itemId);
    if (!piece) return null;
    const clock = this.#players.of(piece.stream);
    const ms = Math.min(piece.sentMs, Math.max(playedMs, piece.ack?.ms ?? 0));
    noteAcknowledged(clock, piece, ms, now, this.#pausedAt === null);
    clock.ackAt = now;
    if (piece.endMs !== null) return null;
    const until = soundsFrom(this.#spans(piece.stream), piece, ms, this.#pausedAt ?? now);
    if (until !== null) clock.until = until;
    return followed(clock, now);
  }

  /** All that was sent to the player of a stream, in its order. */
  #spans(stream: number): readonly Span<Piece>[] {
    return spansOf(
      [...this.#pieces.values()].filter((piece) => this.#players.together(piece.stream, stream)),
    );
  }

  /**
   * Of each of these streams the last so many milliseconds did not arrive, and are sent again now.
   * @returns items that were cut further on than they can have been heard, and how much of each had arrived.
   */
  unreceived(ms: ReadonlyMap<number, number>, now: number): readonly Overheard[] {
    const time = this.#pausedAt ?? now;
    return [...ms].flatMap(([stream, missingMs]) => this.#soundAgain(stream, missingMs, time));
  }

  /** What of this stream has not been heard sounds from `time` on: the last `missingMs` of it have not. */
  #soundAgain(stream: number, missingMs: number, time: number): readonly Overheard[] {
    const clock = this.#players.of(stream);
    const spans = this.#spans(stream);
    const arrived = arrivedOf(spans, missingMs);
    const overheard: Overheard[] = [];
    const heard = new Map<Piece, number>();
    for (const [itemId, piece] of this.#pieces) {
      const arrivedMs = arrived.get(piece);
      if (arrivedMs === undefined) continue;
      const heardMs = Math.min(arrivedMs, this.heardMs(itemId, time));
      if (piece.endMs === null && heardMs < piece.sentMs) heard.set(piece, heardMs);
      else if (piece.endMs !== null && piece.endMs > arrivedMs) {
        piece.endMs = arrivedMs;
        overheard.push({ itemId, heardMs: arrivedMs });
      }
    }
    const at = soundOn(spans, heard, time);
    for (const [piece, ms] of heard) {
      piece.still = false;
      if (piece.ack) piece.ack = { ms: Math.min(piece.ack.ms, ms) };
    }
    clock.until = Math.max(at, Math.min(clock.until, time));
    clock.due = clock.until;
    delete clock.stillAt;
    if (clock.ackAt !== null) clock.ackAt = time;
    return overheard;
  }

  has(itemId: string): boolean {
    return this.#pieces.has(itemId);
  }

  /** The stream that the item was sent on. */
  streamOf(itemId: string): number | null {
    return this.#pieces.get(itemId)?.stream ?? null;
  }

  /** Milliseconds of this item that the listener has heard. */
  heardMs(itemId: string, now: number): number {
    const piece = this.#pieces.get(itemId);
    if (!piece) return 0;
    const time = this.#timeOf(piece, now);
    const before = (piece.breaks ?? []).map(({ ms, at }) => Math.min(ms, ms + time - at));
    const played = Math.max(time - piece.startsAt, piece.ack?.ms ?? 0, 0, ...before);
    return Math.min(played, piece.endMs ?? piece.sentMs, piece.sentMs);
  }

  /** A client that says where it is and then nothing more stands still, or is as good as gone. */
  #timeOf(piece: Piece, now: number): number {
    const clock = this.#players.of(piece.stream);
    const at = Math.min(this.#pausedAt ?? now, clock.stillAt ?? Infinity);
    const saidMs = piece.ack?.ms ?? 0;
    const saidAt = soundsAt(piece, saidMs);
    const time = piece.still === true ? Math.min(at, saidAt) : at;
    const ackAt = clock.ackAt ?? this.#players.ackAt;
    return ackAt === null ? time : Math.min(time, Math.max(ackAt, saidAt - saidMs) + this.#playsOnMs);
  }

  /** The listener's player was told to stand still. */
  pause(now: number, reason: PauseReason): void {
    this.#pausedAt ??= now;
    this.#pausedFor.add(reason);
  }

  /** It plays again: what had not sounded yet sounds later by the pause. */
  resume(now: number, reason: PauseReason): Delay | null {
    this.#pausedFor.delete(reason);
    if (this.#pausedAt === null || this.#pausedFor.size > 0) return null;
    const from = this.#pausedAt;
    const pausedMs = Math.max(0, now - from);
    this.#pausedAt = null;
    for (const piece of this.#pieces.values()) soundLater(piece, from, pausedMs);
    for (const clock of this.#players.clocks) runLater(clock, from, pausedMs, now);
    return { fromMs: from, byMs: pausedMs };
  }

  sentMs(itemId: string): number {
    return this.#pieces.get(itemId)?.sentMs ?? 0;
  }

  /** Items that are sounding or still to sound. */
  unheard(now: number): readonly string[] {
    const items: string[] = [];
    for (const [itemId, piece] of this.#pieces) {
      if (piece.endMs === null && !this.#isOver(piece, now)) items.push(itemId);
    }
    return items;
  }

  /** All that was sent of it has sounded. */
  #isOver(piece: Piece, now: number): boolean {
    return this.#timeOf(piece, now) >= piece.startsAt + piece.sentMs;
  }

  /** The item stops sounding now; returns what was heard of it. */
  cut(itemId: string, now: number): number {
    return this.cutAt(itemId, this.heardMs(itemId, now), now);
  }

  /** The item stopped sounding: so much was heard of it. */
  cutAt(itemId: string, heardMs: number, now: number): number {
    const piece = this.#pieces.get(itemId);
    if (!piece) return heardMs;
    const over = this.#isOver(piece, now);
    piece.endMs = Math.min(heardMs, piece.sentMs);
    // What sounds after it sounds on.
    if (over) return heardMs;
    const clock = this.#players.of(piece.stream);
    // A player that stands still has nothing left when it plays again.
    const time = this.#pausedAt ?? now;
    clock.until = Math.min(clock.until, time);
    clock.due = Math.min(clock.due, time);
    return heardMs;
  }

  /** Milliseconds sent of agents in all. */
  get totalMs(): number {
    return this.#totalMs;
  }

  /** When the next sample sent on this stream would sound, but for the player's latency. */
  nextSoundsAt(stream: number, now: number): number {
    return Math.max(now, this.#players.of(stream).due);
  }

  /** Milliseconds of this stream sent and not sounded yet, but for the player's latency. */
  aheadMs(stream: number, now: number): number {
    return Math.max(0, this.#players.of(stream).due - (this.#pausedAt ?? now));
  }

  /** What is sent on this stream now follows something of its own, which sounds still: others may share its player. */
  follows(stream: number, now: number): boolean {
    if (this.aheadMs(stream, now) === 0) return false;
    return this.unheard(now).some((itemId) => this.streamOf(itemId) === stream);
  }

  /** When the last sample sent so far on this stream will have sounded; the past when it is quiet. */
  audibleUntil(stream: number): number {
    return this.#players.of(stream).until;
  }

  snapshot(): PlayoutSnapshot {
    return {
      pieces: [...this.#pieces].map(([id, piece]) => [id, { ...piece }]),
      ...this.#players.snapshot(),
      totalMs: this.#totalMs,
      pausedAt: this.#pausedAt,
      pausedFor: [...this.#pausedFor],
    };
  }

  restore(snapshot: PlayoutSnapshot): void {
    this.#pieces.clear();
    for (const [id, piece] of snapshot.pieces) this.#pieces.set(id, { ...piece });
    this.#players.restore(snapshot);
    this.#totalMs = snapshot.totalMs;
    this.#pausedAt = snapshot.pausedAt;
    this.#pausedFor.clear();
    for (const reason of snapshot.pausedFor) this.#pausedFor.add(reason);
  }
}

export interface PlayoutSnapshot extends PlayersSnapshot {
  readonly pieces: readonly (readonly [string, Readonly<Piece>])[];
  readonly totalMs: number;
  readonly pausedAt: number | null;
  readonly pausedFor: readonly PauseReason[];
}
