/**
 * The heartbeat of a `duplex.v1` client's connection: one of whom nothing was heard for five seconds is gone, whatever
 * its socket says. Only a client that once acknowledged, beat or resumed can be held to it.
 *
 * While nothing is said at all and no upstream is connected, the pulse rests: the shell answers heartbeats without waking
 * the object, and nobody's silence is watched. The first word ends the rest.
 */
import type { Context } from "../context.ts";
import { CLIENT } from "../io.ts";
import type { ClientPort } from "./ports.ts";

/**
 * Nothing heard of the client for so long: the connection is dead. A little less than the five seconds that are
 * promised, because timers are late.
 */
const DEAD_MS = 4800;
/** Nothing said for so long: say something. */
const BEAT_MS = 2000;
/** Parked, and nothing but heartbeats for so long: rest. */
const REST_AFTER_MS = 10_000;
const DEAD_CODE = 4008;

export interface PulseHost {
  /** No upstream is connected, and nothing is under way. */
  parked(): boolean;
  /** The connection is dead; no close was seen. */
  gone(): void;
}

export class Pulse {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #host: PulseHost;
  /** The client acknowledges or beats: it can be held to its heartbeat. */
  #capable = false;
  #heardAt = 0;
  /** When something other than a heartbeat or an acknowledgement came. */
  #wordAt = 0;
  #resting = false;

  constructor(context: Context, port: ClientPort, host: PulseHost) {
    this.#context = context;
    this.#port = port;
    this.#host = host;
  }

  /** A connection was opened, or a client came back on it. */
  begin(): void {
    this.heard();
    this.spoke();
    if (this.#capable) this.#watch();
  }

  /** Another client: what the former one showed of heartbeats says nothing about it. */
  anew(): void {
    this.#capable = false;
    this.#context.deadlines.clear("client:dead");
    this.#context.deadlines.clear("client:beat");
  }

  closed(): void {
    this.#wake();
    this.#context.deadlines.clear("client:dead");
    this.#context.deadlines.clear("client:beat");
  }

  /** Anything came. */
  heard(): void {
    this.#heardAt = this.#context.now;
  }

  /** A client that is held to its heartbeat has said nothing at all since: its connection may be dead. */
  silentSince(at: number): boolean {
    return this.#capable && this.#heardAt <= at;
  }

  /** Something came that means something. */
  spoke(): void {
    this.#wordAt = this.#context.now;
    if (!this.#resting) return;
    this.#wake();
    this.#watch();
  }

  /** The client showed that it knows heartbeats. */
  able(): void {
    if (this.#capable || !this.#port.traits.beats) return;
    this.#capable = true;
    this.#watch();
  }

  /**
   * The client's `session.heartbeat`. Rest begins with one: nobody's silence is watched from then on, so a client of
   * whom nothing is heard must not be rested on. One that reaches a resting session is answered as the shell would.
   */
  beat(): void {
    this.able();
    const wordless = this.#capable && this.#context.now - this.#wordAt >= REST_AFTER_MS;
    if (!this.#resting && wordless && this.#host.parked()) this.#rest();
    if (this.#resting) this.#say();
  }

  #watch(): void {
    this.#context.deadlines.set("client:dead", this.#context.now + DEAD_MS);
    this.#beatLater();
  }

  #beatLater(): void {
    this.#context.deadlines.set("client:beat", this.#port.saidAt + BEAT_MS);
  }

  #say(): void {
    this.#port.emitUnnumbered({ type: "session.heartbeat" });
  }

  /** A deadline `client:<what>` of the heartbeat came. */
  timeout(what: "beat" | "dead"): void {
    const { deadlines, now } = this.#context;
    if (!this.#port.connected) return;
    if (what === "dead") {
      const at = this.#heardAt + DEAD_MS;
      if (at > now) deadlines.set("client:dead", at);
      else this.#dead();
      return;
    }
    if (now - this.#port.saidAt >= BEAT_MS) this.#say();
    this.#beatLater();
  }

  #rest(): void {
    this.#resting = true;
    this.#context.deadlines.clear("client:dead");
    this.#context.deadlines.clear("client:beat");
    this.#context.act({ type: "rest", on: true });
  }

  #wake(): void {
    if (!this.#resting) return;
    this.#resting = false;
    this.#context.act({ type: "rest", on: false });
  }

  #dead(): void {
    this.#context.metric("clients_dead", 1);
    this.#context.act({ type: "close", peer: CLIENT, code: DEAD_CODE, reason: "nothing was heard for 5 s" });
    this.#host.gone();
  }

  snapshot(): PulseSnapshot {
    return {
      capable: this.#capable,
      heardAt: this.#heardAt,
      wordAt: this.#wordAt,
      resting: this.#resting,
    };
  }

  restore(snapshot: PulseSnapshot): void {
    this.#capable = snapshot.capable;
    this.#heardAt = snapshot.heardAt;
    this.#wordAt = snapshot.wordAt;
    this.#resting = snapshot.resting;
  }
}

export interface PulseSnapshot {
  readonly capable: boolean;
  readonly heardAt: number;
  readonly wordAt: number;
  readonly resting: boolean;
}
