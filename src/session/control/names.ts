/** Names of observers: as peers, and in the cause of what they lead to. */
import type { Input, PeerId } from "../io.ts";

/** `control:3`: the third observer of the session. */
const PEER = "control:";
/** No client's `event_id` begins so (client-events.ts). */
const CAUSE = "relay:control:";

export function observerPeer(number: number): PeerId {
  return `${PEER}${number}`;
}

export function isObserver(peer: PeerId): boolean {
  return peer.startsWith(PEER);
}

/** What an observer's socket brings. */
export type ObserverInput = Extract<Input, { readonly peer: PeerId }>;

/** The cause of what an observer's event leads to. @param unnamed in place of an `event_id`, unique in the session. */
export function causeOf(peer: PeerId, eventId: string | null, unnamed: string): string {
  return `${CAUSE}${peer.slice(PEER.length)}:${eventId === null ? `-${unnamed}` : `=${eventId}`}`;
}

/** Null: nothing of an observer's was the cause. */
export function observerOf(
  cause: string | null,
): { readonly peer: PeerId; readonly eventId: string | null } | null {
  if (cause === null || !cause.startsWith(CAUSE)) return null;
  const [, number = "", kind, id = ""] = /^(\d+):([=-])(.*)$/s.exec(cause.slice(CAUSE.length)) ?? [];
  return { peer: PEER + number, eventId: kind === "=" ? id : null };
}
