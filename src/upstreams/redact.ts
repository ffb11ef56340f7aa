/**
 * Makes a provider's words fit for a client and a log: without keys, without URL queries, of bounded length.
 * Providers do repeat keys in their errors ("Incorrect API key provided: sk-…").
 */
import { REDACTED, withoutSecrets } from "./secrets.ts";
import type { Json, JsonObject, UpstreamFault } from "./upstream.ts";

const MAX_MESSAGE_CHARS = 500;
const MAX_PARAM_CHARS = 256;
/** Shorter parts of a header are words such as `Bearer`. */
const MIN_SECRET_CHARS = 8;
const CODE = /^[A-Za-z][\w.-]{0,63}$/;
/** Names of query members whose value is a secret. */
const SECRET_MEMBER = /key|token|secret|sig|auth|pass|code|credential/i;
/** Segments of a path that are shorter name versions and models. */
const MIN_SEGMENT_CHARS = 20;

export interface FaultDetail {
  readonly type: string | null;
  readonly param: string | null;
}

export interface Redactor {
  text(message: string): string;
  /** What was said so far and waits for its rest, as it may be stored: of full length, without a secret or the beginning of one. */
  unfinished(text: string): string;
  /** What is handed on unread: whole, and without a secret of ours, wherever in it. The same object, where there was none. */
  verbatim(said: JsonObject): JsonObject;
  /** A fault with a code word (else `fallback`), a redacted message, and class and field where they are given. */
  fault(code: string | null, message: string | null, fallback: string, more?: FaultDetail): UpstreamFault;
}

/**
 * @param headers the dial's headers, and `url` its address: no value of theirs survives in a message, as it is, in base64 or
 * percent-encoded.
 */
export function createRedactor(headers: Readonly<Record<string, string>>, url = ""): Redactor {
  const given = Object.values(headers).flatMap((value) => [value, ...value.split(/[\s,]+/)]);
  const values = [...given, ...secretsOf(url)]
    .filter((value) => value.length >= MIN_SECRET_CHARS)
    .flatMap((value) => [value, ...spellings(value)])
    .sort((a, b) => b.length - a.length);

  const without = (said: string): string =>
    values.reduce((all, value) => all.replaceAll(value, REDACTED), said);
  const text = (message: string): string => {
    // Cut ahead, with room so that no key is cut into an unknown half.
    const clean = without(message.slice(0, MAX_MESSAGE_CHARS * 4));
    return withoutSecrets(clean).slice(0, MAX_MESSAGE_CHARS);
  };
  const unfinished = (text: string): string => {
    const clean = without(text);
    const begun = Math.max(0, ...values.map((value) => beginningAt(clean, value)));
    return begun === 0 ? clean : clean.slice(0, -begun) + REDACTED;
  };
  const isWord = (word: string | null): word is string =>
    word !== null && CODE.test(word) && text(word) === word;
  const fault: Redactor["fault"] = (code, message, fallback, more) => ({
    code: isWord(code) ? code : fallback,
    message: text(message ?? "") || "The provider gave no reason.",
    ...(isWord(more?.type ?? null) ? { type: more?.type ?? "" } : {}),
    ...(more?.param ? { param: text(more.param).slice(0, MAX_PARAM_CHARS) } : {}),
  });
  return { text, unfinished, verbatim: (said) => cleaned(said, without) as JsonObject, fault };
}

/** Names too: a provider may say back a header by its value. What has nothing to be replaced is not copied. */
function cleaned(value: Json, clean: (text: string) => string): Json {
  if (typeof value === "string") return clean(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const list = (value as readonly Json[]).map((each) => cleaned(each, clean));
    return list.every((each, at) => each === (value as readonly Json[])[at]) ? value : list;
  }
  const members = Object.entries(value).map(
    ([name, each]) => [name, clean(name), cleaned(each, clean)] as const,
  );
  const same = members.every(([name, named, each]) => name === named && each === (value as JsonObject)[name]);
  return same ? value : Object.fromEntries(members.map(([, named, each]) => [named, each]));
}

/** How much of the value the text ends with, 0 where that is no more than a word. */
function beginningAt(text: string, value: string): number {
  let length = Math.min(value.length - 1, text.length);
  while (length >= MIN_SECRET_CHARS && !text.endsWith(value.slice(0, length))) length -= 1;
  return length >= MIN_SECRET_CHARS ? length : 0;
}

/** What of an address may be a key: members of its query by their names, long segments of its path, name and password. */
function secretsOf(url: string): readonly string[] {
  const [path = "", query = ""] = url.split("#")[0]?.split("?") ?? [];
  const members = query.split("&").flatMap((member) => {
    const [name = "", value = ""] = member.split("=");
    return SECRET_MEMBER.test(name) ? [value, decoded(value)] : [];
  });
  const [host = "", ...segments] = path.replace(/^\w+:\/\//, "").split("/");
  const long = segments.filter((part) => part.length >= MIN_SEGMENT_CHARS && /\d/.test(part));
  const users = host.includes("@") ? host.slice(0, host.lastIndexOf("@")).split(":") : [];
  return [...members, ...long, ...users];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The same value as others write it. Headers are bytes, one a character. */
function spellings(value: string): readonly string[] {
  const padded = Uint8Array.from(value, (character) => character.charCodeAt(0)).toBase64();
  const base64 = padded.replace(/=+$/, "");
  const encoded = encodeURIComponent(value.toWellFormed());
  return [
    padded,
    base64,
    base64.replaceAll("+", "-").replaceAll("/", "_"),
    ...(encoded === value ? [] : [encoded]),
  ];
}
