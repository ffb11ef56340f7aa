/** The relay's connections to providers, and how long each was open. */
import type { PeerId } from "../../src/session/io.ts";
import type { Connection, Data } from "./connection.ts";
import type { Provider } from "./provider.ts";
import type { VirtualTime } from "./time.ts";

interface Leg {
  readonly provider: string;
  openedAt: number | null;
  hangUp(code: number): void;
  connection: Connection | null;
}

/** What a connection that is still wanted brings. */
export interface LegEvents {
  opened(peer: PeerId): void;
  message(peer: PeerId, data: Data): void;
  closed(peer: PeerId, code: number, reason: string): void;
}

export class Legs {
  readonly #time: VirtualTime;
  readonly #events: LegEvents;
  readonly #legs = new Map<PeerId, Leg>();
  /** Milliseconds of connections that are over, by provider. */
  readonly #openMs = new Map<string, number>();

  constructor(time: VirtualTime, events: LegEvents) {
    this.#time = time;
    this.#events = events;
  }

  get peers(): readonly PeerId[] {
    return [...this.#legs.keys()];
  }

  connection(peer: PeerId): Connection | null {
    return this.#legs.get(peer)?.connection ?? null;
  }

  dial(peer: PeerId, provider: Provider): void {
    const leg: Leg = { provider: provider.name, openedAt: null, hangUp: () => {}, connection: null };
    const wanted = () => this.#legs.get(peer) === leg;
    this.#legs.set(peer, leg);
    const call = provider.dial(
      {
        message: (data) => {
          if (wanted()) this.#events.message(peer, data);
        },
        closed: (code, reason) => {
          if (!wanted()) return;
          this.#forget(peer);
          this.#events.closed(peer, code, reason);
        },
      },
      (connection) => {
        leg.connection = connection;
        if (!wanted()) return;
        leg.openedAt = this.#time.now;
        this.#events.opened(peer);
      },
    );
    leg.hangUp = (code) => call.hangUp(code);
  }

  #forget(peer: PeerId): Leg | undefined {
    const leg = this.#legs.get(peer);
    this.#legs.delete(peer);
    if (leg && leg.openedAt !== null) {
      const before = this.#openMs.get(leg.provider) ?? 0;
      this.#openMs.set(leg.provider, before + this.#time.now - leg.openedAt);
      leg.openedAt = null;
    }
    return leg;
  }

  hangUp(peer: PeerId, code: number): void {
    this.#forget(peer)?.hangUp(code);
  }

  /** The isolate is gone, and its sockets with it. */
  die(): void {
    for (const peer of this.#legs.keys()) {
      const leg = this.#forget(peer);
      leg?.connection?.die("near", 1006);
      leg?.hangUp(1006);
    }
  }

  /** For how long connections to a provider were open, as the relay saw it. */
  openMs(provider: string): number {
    let ms = this.#openMs.get(provider) ?? 0;
    for (const leg of this.#legs.values()) {
      if (leg.provider === provider && leg.openedAt !== null) ms += this.#time.now - leg.openedAt;
    }
    return ms;
  }
}
