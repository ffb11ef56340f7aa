/** Who plays which stream to the listener, and where each player is. */
import { newClock, takeOver, type Piece, type PlayerClock } from "./player-clock.ts";

export interface PlayerVoices {
  /** Streams with the same number share one player, which plays them one after the other. */
  playerOf(stream: number): number;
}

export class Players {
  readonly #voices: PlayerVoices;
  /** What was sent to them, by item. */
  readonly #pieces: ReadonlyMap<string, Piece>;
  /** By player. */
  #clocks: PlayerClock[] = [];
  /** By stream, who played it when it was last looked at; its own player: none is known. */
  #players: number[] = [];

  constructor(voices: PlayerVoices, pieces: ReadonlyMap<string, Piece>) {
    this.#voices = voices;
    this.#pieces = pieces;
  }

  get clocks(): readonly PlayerClock[] {
    return this.#clocks;
  }

  /** The clock of who plays a stream. */
  of(stream: number): PlayerClock {
    const player = this.#voices.playerOf(stream);
    for (let index = this.#clocks.length; index <= player; index += 1) this.#clocks.push(newClock());
    const clock = this.#clocks[player] ?? newClock();
    if (this.#players[stream] !== player) this.#handOver(stream, player, clock);
    return clock;
  }

  /** Another player plays a stream from now on: another client came, or another provider speaks. */
  #handOver(stream: number, player: number, clock: PlayerClock): void {
    for (let own = this.#players.length; own <= stream; own += 1) this.#players.push(own);
    const former = this.#clocks[this.#players[stream] ?? stream];
    this.#players[stream] = player;
    if (former === undefined || former === clock) return;
    const own = [...this.#pieces.values()].filter((piece) => piece.stream === stream && piece.endMs === null);
    const ends = own.map((piece) => piece.startsAt + piece.sentMs);
    if (ends.length > 0) takeOver(clock, former, Math.max(...ends));
  }

  together(one: number, other: number): boolean {
    return this.#voices.playerOf(one) === this.#voices.playerOf(other);
  }

  /** When a client last said anything of any of them; null: it never did. */
  get ackAt(): number | null {
    const said = this.#clocks.flatMap(({ ackAt }) => ackAt ?? []);
    return said.length > 0 ? Math.max(...said) : null;
  }

  snapshot(): PlayersSnapshot {
    const shared = this.#players.some((player, stream) => player !== stream);
    return {
      streams: this.#clocks.map((clock) => ({ ...clock })),
      ...(shared && { players: [...this.#players] }),
    };
  }

  restore({ streams, players = [] }: PlayersSnapshot): void {
    this.#clocks = streams.map((clock) => ({ ...clock }));
    this.#players = [...players];
  }
}

export interface PlayersSnapshot {
  readonly streams: readonly Readonly<PlayerClock>[];
  /** Absent: each stream has its own, as far as is known. */
  readonly players?: readonly number[];
}
