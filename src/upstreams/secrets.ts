/**
 * Finds what looks like a secret in a sentence, in one pass: a provider's words go through here, and none may cost more
 * than its length.
 */
export const REDACTED = "[redacted]";

/** Words of a sentence: what stands between white space, quotes, brackets and commas. */
const WORD = /[^\s"'`<>(),;{}[\]|\\]+/g;
/** Pieces of a word that a name and its value are written in: `key=value`, `token:value`, `?key=value&more=…`. */
const PIECE = /[^:=?&#]+/g;

/** What follows these is a secret, whatever it looks like. */
const HARD = /^(?:[\w-]*(?:password|passwd|passphrase|pwd|secret)|x-api-key)$/i;
/** What follows these, after a colon or an equals sign, is one unless it is a plain word. */
const SOFT =
  /^(?:[\w-]*(?:token|key|apikey|credentials?|signature|sig|auth|authorization|jwt)|bearer|basic|pin)$/i;
/** What follows these without a sign, as in a header. */
const SCHEME = /^(?:bearer|basic|token)$/i;
const PLAIN_WORD = /^(?:[a-z]{1,14}|[A-Z][a-z]{1,13})[.!?]?$/;
/** Of the value after a scheme's name. */
const SCHEME_CHARS = 6;

/** Keys by their first letters, as providers give them out. */
const PREFIXED =
  /\b(?:sk|ek|pk|rk|gsk|xai|api|key|hf|auth|ghp|glpat)[-_][\w*.-]{8,}|\bAIza[\w-]{30,}|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g;
const RUN = /[\w+/=-]{32,}/g;
const HEX = /^[0-9a-f]{32,}$/i;
/** Names of requests, which are asked for when one needs help. */
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** A run with a digit in it is a key from here on, whatever separates its parts. */
const LONG_RUN = 40;
/** In a shorter one, letters and digits without a separator: names of models are made of short parts. */
const DENSE_PART = 20;
const SEGMENT_CHARS = 20;

/** `text` without what looks like a key, a token, a password, or the query of a URL. Linear in its length. */
export function withoutSecrets(text: string): string {
  const label = new Label();
  let at = 0;
  return text.replace(WORD, (word, start: number) => {
    label.follow(text.slice(at, start));
    at = start + word.length;
    return word.includes("://") ? withoutQuery(word) : withoutValues(word, label);
  });
}

/** The name that a value may follow. */
class Label {
  #name = "";
  #sign = false;

  /** What stands between the last name and what comes now. */
  follow(gap: string): void {
    // A name and its value are one sentence apart at most: `{"key": "value"}`, `key = value`.
    if (gap.length > 8 || gap.includes(",") || gap.includes(";")) this.#name = "";
    else if (gap.includes(":") || gap.includes("=")) this.#sign = true;
  }

  named(name: string): void {
    // "password is hunter2": what stands between does not make it another's.
    if (this.#name !== "" && /^(?:is|was)$/i.test(name)) this.#sign = true;
    else {
      this.#name = name;
      this.#sign = false;
    }
  }

  /** Whether `value` is what the name is the name of. */
  owns(value: string): boolean {
    const name = this.#name;
    if (name === "" || value === "") return false;
    if (SCHEME.test(name) && !this.#sign) return value.length >= SCHEME_CHARS && !PLAIN_WORD.test(value);
    if (!this.#sign) return false;
    return HARD.test(name) || (SOFT.test(name) && !PLAIN_WORD.test(value) && !SCHEME.test(value));
  }
}

function withoutValues(word: string, label: Label): string {
  let at = 0;
  const clean = word.replace(PIECE, (piece, start: number) => {
    label.follow(word.slice(at, start));
    at = start + piece.length;
    const owned = label.owns(piece);
    label.named(owned ? "" : piece);
    return owned ? REDACTED : withoutKeys(piece);
  });
  // The sign at the end of a word, or one that stands alone, counts for the next.
  label.follow(word.slice(at));
  return clean;
}

function withoutKeys(piece: string): string {
  return piece.replace(PREFIXED, REDACTED).replace(RUN, (run) => (isKey(run) ? REDACTED : run));
}

function isKey(run: string): boolean {
  if (HEX.test(run)) return true;
  if (UUID.test(run) || !/\d/.test(run)) return false;
  if (run.length >= LONG_RUN) return true;
  return run.split(/[-_/]/).some((part) => part.length >= DENSE_PART && /\d/.test(part));
}

/** Scheme, host and path of a URL; no name and password, no query, no segment that is a key. */
function withoutQuery(word: string): string {
  const begin = word.indexOf("://") + 3;
  const cut = word.slice(begin).search(/[?#]/);
  const whole = cut < 0 ? word : word.slice(0, begin + cut);
  const [host = "", ...segments] = whole.slice(begin).split("/");
  const safe = segments.map((segment) =>
    segment.length >= SEGMENT_CHARS && /\d/.test(segment) && !UUID.test(segment) && !isModelName(segment)
      ? REDACTED
      : withoutKeys(segment),
  );
  return [
    withoutKeys(word.slice(0, begin)) + withoutKeys(host.slice(host.lastIndexOf("@") + 1)),
    ...safe,
  ].join("/");
}

/** Short parts between dashes: `gpt-4o-realtime-preview-2024-12-17`. */
function isModelName(segment: string): boolean {
  return segment.split(/[-_.]/).every((part) => part.length <= 12);
}
