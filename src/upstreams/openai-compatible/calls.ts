/** Tool calls: which arguments were meant, and by which id a call goes on either side. */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { nameAt, remember, textAt } from "../json.ts";
import { ITEM_LIMITS, type OutputItem } from "./output-item.ts";

/** Calls under an id of ours whose result may still come. */
const MAX_RENAMED = 256;
/** A provider's own id of a call, kept for the way back. */
const MAX_CALL_ID_CHARS = 4096;

export type Arguments =
  | { readonly text: string; readonly fault: null }
  | { readonly text: null; readonly fault: string };

/** Arguments in whatever shape: text as it is, an object as JSON, nothing as "". `fault` completes "are …". */
export function readArguments(value: Json | undefined): Arguments {
  if (value === undefined || value === null) return { text: "", fault: null };
  if (typeof value !== "string" && !isJsonObject(value))
    return { text: null, fault: "neither text nor an object" };
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.length <= ITEM_LIMITS.argumentsOfOne) return { text, fault: null };
  return { text: null, fault: `longer than ${ITEM_LIMITS.argumentsOfOne} characters` };
}

/**
 * Which of several statements counts, the provider's last word first: the first that is whole JSON and says something,
 * because an empty or cut one is what servers write that have the arguments only in their deltas.
 */
export function settleArguments(...stated: readonly (string | null)[]): string {
  const said = stated.filter((text) => text !== null).filter((text) => text.trim() !== "");
  const whole = said.filter(isWholeJson);
  return whole.find((text) => !/^\s*\{\s*\}\s*$/.test(text)) ?? whole[0] ?? said[0] ?? "";
}

export function isWholeJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The provider's own id of a call; undefined: it gave none. */
export type OwnCallId = string | number | boolean | null | undefined;

export type CallIdsState = readonly (readonly [callId: string, own: Json, given: boolean])[];

/** Ids of calls that the session knows under another name than the provider. */
export class CallIds {
  readonly #own = new Map<string, OwnCallId>();

  /** The session's id of a call: the provider's, or one made from the item's key where that cannot be one. */
  sessionId(item: OutputItem, source: JsonObject): string {
    const given = nameAt(source, "call_id");
    if (given !== null) return given;
    const callId = `call_${item.key}`;
    remember(this.#own, callId, ownId(source["call_id"]), MAX_RENAMED);
    return callId;
  }

  /** The call was told under an id of ours before the provider gave its own. */
  learned(callId: string, source: JsonObject): void {
    const given = nameAt(source, "call_id");
    if (given !== null && given !== callId) remember(this.#own, callId, given, MAX_RENAMED);
  }

  /** An item as the provider must get it: a result under its own id of the call, or without one as it had none. */
  wireItem(item: JsonObject): JsonObject {
    const callId = textAt(item, "call_id");
    if (callId === null || !this.#own.has(callId)) return item;
    const { call_id: _, ...rest } = item;
    const own = this.#own.get(callId);
    return own === undefined ? rest : { ...rest, call_id: own };
  }

  snapshot(): CallIdsState {
    return [...this.#own].map(([callId, own]) => [callId, own ?? null, own !== undefined]);
  }

  restore(state: CallIdsState): void {
    for (const [callId, own, given] of state) this.#own.set(callId, given ? ownId(own) : undefined);
  }
}

function ownId(value: Json | undefined): OwnCallId {
  if (typeof value === "string") return value.length <= MAX_CALL_ID_CHARS ? value : undefined;
  return typeof value === "object" && value !== null ? undefined : value;
}
