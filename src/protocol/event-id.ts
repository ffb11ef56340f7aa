/** The name of an event that is refused before it is parsed. */
import { JsonStrings } from "./json.ts";

/** Characters of an `event_id`, as at OpenAI. */
export const EVENT_ID_MAX = 512;
/**
 * So many characters that stand in no string are looked at, more than ten thousand members have (of an event with more it
 * may stand in front), and so many escapes: a megabyte of brackets is not worth a name.
 */
const LOOKED_AT = 128 * 1024;
/** As the text of JSON may spell it: each character as `\uXXXX`. */
const KEY_MAX = "event_id".length * 6;
const [QUOTE, BACKSLASH, COLON, COMMA, SPACE] = [0x22, 0x5c, 0x3a, 0x2c, 0x20];
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * The `event_id` of the event that `text` spells, as `JSON.parse` would find it: a member of the outermost object, wherever
 * it stands and however it is spelled, the last of several; at most its first 512 characters. Null: there is none, it is no
 * string, or it stands behind 128 KiB that are in no string. Text that is no JSON has a name or none.
 */
export function eventIdIn(text: string): string | null {
  let found: string | null = null;
  let levels = 0;
  /** Where the string began that may turn out to be a name of a member. */
  let key = -1;
  let value = false;
  let left = LOOKED_AT;
  const strings = new JsonStrings(text, LOOKED_AT);
  for (let at = 0; at < text.length && left > 0; at += 1, left -= 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = strings.end(at);
      if (strings.excess) return found;
      if (levels === 1 && value) found = readText(text, at + 1, end);
      else if (levels === 1) key = isName(text, at + 1, end) ? at : -1;
      value = false;
      at = end;
    } else if (code === OPEN || code === OPEN_LIST) {
      if (value) found = null;
      value = false;
      levels += 1;
    } else if (code === CLOSE || code === CLOSE_LIST) {
      levels -= 1;
      if (levels <= 0) return found;
    } else if (levels === 1 && code === COLON) value = key >= 0;
    else if (levels === 1 && code === COMMA) {
      key = -1;
      value = false;
    } else if (value && code > SPACE) {
      // A number, `true`, `null`: no name.
      found = null;
      value = false;
    }
  }
  return found;
}

function isName(text: string, from: number, to: number): boolean {
  if (to - from > KEY_MAX) return false;
  return readText(text, from, to) === "event_id";
}

/** What a string says between its quotes, its first 512 characters; null: it is none. */
function readText(text: string, from: number, to: number): string | null {
  let end = from;
  for (let count = 0; count < EVENT_ID_MAX && end < to; count += 1) {
    if (text.charCodeAt(end) !== BACKSLASH) end += 1;
    else end += text.charAt(end + 1) === "u" ? 6 : 2;
  }
  if (end > to) return null;
  try {
    return JSON.parse(`"${text.slice(from, end)}"`) as string;
  } catch {
    return null;
  }
}
