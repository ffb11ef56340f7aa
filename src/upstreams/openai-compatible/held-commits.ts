/**
 * Commits of a provider that answers each of them without being asked (`answersCommits`: Grok with its turn detection off).
 * A commit is held until its answer is asked for, and is the asking. One that something else was said after, or that nobody
 * asks about, goes without, and what the provider begins for it is cancelled. What has parameters is asked for by
 * `response.create`, which commits what is in the buffer. Once it has answered a turn, the provider leaves a further
 * `response.create` unanswered until something else comes: an empty buffer is cleared for it.
 */
import type { Ask } from "./asks.ts";
import type { BufferCommand, WaitingMessage } from "./waiting.ts";

/** What becomes of a commit. */
export type Held =
  | { readonly how: "waits" | "unasked" | "created" }
  /** It is the asking of this answer. */
  | { readonly how: "asks"; readonly ask: Ask };

export type HeldCommitsState = {
  /** Of the caller's sound: it came since the last commit; it was answered, and nothing else was said since. */
  readonly buffered: boolean;
  readonly answered: boolean;
};

export class HeldCommits {
  readonly #applies: boolean;
  #buffered = false;
  #answered = false;
  /** The answer that the commit before it in the queue asked for. */
  #asked: string | null = null;

  /** @param applies the provider answers commits, and the relay takes the turns */
  constructor(applies: boolean) {
    this.#applies = applies;
  }

  /**
   * @param next what comes next, but sound and what takes from other items
   * @param mayAsk the answer could be asked for now
   */
  of(
    command: BufferCommand,
    late: boolean,
    next: WaitingMessage | null,
    mayAsk: (ask: Ask) => boolean,
  ): Held {
    if (!this.#applies || command.type !== "commit") return { how: "created" };
    if (late) return { how: "unasked" };
    if (next === null) return { how: "waits" };
    if (next.type !== "ask" || next.ask.options.outOfBand) return { how: "unasked" };
    if (!mayAsk(next.ask)) return { how: "waits" };
    if (Object.keys(next.ask.options.params).length > 0) return { how: "created" };
    this.#asked = next.ask.responseId;
    return { how: "asks", ask: next.ask };
  }

  get applies(): boolean {
    return this.#applies;
  }

  /** Its commit has asked for it. */
  asked(ask: Ask): boolean {
    if (this.#asked !== ask.responseId) return false;
    this.#asked = null;
    return true;
  }

  sound(): void {
    this.#buffered = true;
  }

  /** A commit went out, and will be answered. */
  committed(): void {
    [this.#buffered, this.#answered] = [false, true];
  }

  /** Something came that it answers: an item, or a buffer that was cleared. Of what is taken away that is not known. */
  other(): void {
    this.#answered = false;
  }

  /** It would be left unanswered. */
  get deaf(): boolean {
    const deaf = this.#applies && this.#answered && !this.#buffered;
    [this.#buffered, this.#answered] = [false, false];
    return deaf;
  }

  snapshot(): HeldCommitsState | null {
    return this.#applies ? { buffered: this.#buffered, answered: this.#answered } : null;
  }

  restore(state: HeldCommitsState | null): void {
    [this.#buffered, this.#answered] = [state?.buffered ?? false, state?.answered ?? false];
  }
}
