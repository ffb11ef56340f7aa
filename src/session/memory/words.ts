/**
 * Words of a transcript put together and cut, in any script. Most scripts part words with spaces; Chinese, Japanese, Thai,
 * Lao, Khmer, Burmese and some others do not, and a space between two of their words is a fault. Nothing here is on
 * the way of a frame: a join is per segment of a transcript, a cut per truncation.
 */

/** Letters (and full-width signs) of scripts that write words without spaces. Hangul has spaces. */
const UNSPACED =
  /[\p{sc=Han}\p{scx=Hira}\p{scx=Kana}\p{sc=Bopo}\p{sc=Yiii}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}\p{sc=Tibt}\p{sc=Tale}\p{sc=Talu}\p{sc=Lana}\p{sc=Tavt}\p{sc=Java}\p{sc=Bali}\u3001-\u303f\uff01-\uff65]/u;
/** Of those, the ones that end a sentence with a space all the same when it ends with a narrow sign. */
const SPACED_SENTENCES = /[\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]/u;
/** Full-width signs: the space beside them is theirs. */
const WIDE_SIGN = /[\u3001-\u3004\u3008-\u3020\u3030\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/u;
/** One syllable or more in each. */
const SYLLABIC = /[\p{sc=Han}\p{scx=Hira}\p{scx=Kana}\p{sc=Hang}\p{sc=Bopo}\p{sc=Yiii}]/u;
/** Whitespace, and the space of no width that Khmer and Burmese have between words. */
const SPACE = /[\s\u200b]/u;
/** Signs that belong to what is before them, when nothing but a space follows. */
const CLOSING = /^[\p{Term}\p{Pe}\p{Pf}…%]+(?=\s|$)/u;
/** Signs that belong to what is after them. */
const OPENING = /(?:^|\s)[\p{Ps}\p{Pi}¿¡]+$/u;
const SENTENCE_END = /[.!?…]["'”’)\]]*$/u;
/** What a word goes on with. */
const IN_WORD = /^[\p{L}\p{N}\p{M}\p{Pc}\p{Pd}'’]/u;

/** So many characters are looked at to see what script a text begins or ends with. */
const EDGE = 16;

/** What the text has at this edge, signs aside: a letter of a script with spaces or without, or neither. */
function edgeOf(characters: readonly string[]): "spaced" | "unspaced" | "neither" {
  for (const character of characters) {
    if (UNSPACED.test(character)) return "unspaced";
    if (/\p{L}/u.test(character)) return "spaced";
    if (/[\p{N}\s]/u.test(character)) return "neither";
  }
  return "neither";
}

/** What stands between two texts that follow each other: a space, or nothing. */
export function gapBetween(left: string, right: string): "" | " " {
  const before = Array.from(left.slice(-EDGE)).toReversed();
  const after = Array.from(right.slice(0, EDGE));
  const [last, first] = [before[0], after[0]];
  if (last === undefined || first === undefined || SPACE.test(last) || SPACE.test(first)) return "";
  if (WIDE_SIGN.test(last) || WIDE_SIGN.test(first)) return "";
  if (CLOSING.test(right) || OPENING.test(left)) return "";
  const [from, to] = [edgeOf(before), edgeOf(after)];
  if (from === "spaced" || to === "spaced" || from === to) {
    if (from !== "unspaced" || to !== "unspaced") return " ";
    return SENTENCE_END.test(left) && before.some((one) => SPACED_SENTENCES.test(one)) ? " " : "";
  }
  return "";
}

/** One text of several, in order. Empty ones add nothing; a space that is there already is not doubled. */
export function joinWords(texts: readonly string[]): string {
  let joined = "";
  for (const text of texts) {
    if (text.trim() === "") continue;
    const next = SPACE.test(joined.slice(-1)) ? text.trimStart() : text;
    joined += gapBetween(joined, next) + next;
  }
  return joined;
}

/**
 * Nobody speaks faster, letters a millisecond: 22 a second, or 10 of those that stand for a syllable (speech has 15, or 4
 * to 8). What a transcript says beyond that is ahead of its audio and does not count as heard.
 */
const COST_PER_MS = 0.22;
const LETTER_COST = 10;
const SYLLABLE_COST = 22;

function costOf(character: string): number {
  return character >= "\u1100" && SYLLABIC.test(character) ? SYLLABLE_COST : LETTER_COST;
}

/**
 * The words that were heard of `words`, which `audioMs` of audio say, when `heardMs` of it were heard: in proportion to
 * the time that speaking them takes, and no more than could have been said by then.
 */
export function heardWords(words: string, heardMs: number, audioMs: number): string {
  if (audioMs <= 0) return "";
  let whole = 0;
  for (const character of words) whole += costOf(character);
  // Against the rounding of a sum: a share that ends with a word has all of it.
  const heard = Math.min(whole * Math.min(1, heardMs / audioMs), heardMs * COST_PER_MS) + 1e-6;
  let spent = 0;
  let end = 0;
  for (const character of words) {
    spent += costOf(character);
    if (spent > heard) return cutWords(words, end);
    end += character.length;
  }
  return words;
}

/** A word that began longer ago than this, in characters as people count them, is cut within. */
const MAX_WORD = 12;

/**
 * At most `most` UTF-16 units from the text's front, without the space at their end: whole words where the script has
 * spaces, else whole characters as people count them, never half an emoji, a syllable or a letter without its accent.
 */
export function cutWords(text: string, most: number): string {
  if (most >= text.length) return text;
  const end = characterStart(text, Math.max(0, most));
  return text.slice(0, wordStart(text, end)).trimEnd();
}

/** Where the word begins that goes on at `end`; `end` where none does, or where it began too long ago. */
function wordStart(text: string, end: number): number {
  if (!inWord(text, end)) return end;
  let start = end;
  for (let length = 0; start > 0; length++) {
    const before = characterStart(text, start - 1);
    if (!inWord(text, before)) return start;
    if (length === MAX_WORD) return end;
    start = before;
  }
  return start;
}

/** The character at `at` is part of a word of a script that has spaces. */
function inWord(text: string, at: number): boolean {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0x20);
  return IN_WORD.test(character) && !UNSPACED.test(character);
}

let graphemes: Intl.Segmenter | null = null;

/** Start of the character, as people count them (UAX #29), that the unit at `at` is part of. */
function characterStart(text: string, at: number): number {
  const [before, after] = [text.charCodeAt(at - 1), text.charCodeAt(at)];
  // Below the first combining mark every unit is one by itself, but for a carriage return with its line feed.
  if (at === 0 || (before < 0x300 && after < 0x300 && after !== 0x0a)) return at;
  // 10 ms the first time: not before it is needed. It reads the text around, not all of it: 3 µs (of 10 000 characters).
  graphemes ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return graphemes.segment(text).containing(at)?.index ?? at;
}
