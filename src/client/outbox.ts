/** What was said and is not acknowledged: numbered, bounded, ready to be sent again. */

/** Half a minute of speech: as long as a lost connection is looked for again. */
const MAX_AUDIO_MS = 30_000;
/** Bound on all of it, in bytes of audio and characters of text: a relay may never acknowledge. */
const MAX_BYTES = 4 * 1024 * 1024;

export type Data = string | Uint8Array<ArrayBuffer>;

interface Kept {
  readonly data: Data;
  readonly audioMs: number;
}

export interface Overflow {
  /** Since the session began; audio and text. */
  readonly messages: number;
  readonly audioMs: number;
}

export class Outbox {
  readonly #kept = new Map<number, Kept>();
  #last = 0;
  #audioMs = 0;
  #bytes = 0;
  #overflow: Overflow = { messages: 0, audioMs: 0 };
  #overflowSeen = 0;

  /** Number of the newest message; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** What fell out before it was acknowledged: it cannot be sent again. */
  get overflow(): Overflow {
    return this.#overflow;
  }

  /** Whether anything fell out since this was asked last. */
  overflowed(): boolean {
    const more = this.#overflow.messages > this.#overflowSeen;
    this.#overflowSeen = this.#overflow.messages;
    return more;
  }

  /** Takes message `last + 1`; `data` carries that number already. `audioMs` is 0 for text. */
  keep(data: Data, audioMs: number): void {
    this.#last++;
    this.#kept.set(this.#last, { data, audioMs });
    this.#audioMs += audioMs;
    this.#bytes += data.length;
    while (this.#audioMs > MAX_AUDIO_MS || this.#bytes > MAX_BYTES) {
      const victim = this.#victim();
      if (victim === null) return;
      const { messages, audioMs: lostMs } = this.#overflow;
      this.#overflow = {
        messages: messages + 1,
        audioMs: lostMs + (this.#kept.get(victim)?.audioMs ?? 0),
      };
      this.#drop(victim);
    }
  }

  at(number: number): Data | undefined {
    return this.#kept.get(number)?.data;
  }

  /** Messages up to this number are safe elsewhere. */
  forget(upTo: number): void {
    for (const number of this.#kept.keys()) {
      if (number > upTo) return;
      this.#drop(number);
    }
  }

  /** The oldest audio, or the oldest text where there is none: a lost word is worse than a lost syllable. Never the newest. */
  #victim(): number | null {
    let victim: number | null = null;
    for (const [number, { audioMs }] of this.#kept) {
      if (number === this.#last) break;
      if (audioMs > 0) return number;
      victim ??= number;
    }
    return victim;
  }

  #drop(number: number): void {
    const kept = this.#kept.get(number);
    if (kept === undefined) return;
    this.#audioMs -= kept.audioMs;
    this.#bytes -= kept.data.length;
    this.#kept.delete(number);
  }
}
