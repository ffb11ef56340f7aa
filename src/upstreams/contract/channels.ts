/** Connections beside an upstream's own. */
import type { DialRequest, ResponseHead, WireMessage } from "./dialling.ts";
import type { UpstreamEvent } from "./events.ts";

/** What is opened beside the connection's own socket, and how long and how much of it is borne. */
export interface ChannelOpening {
  readonly request: DialRequest;
  /** Milliseconds within which its socket opens, or its response begins. */
  readonly openMs: number;
  /** Milliseconds after which one that is open and brings nothing is closed. */
  readonly idleMs: number;
  /** Milliseconds after which it is closed, whatever it brings. */
  readonly lastsMs: number;
  /** Bytes and characters that it may bring in all. */
  readonly most: number;
}

/** What an adapter wants done. `channel` is its own name for one, used once. */
export type ChannelEffect =
  | { readonly type: "open"; readonly channel: string; readonly opening: ChannelOpening }
  /** To a WebSocket that is open; to any other it is lost. */
  | { readonly type: "send"; readonly channel: string; readonly data: WireMessage }
  /** Ends it, in whatever state: nothing is heard of it any more. */
  | { readonly type: "close"; readonly channel: string }
  /** Call `waited` after so many milliseconds (a second one moves the first); null: not any more. */
  | { readonly type: "wait"; readonly what: string; readonly ms: number | null };

/**
 * For an upstream that is more than one connection: WebSockets and HTTP requests beside its own socket, which its host opens
 * and watches for it. As with `decode`, nothing throws; what an adapter says of its own accord it says when it was `wait`ed.
 */
export interface Channels {
  /** What is to be done, in order; each effect is given once. Asked after every call of the adapter. */
  effects(): readonly ChannelEffect[];
  /** `head`: of an HTTP response; null: a WebSocket is open. */
  opened(channel: string, head: ResponseHead | null): readonly UpstreamEvent[];
  /** A message, or bytes of a response as the network cut them: a view that is valid only during the call. */
  data(channel: string, data: WireMessage): readonly UpstreamEvent[];
  /**
   * It ended by itself or was ended here: 1000, as it should; 0, it never opened (`reason`: `HTTP 401` of a handshake, `timed
   * out`, …); 1009, it brought too much; others, it broke off.
   */
  closed(channel: string, code: number, reason: string): readonly UpstreamEvent[];
  waited(what: string): readonly UpstreamEvent[];
}
