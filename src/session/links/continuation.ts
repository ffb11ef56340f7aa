/** What a connection leaves that broke off: the next one to the same provider goes on with it, where that remembers. */
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionSnapshot } from "./connection-snapshot.ts";
import type { Replay } from "./replay.ts";

export class Continuation {
  /** The connection that served last and broke off, until another one does. */
  #former: Connection | null = null;

  /** One is lost. `alone`: nothing else is there to serve. @returns whether all that it was saying may be gone on with. */
  broke(connection: Connection, alone: boolean): boolean {
    this.#former = connection.leaves === null ? null : connection;
    return alone && connection.leaves === "all";
  }

  /** This one is dialled next. `fault`: the loss, where nobody was told of it. */
  goOn(next: Connection, fault: UpstreamFault | null, replay: Replay | null): void {
    const former = this.#former;
    this.#former = null;
    if (former?.leaves == null || former.identity.candidate !== next.identity.candidate) return;
    next.goOnWith(former, fault);
    if (fault === null) replay?.inherit(next, former);
  }

  /** One serves: what came before it is over. @returns whether it went on. */
  serves(connection: Connection): boolean {
    this.#former = null;
    if (connection.goesOn === null) return false;
    connection.goesOn = { ...connection.goesOn, fault: null };
    return true;
  }

  /** What is to be told of a loss: one that could not be gone on with is the loss of the one before. */
  static faultOf(connection: Connection, fault: UpstreamFault): UpstreamFault {
    const { goesOn } = connection;
    // What is refused is to go on, and the greeting is another one next time.
    if (goesOn !== null) connection.refused = false;
    return goesOn?.fault ?? fault;
  }

  snapshot(): ConnectionSnapshot | null {
    return this.#former?.snapshot() ?? null;
  }

  restore(former: Connection | null): void {
    this.#former = former;
  }
}
