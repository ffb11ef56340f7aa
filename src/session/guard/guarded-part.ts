/**
 * One part of an answer under a guard, as data: the words that came, how many of them were asked about, may pass and have
 * passed, and how much of its sound those cover. Words have no times. Where an upstream sends them no later than their sound,
 * sound that came before a word is of the words before it. Elsewhere words cover no more than they take when said as fast as
 * anybody speaks, and the rest passes when the part has ended and all its words may pass.
 */

/** Nobody says more letters in a second than 25, nor fewer than 4 but for pauses. */
const FASTEST_MS = 40;
const SLOWEST_MS = 250;
const PAUSES_MS = 3000;
/** Of the words before, so many are judged again with those that follow. */
const CONTEXT_CHARS = 240;
const MOST_MARKS = 256;

/** Words that were asked about: up to this place, with so many letters; `question` null: they may pass. */
export interface Piece {
  readonly question: number | null;
  readonly end: number;
  readonly letters: number;
}

export interface GuardedPart {
  readonly item: string;
  readonly part: number;
  /** Its words are those of sound. */
  readonly spoken: boolean;
  /** Nobody was asked about these yet. */
  tail: string;
  context: string;
  /** Characters that came, that were asked about, that may pass, and that have passed. */
  chars: number;
  asked: number;
  /** Where the last whole sentence ended that was asked about. */
  sentenceAt: number;
  passed: number;
  sent: number;
  /** Letters that may pass, and in all. */
  letters: number;
  lettersAll: number;
  /** Asked about and not let pass, in order. */
  pieces: readonly Piece[];
  audioMs: number;
  sentMs: number;
  /** Words up to `chars` came when there was so much sound. */
  marks: readonly { readonly chars: number; readonly audioMs: number }[];
  /** Since when something waits for the guard, and what had come by then. */
  waitsSince: number | null;
  waitsMs: number;
  waitsChars: number;
  askedAt: number;
  ended: boolean;
  /** So much sound passes though its words did not come in time. */
  grantedMs: number;
}

export function newPart(item: string, part: number, spoken: boolean): GuardedPart {
  const words = { tail: "", context: "", chars: 0, asked: 0, sentenceAt: 0, passed: 0, sent: 0 };
  const sound = { letters: 0, lettersAll: 0, audioMs: 0, sentMs: 0, grantedMs: 0 };
  const waiting = { waitsSince: null, waitsMs: 0, waitsChars: 0, askedAt: Number.NEGATIVE_INFINITY };
  return { item, part, spoken, ...words, ...sound, ...waiting, pieces: [], marks: [], ended: false };
}

export function addWords(part: GuardedPart, delta: string): void {
  part.tail += delta;
  part.chars += delta.length;
  const last = part.marks.at(-1);
  const same = last && (last.audioMs === part.audioMs || part.marks.length >= MOST_MARKS);
  const mark = { chars: part.chars, audioMs: same ? last.audioMs : part.audioMs };
  part.marks = [...(same ? part.marks.slice(0, -1) : part.marks), mark];
}

/** Takes the first characters of what nobody was asked about. @returns them, behind the words before. */
export function takeWords(
  part: GuardedPart,
  chars: number,
): { readonly words: string; readonly text: string } {
  const words = part.tail.slice(0, chars);
  const text = part.context + words;
  part.tail = part.tail.slice(chars);
  part.asked += words.length;
  part.context = text.slice(-CONTEXT_CHARS);
  return { words, text };
}

/** What may pass now, after a piece was let pass or one was asked about. */
export function advance(part: GuardedPart): void {
  let done = 0;
  for (const { question, end, letters } of part.pieces) {
    if (question !== null) break;
    part.passed = end;
    part.letters += letters;
    done += 1;
  }
  part.pieces = part.pieces.slice(done);
  part.marks = part.marks.filter(({ chars }) => chars > part.passed);
}

/** How much sound of the part may pass in all, in milliseconds. */
export function clearedMs(part: GuardedPart, wordsFirst: boolean): number {
  const whole = part.passed === part.chars;
  if (part.ended && whole) return Infinity;
  const spoken = Math.max(part.letters * FASTEST_MS, part.grantedMs);
  if (!wordsFirst || part.chars === 0) return spoken;
  return Math.max(spoken, whole ? part.audioMs : (part.marks[0]?.audioMs ?? 0));
}

/** Its words account for its sound. */
export function isWorded({ lettersAll, audioMs }: GuardedPart): boolean {
  return lettersAll > 0 && audioMs <= lettersAll * SLOWEST_MS + PAUSES_MS;
}

/** Something of it waits for the guard. */
export function waits(part: GuardedPart, wordsFirst: boolean): boolean {
  return part.spoken ? part.audioMs > clearedMs(part, wordsFirst) : part.passed < part.chars;
}

/** It begins to wait, or does so anew. */
export function waitFrom(part: GuardedPart, now: number): void {
  part.waitsSince = now;
  part.waitsMs = part.audioMs;
  part.waitsChars = part.chars;
}
