/**
 * Sealed is what is never written again. A snapshot hands it out as it is, uncopied; whoever stores snapshots knows it
 * by its identity, writes it once and refers to it from then on. A copy (`structuredClone`) is not sealed.
 */
const sizes = new WeakMap<object, number>();

/** @param bytes about what the block takes when it is stored. */
export function seal<T extends object>(block: T, bytes: number): T {
  sizes.set(block, bytes);
  return block;
}

/** Bytes of a sealed block; null: this object is not sealed. */
export function sealedBytes(object: object): number | null {
  return sizes.get(object) ?? null;
}
