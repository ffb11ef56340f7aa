/** What the client and observers are told, on its way out. */
import type { Json, JsonObject } from "../../protocol/json.ts";

/** A server event before it got its event_id. */
export interface ServerEvent {
  readonly type: string;
  readonly [field: string]: Json | undefined;
}

/** The same with it. */
export type NamedEvent = { readonly [field: string]: Json | undefined };

/** Who is told what the client is told, whether or not there is a client. */
export interface EventTap {
  /** Somebody is. */
  readonly some: boolean;
  /** And is told what is heard. */
  readonly listening: boolean;
  event(event: NamedEvent): void;
  audio(address: AudioAddress, bytes: Uint8Array): void;
  /** @param cause of what went wrong. @returns false: it is the client's to know. */
  error(cause: string | null, error: JsonObject): boolean;
}

/** Nobody. */
export const NO_TAP: EventTap = {
  some: false,
  listening: false,
  event() {},
  audio() {},
  error: () => false,
};

/** Everything about an audio delta that stays the same for one item, made once. */
export interface AudioAddress {
  /** `"response_id":…,"item_id":…,"output_index":…,"content_index":…` */
  readonly members: string;
  readonly stream: number;
  readonly ordinal: number;
}
