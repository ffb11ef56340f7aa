/** What a session is told in mid-call: it takes no items, only text of three kinds, a little at a time. */
import type { JsonObject } from "../upstream.ts";
import { piecesOf } from "./tokens.ts";

/** A piece may have 500 tokens. */
const MAX_TOKENS = 480;
/** Of one text. */
const MAX_PIECES = 64;

/** Developer's words; what the model is to know, silently; what it is to say. */
export type Kind = "instructions" | "thinking" | "commentary";

/** Null: it is longer than is told. `delegation`: the task that it is about. */
export function appends(kind: Kind, text: string, delegation: string | null): readonly JsonObject[] | null {
  const pieces = piecesOf(text, MAX_TOKENS);
  if (pieces.length > MAX_PIECES) return null;
  return pieces.map((content) => ({ type: `session.${kind}.append`, content, delegation_id: delegation }));
}
