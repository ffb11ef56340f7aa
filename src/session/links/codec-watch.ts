/** What a codec waits for is waited for a while only: a provider that does not say it never does. */
import type { Upstream, UpstreamEvent } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";

export type CodecDeadline = "settle" | "name";

const WAITS_MS: Readonly<Record<CodecDeadline, number>> = {
  /** What it holds open (a transcript that may still grow) is over when no more of it is said. */
  settle: 5000,
  /** A provider names at once what it is given: what waits for a name goes without it. */
  name: 5000,
};

export class CodecWatch {
  readonly #context: Context;
  readonly #upstream: Upstream;
  readonly #nameOf: (what: CodecDeadline) => string;
  /** What the codec waited for when it was last looked at: numbers of its own, 0 for nothing. */
  readonly #seen: Record<CodecDeadline, number> = { settle: 0, name: 0 };

  /** @param nameOf how its deadlines are called */
  constructor(context: Context, upstream: Upstream, nameOf: (what: CodecDeadline) => string) {
    this.#context = context;
    this.#upstream = upstream;
    this.#nameOf = nameOf;
  }

  /** Call when the codec was told or said something. A connection that is over waits for nothing. */
  look(alive: boolean): void {
    if (!alive) return;
    this.#note("settle", this.#upstream.held ?? 0);
    this.#note("name", this.#upstream.unnamed ?? 0);
  }

  #note(what: CodecDeadline, number: number): void {
    if (number === this.#seen[what]) return;
    this.#seen[what] = number;
    const { deadlines, now } = this.#context;
    if (number === 0) deadlines.clear(this.#nameOf(what));
    else deadlines.set(this.#nameOf(what), now + WAITS_MS[what]);
  }

  /** What is known where its connection ends: what answers cost that have not, and the caller's words, if it will say no more of them. */
  last(words: boolean): readonly UpstreamEvent[] {
    const usage = this.#upstream.unbilled ?? null;
    const held = words && (this.#upstream.held ?? 0) > 0 ? this.due("settle") : [];
    const said = held.filter(({ type }) => type === "input.transcript.completed");
    return usage === null ? said : [...said, { type: "spent", usage }];
  }

  /** A deadline came. @returns what the codec says then */
  due(what: CodecDeadline): readonly UpstreamEvent[] {
    return (what === "settle" ? this.#upstream.settle?.() : this.#upstream.giveUpNames?.()) ?? [];
  }
}
