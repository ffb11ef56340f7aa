/**
 * The conversation as text, for a provider that takes no items: what is over is context, and what the user wrote last, or a call
 * gave, is said to the model when it is asked.
 */
import { objectsAt, textAt } from "../json.ts";
import type { Item } from "../upstream.ts";

const MAX_LINES = 256;
const MAX_CHARS = 256 * 1024;

/** What the user wrote, or what a call gave. */
type Written = string | { readonly returned: string };

export type ToldContextState = { readonly lines: readonly string[]; readonly written: readonly Written[] };

export class ToldContext {
  #lines: string[] = [];
  /** What is to be answered: it came since anything else. */
  #written: Written[] = [];

  /** `sound`: it can be told as sound only; `full`: more was written than can wait. What was said long ago makes room. */
  add(item: Item): "told" | "sound" | "full" {
    const text = textOf(item);
    if (text === "") return holdsSound(item) ? "sound" : "told";
    // What does not fit at all takes the place of nothing.
    if (!this.#fits(text, [])) return "full";
    while (!this.#fits(text, this.#lines)) this.#lines.shift();
    if (item.type === "message" && textAt(item, "role") === "user") this.#written.push(text);
    else if (item.type === "function_call_output") this.#written.push({ returned: text });
    else {
      this.#settle();
      this.#lines.push(lineOf(item, text));
    }
    return "told";
  }

  /** Beside these lines, and what is to be answered. */
  #fits({ length }: string, lines: readonly string[]): boolean {
    const kept = [...lines, ...this.#written.map(saidOf)];
    return kept.length < MAX_LINES && kept.reduce((sum, one) => sum + one.length, length) <= MAX_CHARS;
  }

  /** What is context whatever is asked next, a line each; "" when there is nothing. */
  context(): string {
    return this.#lines.splice(0).join("\n");
  }

  /** What is to be answered; "" when there is nothing. */
  written(): string {
    return this.#written.splice(0).map(saidOf).join("\n");
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
  }

  #settle(): void {
    for (const one of this.#written.splice(0))
      this.#lines.push(typeof one === "string" ? userLine(one) : one.returned);
  }
}

const saidOf = (one: Written): string => (typeof one === "string" ? one : one.returned);

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
