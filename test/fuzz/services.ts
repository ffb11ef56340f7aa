/** Services that the relay itself asks: each request is answered by something, hostile more often than not, when a snapshot is durable. */
import type { Input, PeerId } from "../../src/session/io.ts";
import type { DialRequest } from "../../src/upstreams/upstream.ts";
import { MINDS } from "./minds.ts";
import { VOICES } from "./voices.ts";

export interface Manners {
  /** Its peers begin so. */
  readonly peers: string;
  readonly statuses: readonly number[];
  readonly types: readonly string[];
  readonly bodies: readonly Uint8Array[];
}

class FuzzedService {
  readonly #manners: Manners;
  readonly #open = new Set<PeerId>();
  #number = 0;

  constructor(manners: Manners) {
    this.#manners = manners;
  }

  /** @returns whether it is one of these. */
  dialled(peer: PeerId, request: DialRequest): boolean {
    if (!peer.startsWith(this.#manners.peers)) return false;
    if (request.http === undefined || this.#open.has(peer)) throw new Error(`${peer} is dialled oddly`);
    this.#open.add(peer);
    return true;
  }

  /** @returns whether it is one of these. */
  closed(peer: PeerId): boolean {
    this.#open.delete(peer);
    return peer.startsWith(this.#manners.peers);
  }

  answer(tell: (input: Input) => void): void {
    const { statuses, types, bodies } = this.#manners;
    const waiting = Array.from(this.#open);
    for (const peer of waiting) {
      this.#number += 1;
      const status = statuses[this.#number % statuses.length] ?? 200;
      const body = bodies[this.#number % bodies.length] ?? new Uint8Array();
      const type = status === 200 ? (types[this.#number % types.length] ?? "") : "application/json";
      tell({ type: "open", peer, head: { status, type } });
      if (this.#open.has(peer)) tell({ type: "message", peer, data: body });
      // Some say nothing more, and do not end.
      if (!this.#open.has(peer) || this.#number % 4 === 0) continue;
      this.#open.delete(peer);
      tell({ type: "close", peer, code: this.#number % 3 === 0 ? 1006 : 1000, reason: "" });
    }
  }
}

export class FuzzedServices {
  readonly #services = [new FuzzedService(MINDS), new FuzzedService(VOICES)];

  dialled(peer: PeerId, request: DialRequest): boolean {
    return this.#services.some((one) => one.dialled(peer, request));
  }

  closed(peer: PeerId): boolean {
    return this.#services.some((one) => one.closed(peer));
  }

  answer(tell: (input: Input) => void): void {
    for (const service of this.#services) service.answer(tell);
  }
}
