/**
 * A growing run of bytes, addressed by offset since it began, that forgets its front. Kept in blocks: full ones are sealed,
 * and the last one when the run is over.
 */
import { seal } from "./sealed.ts";

export const BLOCK_BYTES = 32_768;

/** Structured-clonable. All blocks but the last have `BLOCK_BYTES`. */
export interface BlocksSnapshot {
  /** Offset of the first block. */
  readonly start: number;
  readonly blocks: readonly Uint8Array[];
}

export class ByteBlocks {
  /** Each as long as a block; the last is filled up to `#end`, and shorter where nothing more was to come. */
  #blocks: Uint8Array[] = [];
  #start = 0;
  #end = 0;
  /** The part of the last block that is filled, as the last snapshot had it; null: more came since. */
  #tail: Uint8Array | null = null;

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** How many blocks there are, the one being filled included. */
  get count(): number {
    return this.#blocks.length;
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    const last = this.#blocks.at(-1);
    return last ? (this.#blocks.length - 1) * BLOCK_BYTES + last.length : 0;
  }

  /** Appends a copy. */
  append(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#expand();
    for (let at = 0; at < bytes.length;) {
      let filled = this.#end - this.#start - (this.#blocks.length - 1) * BLOCK_BYTES;
      if (this.#blocks.length === 0 || filled === BLOCK_BYTES) {
        this.#blocks.push(new Uint8Array(BLOCK_BYTES));
        filled = 0;
      }
      const block = this.#blocks[this.#blocks.length - 1] ?? new Uint8Array(0);
      const taken = Math.min(BLOCK_BYTES - filled, bytes.length - at);
      block.set(taken === bytes.length ? bytes : bytes.subarray(at, at + taken), filled);
      if (filled + taken === BLOCK_BYTES) seal(block, BLOCK_BYTES);
      this.#end += taken;
      at += taken;
      this.#tail = null;
    }
  }

  /** As if so many whole blocks had been appended and forgotten: of one that is empty. */
  begin(blocks: number): void {
    this.#start = blocks * BLOCK_BYTES;
    this.#end = this.#start;
  }

  /** A last block that was cut to its measure takes more again. */
  #expand(): void {
    const last = this.#blocks.at(-1);
    if (!last || last.length === BLOCK_BYTES) return;
    const whole = new Uint8Array(BLOCK_BYTES);
    whole.set(last);
    this.#blocks[this.#blocks.length - 1] = whole;
  }

  /** Nothing more is expected: the last block takes no more than what is in it. */
  compact(): void {
    const last = this.#blocks.at(-1);
    const filled = this.#end - this.#start - (this.#blocks.length - 1) * BLOCK_BYTES;
    if (!last || filled === last.length) return;
    this.#blocks[this.#blocks.length - 1] = seal(last.slice(0, filled), filled);
    this.#tail = null;
  }

  /** All that is held, in pieces that are not written to any more; not copied, but for the end of a run that goes on. */
  pieces(): readonly Uint8Array[] {
    const last = this.#blocks.length - 1;
    const filled = this.#end - this.#start - last * BLOCK_BYTES;
    return this.#blocks.map((block, at) =>
      at < last || block.length === filled ? block : block.slice(0, filled),
    );
  }

  /** Forgets the blocks that end at or before this offset. */
  dropBefore(offset: number): void {
    while (this.#blocks.length > 0 && this.#start + BLOCK_BYTES <= offset) {
      this.#blocks.shift();
      this.#start += BLOCK_BYTES;
    }
  }

  /** A copy of `from` (inclusive) to `to` (exclusive), clamped to what is held. */
  read(from: number, to: number): Uint8Array<ArrayBuffer> {
    const first = Math.max(from, this.#start);
    const last = Math.min(to, this.#end);
    const copy = new Uint8Array(Math.max(0, last - first));
    for (let at = first; at < last;) {
      const inBlock = (at - this.#start) % BLOCK_BYTES;
      const taken = Math.min(BLOCK_BYTES - inBlock, last - at);
      const block = this.#blocks[(at - this.#start - inBlock) / BLOCK_BYTES];
      if (block) copy.set(block.subarray(inBlock, inBlock + taken), at - first);
      at += taken;
    }
    return copy;
  }

  snapshot(): BlocksSnapshot {
    const last = this.#blocks.length - 1;
    const filled = this.#end - this.#start - last * BLOCK_BYTES;
    if (last < 0 || filled === this.#blocks[last]?.length)
      return { start: this.#start, blocks: [...this.#blocks] };
    // Nothing came since the last snapshot: this may be the end, and need not be stored again either.
    if (this.#tail) seal(this.#tail, this.#tail.length);
    else this.#tail = this.#blocks[last]?.slice(0, filled) ?? null;
    return {
      start: this.#start,
      blocks: [...this.#blocks.slice(0, last), ...(this.#tail ? [this.#tail] : [])],
    };
  }

  /** Takes over full blocks, and a last one that is shorter, as they are. */
  restore(snapshot: BlocksSnapshot): void {
    this.#blocks = [];
    this.#start = snapshot.start;
    this.#end = snapshot.start;
    for (const block of snapshot.blocks) {
      const room = this.#blocks.length * BLOCK_BYTES - (this.#end - this.#start);
      if (block.length > BLOCK_BYTES || block.length === 0 || room > 0) {
        this.append(block);
        continue;
      }
      this.#blocks.push(seal(block, block.length));
      this.#end += block.length;
    }
    this.#tail = null;
  }
}
