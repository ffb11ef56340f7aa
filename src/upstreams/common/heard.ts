/**
 * What the provider says the caller said. It names no item: words belong to the turn that was committed last, or to the one
 * that is being spoken, until the model answers.
 */
import type { UpstreamEvent } from "../upstream.ts";

const MAX_CHARS = 64 * 1024;

export type HeardState = {
  readonly itemId: string | null;
  readonly text: string;
  readonly told: number;
};

export class Heard {
  #itemId: string | null = null;
  #text = "";
  /** Characters of it that were told. */
  #told = 0;

  get open(): boolean {
    return this.#itemId !== null && this.#text !== "";
  }

  /** It belongs to a turn that has a name. */
  get named(): boolean {
    return this.#itemId !== null;
  }

  get length(): number {
    return this.#text.length;
  }

  /** The turn has a name; what was said of it waits no longer. */
  committed(itemId: string): readonly UpstreamEvent[] {
    const before = this.#itemId === null ? [] : this.end();
    this.#itemId = itemId;
    return [...before, ...this.#tell()];
  }

  words(text: string): readonly UpstreamEvent[] {
    if (this.#text.length + text.length <= MAX_CHARS) this.#text += text;
    return this.#tell();
  }

  end(): readonly UpstreamEvent[] {
    if (!this.open) return [];
    const transcript = this.#text.trim();
    const itemId = this.#itemId ?? "";
    this.#itemId = null;
    this.#text = "";
    this.#told = 0;
    return [{ type: "input.transcript.completed", itemId, transcript, usage: null }];
  }

  #tell(): readonly UpstreamEvent[] {
    if (this.#itemId === null || this.#told === this.#text.length) return [];
    const all = this.#told === 0 ? this.#text.trimStart() : this.#text.slice(this.#told);
    this.#told = this.#text.length;
    return all === "" ? [] : [{ type: "input.transcript.delta", itemId: this.#itemId, delta: all }];
  }

  snapshot(): HeardState {
    return { itemId: this.#itemId, text: this.#text, told: this.#told };
  }

  restore(state: HeardState): void {
    this.#itemId = state.itemId;
    this.#text = state.text;
    this.#told = state.told;
  }
}
