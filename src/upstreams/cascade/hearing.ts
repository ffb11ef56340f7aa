/**
 * The caller's turns as words. The transcriber hears one turn after the other: what is said after a turn's end waits until its
 * words have come, so that none is taken for a word of the next. A turn whose words do not come in time has those that did.
 */
import type { TranscriberUpstream } from "../transcribers/transcriber.ts";
import type { AudioChunk, UpstreamEvent, WireMessage } from "../upstream.ts";

/** Samples that may wait for the words of the turn before them: 30 s. Then that turn has the words that came. */
const MAX_HELD_BYTES = 960_000;
const MAX_HELD_TURNS = 64;
const MAX_TURN_CHARS = 64 * 1024;
/** A turn of which everything seems to have been told is over when nothing more comes for so long. */
const QUIET_MS = 300;
/** What was cleared, whose words come all the same: nobody's turn. */
const NOBODYS = "";
/** A transcriber of which nothing comes in so many turns in a row, of so much sound in all, hears nothing any more: 4 s. */
const DEAF = { turns: 3, bytes: 128_000 } as const;

export type Turn = { readonly itemId: string; readonly words: string };

/** What came while the words of a turn were waited for. */
type Held = { readonly audio: string } | { readonly commit: string } | { readonly clear: true };

export type HearingState = {
  readonly said: string;
  readonly open: readonly [id: string, text: string] | null;
  readonly closing: string | null;
  readonly held: readonly Held[];
  readonly heard?: boolean;
  readonly mute?: Mute;
};

/** Turns in a row of which nothing was told, and their sound, with that of the present one. */
type Mute = { readonly turns: number; readonly bytes: number };

export class Hearing {
  readonly #transcriber: TranscriberUpstream;
  readonly #finishes: boolean;
  readonly #wordsMs: number;
  /** Words of segments that are over. */
  #said = "";
  /** The segment that is open, and its words so far. */
  #open: readonly [id: string, text: string] | null = null;
  /** The turn whose words are waited for. */
  #closing: string | null = null;
  /** Something was sent since the last turn. */
  #heard = false;
  #held: Held[] = [];
  #heldBytes = 0;
  /** For how long words are waited for from now on; null: not at all; absent: as before. */
  #wait: number | null | undefined;
  /** What is left of the time for turns that wait in a row, and what of it the present one has. */
  #leftMs: number;
  #spendsMs = 0;
  #mute: Mute = { turns: 0, bytes: 0 };
  readonly #turns: Turn[] = [];

  constructor(transcriber: TranscriberUpstream, finishes: boolean, wordsMs: number) {
    this.#transcriber = transcriber;
    this.#finishes = finishes;
    this.#wordsMs = this.#leftMs = wordsMs;
  }

  /** The words of a turn are waited for. */
  get waits(): boolean {
    return this.#closing !== null && (this.#closing !== NOBODYS || this.#heldTurns > 0);
  }

  /** Turns whose words came, once each. */
  takeTurns(): readonly Turn[] {
    return this.#turns.splice(0);
  }

  /** A change of how long words are waited for, once; `undefined`: none. */
  takeWait(): number | null | undefined {
    const wait = this.#wait;
    this.#wait = undefined;
    return wait;
  }

  hear(chunk: AudioChunk): readonly WireMessage[] {
    if (this.#closing === null) {
      this.#heard = true;
      this.#mute = { ...this.#mute, bytes: this.#mute.bytes + chunk.bytes.length };
      return this.#transcriber.encode({ type: "audio", chunk });
    }
    this.#held.push({ audio: chunk.base64() });
    this.#heldBytes += chunk.bytes.length;
    return this.#heldBytes > MAX_HELD_BYTES ? this.waited() : [];
  }

  commit(itemId: string): readonly WireMessage[] {
    if (this.#closing !== null) {
      this.#held.push({ commit: itemId });
      this.#await(this.#shareMs);
      return this.#heldTurns > MAX_HELD_TURNS ? this.waited() : [];
    }
    return this.#close(itemId);
  }

  #close(itemId: string): readonly WireMessage[] {
    this.#closing = itemId;
    this.#heard = false;
    const all = this.#allTold && !this.#finishes;
    this.#await(all ? QUIET_MS : this.#shareMs);
    return this.#transcriber.finish();
  }

  #await(ms: number): void {
    this.#wait = this.#spendsMs = ms;
  }

  get #heldTurns(): number {
    return this.#held.filter((one) => "commit" in one).length;
  }

  /**
   * Of turns that wait in a row, as a connection is told them that comes late, the last has half of the time, and those before it
   * what else is left: an answer waits for all of them no longer than for one.
   */
  get #shareMs(): number {
    const turns = this.#heldTurns;
    const share = turns === 0 ? this.#leftMs : (this.#leftMs - this.#wordsMs / 2) / turns;
    return Math.max(1, Math.floor(share));
  }

  /** What was said since the last turn is none. */
  clear(): readonly WireMessage[] {
    if (this.#closing !== null) {
      this.#held.push({ clear: true });
      return [];
    }
    if (this.#heard && !this.#allTold) return this.#close(NOBODYS);
    this.#heard = false;
    this.#forget();
    return this.#transcriber.finish();
  }

  /** Nothing of what was heard seems to be still to be told. */
  get #allTold(): boolean {
    return this.#said !== "" && this.#open === null;
  }

  #forget(): void {
    this.#said = "";
    this.#open = null;
    // What is still said of its segment is nobody's.
    this.#transcriber.settle();
  }

  /** Words of the transcriber's. @returns what the turns that waited want sent. */
  told(event: UpstreamEvent): readonly WireMessage[] {
    this.#mute = { turns: 0, bytes: 0 };
    if (event.type === "input.transcript.delta") this.#grow(event.itemId, event.delta);
    else if (event.type === "input.transcript.completed") return this.#over(event.transcript);
    return [];
  }

  #grow(id: string, delta: string): void {
    const text = this.#open?.[0] === id ? this.#open[1] : "";
    this.#open = [id, (text + delta).slice(0, MAX_TURN_CHARS)];
    if (this.#closing !== null) this.#await(this.#shareMs);
  }

  #over(transcript: string): readonly WireMessage[] {
    this.#open = null;
    this.#said = joined(this.#said, transcript);
    return this.#closing === null ? [] : this.#settle();
  }

  /** Nothing came of the turn whose words were waited for, nor of those before it. */
  get deaf(): boolean {
    const { turns, bytes } = this.#mute;
    return this.waits && turns + 1 >= DEAF.turns && bytes >= DEAF.bytes;
  }

  /** The words of a turn were waited for long enough. */
  waited(): readonly WireMessage[] {
    if (this.#closing === null) return [];
    this.#mute = { ...this.#mute, turns: this.#mute.turns + 1 };
    this.#leftMs = Math.max(0, this.#leftMs - this.#spendsMs);
    const [end] = this.#transcriber.settle();
    return end === undefined ? this.#settle() : this.told(end);
  }

  #settle(): readonly WireMessage[] {
    const out: WireMessage[] = [];
    if (this.#closing !== NOBODYS) this.#turns.push({ itemId: this.#closing ?? "", words: this.#said });
    this.#closing = null;
    this.#wait = null;
    this.#forget();
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const one of held) out.push(...this.#again(one));
    // Nothing waits any more: the next turn has all of it.
    if (this.#closing === null) this.#leftMs = this.#wordsMs;
    return out;
  }

  #again(held: Held): readonly WireMessage[] {
    if ("commit" in held) return this.commit(held.commit);
    if ("clear" in held) return this.clear();
    const bytes = Uint8Array.fromBase64(held.audio);
    return this.hear({ bytes, base64: () => held.audio });
  }

  snapshot(): HearingState {
    return {
      said: this.#said,
      open: this.#open,
      closing: this.#closing,
      held: [...this.#held],
      heard: this.#heard,
      mute: this.#mute,
    };
  }

  restore(state: HearingState): void {
    this.#said = state.said;
    this.#open = state.open;
    this.#closing = state.closing;
    this.#held = [...state.held];
    this.#heard = state.heard ?? true;
    this.#mute = state.mute ?? this.#mute;
    this.#heldBytes = this.#held.reduce(
      (sum, one) => sum + ("audio" in one ? (one.audio.length * 3) / 4 : 0),
      0,
    );
  }
}

function joined(before: string, text: string): string {
  const all = before === "" || text === "" ? before + text : `${before} ${text}`;
  return all.trim().slice(0, MAX_TURN_CHARS);
}
