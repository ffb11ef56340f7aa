/** The relay's connections to providers, and how long each was open. */
import type { Call, DialEvents, Socket } from "../../durable-objects/dial.ts";
import type { Connection } from "./connection.ts";
import type { OutputGate } from "./output-gate.ts";
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

  readonly #gate: OutputGate;
  readonly #heard: () => ReadonlySet<string> | null;

  /** `heard`: the words of the conversation, for whoever is hung up. */
  constructor(time: VirtualTime, gate: OutputGate, heard: () => ReadonlySet<string> | null) {
    this.#time = time;
    this.#gate = gate;
    this.#heard = heard;
  }

  get count(): number {
    return this.#legs.size;
  }

  dial(provider: Provider, events: DialEvents): Call {
    const leg: Leg = { provider: provider.name, openedAt: null, hangUp: () => {}, connection: null };
    const wanted = () => this.#legs.has(leg);
    this.#legs.add(leg);
    this.#gate.pass(() => {
      if (wanted()) this.#dialNow(provider, events, leg);
    });
    return {
      hangUp: (code) => {
        this.#forget(leg);
        if (leg.connection) leg.connection.heard = this.#heard();
        this.#gate.pass(() => leg.hangUp(code));
      },
    };
  }

  #dialNow(provider: Provider, events: DialEvents, leg: Leg): void {
    const wanted = () => this.#legs.has(leg);
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
        events.opened(this.#socketOf(connection));
      },
    );
    leg.hangUp = (code) => call.hangUp(code);
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

  #socketOf(connection: Connection): Socket {
    let gated = 0;
    return {
      send: (data) => {
        const copy = typeof data === "string" ? data : data.slice();
        gated += copy.length;
        this.#gate.pass(() => {
          gated -= copy.length;
          connection.send("near", copy);
        });
      },
      close: (code, reason) => this.#gate.pass(() => connection.close("near", code, reason)),
      get bufferedAmount() {
        return gated + connection.bufferedAmount("near");
      },
    };
  }
}
