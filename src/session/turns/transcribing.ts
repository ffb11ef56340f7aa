/** What a transcriber asks of the session, and what it is made of. */
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import type { PlannedUpstream } from "../state/plan.ts";
import type { Ear, Link, UpstreamEvents, Verdict } from "./ports.ts";
import type { Transcriber } from "./transcriber.ts";

export interface TranscriberHost {
  upstreamConfig(): UpstreamConfig;
  /** The item that the caller's present turn will become; null: nobody speaks, or it is not known yet. */
  openItem(): string | null;
  /** The item that the last turn became. */
  lastItem(): string | null;
  /** The client takes the turns itself: the item that its buffer becomes, and how much is in it; null: nothing is. */
  buffered(): { readonly itemId: string; readonly ms: number } | null;
  /** What becomes a turn was heard to be speech: a client that takes the turns itself may say so of silence. */
  detects(): boolean;
  /** How much of the caller's audio has come, in milliseconds. */
  heardMs(): number;
  /** A sound over an agent may become a turn: what is said may be its words. */
  undecided(): boolean;
  /** What happens to its connection and to the caller's items, and what it costs, is told as of any upstream. */
  readonly events: UpstreamEvents;
  /** What it says of what it was told. */
  onVerdict(link: Link, verdict: Verdict): void;
  /** What is being said just now, so far. */
  onWords(text: string): void;
  /** It is to hear what no turn was made of from its beginning. */
  hearAgain(ear: Link): void;
}

/** What is planned, and how its upstream is made of that, with whom it tells what happens to it. */
export interface MadeOf<Linked extends Ear> {
  readonly planned: PlannedUpstream;
  link(told: Transcriber<Linked>): Linked;
}
