/** Small pieces of audio that are heard as one: what a piece costs beside its sound is more than its sound. */
export class Gathered {
  /** Pieces are gathered now. */
  open = false;
  #bytes = new Uint8Array(8192);
  #length = 0;

  /** @returns the bytes that are gathered now. */
  take(piece: Uint8Array): number {
    const length = this.#length + piece.byteLength;
    if (length > this.#bytes.byteLength) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
    return length;
  }

  /** All of it, valid until the next `take`; null: there is nothing. */
  give(): Uint8Array | null {
    if (this.#length === 0) return null;
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }
}
