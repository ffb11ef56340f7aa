/** One item of an answer as the adapter knows it: its names, its content parts, its call. */

export const ITEM_LIMITS = {
  /** Content parts of one item; further ones are not told. */
  parts: 16,
  /** A call's arguments, in characters. */
  argumentsOfOne: 256 * 1024,
  /** Arguments of all calls that have not ended, in characters. */
  argumentsOfAll: 512 * 1024,
} as const;

/** `content_index` of no part: providers count parts from 0. */
const MAX_PART_INDEX = 255;

export type Part = {
  readonly index: number;
  /** What of its audio is not yet a whole sample (audio-carry.ts). */
  odd: number;
  /** Audio handed to the session. */
  audioBytes: number;
  /** Whether text came in deltas, so that a closing full text is not told twice. */
  saidTranscript: boolean;
  saidText: boolean;
};

export type ToolCall = {
  /** The session knows of it. False until the provider said what it calls. */
  told: boolean;
  /** The session's id of it. */
  callId: string;
  /** All deltas. */
  deltas: string;
  /** What `…arguments.done` gave; null: it did not come. */
  done: string | null;
  /** Arguments that cannot be told as they are. */
  faulty: boolean;
};

export type OutputItem = {
  /** The session's key: unique within the connection. */
  readonly key: string;
  /** The provider's name; null where it gave none that can be used. */
  readonly id: string | null;
  /** `output_index`; its place among the items of its response where that is not said. */
  readonly index: number;
  /** Key of its response, and the provider's name of that. */
  readonly response: string;
  readonly responseId: string;
  readonly kind: "message" | "function_call" | "other";
  readonly parts: Part[];
  readonly call: ToolCall | null;
  open: boolean;
};

export type ItemIdentity = Pick<OutputItem, "key" | "id" | "index" | "response" | "responseId">;

export function createItem(identity: ItemIdentity, kind: OutputItem["kind"]): OutputItem {
  return {
    ...identity,
    kind,
    parts: [],
    call:
      kind === "function_call" ? { told: false, callId: "", deltas: "", done: null, faulty: false } : null,
    open: true,
  };
}

/** The item's part of this `content_index`, new if there was none; null: not an index, or one too many. */
export function partOf(item: OutputItem, index: number): Part | null {
  const known = item.parts.find((part) => part.index === index);
  if (known !== undefined) return known;
  if (item.parts.length >= ITEM_LIMITS.parts || !Number.isInteger(index)) return null;
  if (index < 0 || index > MAX_PART_INDEX) return null;
  const part: Part = { index, odd: -1, audioBytes: 0, saidTranscript: false, saidText: false };
  item.parts.push(part);
  return part;
}

/** `{}` for the first part, which needs no mention. */
export function partField(index: number): { readonly part?: number } {
  return index === 0 ? {} : { part: index };
}

/** A copy that shares nothing with `item`. */
export function copyItem(item: OutputItem): OutputItem {
  return {
    ...item,
    parts: item.parts.map((part) => ({ ...part })),
    call: item.call === null ? null : { ...item.call },
  };
}
