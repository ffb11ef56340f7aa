/**
 * What was sent to a `duplex.v1` client and not acknowledged yet, by number. Bounded in bytes; what falls out is
 * remembered as a range, so that a verdict can name it.
 */
import type { WireMessage } from "../../upstreams/upstream.ts";

export interface Sent {
  readonly sequence: number;
  readonly data: WireMessage;
  /** Milliseconds of audio in it; 0 for text. */
  readonly audioMs: number;
}

/** Numbers that can not be sent again. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly audioMs: number;
}

export class Outbox {
  readonly #limitBytes: number;
  #sent: Sent[] = [];
  #bytes = 0;
  /** What fell out above the last acknowledgement, oldest first. */
  #gaps: Gap[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  add(message: Sent): void {
    this.#sent.push(message);
    this.#bytes += sizeOf(message.data);
    while (this.#bytes > this.#limitBytes && this.#sent.length > 1) this.#drop();
  }

  #drop(): void {
    const dropped = this.#sent.shift();
    if (!dropped) return;
    this.#bytes -= sizeOf(dropped.data);
    this.lost({ from: dropped.sequence, to: dropped.sequence, audioMs: dropped.audioMs });
  }

  /** These numbers were given and can not be sent again. */
  lost(gap: Gap): void {
    const last = this.#gaps.at(-1);
    if (last && gap.from <= last.to + 1) {
      this.#gaps[this.#gaps.length - 1] = {
        from: last.from,
        to: Math.max(last.to, gap.to),
        audioMs: last.audioMs + gap.audioMs,
      };
    } else this.#gaps.push(gap);
  }

  /** The client has everything up to here. */
  acknowledge(sequence: number): void {
    let kept = 0;
    while ((this.#sent[kept]?.sequence ?? Infinity) <= sequence) {
      this.#bytes -= sizeOf(this.#sent[kept]?.data ?? "");
      kept += 1;
    }
    if (kept > 0) this.#sent.splice(0, kept);
    this.#gaps = this.#gaps.filter((gap) => gap.to > sequence);
  }

  /** Everything above `sequence` that can be sent again, in order. */
  after(sequence: number): readonly Sent[] {
    return this.#sent.filter((message) => message.sequence > sequence);
  }

  /** What above `sequence` can not. */
  gapsAfter(sequence: number): readonly Gap[] {
    return this.#gaps
      .filter((gap) => gap.to > sequence)
      .map((gap) => ({ ...gap, from: Math.max(gap.from, sequence + 1) }));
  }

  clear(): void {
    this.#sent = [];
    this.#bytes = 0;
    this.#gaps = [];
  }

  snapshot(): OutboxSnapshot {
    return { sent: [...this.#sent], gaps: [...this.#gaps] };
  }

  restore(snapshot: OutboxSnapshot): void {
    this.#sent = [...snapshot.sent];
    this.#bytes = snapshot.sent.reduce((sum, message) => sum + sizeOf(message.data), 0);
    this.#gaps = [...snapshot.gaps];
  }
}

/** Text counts its characters: it is mostly ASCII. */
function sizeOf(data: WireMessage): number {
  return data.length;
}

export interface OutboxSnapshot {
  readonly sent: readonly Sent[];
  readonly gaps: readonly Gap[];
}
