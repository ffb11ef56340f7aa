/**
 * What stands in the sockets of peers, read now and then: workerd has no backpressure, a peer that does not read is seen in
 * `bufferedAmount` alone.
 */
import type { PeerId } from "../src/session/io.ts";

const POLL_EVERY_MS = 250;
/** Bytes or characters to a peer after which its socket is looked at before its next message, and soon: answers wait. */
const LOOK_AFTER = 256 * 1024;
const LOOK_WITHIN_MS = 20;

export class Polling {
  /** Peers that were sent to since their `bufferedAmount` was last read, with what it was. */
  readonly #polled = new Map<PeerId, number>();
  /** Bytes or characters to each peer that is counted since its socket was last read. */
  readonly #sent = new Map<PeerId, number>();
  #at: number | null = null;

  /** When to look next; null: nothing may wait anywhere. */
  get at(): number | null {
    return this.#at;
  }

  /** @param counted the session counts what it sends to this peer, and has to know what was read of it. */
  sent(peer: PeerId, size: number, counted: boolean, now: number): void {
    if (!this.#polled.has(peer)) this.#polled.set(peer, 0);
    this.#at ??= now + POLL_EVERY_MS;
    if (!counted) return;
    const sent = (this.#sent.get(peer) ?? 0) + size;
    this.#sent.set(peer, sent);
    if (sent > LOOK_AFTER) this.#at = Math.min(this.#at, now + LOOK_WITHIN_MS);
  }

  forget(peer: PeerId): void {
    this.#polled.delete(peer);
    this.#sent.delete(peer);
  }

  /** Much was sent to this peer since its socket was last read: how it stands decides what more it may ask for. */
  wantsLook(peer: PeerId): boolean {
    return (this.#sent.get(peer) ?? 0) > LOOK_AFTER;
  }

  /** Its socket was read. */
  looked(peer: PeerId, bytes: number): void {
    this.#sent.delete(peer);
    if (bytes > 0) this.#polled.set(peer, bytes);
  }

  /** A clock that was set back must not put it off. */
  within(now: number): void {
    if (this.#at !== null) this.#at = Math.min(this.#at, now + POLL_EVERY_MS);
  }

  /** Reads all of them. @param each false: there is nobody to tell any more. */
  poll(
    now: () => number,
    read: (peer: PeerId) => number,
    each: (peer: PeerId, bytes: number) => boolean,
  ): void {
    this.#at = null;
    for (const [peer, before] of this.#polled) {
      const bytes = read(peer);
      if (bytes === 0) this.#polled.delete(peer);
      else this.#polled.set(peer, bytes);
      const sent = this.#sent.delete(peer);
      if ((bytes !== before || sent) && !each(peer, bytes)) return;
    }
    if (this.#polled.size > 0) this.#at ??= now() + POLL_EVERY_MS;
  }
}
