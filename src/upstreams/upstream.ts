/**
 * What the relay asks of a provider, and what a provider tells the relay. An adapter is a pure codec between
 * these commands and events and one provider's wire: it opens no socket, reads no clock and draws no random
 * number. The session asks `capabilities`, never a provider's name.
 *
 * Two classes of upstream share this interface: turn-based models (`turns: "client" | "server"`), which are
 * committed to, asked to respond, cancelled and truncated; and duplex models (`turns: "none"`), which hear
 * everything and speak when they like.
 *
 * Identifiers: items and responses are named by the session. An adapter translates to and from the provider's
 * own names and never shows those to the session, except as the opaque `key` of something the session has not
 * named yet.
 *
 * `contract/` has what the interface speaks of, a file a subject; both sides take it from here.
 */
import type { JsonObject } from "../protocol/json.ts";
import type { Capabilities } from "./contract/capabilities.ts";
import type { Channels } from "./contract/channels.ts";
import type { Command, Item, UpstreamConfig } from "./contract/commands.ts";
import type { DialRequest, WireMessage } from "./contract/dialling.ts";
import type { UpstreamEvent } from "./contract/events.ts";
import type { UpstreamFault } from "./contract/faults.ts";
import type { UpstreamOptions } from "./contract/options.ts";

export type { Json, JsonObject } from "../protocol/json.ts";
export type { Capabilities } from "./contract/capabilities.ts";
export type { ChannelEffect, ChannelOpening, Channels } from "./contract/channels.ts";
export type {
  AudioChunk,
  Caused,
  Command,
  Item,
  RespondOptions,
  UpstreamConfig,
} from "./contract/commands.ts";
export type { DialRequest, ModelRun, ResponseHead, WireMessage } from "./contract/dialling.ts";
export type { UpstreamEvent } from "./contract/events.ts";
export { FATAL_CODES, type UpstreamFault } from "./contract/faults.ts";
export type { UpstreamOptions } from "./contract/options.ts";

export type Leaves = "memory" | "all";

export interface Admission {
  readonly withinMs: number;
  readonly fault: UpstreamFault;
}

/** One connection to one provider. Made new for every dial. */
export interface Upstream {
  readonly capabilities: Capabilities;
  /**
   * `kind`: what the connection is for; some providers have an address for each. Default: conversation. `config`: the session's of
   * that moment, for a provider that is told it in its address.
   */
  request(kind?: UpstreamConfig["kind"], config?: UpstreamConfig): DialRequest;
  /**
   * It lets one in when another has left: how long that may take from its socket's opening, and what it means when it did not come
   * to it. Such a failure is one of too many, after which it is dialled less often. Absent: as for any other.
   */
  readonly admission?: Admission | undefined;
  /**
   * Messages to send as soon as the socket is open, before `ready`. `config` is the session's of that moment. `before` takes the
   * items that it would be told first once it is ready, for a provider that is told them with its greeting.
   */
  greet(config: UpstreamConfig, before?: () => readonly Item[]): readonly WireMessage[];
  /** Messages to send before it is hung up; absent: none. */
  readonly farewell?: readonly WireMessage[] | undefined;
  /** Wire messages of one command; an empty array where the provider has no such thing. */
  encode(command: Command): readonly WireMessage[];
  /** Never throws: nonsense becomes a non-fatal `error` event with code `upstream_protocol_error`. */
  decode(message: WireMessage): readonly UpstreamEvent[];
  /**
   * Another number whenever more is said of what it holds open (a transcript that may still grow), 0 when it holds nothing;
   * absent: it never does.
   */
  readonly held?: number | undefined;
  /** Nothing more was said of what it holds for a while: it is over. */
  settle?(): readonly UpstreamEvent[];
  /** Updates of the configuration that were made and not judged, those that wait to be sent among them; absent: none ever is. */
  readonly unjudged?: number | undefined;
  /** Number of the command that has waited longest for a name that only the provider gives, 0 when none does. */
  readonly unnamed?: number | undefined;
  /**
   * For a provider whose history has only what it is told was heard: so much of this item's audio was, so far. It is told the
   * more the further the listener is, and of a cut by `truncate` as any other.
   */
  readonly heard?: ((itemId: string, audioEndMs: number) => readonly WireMessage[]) | undefined;
  /** Names did not come in time: what waits for them goes without, or is told as not answered. */
  giveUpNames?(): readonly UpstreamEvent[];
  /** What it was told that answers cost which have not ended, in OpenAI's shape; absent or null: nothing. Asked at its end. */
  readonly unbilled?: JsonObject | null | undefined;
  /** Absent: its own socket is all there is. */
  readonly channels?: Channels | undefined;
  /**
   * What a new connection with the same options can go on with when this one breaks off: the provider's memory of the
   * conversation, or that and all that it says meanwhile, as if nothing had happened. Absent or null: with nothing.
   */
  readonly leaves?: Leaves | null | undefined;
  /**
   * Takes what `snapshot` returned where a connection broke off, before it is dialled: its request and greeting go on with that.
   * Where the provider refuses, it fails before it is `ready`, and the next one begins anew.
   */
  readonly goOn?: ((snapshot: JsonObject) => void) | undefined;
  /** What a close means: null when it is an ordinary end. */
  closed(code: number, reason: string): UpstreamFault | null;
  /** What the codec remembers (names of items and responses, carried bytes), as JSON. No secrets. */
  snapshot(): JsonObject;
  /** Takes what `snapshot` of an adapter with the same options returned. */
  restore(snapshot: JsonObject): void;
}

/** @throws UpstreamOptionsError naming the field when the options are wrong. */
export type UpstreamFactory = (options: UpstreamOptions) => Upstream;

export class UpstreamOptionsError extends Error {
  override readonly name = "UpstreamOptionsError";
}
