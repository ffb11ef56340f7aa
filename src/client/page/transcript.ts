/** Who said what, in the order of the conversation. */
import type { Call, CallEventMap } from "../index.ts";
import { objectAt } from "../json.ts";
import { appendFollowing, create, element } from "./elements.ts";

interface Line {
  readonly line: HTMLLIElement;
  readonly text: HTMLParagraphElement;
  /** Of what is said in parts, one for each. */
  readonly parts: HTMLSpanElement[];
  readonly who: HTMLSpanElement;
  /** Of which answer it is. */
  responseId: string | null;
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
    // Nothing more will come of what was under way.
    call.on("resumed", ({ forgotten }) => {
      if (forgotten) this.#over();
    });
    call.on("state", ({ state }) => {
      if (state === "closed") this.#over();
    });
    call.on("response", ({ response, status, reason }) => {
      if (status === "in_progress") return;
      const ended = status === "failed" ? "failed" : `ended early${reason === null ? "" : `: ${reason}`}`;
      for (const [id, { responseId }] of this.#lines)
        if (responseId === response.id)
          this.#ended(id, status === "completed" || status === "cancelled" ? null : ended);
    });
  }

  #item({ id, type, role, text, name }: CallEventMap["item"], transcribed: boolean): void {
    if (type === "function_call") {
      // What comes of it is said by whoever called it.
      const { line, text: paragraph } = this.#line(id, "tool", "");
      paragraph.textContent = `calls ${name ?? "a function"}`;
      line.classList.remove("pending");
    } else if (role === "user") {
      const { line, text: paragraph, parts } = this.#line(id, "user", "You");
      if (text === null && transcribed) return;
      parts.length = 0;
      appendFollowing(this.#list, () => (paragraph.textContent = text ?? NOT_TRANSCRIBED));
      line.classList.remove("pending");
    }
  }

  #said(said: CallEventMap["transcript"]): void {
    const { role, itemId, contentIndex, responseId, upstream, delta, text } = said;
    // A voice without words, such as the echo, ends with an empty transcript.
    if (role === "assistant" && text === "" && !this.#lines.has(itemId)) return;
    const who = role === "user" ? "You" : (upstream ?? "Assistant");
    const made = this.#line(itemId, role, who);
    made.responseId = responseId;
    const { line, text: paragraph, parts } = made;
    appendFollowing(this.#list, () => {
      if (parts.length === 0) paragraph.replaceChildren();
      const part = (parts[contentIndex] ??= create("span", "part"));
      if (!part.isConnected) paragraph.append(part);
      if (delta !== null) part.append(delta);
      if (text === null) return;
      part.textContent = text === "" && role === "user" ? NOT_TRANSCRIBED : text;
      line.classList.remove("pending");
      this.#spoken.textContent = `${who}: ${part.textContent}`;
    });
  }

  #over(): void {
    for (const { line } of this.#lines.values()) line.classList.remove("pending");
  }

  #ended(itemId: string, note: string | null): void {
    this.#lines.get(itemId)?.line.classList.remove("pending");
    if (note !== null) this.#note(itemId, note);
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
    const made: Line = { line, text, parts: [], who: name, responseId: null };
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
