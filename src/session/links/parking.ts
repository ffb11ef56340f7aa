/**
 * Mutual silence costs nothing: when nobody has said anything for a while, the upstreams are hung up, and with nothing else
 * to do the object may sleep. The first speech, or the first word of the client, dials them again; what is said
 * meanwhile waits in the history and reaches them from its onset on.
 */
import type { Context } from "../context.ts";
import type { Link } from "./link.ts";

export interface ParkingHost {
  /** Nothing is asked, being said, being heard or half said. */
  quiet(): boolean;
  onParked(): void;
}

export class Parking {
  readonly #context: Context;
  readonly #links: readonly Link[];
  readonly #host: ParkingHost;
  #activeAt: number;

  constructor(context: Context, links: readonly Link[], host: ParkingHost) {
    this.#context = context;
    this.#links = links;
    this.#host = host;
    this.#activeAt = context.now;
  }

  /** Somebody says or does something. */
  touch(): void {
    this.#activeAt = this.#context.now;
    const { parkMs } = this.#context.limits;
    if (parkMs > 0 && this.#context.deadlines.get("park") === null) this.#lookIn(parkMs);
  }

  #lookIn(ms: number): void {
    this.#context.deadlines.set("park", this.#context.now + ms);
  }

  /** The deadline `park` came. */
  due(): void {
    if (!this.#host.quiet()) this.#activeAt = this.#context.now;
    const leftMs = this.#activeAt + this.#context.limits.parkMs - this.#context.now;
    if (leftMs > 0) this.#lookIn(leftMs);
    else this.#park();
  }

  /** One that is being dialled may still hear what was said, as long as the history holds it. */
  #park(): void {
    const { now, limits } = this.#context;
    const heldMs = this.#activeAt + limits.inputHistoryMs - now;
    const waiting = heldMs > 0 ? this.#links.filter((link) => link.phase !== "ready" && !link.dormant) : [];
    const parked = this.#links.filter((link) => !waiting.includes(link) && link.park());
    if (waiting.length > 0) this.#lookIn(heldMs);
    if (parked.length > 0) this.#parked();
  }

  #parked(): void {
    this.#context.metric("sessions_parked", 1);
    this.#host.onParked();
  }

  snapshot(): number {
    return this.#activeAt;
  }

  restore(activeAt: number): void {
    this.#activeAt = activeAt;
  }
}
