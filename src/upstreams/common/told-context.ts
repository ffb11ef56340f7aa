/**
 * The conversation as text, for a provider that takes no items: what is over is context, and what the user wrote last is said
 * to the model when it is asked.
 */
import { objectsAt, textAt } from "../json.ts";
import type { Item } from "../upstream.ts";

const MAX_LINES = 256;
const MAX_CHARS = 256 * 1024;

export type ToldContextState = { readonly lines: readonly string[]; readonly written: readonly string[] };

export class ToldContext {
  #lines: string[] = [];
  /** What the user wrote since anything else. */
  #written: string[] = [];
  #chars = 0;

  /** `sound`: it can be told as sound only; `full`: more was written than can wait. What was said long ago makes room. */
  add(item: Item): "told" | "sound" | "full" {
    const text = textOf(item);
    if (text === "") return holdsSound(item) ? "sound" : "told";
    while (this.#lines.length > 0 && this.#isFull(text)) this.#chars -= this.#lines.shift()?.length ?? 0;
    if (this.#isFull(text)) return "full";
    this.#chars += text.length;
    if (item.type === "message" && textAt(item, "role") === "user") this.#written.push(text);
    else {
      this.#settle();
      this.#lines.push(lineOf(item, text));
    }
    return "told";
  }

  #isFull({ length }: string): boolean {
    return this.#lines.length + this.#written.length >= MAX_LINES || this.#chars + length > MAX_CHARS;
  }

  /** What is context whatever is asked next, a line each; "" when there is nothing. */
  context(): string {
    return this.#take(this.#lines);
  }

  /** What the user wrote last; "" when there is nothing. */
  written(): string {
    return this.#take(this.#written);
  }

  /** Everything as context: the conversation goes on with something else. */
  all(): string {
    this.#settle();
    return this.context();
  }

  snapshot(): ToldContextState {
    return { lines: [...this.#lines], written: [...this.#written] };
  }

  restore({ lines, written }: ToldContextState): void {
    this.#lines = [...lines];
    this.#written = [...written];
    this.#chars = [...lines, ...written].reduce((sum, { length }) => sum + length, 0);
  }

  #settle(): void {
    for (const text of this.#written.splice(0)) this.#lines.push(userLine(text));
  }

  #take(from: string[]): string {
    const text = from.splice(0).join("\n");
    this.#chars = [...this.#lines, ...this.#written].reduce((sum, { length }) => sum + length, 0);
    return text;
  }
}

const userLine = (text: string): string => `The user said: ${text}`;

function lineOf(item: Item, text: string): string {
  if (item.type !== "message") return text;
  return textAt(item, "role") === "assistant" ? `You said: ${text}` : text;
}

/** What can be told of an item as text; "" when there is nothing. */
export function textOf(item: Item): string {
  switch (item.type) {
    case "message": {
      const parts = objectsAt(item, "content").map(
        (part) => textAt(part, "text") ?? textAt(part, "transcript"),
      );
      return parts.filter((part) => part !== null && part !== "").join("\n");
    }
    case "function_call":
      return `You called ${textAt(item, "name") ?? "a function"} with ${textAt(item, "arguments") ?? "{}"}`;
    case "function_call_output":
      return `The call returned: ${textAt(item, "output") ?? ""}`;
    default:
      return "";
  }
}

export function holdsSound(item: Item): boolean {
  return objectsAt(item, "content").some((part) => textAt(part, "type") === "input_audio");
}
