/** Where words that come in pieces may be judged: whole sentences, where they can be had. */

/** Shorter is no sentence ("Mr.", "No."): it is judged with the next. */
const LEAST_CHARS = 16;
/** Longer is judged in parts. */
const MOST_CHARS = 320;
const END = /[.!?…。！？]+["'”’)\]]*(?=\s|$)|[。！？\n]/gu;
const LETTERS = /[\p{L}\p{N}]/gu;

/**
 * How much of it is a sentence, or as much as is judged at once; 0: it goes on.
 * @param goesOn it is the rest of a sentence of which some was judged.
 */
export function endOfSentence(words: string, goesOn: boolean): number {
  for (const end of words.matchAll(END)) {
    const at = end.index + end[0].length;
    if (goesOn || at >= LEAST_CHARS) return Math.min(at, MOST_CHARS);
  }
  if (words.length < MOST_CHARS) return 0;
  const space = words.slice(0, MOST_CHARS).search(/\s\S*$/);
  return space > LEAST_CHARS ? space : MOST_CHARS;
}

/** Letters and digits: what takes time to say. */
export function lettersIn(words: string): number {
  return words.match(LETTERS)?.length ?? 0;
}
