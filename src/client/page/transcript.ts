/** Who said what, in the order of the conversation. */
import type { Call, CallEventMap } from "../index.ts";
import { objectAt } from "../json.ts";
import { appendFollowing, create, element } from "./elements.ts";

interface Line {
  readonly line: HTMLLIElement;
  readonly text: HTMLParagraphElement;
  readonly who: HTMLSpanElement;
}

const MAX_LINES = 500;
const NOT_TRANSCRIBED = "(spoken)";

/** Somebody writes down what the user says. */
function transcribes(call: Call): boolean {
  const input = objectAt(objectAt(call.session, "audio"), "input");
  return objectAt(input, "transcription") !== null;
}

export class Transcript {
  readonly #list = element("transcript", HTMLOListElement);
  /** What assistive technology reads out: whole sentences, not each word of an answer that is heard anyway. */
  readonly #spoken = element("said", HTMLParagraphElement);
  readonly #lines = new Map<string, Line>();

  follow(call: Call): void {
    this.#list.replaceChildren();
    this.#lines.clear();
    call.on("speech", ({ state, itemId }) => {
      if (state === "started") this.#line(itemId, "user", "You");
    });
    call.on("item", (item) => this.#item(item, transcribes(call)));
    call.on("deleted", ({ itemId }) => {
      this.#lines.get(itemId)?.line.remove();
      this.#lines.delete(itemId);
    });
    call.on("transcript", (said) => this.#said(said));
    call.on("playback", ({ itemId, cut, playedMs }) => {
      if (cut) this.#note(itemId, `cut after ${(playedMs / 1000).toFixed(1)} s`);
    });
    call.on("resumed", ({ forgotten }) => {
      // Nothing more will come of what was under way.
      if (forgotten) for (const { line } of this.#lines.values()) line.classList.remove("pending");
    });
    call.on("response", ({ response, status }) => {
      if (status === "failed") this.#note(response.id, "failed");
    });
  }

  #item({ id, type, role, text, name }: CallEventMap["item"], transcribed: boolean): void {
    if (type === "function_call") {
      this.#line(id, "tool", "").text.textContent = `calls ${name ?? "a function"}`;
    } else if (role === "user") {
      const { line, text: paragraph } = this.#line(id, "user", "You");
      if (text === null && transcribed) return;
      appendFollowing(this.#list, () => (paragraph.textContent = text ?? NOT_TRANSCRIBED));
      line.classList.remove("pending");
    }
  }

  #said({ role, itemId, upstream, delta, text }: CallEventMap["transcript"]): void {
    // A voice without words, such as the echo, ends with an empty transcript.
    if (role === "assistant" && text === "" && !this.#lines.has(itemId)) return;
    const who = role === "user" ? "You" : (upstream ?? "Assistant");
    const { line, text: paragraph } = this.#line(itemId, role, who);
    appendFollowing(this.#list, () => {
      if (delta !== null) paragraph.append(delta);
      if (text === null) return;
      paragraph.textContent = text === "" && role === "user" ? NOT_TRANSCRIBED : text;
      line.classList.remove("pending");
      this.#spoken.textContent = `${who}: ${paragraph.textContent}`;
    });
  }

  #note(itemId: string, note: string): void {
    const known = this.#lines.get(itemId);
    if (known === undefined) return;
    known.line.classList.remove("pending");
    known.who.append(` · ${note}`);
  }

  #line(itemId: string, role: "user" | "assistant" | "tool", who: string): Line {
    const known = this.#lines.get(itemId);
    if (known !== undefined) return known;
    const name = create("span", "who", who);
    const text = create("p");
    const line = create("li", `${role} pending`, name, text);
    const made: Line = { line, text, who: name };
    this.#lines.set(itemId, made);
    appendFollowing(this.#list, () => this.#list.append(line));
    const [oldest] = this.#lines;
    if (this.#lines.size > MAX_LINES && oldest !== undefined) {
      oldest[1].line.remove();
      this.#lines.delete(oldest[0]);
    }
    return made;
  }
}
