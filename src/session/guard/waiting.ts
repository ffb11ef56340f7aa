/** An answer that waits until the caller's words have been judged. */
import type { ResponseParams } from "../../protocol/client-events.ts";

export interface Waiting {
  /** Of the event that asked for it. */
  readonly cause?: string;
  readonly streams: readonly number[];
  readonly params: ResponseParams;
}

/** It is given beside the conversation. */
export function isAside({ params }: Waiting): boolean {
  return params.conversation === "none";
}

/** One question of the conversation takes the place of the one before; what is asked beside it takes nobody's. */
export function replaces(asked: Waiting, one: Waiting): boolean {
  return !isAside(asked) && !isAside(one) && asked.streams[0] === one.streams[0];
}
