/** What the session says to its client, read as far as a telephone needs it. */
import { parseJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";

/** Its number stands last. */
const SEQUENCE = /"server_event_seq":(\d+)\}$/;

export function sequenceIn(text: string): number {
  return Number(SEQUENCE.exec(text.slice(-64))?.[1] ?? 0);
}

/** The member along `path` that is text, or "". */
export function textAt(text: string, ...path: readonly string[]): string {
  const value = valueAt(text, path);
  return typeof value === "string" ? value : "";
}

function valueAt(text: string, path: readonly string[]): Json {
  let value: Json = parseJsonObject(text);
  for (const name of path) value = (value as JsonObject | null)?.[name] ?? null;
  return value;
}

/** Responses whose audio may come, by stream and ordinal: which item it is of (docs/wire.md, "Where audio belongs"). */
export class Spoken {
  readonly #responses = new Map<string, { readonly key: string; item: string }>();

  created(text: string): void {
    const id = textAt(text, "response", "id");
    const ordinal = Number(valueAt(text, ["response", "relay", "ordinal"])) & 0xffff;
    const stream = Number(valueAt(text, ["response", "relay", "stream"]));
    this.#responses.set(id, { key: keyOf(stream, ordinal), item: this.#responses.get(id)?.item ?? "" });
    const [oldest] = this.#responses.keys();
    if (this.#responses.size > MOST_RESPONSES && oldest !== undefined) this.#responses.delete(oldest);
  }

  added(text: string): void {
    const response = this.#responses.get(textAt(text, "response_id"));
    if (response !== undefined && textAt(text, "item", "type") === "message")
      response.item = textAt(text, "item", "id");
  }

  /** "": nothing was announced. */
  itemOf(stream: number, ordinal: number): string {
    const key = keyOf(stream, ordinal);
    return Array.from(this.#responses.values()).findLast((each) => each.key === key)?.item ?? "";
  }

  /** An event is about this item, or about the response that has it. */
  concerns(text: string, item: string): boolean {
    const id = textAt(text, "response", "id") || textAt(text, "response_id");
    return textAt(text, "item_id") === item || (this.#responses.get(id)?.item ?? "") === item;
  }

  snapshot() {
    return [...this.#responses].map(([id, { key, item }]) => ({ id, key, item }));
  }

  restore(kept: SpokenSnapshot): void {
    this.#responses.clear();
    for (const { id, key, item } of kept) this.#responses.set(id, { key, item });
  }
}

export type SpokenSnapshot = ReturnType<Spoken["snapshot"]>;

const MOST_RESPONSES = 16;

function keyOf(stream: number, ordinal: number): string {
  return `${stream}:${ordinal}`;
}
