/**
 * Makes a provider's words fit for a client and a log: without keys, without URL queries, of bounded length.
 * Providers do repeat keys in their errors ("Incorrect API key provided: sk-…").
 */
import type { UpstreamFault } from "./upstream.ts";

const MAX_MESSAGE_CHARS = 500;
const MAX_PARAM_CHARS = 256;
/** Shorter parts of a header are words such as `Bearer`. */
const MIN_SECRET_CHARS = 8;
const REDACTED = "[redacted]";
const CODE = /^[A-Za-z][\w.-]{0,63}$/;

const SECRETS: readonly RegExp[] = [
  /\b(?:bearer|basic|token)\s+[^\s"',;]{6,}/gi,
  /\b(?:sk|ek|pk|rk|gsk|xai|api|key|hf|auth)[-_][\w*.-]{8,}/gi,
  /\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g,
  // A long run with a digit in it: a token, not a word.
  /(?=[A-Za-z_+/=-]*\d)[\w+/=-]{40,}/g,
];
const URL_QUERY = /\b((?:https?|wss?):\/\/[^\s?#"']*)[?#][^\s"']*/gi;

export interface FaultDetail {
  readonly type: string | null;
  readonly param: string | null;
}

export interface Redactor {
  text(message: string): string;
  /** A fault with a code word (else `fallback`), a redacted message, and class and field where they are given. */
  fault(code: string | null, message: string | null, fallback: string, more?: FaultDetail): UpstreamFault;
}

/** @param headers the dial's headers: no value of theirs survives in a message. */
export function createRedactor(headers: Readonly<Record<string, string>>): Redactor {
  const values = Object.values(headers)
    .flatMap((value) => [value, ...value.split(/[\s,]+/)])
    .filter((value) => value.length >= MIN_SECRET_CHARS)
    .sort((a, b) => b.length - a.length);

  const text = (message: string): string => {
    // Cut before the expressions run (their cost), with room so that no key is cut into an unknown half.
    let clean = message.slice(0, MAX_MESSAGE_CHARS * 4);
    for (const value of values) clean = clean.replaceAll(value, REDACTED);
    clean = clean.replace(URL_QUERY, "$1");
    for (const secret of SECRETS) clean = clean.replace(secret, REDACTED);
    return clean.slice(0, MAX_MESSAGE_CHARS);
  };
  const isWord = (word: string | null): word is string =>
    word !== null && CODE.test(word) && text(word) === word;
  const fault: Redactor["fault"] = (code, message, fallback, more) => ({
    code: isWord(code) ? code : fallback,
    message: text(message ?? "") || "The provider gave no reason.",
    ...(isWord(more?.type ?? null) ? { type: more?.type ?? "" } : {}),
    ...(more?.param ? { param: text(more.param).slice(0, MAX_PARAM_CHARS) } : {}),
  });
  return { text, fault };
}
