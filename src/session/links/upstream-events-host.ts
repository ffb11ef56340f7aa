/** What events of upstreams act on. Asked for each time: these parts are made later. */
import type { JsonObject, UpstreamConfig } from "../../upstreams/upstream.ts";
import type { Link } from "./link.ts";
import type { BargeIn, Eager, PlacedItems, Recovery, Rounds, Shadows, TurnTaking, Witness } from "./ports.ts";
import type { Refusals } from "./refusals.ts";

export interface UpstreamEventsHost {
  upstreamConfig(): UpstreamConfig;
  turns(): TurnTaking;
  eager(): Eager;
  bargeIn(): BargeIn;
  recovery(): Recovery;
  rounds(): Rounds;
  witness(): Witness;
  /** Another connection of an upstream serves, perhaps to another provider. */
  serves(): void;
  refusals(): Refusals;
  placed(): PlacedItems;
  /** Upstreams that are tried out beside those that speak. */
  shadows(): Shadows | null;
  /** An item of the conversation changed. */
  changed(): void;
  /** A provider said what a transcript cost. */
  onUsage(usage: JsonObject, link: Link): void;
  /** The first of those that take part: its turns count. */
  primary(): Link | undefined;
  /** Upstreams that are told the conversation. */
  readonly links: readonly Link[];
  /** See `LinkHost`. */
  atGap(link: Link): boolean;
  /** Its transcripts of the caller count. */
  transcribes(link: Link): boolean;
}
