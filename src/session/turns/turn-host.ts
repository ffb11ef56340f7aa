/** What turn taking asks of the rest of the session, and tells it. */
import type { Eager } from "./eager.ts";
import type { Link } from "./ports.ts";

export interface TurnHost {
  readonly links: readonly Link[];
  /** Who only transcribes. */
  ear(): Link | null;
  /** A transcriber that has heard a turn may not know that it is over: silence that ends it, as the relay hears; null: it does. */
  earWaitsMs(): number | null;
  /** The caller's turn is in the conversation under this name. */
  onAnnounced(itemId: string): void;
  /** An agent is audible and may be interrupted: what begins now is first judged by the floor. */
  contested(): boolean;
  /** The floor judges a sound. */
  judging(): boolean;
  onOnset(prefixTicks: number): void;
  onEnded(): void;
  /** The detector begins anew, or nobody decides here any more: what was being judged is not judged to its end. */
  onAnew(): void;
  /** Where a sound began that was dismissed just before one that begins here, and belongs to it; else here. */
  earliest(prefixTicks: number): number;
  /** The same of one that may begin there. */
  wouldBegin(prefixTicks: number): number;
  /** `restMs`: how much sooner than now the last of it was heard. */
  onHeard(samples: Int16Array, rateHz: number, fromMs: number, restMs: number): void;
  /** How likely it is that the caller is heard, by what is known of echoes. */
  heardAs(probability: number): number;
  onHop(probability: number, hopMs: number): void;
  /** A silence inside a turn is long enough to be its end: once per silence. */
  onCandidate(): void;
  /** A silence inside a turn ended. */
  onPause(ms: number): void;
  /** Silence after which the answer is asked for in advance; null: never. */
  eagerMs(): number | null;
  eager(): Eager;
  /** Speech began (null; `sinceMs` ago, pre-roll included), or ended after so long: heard, though not decided here. */
  onWitnessed(speechMs: number | null, sinceMs?: number): void;
  /** Speech began, decided at the edge. */
  onSpeechStarted(): void;
  /** A user turn is in the conversation and with the upstreams. `detected`: by speech, not by the client. */
  onTurn(detected: boolean): void;
  /** So is a part of one that goes on. */
  onPart(): void;
  /** A client is connected. */
  connected(): boolean;
  /** A client that is bound to its heartbeat has said nothing at all since. */
  silentSince(at: number): boolean;
}
