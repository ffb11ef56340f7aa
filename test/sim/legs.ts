/** The relay's connections to providers, and how long each was open. */
import type { Call, DialEvents, Socket } from "../../durable-objects/dial.ts";
import type { Connection } from "./connection.ts";
import type { Provider } from "./provider.ts";
import type { VirtualTime } from "./time.ts";

interface Leg {
  readonly provider: string;
  openedAt: number | null;
  hangUp(code: number): void;
  connection: Connection | null;
}

export class Legs {
  readonly #time: VirtualTime;
  readonly #legs = new Set<Leg>();
  /** Milliseconds of connections that are over, by provider. */
  readonly #openMs = new Map<string, number>();
  /** Moments of dials. */
  readonly dials: number[] = [];

  readonly #heard: () => ReadonlySet<string> | null;

  /** `heard`: the words of the conversation, for whoever is hung up. */
  constructor(time: VirtualTime, heard: () => ReadonlySet<string> | null) {
    this.#time = time;
    this.#heard = heard;
  }

  get count(): number {
    return this.#legs.size;
  }

  dial(provider: Provider, events: DialEvents): Call {
    const leg: Leg = { provider: provider.name, openedAt: null, hangUp: () => {}, connection: null };
    const wanted = () => this.#legs.has(leg);
    this.#legs.add(leg);
    this.dials.push(this.#time.now);
    const call = provider.dial(
      {
        message: (data) => {
          if (wanted()) events.message(data);
        },
        closed: (code, reason) => {
          if (!wanted()) return;
          this.#forget(leg);
          events.closed(code, reason);
        },
      },
      (connection) => {
        leg.connection = connection;
        if (!wanted()) return;
        leg.openedAt = this.#time.now;
        events.opened(socketOf(connection));
      },
    );
    leg.hangUp = (code) => call.hangUp(code);
    return {
      hangUp: (code) => {
        this.#forget(leg);
        if (leg.connection) leg.connection.heard = this.#heard();
        leg.hangUp(code);
      },
    };
  }

  #forget(leg: Leg): void {
    this.#legs.delete(leg);
    if (leg.openedAt === null) return;
    const before = this.#openMs.get(leg.provider) ?? 0;
    this.#openMs.set(leg.provider, before + this.#time.now - leg.openedAt);
    leg.openedAt = null;
  }

  /** The isolate is gone, and its sockets with it. */
  die(): void {
    for (const leg of this.#legs) {
      this.#forget(leg);
      leg.connection?.die("near", 1006);
      leg.hangUp(1006);
    }
  }

  /** For how long connections to a provider were open, as the relay saw it. */
  openMs(provider: string): number {
    let ms = this.#openMs.get(provider) ?? 0;
    for (const leg of this.#legs) {
      if (leg.provider === provider && leg.openedAt !== null) ms += this.#time.now - leg.openedAt;
    }
    return ms;
  }
}

function socketOf(connection: Connection): Socket {
  return {
    send: (data) => void connection.send("near", data),
    close: (code, reason) => connection.close("near", code, reason),
    get bufferedAmount() {
      return connection.bufferedAmount("near");
    },
  };
}
