/**
 * Whether a regular expression can run away. JavaScript's engines try one way after another: a pattern is refused when there
 * may be too many ways to try it at one place of a bounded text. The bound is one of the pattern alone, so that it is found
 * when the Worker starts and not in a call: ways multiply in a sequence, add up over alternatives, and a repetition of what can
 * be matched in more than one way (`(a+)+`, `(a|b)*`) has no bound.
 */

/** Characters that a pattern is tried on at once. */
export const WINDOW_CHARS = 640;
/** Ways to try a pattern at one place: some 25 ms for the worst of words. */
const MOST_WAYS = 2000;

class Refusal extends Error {}

/** Why a pattern, which is valid, is refused; null: it is not. */
export function faultOfPattern(source: string): string | null {
  try {
    const ways = new Ways(source).whole();
    if (ways <= MOST_WAYS) return null;
    return "may take too long: repetitions in a row or within one another; bound them ({0,20})";
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

/** Reads a valid pattern once, and counts. */
class Ways {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  whole(): number {
    return this.#alternatives();
  }

  #takes(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found) this.#at = pattern.lastIndex;
    return found;
  }

  #alternatives(): number {
    let ways = this.#sequence();
    while (this.#takes("|")) ways += this.#sequence();
    return ways;
  }

  #sequence(): number {
    let ways = 1;
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source.charAt(this.#at)))
      ways *= this.#repeated(this.#atom());
    return ways;
  }

  #atom(): number {
    if (this.#takes("(")) {
      this.#match(/\?(?:<?[=!]|<[^>]*>|[a-z-]*:)/y);
      const ways = this.#alternatives();
      this.#at += 1;
      return ways;
    }
    if (this.#match(/\\(?:[1-9]|k)/y)) throw new Refusal("refers back to a group, which may take too long");
    // A class, an escape with its name, or one character.
    this.#match(/\[(?:\\.|[^\]\\])*\]|\\[pPu]\{[^}]*\}|\\.|[^]/uy);
    return 1;
  }

  #repeated(ways: number): number {
    const found = this.#match(/(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/y);
    if (!found) return ways;
    const [all, least = "", comma, most = ""] = found;
    const from = least === "" ? (all.startsWith("+") ? 1 : 0) : Number(least);
    const unbounded = all.startsWith("*") || all.startsWith("+") || (comma === "," && most === "");
    const to = unbounded ? Infinity : all.startsWith("?") ? 1 : most === "" ? from : Number(most);
    if (ways === 1) return Math.min(to, WINDOW_CHARS) - Math.min(from, WINDOW_CHARS) + 1;
    if (to === Infinity) return Infinity;
    let sum = 0;
    for (let times = from; times <= to && sum <= MOST_WAYS; times += 1) sum += ways ** times;
    return sum;
  }
}
