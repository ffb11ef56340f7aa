/** What a call is made with, beside its target. */
import type { Target } from "./door.ts";
import type { CloseInfo } from "./events.ts";
import type { JsonObject } from "./json.ts";

/**
 * Where to go on with a new session when one is lost for good: asked with the reason and the number of attempts; null ends the
 * call. A lost connection alone is no reason: its session is resumed first.
 */
export type Reconnect = (close: CloseInfo, attempt: number) => Promise<Target | null>;

export interface CallOptions {
  /** Session settings in OpenAI's shape, merged into the relay's. */
  readonly session: JsonObject;
  readonly inputRateHz: number;
  readonly outputRateHz: number;
  /** Null: beside the module. */
  readonly workletUrl: string | null;
  /** False: answers are not played. */
  readonly playback: boolean;
  readonly reconnect: Reconnect | null;
}
