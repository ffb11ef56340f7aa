/**
 * Finds the members of an audio delta without parsing it. A delta is one flat JSON object of a few members, one
 * of them kilobytes of base64; stepping over members costs a quarter of `JSON.parse` and copies nothing.
 * Whatever this scanner is not sure of it leaves to `JSON.parse`.
 */

/**
 * Ranges within the scanned text, between the quotes and with any escapes as written; reused between calls. An end
 * of 0 means that the member is absent.
 */
export interface DeltaSpans {
  responseStart: number;
  responseEnd: number;
  itemStart: number;
  itemEnd: number;
  deltaStart: number;
  deltaEnd: number;
  /** `content_index`; 0 where it is absent. */
  part: number;
}

const GA_TYPE = "response.output_audio.delta";
const BETA_TYPE = "response.audio.delta";
const PART = "content_index";
const NAMED = ["type", "delta", "item_id", "response_id"];
/** No two of them are of one length. */
const WANTED_BY_LENGTH: readonly (string | undefined)[] = Array.from(
  { length: PART.length + 1 },
  (_, length) => [...NAMED, PART].find((name) => name.length === length),
);
const MAX_MEMBERS = 16;
const [QUOTE, BACKSLASH, COLON, COMMA, OPEN, CLOSE, OPEN_ARRAY] = [34, 92, 58, 44, 123, 125, 91];
const [SPACE, DIGIT_0] = [32, 48];

export function emptySpans(): DeltaSpans {
  return { responseStart: 0, responseEnd: 0, itemStart: 0, itemEnd: 0, deltaStart: 0, deltaEnd: 0, part: 0 };
}

/** True when `text` is an audio delta with response, item and delta, whose ranges are then in `spans`. */
export function scanAudioDelta(text: string, spans: DeltaSpans): boolean {
  spans.responseEnd = spans.itemEnd = spans.deltaEnd = spans.part = 0;
  let audio = false;
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== OPEN) return false;
  for (let members = 0; members < MAX_MEMBERS; members++) {
    const key = (text.charCodeAt(at + 1) === QUOTE ? at + 1 : skipSpace(text, at + 1)) + 1;
    if (text.charCodeAt(key - 1) !== QUOTE) return false;
    const keyEnd = text.indexOf('"', key);
    if (keyEnd < 0) return false;
    // Nearly nobody writes spaces: they are stepped over where there is one.
    at = text.charCodeAt(keyEnd + 1) === COLON ? keyEnd + 1 : skipSpace(text, keyEnd + 1);
    if (text.charCodeAt(at) !== COLON) return false;
    const start = text.charCodeAt(at + 1) > SPACE ? at + 1 : skipSpace(text, at + 1);
    const end = valueEnd(text, start);
    if (end < 0) return false;
    const wanted = WANTED_BY_LENGTH[keyEnd - key];
    const what = wanted !== undefined && text.startsWith(wanted, key) ? wanted : null;
    const quoted = text.charCodeAt(start) === QUOTE;
    // The part is a number, and all others are strings.
    if (what !== null && quoted === (what === PART)) return false;
    if (what === "type") {
      if (!isAudioType(text, start + 1, end - 1)) return false;
      audio = true;
    } else if (what === PART) {
      // One digit: more is left to the parser.
      spans.part = text.charCodeAt(start) - DIGIT_0;
      if (end !== start + 1 || spans.part < 0 || spans.part > 9) return false;
    } else if (what !== null) noteSpan(what, start + 1, end - 1, spans);
    at = text.charCodeAt(end) > SPACE ? end : skipSpace(text, end);
    const next = text.charCodeAt(at);
    if (next === CLOSE) {
      const complete = spans.responseEnd > 0 && spans.itemEnd > 0 && spans.deltaEnd > 0;
      return audio && complete && skipSpace(text, at + 1) === text.length;
    }
    if (next !== COMMA) return false;
  }
  return false;
}

function noteSpan(key: string, start: number, end: number, spans: DeltaSpans): void {
  if (key === "delta") {
    spans.deltaStart = start;
    spans.deltaEnd = end;
  } else if (key === "item_id") {
    spans.itemStart = start;
    spans.itemEnd = end;
  } else {
    spans.responseStart = start;
    spans.responseEnd = end;
  }
}

function isKey(text: string, start: number, end: number, key: string): boolean {
  return end - start === key.length && text.startsWith(key, start);
}

function isAudioType(text: string, start: number, end: number): boolean {
  return isKey(text, start, end, GA_TYPE) || isKey(text, start, end, BETA_TYPE);
}

/** Index after the string, number or literal at `start`; -1 for nested values and strings that end in an escape. */
function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === OPEN || first === OPEN_ARRAY) return -1;
  if (first === QUOTE) {
    const end = text.indexOf('"', start + 1);
    return end < 0 || text.charCodeAt(end - 1) === BACKSLASH ? -1 : end + 1;
  }
  let at = start;
  for (; at < start + 32; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === CLOSE || code <= 32) return at;
  }
  return -1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 32 || (code >= 9 && code <= 13); code = text.charCodeAt(at))
    at++;
  return at;
}
