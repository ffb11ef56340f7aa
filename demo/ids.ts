/** Identifiers and other small draws of one connection, from a seed when one is given. */
import { getRandomValues } from "node:crypto";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A generator of numbers in [0, 1): Mulberry32, enough for names and fault orders. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export type DrawId = (prefix: "sess" | "conv" | "item" | "resp" | "event" | "call") => string;

/** `item_` and 21 letters or digits, as the provider's own look. */
export function idDrawer(seed: number | null): DrawId {
  const random = seededRandom(seed ?? getRandomValues(new Uint32Array(1))[0] ?? 1);
  return (prefix) => {
    const letters = Array.from({ length: 21 }, () => LETTERS[Math.floor(random() * LETTERS.length)]);
    return `${prefix}_${letters.join("")}`;
  };
}
