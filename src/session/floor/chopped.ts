/**
 * Speech in pieces: an echo canceller that ducks the caller while the agent speaks, a noise gate, a bad line. Each piece is
 * too short to be an interruption and is dismissed; several of them within two seconds are one all the same. One or two
 * are a cough or a "mhm".
 */

/** Shorter voice is a click; longer is judged by itself. */
const LEAST_MS = 48;
const MOST_MS = 560;
/** Silence between two pieces, at least: less is a gap within a word. */
const GAP_MS = 96;
/** More than this between them, and they are two sounds. */
const APART_MS = 800;
/** Pieces that are older than this say nothing any more. */
const WINDOW_MS = 2600;
const KEPT = 12;
/** Of speech in pieces much is cut away: so much of it is enough, when it has gone on for so long. */
const VOICED_MS = 320;
const SPAN_MS = 900;
/** So many pieces are speech; so many where they are as quiet as somebody else in the room would be. */
const PIECES = 3;
const QUIET_PIECES = 4;
/** Quieter than the caller by this they may be someone else, and by that they are. */
const QUIET_DB = 10;
const BACKGROUND_DB = 17;

interface Piece {
  readonly fromTicks: number;
  voicedMs: number;
  power: number;
  hops: number;
  /** When it began, and when it ended or goes on. */
  readonly since: number;
  at: number;
}

export class Chopped {
  #pieces: Piece[] = [];
  #current: Piece | null = null;
  #silentMs = 0;

  /**
   * One detector hop that began at `fromTicks` and was heard at `at`. `voiced`: it is voice, and no known echo.
   * @param power mean square of the microphone, full scale 1.
   */
  hop(voiced: boolean, hopMs: number, power: number, fromTicks: number, at: number): void {
    if (!voiced) {
      this.#silentMs += hopMs;
      if (this.#current && this.#silentMs >= GAP_MS) this.#close(this.#current);
      return;
    }
    this.#silentMs = 0;
    const last = this.#pieces.at(-1);
    if (!this.#current && last && at - last.at > APART_MS) this.#pieces = [];
    this.#current ??= { fromTicks, voicedMs: 0, power: 0, hops: 0, since: at - hopMs, at };
    this.#current.voicedMs += hopMs;
    this.#current.power += power;
    this.#current.hops += 1;
    this.#current.at = at;
  }

  #close(piece: Piece): void {
    this.#current = null;
    if (piece.voicedMs < LEAST_MS) return;
    // Longer ones have been judged for what they are: what comes after them is another story.
    this.#pieces = piece.voicedMs > MOST_MS ? [] : [...this.#pieces, piece].slice(-KEPT);
  }

  /**
   * Where speech in pieces began, when by now there is as much of it as makes an interruption; null: there is not.
   * @param callerPower what is known of the caller; null: nothing.
   */
  speech(confirmMs: number, callerPower: number | null, now: number): number | null {
    const current = this.#current;
    if (!current || current.voicedMs > MOST_MS) return null;
    const pieces = [...this.#pieces.filter(({ at }) => now - at <= WINDOW_MS), current];
    const voicedMs = sum(pieces, (piece) => piece.voicedMs);
    const spanMs = current.at - (pieces[0]?.since ?? current.at);
    if (voicedMs < Math.min(confirmMs, VOICED_MS) || spanMs < SPAN_MS) return null;
    const power = sum(pieces, (piece) => piece.power) / sum(pieces, (piece) => piece.hops);
    const belowDb = callerPower === null ? 0 : 10 * Math.log10(callerPower / Math.max(power, 1e-12));
    if (belowDb > BACKGROUND_DB) return null;
    const least = belowDb > QUIET_DB ? QUIET_PIECES : PIECES;
    return pieces.length < least ? null : (pieces[0]?.fromTicks ?? null);
  }

  forget(): void {
    this.#pieces = [];
    this.#current = null;
    this.#silentMs = 0;
  }

  snapshot(): ChoppedSnapshot {
    return {
      pieces: this.#pieces.map((piece) => ({ ...piece })),
      current: this.#current ? { ...this.#current } : null,
      silentMs: this.#silentMs,
    };
  }

  restore(snapshot: ChoppedSnapshot): void {
    this.#pieces = snapshot.pieces.map((piece) => ({ ...piece }));
    this.#current = snapshot.current ? { ...snapshot.current } : null;
    this.#silentMs = snapshot.silentMs;
  }
}

function sum(pieces: readonly Piece[], of: (piece: Piece) => number): number {
  return pieces.reduce((total, piece) => total + of(piece), 0);
}

export interface ChoppedSnapshot {
  readonly pieces: readonly Readonly<Piece>[];
  readonly current: Readonly<Piece> | null;
  readonly silentMs: number;
}
