/** Who the session called: its upstreams' sockets and requests, until they are over or hung up on. */
import type { Input, PeerId } from "../src/session/io.ts";
import type { DialRequest } from "../src/upstreams/upstream.ts";
import { sendableCloseCode, sendableCloseReason } from "./close-code.ts";
import type { Call, Dial, Socket } from "./dial.ts";

interface Upstream {
  call: Call | null;
  socket: Socket | null;
}

export class Called {
  readonly #dial: Dial;
  readonly #feed: (input: Input) => void;
  readonly #upstreams = new Map<PeerId, Upstream>();

  /** @param feed the session is to hear of it. */
  constructor(dial: Dial, feed: (input: Input) => void) {
    this.#dial = dial;
    this.#feed = feed;
  }

  /** Called, and not over. */
  get peers(): readonly PeerId[] {
    return [...this.#upstreams.keys()];
  }

  get some(): boolean {
    return this.#upstreams.size > 0;
  }

  /** Null: it is not connected, or answers a request. */
  socketOf(peer: PeerId): Socket | null {
    return this.#upstreams.get(peer)?.socket ?? null;
  }

  dial(peer: PeerId, request: DialRequest): void {
    const upstream: Upstream = { call: null, socket: null };
    this.#upstreams.set(peer, upstream);
    upstream.call = this.#dial(request, {
      opened: (socket, head) => {
        upstream.socket = socket;
        this.#feed(head === undefined ? { type: "open", peer } : { type: "open", peer, head });
      },
      message: (data) => this.#feed({ type: "message", peer, data }),
      closed: (code, reason) => {
        this.#upstreams.delete(peer);
        this.#feed({ type: "close", peer, code, reason });
      },
    });
  }

  /** After this nothing comes from that peer any more. */
  hangUp(peer: PeerId, code: number, reason: string): void {
    const upstream = this.#upstreams.get(peer);
    this.#upstreams.delete(peer);
    upstream?.call?.hangUp(sendableCloseCode(code), sendableCloseReason(reason));
  }
}
