/** How far words of one item are judged: moderators are asked about long ones in pieces that overlap, so many at once. */

/**
 * Words that are being judged, or were. They are kept, and not a sum of them: whoever wants words to pass would choose them so
 * that they look like others that did.
 */
export interface Judged {
  readonly text: string | null;
  /** Questions that are not answered. */
  readonly left: readonly number[];
  /** Nobody was asked about what is from here on; absent: about all of it. */
  readonly next?: number;
  /** Some of it passes because nobody judged it in time, which was told. */
  readonly told?: true;
}

/** A moderator is asked about so many characters at once, and these of the ones before. */
const PIECE_CHARS = 4000;
const OVERLAP_CHARS = 240;

/** Of these words; of others nobody was asked yet. */
export function judgedOf(known: Judged | undefined, text: string): Judged {
  return known?.text === text ? known : { text, left: [], next: 0 };
}

/** All of these words may pass. */
export function isJudged(known: Judged | undefined, text: string | null): boolean {
  return known !== undefined && known.text === text && known.left.length === 0 && known.next === undefined;
}

/** @returns the piece at a place, and where the next one is; undefined: it is the last. */
export function pieceAt(text: string, at: number): { readonly piece: string; readonly next?: number } {
  const piece = text.slice(at, at + PIECE_CHARS);
  const next = at + PIECE_CHARS - OVERLAP_CHARS;
  return next + OVERLAP_CHARS < text.length ? { piece, next } : { piece };
}
