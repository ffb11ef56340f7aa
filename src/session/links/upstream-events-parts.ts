/** What events of upstreams act on. */
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { TokenSums } from "../state/usage.ts";
import type { Link } from "./link.ts";
import type {
  BargeIn,
  Cast,
  ClientPort,
  Eager,
  Guard,
  Listener,
  PlacedItems,
  Reactions,
  Recovery,
  Responses,
  Rounds,
  Shadows,
  TurnTaking,
  Witness,
} from "./ports.ts";
import type { Refusals } from "./refusals.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface UpstreamEventsParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly responses: Responses;
  readonly upstreamConfig: UpstreamConfig;
  readonly cast: Cast<Link>;
  readonly turns: TurnTaking;
  readonly listener: Listener;
  readonly eager: Eager;
  readonly bargeIn: BargeIn;
  readonly recovery: Recovery;
  readonly rounds: Rounds;
  readonly witness: Witness;
  readonly refusals: Refusals;
  readonly placed: PlacedItems;
  readonly guard: Guard | null;
  /** Upstreams that are tried out beside those that speak. */
  readonly shadows: Shadows | null;
  /** Who gives the caller's words; null: the upstreams. */
  readonly transcriber: object | null;
  /** Upstreams that are told the conversation. */
  readonly links: readonly Link[];
  /** What all answers cost. */
  readonly usage: TokenSums;
  /** Of these those that are heard. */
  readonly speakers: readonly Link[];
  /** The session is to end when all is heard. */
  readonly leaving: { readonly asked: boolean; ask(): void };
  readonly reactions: Reactions;
  readonly voices: {
    /** Who can go on now where this upstream broke off; null: nobody yet. */
    whoGoesOn(link: Link): Link | null;
  };
  /** These same events. */
  readonly upstreamEvents: { changed(itemId: string): void };
}
