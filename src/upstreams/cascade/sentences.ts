/**
 * Text that is still being written, cut into sentences: what can be spoken while the rest is not there yet. Where sentences end
 * is Unicode's rule (UAX #29), less the abbreviations that it knows nothing of.
 */

/** Longer than this it is cut at a comma or a space, wherever its end may be. */
const MAX_CHARS = 400;
/** What is written with a full stop and goes on. */
const ABBREVIATION =
  /(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|No|Nr|Mme|Mlle|Sra|vs|etc|approx|ca|bzw|usw|e\.g|i\.e|z\.\s?B|d\.\s?h|\p{L}|\p{N}{1,2})\.\s*$/iu;

let segmenter: Intl.Segmenter | null = null;

export class SentenceCutter {
  #pending = "";

  /** @returns sentences that are whole, with the space behind them: together they are the text as it came. */
  push(text: string): readonly string[] {
    this.#pending += text;
    // Nothing ends without a sign that ends something, or before it is known what follows.
    if (this.#pending.length <= MAX_CHARS && !/[\p{STerm}…\n]/u.test(this.#pending)) return [];
    const out: string[] = [];
    let sentence = "";
    segmenter ??= new Intl.Segmenter("en", { granularity: "sentence" });
    for (const { segment } of segmenter.segment(this.#pending)) {
      if (sentence !== "" && !ABBREVIATION.test(sentence)) {
        out.push(sentence);
        sentence = "";
      }
      sentence += segment;
    }
    for (; sentence.length > MAX_CHARS; sentence = sentence.slice(out.at(-1)?.length))
      out.push(cut(sentence));
    this.#pending = sentence;
    return out;
  }

  /** What is left when nothing more is written; "": nothing. */
  end(): string {
    const rest = this.#pending;
    this.#pending = "";
    return rest;
  }

  snapshot(): string {
    return this.#pending;
  }

  restore(pending: string): void {
    this.#pending = pending;
  }
}

/** There is something in it that can be spoken. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

/** The front of a text that is too long: to its last comma, else its last space, else as long as may be. */
function cut(text: string): string {
  const front = text.slice(0, MAX_CHARS);
  const at = Math.max(front.search(/[,;:、，；：](?=[^,;:、，；：]*$)/u), front.lastIndexOf(" "));
  if (at > 0) return front.slice(0, at + 1);
  // Not between the halves of a character.
  return front.slice(0, /[\ud800-\udbff]$/.test(front) ? -1 : undefined);
}
