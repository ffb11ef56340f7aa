/**
 * The caller's words that a guard judges: what was typed, and what was heard in sound. What a client says of sound that it
 * brings itself is judged too, and is no transcript: nobody has heard it.
 */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Entry } from "../memory/entry.ts";

export interface Words {
  /** The item's name, or one that begins with `OWN`. */
  readonly id: string;
  /** Null: they are not known yet. */
  readonly text: string | null;
}

/** Before names of what only an answer is asked with. */
export const OWN = "=";
/** … and, with the name of its item, of sound that nobody has heard. */
const UNHEARD = `${OWN}unheard:`;

/** Items of the conversation; what only an answer was asked with has no name. */
export function itemsOf(ids: readonly string[]): readonly string[] {
  const names = ids.map((id) => (id.startsWith(UNHEARD) ? id.slice(UNHEARD.length) : id));
  return [...new Set(names)].filter((id) => !id.startsWith(OWN));
}

export function wordsOf({ item, unvoiced, claimed }: Entry): readonly Words[] {
  if (item["role"] !== "user" || unvoiced === true) return [];
  return textsIn(item, claimed !== true).map((text) => ({
    id: text === null && claimed === true ? UNHEARD + item.id : item.id,
    text,
  }));
}

/** Of what only an answer is asked with. */
export function textsOf(input: Json | undefined): readonly (string | null)[] {
  const items = Array.isArray(input) ? (input as readonly Json[]) : [];
  return items
    .filter((item) => isJsonObject(item) && item["role"] === "user")
    .flatMap((item) => textsIn(item as JsonObject, false));
}

/**
 * All words of an item of the caller's, once; null behind them where some are not known; none where it has neither words nor sound.
 * @param heard its transcripts are of who heard it.
 */
function textsIn({ content }: JsonObject, heard: boolean): readonly (string | null)[] {
  const parts = Array.isArray(content)
    ? (content as readonly Json[]).filter((part) => isJsonObject(part))
    : [];
  const texts: string[] = [];
  let unheard = false;
  for (const part of parts as readonly JsonObject[]) {
    const { type, transcript, audio } = part;
    const text = type === "input_text" ? part["text"] : transcript;
    if (typeof text === "string") texts.push(text);
    else if (type === "input_audio" && heard) return [null];
    unheard ||= type === "input_audio" && !heard && audio !== "";
  }
  const [only] = texts;
  // The same string is compared, and stored, as one.
  const all = texts.length === 1 && only !== undefined ? only : texts.join("\n");
  return [...(texts.length === 0 ? [] : [all]), ...(unheard ? [null] : [])];
}
