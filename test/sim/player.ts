/** The listener's loudspeaker: plays each stream in real time from the moment its audio comes, and knows what was heard. */
interface Piece {
  readonly itemId: string;
  readonly responseId: string;
  ms: number;
}

interface ItemHeard {
  readonly responseId: string;
  readonly stream: number;
  receivedMs: number;
  playedMs: number;
  flushed: boolean;
  /** Number of the last message with audio of it. */
  lastNumber: number;
  /** The relay knows less of it than was received. */
  forgotten: boolean;
  /** Its listener is another one since, who says nothing of it. */
  abandoned: boolean;
  /** How much had been heard whenever this client cancelled, while it was sounding or still to sound. */
  readonly cancelledMs: number[];
}

export class Player {
  readonly items = new Map<string, ItemHeard>();
  readonly #queues = new Map<number, Piece[]>();
  readonly #sounded = new Set<string>();
  readonly #stopped = new Set<string>();
  paused = false;
  /** It goes on quieter: by so many decibels; null: at full level. */
  duckedDb: number | null = null;
  #stalledMs = 0;

  push(stream: number, responseId: string, itemId: string, ms: number, number: number): void {
    let item = this.items.get(itemId);
    if (!item) {
      item = {
        responseId,
        stream,
        receivedMs: 0,
        playedMs: 0,
        flushed: false,
        lastNumber: number,
        forgotten: false,
        abandoned: false,
        cancelledMs: [],
      };
      this.items.set(itemId, item);
    }
    item.lastNumber = number;
    item.receivedMs += ms;
    if (this.#stopped.has(itemId)) return;
    const queue = this.#queues.get(stream) ?? [];
    this.#queues.set(stream, queue);
    const last = queue.at(-1);
    if (last?.itemId === itemId) last.ms += ms;
    else queue.push({ itemId, responseId, ms });
  }

  /** The loudspeaker stands still for so long. */
  stall(ms: number): void {
    this.#stalledMs = ms;
  }

  /** Time passes at the loudspeaker. */
  play(ms: number): void {
    this.#stalledMs = Math.max(0, this.#stalledMs - ms);
    if (this.paused || this.#stalledMs > 0) return;
    for (const queue of this.#queues.values()) {
      for (let left = ms; left > 0;) {
        const head = queue[0];
        if (head === undefined) break;
        const part = Math.min(left, head.ms);
        head.ms -= part;
        left -= part;
        const item = this.items.get(head.itemId);
        if (item) item.playedMs += part;
        this.#sounded.add(head.itemId);
        if (head.ms < 1e-9) queue.shift();
      }
    }
  }

  /** Items of which more was heard since the last call, with whole milliseconds. */
  news(): readonly (readonly [string, number])[] {
    const news: (readonly [string, number])[] = [];
    if (this.#stalledMs > 0)
      for (const [head] of this.#queues.values()) if (head) this.#sounded.add(head.itemId);
    for (const itemId of this.#sounded) {
      news.push([itemId, Math.floor(this.items.get(itemId)?.playedMs ?? 0)]);
    }
    this.#sounded.clear();
    return news;
  }

  /** The relay has forgotten the messages from this number on. */
  forget(from: number): void {
    for (const item of this.items.values()) item.forgotten ||= item.lastNumber >= from;
  }

  /** Another listener begins. */
  abandon(): void {
    for (const item of this.items.values()) {
      item.forgotten = true;
      item.abandoned = true;
    }
    this.paused = false;
    this.duckedDb = null;
    this.flush(null);
  }

  /** Milliseconds still to play on a stream. */
  aheadMs(stream: number): number {
    return (this.#queues.get(stream) ?? []).reduce((sum, piece) => sum + piece.ms, 0);
  }

  /** The item that is playing on a stream. */
  current(stream: number): string | null {
    return this.#queues.get(stream)?.[0]?.itemId ?? null;
  }

  /** Items that are playing, or still to play, on a stream. */
  queued(stream: number): readonly string[] {
    return [...new Set((this.#queues.get(stream) ?? []).map(({ itemId }) => itemId))];
  }

  get streams(): readonly number[] {
    return [...this.#queues.keys()];
  }

  /** A plain client stops an item by itself: its answer is flushed, and nothing more of the item is taken (as in wavtools). */
  stop(itemId: string): void {
    this.#stopped.add(itemId);
    this.flush(this.items.get(itemId)?.responseId ?? null);
  }

  /** This client cancels the answer, and plays on what it has. */
  cancels(): void {
    for (const { itemId } of [...this.#queues.values()].flat()) {
      const item = this.items.get(itemId);
      item?.cancelledMs.push(item.playedMs);
    }
  }

  /** Drops what is to play; of one response, or of all. */
  flush(responseId: string | null): void {
    for (const [stream, queue] of this.#queues) {
      for (const piece of queue) {
        if (responseId !== null && piece.responseId !== responseId) continue;
        const item = this.items.get(piece.itemId);
        if (item) item.flushed = true;
      }
      this.#queues.set(
        stream,
        responseId === null ? [] : queue.filter((piece) => piece.responseId !== responseId),
      );
    }
  }
}
