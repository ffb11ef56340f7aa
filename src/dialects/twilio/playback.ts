/**
 * What the caller has heard, by the carrier's marks: one stands behind every tenth of a second of audio that is sent, and
 * comes back when what is before it was played, or when all of it is thrown away.
 */

/** Where a stretch of audio begins: the number of its first frame, and how much of that frame is before it. */
interface Place {
  readonly from: number;
  readonly offset: number;
}

/** The audio before a mark, since the mark before. */
interface Stretch extends Place {
  readonly mark: number;
  readonly item: string;
  /** Milliseconds of the item up to its end. */
  readonly endMs: number;
}

interface Open extends Place {
  readonly item: string;
  ms: number;
}

interface Item {
  sentMs: number;
  heardMs: number;
}

const MARK_EVERY_MS = 100;
/** Bytes of G.711 in a millisecond. */
export const BYTES_PER_MS = 8;
/** Of a carrier that returns none the oldest are taken for lost: a minute and a half of audio. */
const MOST_MARKS = 900;
const MOST_ITEMS = 16;

/** Bytes that one message takes at most: a mark stands behind it. */
export const PIECE_BYTES = MARK_EVERY_MS * BYTES_PER_MS;

export class Playback {
  #marks: Stretch[] = [];
  /** The audio that no mark stands behind yet. */
  #open: Open | null = null;
  /** Where audio begins that came and waits to be sent; null: none does. */
  #waits: Place | null = null;
  /** The newest last. */
  #items = new Map<string, Item>();
  /** Number of the last message that was sent. */
  #sent = 0;
  #lastMark = 0;
  /** Marks up to this one are of audio that was thrown away. */
  #cleared = 0;
  /** Of the frame that is sent again first, this much was heard. */
  #skip: Place | null = null;

  /** What was sent is all, but for what begins there. */
  keeps(place: Place | null): void {
    this.#waits = place;
  }

  /** A message that is no audio. */
  told(sequence: number): void {
    this.#sent = Math.max(this.#sent, sequence);
  }

  /** A piece of a frame goes out, which begins at `offset` of it. @returns the mark that belongs behind it; null: none yet. */
  plays(sequence: number, offset: number, id: string, bytes: number): string | null {
    const item = this.#items.get(id) ?? this.#begin(id);
    const ms = bytes / BYTES_PER_MS;
    item.sentMs += ms;
    this.#sent = Math.max(this.#sent, sequence);
    this.#open ??= { from: sequence, offset, item: id, ms: 0 };
    this.#open.ms += ms;
    return this.#open.ms < MARK_EVERY_MS ? null : this.ends();
  }

  /** Audio of another item comes than what no mark stands behind yet. */
  changes(id: string): boolean {
    return this.#open !== null && this.#open.item !== id;
  }

  #begin(id: string): Item {
    const item = { sentMs: 0, heardMs: 0 };
    this.#items.set(id, item);
    const [oldest] = this.#items.keys();
    if (this.#items.size > MOST_ITEMS && oldest !== undefined) this.#items.delete(oldest);
    return item;
  }

  /** Nothing more of it comes for now. @returns the mark behind it; null: there is one, or nothing to mark. */
  ends(): string | null {
    if (this.#open === null) return null;
    const { from, offset, item } = this.#open;
    this.#open = null;
    this.#lastMark += 1;
    const mark = this.#lastMark;
    this.#marks.push({ mark, from, offset, item, endMs: this.#items.get(item)?.sentMs ?? 0 });
    if (this.#marks.length > MOST_MARKS) this.#marks.shift();
    return String(mark);
  }

  /**
   * A mark came back.
   * @returns how much of which item was heard; null: its audio was thrown away. Undefined: nobody sent it.
   */
  marked(name: string): { readonly item: string; readonly heardMs: number } | null | undefined {
    const at = this.#marks.findIndex(({ mark }) => String(mark) === name);
    const stretch = this.#marks[at];
    if (stretch === undefined)
      return /^[1-9]\d{0,9}$/.test(name) && Number(name) <= this.#cleared ? null : undefined;
    this.#marks.splice(0, at + 1);
    const item = this.#items.get(stretch.item);
    if (item !== undefined) item.heardMs = stretch.endMs;
    return { item: stretch.item, heardMs: Math.floor(stretch.endMs) };
  }

  /** What was sent and not heard is thrown away. @returns whether there was any. */
  clear(): boolean {
    const any = this.#unheard !== null;
    this.#cleared = this.#lastMark;
    this.#marks = [];
    this.#open = null;
    this.#waits = null;
    return any;
  }

  /** Where what was sent and not heard begins. */
  get #unheard(): Place | null {
    return this.#marks[0] ?? this.#open ?? this.#waits;
  }

  /** Number up to which all was heard, or is not to be heard any more. */
  get heard(): number {
    return (this.#unheard?.from ?? this.#sent + 1) - 1;
  }

  /** Another connection: what was sent on the last one and not heard is sent again. */
  reopen(): void {
    // Nothing was sent on one that broke at once: what is to be skipped is what was.
    if (this.#unheard) this.#skip = { from: this.#unheard.from, offset: this.#unheard.offset };
    this.#sent = this.heard;
    this.#cleared = this.#lastMark;
    this.#marks = [];
    this.#open = null;
    this.#waits = null;
    for (const item of this.#items.values()) item.sentMs = item.heardMs;
  }

  /** Bytes at the front of a frame that were heard on another connection. */
  heardOf(sequence: number): number {
    const bytes = this.#skip?.from === sequence ? this.#skip.offset : 0;
    this.#skip = null;
    return bytes;
  }

  /** Messages are numbered from one again, to a caller who knows of none. */
  restart(): void {
    const lastMark = this.#lastMark;
    this.restore({ marks: [], open: null, items: [], sent: 0, lastMark, cleared: lastMark, skip: null });
  }

  snapshot() {
    return {
      marks: this.#marks.map((mark) => ({ ...mark })),
      open: this.#open && { ...this.#open },
      waits: this.#waits && { ...this.#waits },
      items: [...this.#items].map(([id, { sentMs, heardMs }]) => ({ id, sentMs, heardMs })),
      sent: this.#sent,
      lastMark: this.#lastMark,
      cleared: this.#cleared,
      skip: this.#skip && { ...this.#skip },
    };
  }

  restore({ marks, open, waits = null, items, sent, lastMark, cleared, skip }: PlaybackSnapshot): void {
    this.#marks = [...marks];
    this.#open = open && { ...open };
    this.#waits = waits && { ...waits };
    this.#items = new Map(items.map(({ id, sentMs, heardMs }) => [id, { sentMs, heardMs }]));
    this.#sent = sent;
    this.#lastMark = lastMark;
    this.#cleared = cleared;
    this.#skip = skip;
  }
}

type Kept = ReturnType<Playback["snapshot"]>;
/** `waits` is absent in those of before: nothing did. */
export type PlaybackSnapshot = Omit<Kept, "waits"> & Partial<Pick<Kept, "waits">>;
