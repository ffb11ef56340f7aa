/**
 * Sentences in the relay's own voice: each is spoken whole before anybody hears it, so that a synthesiser which is slow, breaks off
 * or never ends is heard by nobody and waited for by nothing. Those of the configuration are spoken once and kept.
 */
import { synthesiserOf } from "../../upstreams/cascade/synthesiser.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { SpeechStore } from "./kept-speech.ts";
import type { Sentence, Sound, SpeechPlan } from "../state/sounds.ts";
import type { UpstreamInput } from "../channel-peers.ts";
import { Synthesis, type Outcome, type SynthesisSnapshot } from "./synthesis.ts";

/** Requests that run at once: voices are sold by how many. */
const MOST_AT_ONCE = 2;
/** A sentence of the configuration that could not be spoken is left alone for so long. */
const REST_MS = 10_000;

interface Spoken {
  fixed: boolean;
  /** Who waits for it, or has still to say it. */
  readonly wanted: Set<string>;
  /** Null: it is being spoken; `waits`: it will be. */
  state: Outcome | "waits" | null;
  /** When it failed. */
  at: number;
}

export class Sentences {
  readonly #context: Context;
  readonly #store: SpeechStore;
  readonly #synthesis: Synthesis;
  /** By text. */
  readonly #spoken = new Map<string, Spoken>();
  /** Names the voice in the store, which other routes share. In memory alone: its headers are among it. */
  readonly #voice: string;

  /** @throws UpstreamOptionsError */
  constructor(context: Context, { options }: SpeechPlan, store: SpeechStore) {
    this.#context = context;
    this.#store = store;
    this.#voice = JSON.stringify(options);
    this.#synthesis = new Synthesis(context, synthesiserOf(options), (text, outcome) =>
      this.#ended(text, outcome),
    );
  }

  /** Something is being spoken. */
  get busy(): boolean {
    return this.#synthesis.running > 0;
  }

  /** @param by who has to say `forget` when it is not wanted any more. @returns its sound, what is wrong with it, or null: not yet. */
  want({ text, fixed }: Sentence, by: string): Sound | { readonly fault: UpstreamFault } | null {
    const kept = fixed ? this.#store.get(this.#keyOf(text)) : undefined;
    if (kept !== undefined) return kept;
    const known = this.#spoken.get(text);
    const rested = known !== undefined && isFault(known.state) && known.at + REST_MS <= this.#context.now;
    if (known === undefined || rested) {
      this.#spoken.set(text, { fixed: fixed === true, wanted: new Set([by]), state: "waits", at: 0 });
      this.#next();
      return null;
    }
    known.fixed ||= fixed === true;
    known.wanted.add(by);
    return typeof known.state === "string" ? null : known.state;
  }

  /** Its sound, where that is there; nobody is asked for it. */
  ready({ text, fixed }: Sentence): Sound | null {
    const kept = fixed ? this.#store.get(this.#keyOf(text)) : undefined;
    const state = this.#spoken.get(text)?.state ?? null;
    return kept ?? (state === "waits" || isFault(state) ? null : state);
  }

  #next(): void {
    for (const [text, spoken] of this.#spoken) {
      if (this.#synthesis.running >= MOST_AT_ONCE) return;
      if (spoken.state !== "waits") continue;
      spoken.state = null;
      this.#synthesis.ask(text);
    }
  }

  #ended(text: string, outcome: Outcome): void {
    const spoken = this.#spoken.get(text);
    if (spoken === undefined) return;
    spoken.state = outcome;
    spoken.at = this.#context.now;
    if (spoken.fixed && !isFault(outcome)) this.#store.put(this.#keyOf(text), outcome);
    this.#tidy(text, spoken);
    this.#next();
  }

  /** Whoever it is wants none any more. */
  forget(by: string): void {
    for (const [text, spoken] of this.#spoken) {
      spoken.wanted.delete(by);
      this.#tidy(text, spoken);
    }
    this.#next();
  }

  /** What nobody wants is given up, but for what will be wanted again; that it cannot be spoken is remembered for a while. */
  #tidy(text: string, { fixed, state, wanted }: Spoken): void {
    if (wanted.size > 0 || (fixed && (state === null || isFault(state)))) return;
    this.#spoken.delete(text);
    if (state === null) this.#synthesis.giveUp(text);
  }

  #keyOf(text: string): string {
    return `${this.#voice} ${text}`;
  }

  input(input: UpstreamInput): void {
    this.#synthesis.input(input);
  }

  due(what: string): void {
    this.#synthesis.due(what);
  }

  settle(): void {
    this.#synthesis.settle();
  }

  hangUp(): void {
    this.#spoken.clear();
    this.#synthesis.hangUp();
  }

  /** The object died, and with it what was asked: who still wants it asks anew. */
  died(): void {
    this.#spoken.clear();
    this.#synthesis.died();
  }

  snapshot(): SynthesisSnapshot {
    return this.#synthesis.snapshot();
  }

  restore(snapshot: SynthesisSnapshot): void {
    this.#synthesis.restore(snapshot);
  }
}

function isFault(state: Spoken["state"]): state is { readonly fault: UpstreamFault } {
  return typeof state === "object" && state !== null && "fault" in state;
}
