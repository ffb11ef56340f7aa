/** What a sound over an agent is, by its length and its shape: an interruption, a request, somebody who listens, a noise. */
import type { CallerLevel } from "./caller-level.ts";
import type { EchoGuard } from "./echo-guard.ts";
import type { Overlap } from "./overlap.ts";
import type { Patience } from "./patience.ts";
import { NO_ODDS, oddsOf, oneColour, Requests, type RequestsSnapshot } from "./request.ts";

/** "Yeah, right, I see" may last so many times as long as what is unknown before it is an interruption all the same. */
const LISTENING = 2;
/** Less voice than this is a noise and no word. */
const WORD_MS = 160;

export class Verdict {
  readonly #guard: EchoGuard;
  readonly #caller: CallerLevel;
  readonly #patience: Patience;
  readonly #requests = new Requests();

  constructor(guard: EchoGuard, caller: CallerLevel, patience: Patience) {
    this.#guard = guard;
    this.#caller = caller;
    this.#patience = patience;
  }

  /** It is long enough to be an interruption, whatever comes. */
  lasted(overlap: Overlap, confirmMs: number): boolean {
    if (overlap.voicedMs < confirmMs) return false;
    const listens = overlap.listening || oneColour(overlap, this.#guard);
    return overlap.voicedMs >= confirmMs * (listens ? LISTENING : 1);
  }

  /**
   * It ended before it was: by its shape it may be a request.
   * @param patient what may become one can be waited for.
   * @returns null: it is waited for.
   */
  ended(overlap: Overlap, now: number, patient: boolean): "request" | "noise" | "backchannel" | null {
    const odds = this.#oddsOf(overlap);
    const since = now - overlap.voicedMs - overlap.silentMs;
    if (this.#requests.taken(odds, since)) return "request";
    if (patient && this.#requests.mayBe(odds)) return null;
    this.#requests.dismissed(odds, since, now);
    return overlap.voicedMs < WORD_MS ? "noise" : "backchannel";
  }

  #oddsOf(overlap: Overlap): number {
    if (overlap.voicedMs < WORD_MS || overlap.listening || this.#patience.background(overlap)) return NO_ODDS;
    return oddsOf(overlap, this.#guard, this.#caller.aboveUsualDb(overlap));
  }

  /** There was an interruption: what came before it says nothing of the next sound. */
  forget(): void {
    this.#requests.forget();
  }

  snapshot(): { readonly requests?: RequestsSnapshot } {
    return this.#requests.snapshot();
  }

  restore(snapshot: RequestsSnapshot | undefined): void {
    this.#requests.restore(snapshot);
  }
}
